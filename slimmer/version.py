"""The version of slimmer, and of the probe that is built with it."""

__version__ = "0.1.0"
