"""Run containers: watched by the probe, as a user would run them, or attached to one that is already running."""
