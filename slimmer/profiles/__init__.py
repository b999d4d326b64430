"""Security profiles of a slim image: what its app may ask of the kernel, made from what was observed. Pure functions."""
