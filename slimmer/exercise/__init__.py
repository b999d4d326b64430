"""Drives the app while it is watched, and again to check the slim image."""
