"""Read what the file-access probe sends, and keep it as an access log."""
