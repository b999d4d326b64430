"""What Lua can load: required modules, pages of nginx, rocks, files that a source names."""
