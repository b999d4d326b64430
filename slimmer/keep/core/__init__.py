"""Analyzers that every image needs: for what was observed or listed, what the user chose, and what the engine needs."""
