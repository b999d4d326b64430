"""What scanners found: their documents as values of one kind."""
