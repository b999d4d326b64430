"""The shell as a language: how its files are called. Its scripts are followed by slimmer.keep.languages.shell.follower."""

from __future__ import annotations

from slimmer.keep.language import Ecosystem

SHELL = Ecosystem(id="shell", suffixes=frozenset((".sh", ".bash")))
