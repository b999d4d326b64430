return {
  run = function()
    local mime = require "mime"
    return (mime.b64 "ferry")
  end,
}
