"""Keep what PHP can load: included files, autoloaded classes, templates."""
