"""TLS with whoever answers: it is the app that is tried out here, not the way to it."""

from __future__ import annotations

import contextlib
import socket
import ssl

HANDSHAKE = 0x16
"""The first byte of a record with a ServerHello: RFC 8446, section 5.1."""

PROMPT = 0.5
"""Seconds in which nearly every TLS server answers."""


def any_certificate() -> ssl.SSLContext:
    """A client's context that takes any certificate, however old its ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def speaks_tls(endpoint: tuple[str, int], timeout: float) -> bool:
    """Whether a ClientHello is answered with a ServerHello.

    Services that are not TLS often wait for more of what they take for a beginning (Redis for the end of a line). So, if
    no answer comes soon, they are told that there is no more; a TLS server that is slow has the whole hello by then.
    """
    with contextlib.suppress(OSError), socket.create_connection(endpoint, timeout) as connection:
        connection.sendall(_client_hello())
        connection.settimeout(min(PROMPT, timeout))
        with contextlib.suppress(TimeoutError):
            return connection.recv(1) == bytes([HANDSHAKE])
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(timeout)
        return connection.recv(1) == bytes([HANDSHAKE])
    return False


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = any_certificate().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
