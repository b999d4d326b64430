"""Say what a build cannot prove: commands and packages of the original that nothing used, and that are missing."""
