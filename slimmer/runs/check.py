"""A check of `slimmer doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. If it is not `ok`, `hint` says what that means or what to do. `needed`: slimmer cannot work without it."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = True
