"""Write the files that a build leaves, and read them back."""
