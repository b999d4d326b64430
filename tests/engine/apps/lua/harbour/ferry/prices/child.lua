return { of = function(distance) return distance end }
