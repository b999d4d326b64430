assert(require("ngx.balancer").set_current_peer("127.0.0.1", 8081))
