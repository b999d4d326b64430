"""Analyzers for native code: ELF files, their libraries, and the data that C libraries read by themselves."""
