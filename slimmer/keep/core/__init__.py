"""Analyzers that every image has: what was observed, listed, chosen or needed by the engine."""
