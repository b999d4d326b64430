"""Crontabs: the commands in them, as a script. Source: crontab(5) of cron and of cronie."""

from __future__ import annotations

import re

_SYSTEM = re.compile(r"/etc/(?:crontab|anacrontab|cron\.d/[^/]{1,255})")
_USER = re.compile(r"/var/spool/cron/(?:crontabs/)?[^/]{1,255}|/etc/crontabs/[^/]{1,255}|.{0,4000}crontab[^/]{0,255}")
_LINE = re.compile(rb"[ \t]*(?:@\w{1,20}|(?:[\w*/,~-]{1,200}[ \t]+){4}[\w*/,~-]{1,200})[ \t]+(\S.*)")
_ASSIGNMENT = re.compile(rb"[ \t]*[A-Za-z_]\w{0,100}[ \t]*=")


def is_crontab(path: str) -> bool:
    """Whether a file of this name holds jobs."""
    return _SYSTEM.fullmatch(path) is not None or _USER.fullmatch(path) is not None


def commands_of(path: str, content: bytes) -> bytes:
    """A script of the jobs' commands, a line each; a system's crontab also names the user, who is left out."""
    has_user = _SYSTEM.fullmatch(path) is not None
    return b"\n".join(_command(line, has_user) for line in content.splitlines())


def _command(line: bytes, has_user: bool) -> bytes:
    """One line; "%" ends the command, what follows is its input."""
    if _ASSIGNMENT.match(line):
        return line
    match = _LINE.match(line)
    if match is None:
        return b""
    command = re.split(rb"(?<!\\)%", match[1], maxsplit=1)[0]
    return b"".join(command.split(None, 1)[-1:]) if has_user else command
