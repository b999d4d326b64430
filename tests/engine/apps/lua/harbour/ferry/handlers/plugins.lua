-- The names of the plug-ins are in a file.
local function read(path)
  local file = assert(io.open(path))
  return file:read "*a", file:close()
end

return {
  run = function()
    local said = {}
    for _, name in ipairs(require("cjson").decode((read "/srv/harbour/data/plugins.json"))) do
      local loaded, plugin = pcall(require, "ferry.plugins." .. name)
      said[#said + 1] = loaded and plugin.greet() or name .. " is missing"
    end
    return table.concat(said, "; ")
  end,
}
