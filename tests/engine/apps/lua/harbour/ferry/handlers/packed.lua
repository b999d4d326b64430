local ffi = require "ffi"
ffi.cdef [[ int BZ2_bzBuffToBuffCompress(char*, unsigned*, char*, unsigned, int, int, int); ]]
return {
  run = function()
    local bzip2 = ffi.load "libbz2.so.1.0"
    local to, size = ffi.new("char[1000]"), ffi.new("unsigned[1]", 1000)
    local text = ("ferry "):rep(100)
    local from = ffi.new("char[?]", #text + 1, text)
    assert(bzip2.BZ2_bzBuffToBuffCompress(to, size, from, #text, 9, 0, 0) == 0)
    return "packed to " .. size[0]
  end,
}
