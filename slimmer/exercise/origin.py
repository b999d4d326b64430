"""Where a request is written, and which files were read for requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request is written: the probe file, and the number of the entry, counted from 1. The requests of a file are a scenario."""

    file: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.file}: request {self.number}"


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A probe file as it was read: its name without the folder, and the SHA-256 of its content in hex."""

    name: str
    sha256: str
