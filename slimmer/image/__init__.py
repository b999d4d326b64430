"""What an image consists of: its name, its configuration, its tree of paths, its packages."""
