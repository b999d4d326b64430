local function log()
  local sorted = assert(io.popen "sort -r /srv/harbour/data/log.txt | head -1")
  local line = sorted:read "*l"
  sorted:close()
  return line
end
return { run = log }
