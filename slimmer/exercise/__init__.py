"""What drives the app while it is watched, and again when the slim image is checked."""
