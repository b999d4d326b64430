"""Analyzers for native code: ELF files, their libraries, and the data that the C library reads on its own."""
