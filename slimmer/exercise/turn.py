"""One step of a session that slimmer holds with a port by itself, in the port's own protocol (slimmer.exercise.protocols)."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.exercise.origin import Origin

SOURCE = "protocols"


@dataclass(frozen=True, slots=True)
class Turn:
    """A step of a session: "write" of "redis". It has what reports and comparisons read of a request.

    `secrets`: values of the environment that the session sends. They are in no repr, message or artifact.
    """

    protocol: str
    path: str
    port: int
    is_datagram: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    origin: Origin = field(default=Origin(), compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def method(self) -> str:
        """What stands before the step where people read of it."""
        return self.protocol.upper()

    @property
    def source(self) -> str:
        """What generated it, as in a Request."""
        return SOURCE
