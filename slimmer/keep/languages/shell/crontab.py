"""Turns the commands in crontabs into a script. Source: crontab(5) of cron and of cronie."""

from __future__ import annotations

import re

_SYSTEM = re.compile(r"/etc/(?:crontab|anacrontab|cron\.d/[^/]{1,255})")
_USER = re.compile(r"/var/spool/cron/(?:crontabs/)?[^/]{1,255}|/etc/crontabs/[^/]{1,255}|.{0,4000}crontab[^/]{0,255}")
_LINE = re.compile(rb"[ \t]*(?:@\w{1,20}|(?:[\w*/,~-]{1,200}[ \t]+){4}[\w*/,~-]{1,200})[ \t]+(\S.*)")
_ASSIGNMENT = re.compile(rb"[ \t]*[A-Za-z_]\w{0,100}[ \t]*=")


def is_crontab(path: str) -> bool:
    """Return True if a file of this name holds jobs."""
    return is_system_crontab(path) or _USER.fullmatch(path) is not None


def is_system_crontab(path: str) -> bool:
    """Return True if each job in a file of this name also names the user who runs it."""
    return _SYSTEM.fullmatch(path) is not None


def commands_of(content: bytes, *, system: bool) -> bytes:
    """Return a script of the jobs' commands, one on each line. The users that a `system` crontab names are left out."""
    return b"\n".join(_command(line, system) for line in content.splitlines())


def _command(line: bytes, system: bool) -> bytes:
    """Return the command in one line. A "%" ends it; the rest is its input."""
    if _ASSIGNMENT.match(line):
        return line
    match = _LINE.match(line)
    if match is None:
        return b""
    command = re.split(rb"(?<!\\)%", match[1], maxsplit=1)[0]
    return b"".join(command.split(None, 1)[-1:]) if system else command
