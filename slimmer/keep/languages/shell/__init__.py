"""What shell scripts call, source and name."""
