"""The health of a server and of its services: grpc.health.v1 (github.com/grpc/grpc, doc/health-checking.md)."""

from __future__ import annotations

from slimmer.exercise.grpc.status import Status, status_name
from slimmer.exercise.grpc.wire_format import encoded, integer
from slimmer.exercise.protocols.wire import Nonsense

SERVICE = "grpc.health.v1.Health"
CHECK = f"/{SERVICE}/Check"

NOT_SERVING = 2
NAMES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
"""The values of HealthCheckResponse.ServingStatus."""


def check(service: str = "") -> bytes:
    """Return the question for a service; without one, for the whole server."""
    return encoded(1, service.encode()) if service else b""


def health_in(status: int, message: bytes) -> str:
    """Return in a word what an answer says."""
    if status:
        return status_name(status)
    try:
        number = integer(message, 1)
    except Nonsense:
        return NAMES[0]
    return NAMES[number] if number < len(NAMES) else NAMES[0]


def answered_unready(status: int | None, body: bytes | None) -> bool:
    """Return True if this is the answer to a check, as text (slimmer.exercise.grpc.talk), of a server that is not ready."""
    return status == Status.UNAVAILABLE or (status == Status.OK and body == f"message:\n  1: {NOT_SERVING}\n".encode())


def is_unready(status: int, message: bytes) -> bool:
    """Return True if a server says that it is not ready, or not yet."""
    return status == Status.UNAVAILABLE or health_in(status, message) == NAMES[NOT_SERVING]
