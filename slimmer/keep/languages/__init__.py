"""Analyzers for programming languages, one package each."""
