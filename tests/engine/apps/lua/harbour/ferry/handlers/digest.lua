return {
  run = function()
    local sha1 = require("nginx.sha1"):new()
    sha1:update "ferry"
    return require("nginx.string").to_hex(sha1:final())
  end,
}
