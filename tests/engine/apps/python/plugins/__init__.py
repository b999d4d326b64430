"""Ways to show the books; a page names the one that it wants."""
