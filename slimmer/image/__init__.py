"""What an image is: its name, its configuration, its tree of paths."""
