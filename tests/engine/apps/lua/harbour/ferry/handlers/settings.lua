local here = debug.getinfo(1, "S").source:sub(2):match "(.*/)"
return { run = function() return dofile(here .. "../../data/settings.lua").harbour end }
