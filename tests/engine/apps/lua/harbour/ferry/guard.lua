if ngx.var.http_x_badge ~= require("ferry.badges").captain then
  return ngx.exit(ngx.HTTP_FORBIDDEN)
end
