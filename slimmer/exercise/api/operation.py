"""An operation of an API with example values: what a child of the sandbox tells of a description. All values are plain texts."""

from __future__ import annotations

from dataclasses import dataclass, replace

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that should change nothing (RFC 9110, section 9.2.1)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path, a query, a header or a cookie.

    `pairs`: the names and texts that stand for its example: one, or several for a list or an object in a query. `wrong`: a text that
    its schema does not allow; "" if there is none.
    """

    name: str
    place: str
    required: bool
    pairs: tuple[tuple[str, str], ...]
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A body. `kind` is that of a Content: json, form, multipart, body (a text) or file (bytes). `media` is its Content-Type.

    The others are JSON: `full` has all properties, `least` those that it must have, and `wrong` is invalid; "" if nothing is. `files`
    are the properties that are files, each with its media type.
    """

    kind: str
    media: str
    required: bool
    full: str
    least: str
    wrong: str = ""
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation, which is equal to itself alone. `path` begins with `base`, the path of its server, and has `{NAME}` for each parameter. `body`: at most one.

    `label` is its operationId, or "". `secured`: it is for those who have logged in.
    """

    method: str
    path: str
    label: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: tuple[Body, ...] = ()
    base: str = ""
    secured: bool = False

    def without_base(self) -> Operation:
        """Return the operation as a server without such a path has it."""
        return replace(self, path=self.path.removeprefix(self.base), base="")

    @property
    def is_safe(self) -> bool:
        """True if it should change nothing."""
        return self.method in SAFE

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Description:
    """What a description says. `problem`: why it is none that slimmer reads; "" if it is one. `notes`: what was left out, a line each."""

    problem: str = ""
    found: int = 0
    operations: tuple[Operation, ...] = ()
    notes: tuple[str, ...] = ()
