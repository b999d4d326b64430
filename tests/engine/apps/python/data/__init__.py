"""Data that comes with the site."""
