"""Decides which paths of an image stay, and why. Its functions are pure: they take a tree and a log, and return a KeepSet."""
