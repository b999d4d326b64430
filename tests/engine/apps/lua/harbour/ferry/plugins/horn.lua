return { greet = function() return "Tooot" end }
