"""The probe's line about the app's user: what is not exactly that is refused."""

from __future__ import annotations

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.observe.identity import checked_identity, home_of

NONCE = "0123456789abcdef" * 2
LINE = (
    "v=1 uid=12 gid=34 groups=5,6 inheritable=0 permitted=a80425fb effective=a80425fb bounding=a80425fb ambient=0"
    " no_new_privs=0 securebits=0 umask=22 home=/home/caf%c3%a9 limits=0:18446744073709551615:18446744073709551615,7:1024:4096"
    " refuse=native:272&10000000:1,compat:310:38,x32:1073742096:1"
)


def said(line: str, nonce: str = NONCE) -> bytes:
    return f"{nonce} {line}\n".encode()


@pytest.mark.parametrize(
    "line", [LINE, LINE.replace("groups=5,6", "groups="), LINE.replace(" home=/home/caf%c3%a9", "")]
)
def test_what_the_probe_says_is_passed_on_as_it_is(line: str) -> None:
    assert checked_identity(said(line), NONCE) == line


def test_the_home_is_read() -> None:
    assert home_of(LINE) == "/home/café"
    assert home_of(LINE.replace(" home=/home/caf%c3%a9", "")) == ""


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        said(LINE)[:-1],
        LINE.encode() + b"\n",
        said(LINE, NONCE[::-1]),
        said(LINE, ""),
        said(LINE.replace("v=1", "v=2")),
        said(LINE.replace("uid=12", "uid=-1")),
        said(LINE.replace("uid=12", "uid=12 uid=0")),
        said(LINE.replace("uid=12 ", "")),
        said(LINE.replace("effective=a80425fb", "effective=1ffffffffffffffff")),
        said(LINE.replace("umask=22", "umask=99")),
        said(LINE.replace("home=/home/caf%c3%a9", "home=/ -- /bin/sh")),
        said(LINE.replace("home=/home/caf%c3%a9", "home=/\x1b[2J")),
        said(LINE + " more=1"),
        said(LINE) + b"--\n",
        said(LINE.replace(":1,compat", ":1,other")),
        said(LINE.replace("12", "١٢")),
    ],
)
def test_anything_else_is_refused(answer: bytes) -> None:
    with pytest.raises(ObservationIncomplete):
        checked_identity(answer, NONCE)
