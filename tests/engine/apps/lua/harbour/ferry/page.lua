-- Pages are templates with {{name}} for a figure.
local root = debug.getinfo(1, "S").source:match("^@(.*)/ferry/")

local M = {}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

function M.render(name)
  local figures = { ships = "3", harbour = "Elbe" }
  local text = read(root .. "/templates/" .. name .. ".html")
  return (text:gsub("{{(%w+)}}", figures))
end

return M
