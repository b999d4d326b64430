return { greet = function() return "waves" end }
