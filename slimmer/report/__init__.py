"""What a build leaves to read: JSON, tables, and more to come."""
