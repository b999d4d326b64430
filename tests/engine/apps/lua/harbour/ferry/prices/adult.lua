return { of = function(distance) return distance * 2 end }
