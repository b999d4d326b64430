"""Keep what shell scripts call, source and name."""
