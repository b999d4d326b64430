"""Finds what a build cannot prove: commands and packages of the original that nothing used and that the slim image lacks."""
