return function() error "The engine has stopped." end
