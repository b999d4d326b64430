"""The file-access probe, in real containers."""
