local json = require "cjson.safe"
ngx.say(json.encode({ 10, 20, true }))
