"""A run under the file-access probe, and the log that comes out of it."""
