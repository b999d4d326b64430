-- The ferries of a harbour.
local ships = require "ferry.ships"

local M = { ships = ships.all }

function M.show(name)
  local ship = ships.find(name)
  if not ship then
    return ngx.exit(404)
  end
  ngx.say(ship.name, " carries ", ship.seats)
end

return M
