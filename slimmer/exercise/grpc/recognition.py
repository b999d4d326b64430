"""Does a port speak gRPC? Only what it answers tells: SETTINGS of HTTP/2, and then something of gRPC to a harmless call."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from slimmer.exercise.grpc.connection import Connection, NotGrpc, NotHttp2
from slimmer.exercise.grpc.health import CHECK
from slimmer.exercise.protocols.wire import Nonsense
from slimmer.exercise.subject import Subject
from slimmer.exercise.tls import HANDSHAKE, speaks_tls
from slimmer.formatting import printable

PATIENCE = 5.0
"""Seconds for a server to say that it speaks HTTP/2, and for its first answer."""

ALERT = 0x15
"""The first byte of what a server of TLS answers to anything else: RFC 8446, section 5.1."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A port that speaks gRPC, or `problem`: it speaks HTTP/2, but did not answer a call."""

    port: int
    tls: bool
    problem: str = ""


def recognise(subject: Subject, port: int, scheme: str) -> Speaker | None:
    """Return what is known of a port if it speaks gRPC; None if it does not. `scheme`: what it speaks of HTTP/1.1; "" if nothing.

    A server of another protocol gets the preface of HTTP/2, which no server takes for a request (RFC 9113, section 3.4), and if it says
    nothing about it soon, the end of the connection.
    """
    try:
        with contextlib.suppress(NotHttp2):
            return _ask(subject, port, tls=scheme == "https", is_known=bool(scheme))
        if not scheme and speaks_tls(subject.endpoint(port), PATIENCE):
            return _ask(subject, port, tls=True, is_known=False)
    except (OSError, Nonsense):
        return None
    return None


def _ask(subject: Subject, port: int, *, tls: bool, is_known: bool) -> Speaker | None:
    """Connect, and ask for the health of the server. Raise NotHttp2 if this may be a server of TLS, and OSError or Nonsense."""
    try:
        connection = Connection(subject.endpoint(port), port, PATIENCE, tls=tls, is_guess=True)
    except NotHttp2 as error:
        if error.first and error.first[0] not in (ALERT, HANDSHAKE):
            raise Nonsense("the server speaks something else") from error
        raise
    if not connection.is_open:
        connection.close()
        connection = Connection(subject.endpoint(port), port, PATIENCE, tls=tls)
    with connection:
        try:
            connection.call(CHECK, b"", PATIENCE)
        except NotGrpc:
            return None
        except (OSError, Nonsense) as error:
            why = f"no answer within {PATIENCE:g} s" if isinstance(error, TimeoutError) else printable(str(error))
            return None if is_known else Speaker(port, tls, f"it speaks HTTP/2, but a call failed: {why}")
    return Speaker(port, tls)
