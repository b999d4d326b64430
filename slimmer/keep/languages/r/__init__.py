"""Keep the packages that R can load."""
