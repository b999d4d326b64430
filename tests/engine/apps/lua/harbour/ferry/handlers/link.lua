return {
  run = function()
    local url = require("socket.url").parse "https://harbour.example:8443/pier?n=2"
    return url.host .. " " .. url.port
  end,
}
