"""Small sessions in protocols other than HTTP: which one a port speaks, and what to say in it."""
