"""The stages of slimmer's commands and their order."""
