"""Why an engine was not reached, in a few words, and what to do about it."""

from __future__ import annotations

import pytest

from slimmer.engine.connection import connect, connect_as
from slimmer.engine.refusals import hint, reason, without_credentials
from slimmer.engine.ssh import destination
from slimmer.errors import EngineUnreachable

EXPIRED = (
    "Error while fetching server API version: HTTPSConnectionPool(host='x', port=2376): Max retries exceeded with url: /version "
    "(Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
    "certificate has expired (_ssl.c:992)')))"
)
NAME = (
    '(Caused by SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, '
    "certificate is not valid for '127.0.0.2'. (_ssl.c:1000)\")))"
)
PLAIN = "(Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1002)')))"
CASES = [
    (EXPIRED, "TLS: certificate verify failed: certificate has expired", "Renew the engine's certificate"),
    (
        NAME,
        "TLS: certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.2'.",
        "Use a name",
    ),
    (PLAIN, "TLS: wrong version number", "does not speak TLS"),
    ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "Permission denied", "docker group"),
    (
        "me@far: Permission denied (publickey).",
        "me@far: Permission denied (publickey).",
        "log in there without a question",
    ),
    ("bash: line 1: docker: command not found", "bash: line 1: docker: command not found", "must be installed there"),
]


@pytest.mark.parametrize(("text", "words", "advice"), CASES)
def test_the_innermost_cause_is_told_with_what_helps(text: str, words: str, advice: str) -> None:
    assert reason(OSError(text)) == words
    assert advice in (hint([f"tcp://x: {words}"], "") or "")


@pytest.mark.parametrize(
    ("url", "words", "command"),
    [
        ("ssh://far", ("--", "far"), "docker system dial-stdio"),
        ("ssh://me@far:22", ("-l", "me", "-p", "22", "--", "far"), "docker system dial-stdio"),
        ("ssh://Me@Far.Example:22", ("-l", "Me", "-p", "22", "--", "Far.Example"), "docker system dial-stdio"),
        ("ssh://me@[fe80::A]:22", ("-l", "me", "-p", "22", "--", "fe80::A"), "docker system dial-stdio"),
        ("ssh://[::1]/run/p.sock", ("--", "::1"), "docker --host unix:///run/p.sock system dial-stdio"),
    ],
)
def test_an_address_of_ssh(url: str, words: tuple[str, ...], command: str) -> None:
    found = destination(url)
    assert (found.words, found.command) == (words, command)


@pytest.mark.parametrize(
    "url",
    [
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://-x@far",
        "ssh://a:b@far",
        "ssh://far/a b",
        "ssh://far/$(x)",
        "ssh://far:x",
    ],
)
def test_an_address_that_could_mean_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        destination(url)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tcp://u:secret@h:2375", "tcp://h:2375"),
        ("tcp://u:sec@r/et@h:2375", "tcp://h:2375"),
        ("HTTPS://token@h/x", "HTTPS://h/x"),
        ("token@h:2375", "h:2375"),
        ("Invalid bind address format: u:secret@h:2375", "Invalid bind address format: h:2375"),
        ("ssh://me@h", "ssh://me@h"),
        ("ssh://me:secret@h", "ssh://me@h"),
        ("Failed to parse: http://u:secret@h:x/version", "Failed to parse: http://h:x/version"),
        ("unix:///a@b.sock", "unix:///a@b.sock"),
        ("me@far: no", "me@far: no"),
    ],
)
def test_credentials_are_not_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    "url",
    [
        "tcp://u:secret@127.0.0.1:1",
        "tcp://secret@127.0.0.1:1",
        "tcp://u:secret@h:x",
        "u:secret@h:1",
        "secret@127.0.0.1:1",
        "ssh://u:secret@127.0.0.1",
    ],
)
def test_an_engine_that_does_not_answer_is_named_without_credentials(url: str) -> None:
    with pytest.raises(EngineUnreachable) as first:
        connect(url)
    with pytest.raises(EngineUnreachable) as again:
        connect_as({"base_url": url})
    for error in (first.value, again.value):
        assert "secret" not in f"{error.message} {error.hint}"
