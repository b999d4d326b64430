"""The files that a build leaves: how each is written, and how it is read back."""
