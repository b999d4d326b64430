"""Where a request is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request is written: the probe file, and the number of the entry, counted from 1. The requests of a file are a scenario."""

    file: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.file}: request {self.number}"
