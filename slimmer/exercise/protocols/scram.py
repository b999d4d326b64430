"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for a server that is not trusted to choose how long that takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from slimmer.exercise.protocols.wire import Nonsense

MECHANISM = b"SCRAM-SHA-256"

MOST_ITERATIONS = 200_000
"""About 0.1 s. PostgreSQL's default is 4,096."""

NO_BINDING = b"n,,"


class Client:
    """One log-in: `first`, then `final` with what the server answered."""

    def __init__(self, password: str, user: str = "", nonce: bytes = b"") -> None:
        """PostgreSQL has the name of the user already, so it may be empty. Without a nonce, a new one is made."""
        self._password = password.encode()
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18))
        self._bare = b"n=" + user.encode() + b",r=" + self._nonce

    def first(self) -> bytes:
        """Return the first message."""
        return NO_BINDING + self._bare

    def final(self, challenge: bytes) -> bytes:
        """Return the last message, with the proof. Raise Nonsense if the challenge is not SCRAM, or asks for too much work."""
        parts = {part[:1]: part[2:] for part in challenge.split(b",") if part[1:2] == b"="}
        nonce, iterations = parts.get(b"r", b""), int(parts.get(b"i", b"0"))
        if not nonce.startswith(self._nonce) or not 0 < iterations <= MOST_ITERATIONS:
            raise Nonsense("the challenge is not SCRAM's, or asks for too much work")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(parts.get(b"s", b"")), iterations)
        key = hmac.digest(salted, b"Client Key", "sha256")
        closing = b"c=" + base64.b64encode(NO_BINDING) + b",r=" + nonce
        signed = b",".join((self._bare, challenge, closing))
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return closing + b",p=" + base64.b64encode(proof)
