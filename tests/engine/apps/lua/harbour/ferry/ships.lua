local folder = (...):match("^(.-)%.?[^.]*$")

local M = { all = { { name = "anna", seats = 40 }, { name = "berta", seats = 80 }, { name = "clara", seats = 12 } } }

function M.find(name)
  for _, ship in ipairs(M.all) do
    if ship.name == name then
      return ship
    end
  end
  return require(folder .. ".lost").found(name)
end

return M
