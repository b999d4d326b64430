"""Python: what the modules of an image can import, read and start."""
