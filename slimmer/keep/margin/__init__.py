"""The margin: files near to what is in use that no other rule keeps, up to a budget. It is added after all analyzers have finished."""
