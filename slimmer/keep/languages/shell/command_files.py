"""Data files that name commands, turned into scripts: kernels of Jupyter, desktop entries, units of systemd, programs of supervisord, Procfiles.

Sources: Jupyter's "Making kernels", Desktop Entry Specification ("Exec"), systemd.service(5), supervisord's "Configuration File",
Heroku's "The Procfile".
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping

CONTENT_LIMIT = 1 << 17
_WORDS = 256

_FILES = re.compile(
    r".{0,4000}/(?:(?P<kernel>kernel\.json)|[^/]{1,250}(?P<desktop>\.desktop)|[^/]{1,250}(?P<unit>\.service)"
    r"|(?P<supervisor>supervisord?\.conf|supervisord?(?:/|\.d/|/conf\.d/)[^/]{1,250}\.(?:conf|ini))|(?P<procfile>Procfile(?:\.\w{1,40})?))",
    re.DOTALL,
)
_DESKTOP = re.compile(r"^(?:Try)?Exec\s{0,9}=\s{0,9}(\S.*)$", re.MULTILINE)
_UNIT = re.compile(r"^Exec\w{1,20}\s{0,9}=\s{0,9}[-@:+!|]{0,5}(\S.*)$", re.MULTILINE)
_SUPERVISOR = re.compile(r"^command\s{0,9}=\s{0,9}(\S.*)$", re.MULTILINE)
_PROCFILE = re.compile(r"^[\w-]{1,100}:\s{0,9}(\S.*)$", re.MULTILINE)
_FIELD = re.compile(r"%(?:\(\w{1,100}\)[sd]|\w)")
_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"\s;.*$")


def kind_of(path: str) -> str:
    """Return the kind of a file that names commands, judged by its path: kernel, desktop, unit, supervisor or procfile; "" for other files."""
    match = _FILES.fullmatch(path)
    return (match.lastgroup or "") if match else ""


def script_of(content: bytes, kind: str) -> bytes:
    """Return a script of the commands in a file of this kind, one on each line. Never raises."""
    text = content[:CONTENT_LIMIT].decode("utf-8", "surrogateescape")
    lines = (line.strip() for line in _KINDS[kind](text))
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _kernel(text: str) -> Iterator[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    argv = found.get("argv") if isinstance(found, dict) else None
    if isinstance(argv, list) and all(isinstance(word, str) and "\0" not in word for word in argv):
        yield shlex.join(argv[:_WORDS])


def _desktop(text: str) -> Iterator[str]:
    return (_FIELD.sub("", match[1]) for match in _DESKTOP.finditer(text))


def _unit(text: str) -> Iterator[str]:
    return (_FIELD.sub("", match[1]) for match in _UNIT.finditer(_CONTINUED.sub(" ", text)))


def _supervisor(text: str) -> Iterator[str]:
    """A comment begins with a semicolon after a blank."""
    return (_FIELD.sub("", _COMMENT.sub("", match[1])) for match in _SUPERVISOR.finditer(text))


def _procfile(text: str) -> Iterator[str]:
    return (match[1] for match in _PROCFILE.finditer(text))


_KINDS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "kernel": _kernel,
    "desktop": _desktop,
    "unit": _unit,
    "supervisor": _supervisor,
    "procfile": _procfile,
}
KINDS = tuple(_KINDS)
