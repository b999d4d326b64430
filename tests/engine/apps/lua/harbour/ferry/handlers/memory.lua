local cache = assert(require("resty.lrucache").new(5))
return {
  run = function()
    cache:set("seats", 40)
    return "remembers " .. cache:get "seats"
  end,
}
