"""Keep what Python modules can import, read and start."""
