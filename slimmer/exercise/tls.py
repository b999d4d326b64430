"""TLS without checks of the peer: this tests the app, not the connection to it."""

from __future__ import annotations

import contextlib
import socket
import ssl

HANDSHAKE = 0x16
"""The first byte of a record that holds a ServerHello: RFC 8446, section 5.1."""

PROMPT = 0.5
"""Seconds within which nearly every TLS server answers."""


def any_certificate() -> ssl.SSLContext:
    """Return a client context that accepts any certificate and old ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def speaks_tls(endpoint: tuple[str, int], timeout: float) -> bool:
    """Return True if the endpoint answers a ClientHello with a ServerHello.

    Other services often take the hello for the start of a message and wait for the rest (Redis for the end of a line). So, if no
    answer comes soon, this side closes its half of the connection. A slow TLS server has the whole hello by then.
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
