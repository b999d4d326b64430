"""Keep what Perl can load: used and required modules, their compiled and split parts, encodings, Unicode tables, templates."""
