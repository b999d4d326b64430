"""Does the slim image do what the original did? Structure first, then behaviour."""
