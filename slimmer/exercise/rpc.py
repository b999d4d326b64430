"""One call of a gRPC server, which slimmer makes by itself (slimmer.exercise.grpc)."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.exercise.origin import Origin

SOURCE = "grpc"


@dataclass(frozen=True, slots=True)
class Rpc:
    """A call of a method: `/package.Service/Method`. It has what reports and comparisons read of a request.

    `message`: what is sent, as protobuf encodes it; b"" is a message with default values. `tls`: over TLS. `enough`: the call is
    cancelled when so many messages have come; 0 if the server ends it.
    """

    path: str
    message: bytes = field(default=b"", repr=False)
    tls: bool = False
    enough: int = 0
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    origin: Origin = field(default=Origin(), compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def method(self) -> str:
        """What stands before the path where people read of it."""
        return "GRPC"

    @property
    def source(self) -> str:
        """What generated it, as in a Request."""
        return SOURCE
