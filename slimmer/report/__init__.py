"""Reports for people and programs: explanations, comparisons, sizes and checks, as values, tables and JSON."""
