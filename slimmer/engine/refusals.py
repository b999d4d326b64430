"""Why an engine could not be reached, in a few words, and what to do about it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

LONGEST = 200
"""Characters of a reason."""

_KNOWN = ("Permission denied", "Connection refused", "No such file or directory")
"""System errors, which docker-py wraps several times."""

_USER_INFO = re.compile(r"\b(tcp|https?|ssh)://(\S*)@", re.IGNORECASE)
"""What stands before the host in an address. A password may have an @ or a slash that nobody wrote as %40 or %2F."""

_NO_SCHEME = re.compile(r"(?<!\S)[^\s/:]+:(?!//)\S*@")
"""The same in an address without a scheme, which the SDK takes for tcp."""

_TLS = re.compile(r"SSL\w*Error\(\d+, [\"'](?:\[[^\]]*\] )?([^(]*[^( ])")
"""What OpenSSL says: `SSLError(1, '[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:992)')`."""

_HINTS = (
    (
        ("publickey", "Host key verification failed", "Could not resolve hostname", "is not installed"),
        "`ssh` must log in there without a question, and that user must be able to run `docker version`.",
    ),
    (
        ("docker: command not found", "docker: not found", "dial-stdio"),
        "slimmer runs `docker system dial-stdio` over ssh, so the docker client must be installed there.",
    ),
    (("ermission denied",), "Add yourself to the docker group and log in again (`newgrp docker`), or use sudo."),
    (
        ("unable to get local issuer", "self-signed", "self signed"),
        "ca.pem in DOCKER_CERT_PATH is not from the authority that signed the engine's certificate.",
    ),
    (("certificate has expired",), "Renew the engine's certificate."),
    (("certificate expired",), "Renew cert.pem of DOCKER_CERT_PATH."),
    (("IP address mismatch", "Hostname mismatch"), "Use a name in DOCKER_HOST that the engine's certificate has."),
    (
        ("unknown ca", "bad certificate", "certificate required", "decrypt error", "TLS: EOF"),
        "The engine refuses cert.pem of DOCKER_CERT_PATH: it must be signed by the authority that dockerd's --tlscacert names.",
    ),
    (
        ("HTTP request to an HTTPS server",),
        "This engine wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem.",
    ),
    (
        ("wrong version number", "record layer failure", "packet length too long"),
        "This engine does not speak TLS at that port: unset DOCKER_TLS_VERIFY, or use the port that does (2376).",
    ),
)
"""Words of reasons, and what helps. The first that fits counts."""


def without_credentials(text: str) -> str:
    """Return an address, or a text with addresses, without user names and passwords. The user of ssh stays: it is no secret."""
    if "://" not in text and not re.search(r"\s", text):
        return text.rpartition("@")[2]  # an address without a scheme
    return _USER_INFO.sub(_bare, _NO_SCHEME.sub("", text))


def _bare(found: re.Match[str]) -> str:
    scheme, user = found[1], found[2].partition(":")[0]
    return f"{scheme}://{user}@" if scheme.lower() == "ssh" and user else f"{scheme}://"


def reason(error: Exception) -> str:
    """Return the innermost cause in a few words."""
    text = without_credentials(str(error))
    if found := _TLS.search(text):
        return f"TLS: {found[1]}"
    for words in _KNOWN:
        if words in text and "publickey" not in text:  # ssh says which ways to log in are left
            return words
    return text.splitlines()[0][:LONGEST] if text else type(error).__name__


def hint(reasons: Sequence[str], docker_host: str) -> str | None:
    """Return what to do when all endpoints failed for these reasons."""
    for words, advice in _HINTS:
        if any(word in line for word in words for line in reasons):
            return advice
    if docker_host:
        return "Start that engine, or leave out docker_host."
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if os.environ.get(name):
            return f"{name} is set, so nothing else was tried: start that engine, or unset {name}."
    return None
