"""Keep what Ruby can load: required and autoloaded files, gems with their specifications, encodings, views."""
