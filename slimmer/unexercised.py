"""What a build exercised of an app, and which of the app's own code nothing touched meanwhile. Both are in report.json.

Untouched code may be missing in the slim image, or work less well than it seems: nothing has shown what it needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from slimmer.formatting import counted
from slimmer.versioned_json import Name, Number

ITEMS = 1000
"""The most paths of untouched code that a report lists. It also has the count of all."""


class CodeKind(StrEnum):
    """The kind of a file of the app's own code."""

    MODULE = "module"
    """A source of a language, or what was compiled from one."""

    TEMPLATE = "template"
    """A template of a page or a mail."""

    EXECUTABLE = "executable"
    """A program, or a script that has no suffix of a language."""


@dataclass(frozen=True, slots=True)
class UntouchedFile:
    """A file of the app's own code that nothing opened or ran. `kept`: it is in the slim image all the same, because of `rule`."""

    path: Name
    kind: CodeKind
    kept: bool
    rule: Name = ""


@dataclass(frozen=True, slots=True)
class UntouchedCode:
    """The app's own code that nothing touched: the number of files, of those that are kept, of each kind, and the first ITEMS files."""

    count: Number = 0
    kept: Number = 0
    kinds: dict[CodeKind, Number] = field(default_factory=dict)
    items: tuple[UntouchedFile, ...] = ()


def untouched(files: Iterable[UntouchedFile]) -> UntouchedCode:
    """Count files, which are in the order of a walk."""
    found = list(files)
    kinds = Counter(one.kind for one in found)
    return UntouchedCode(
        len(found), sum(one.kept for one in found), {kind: kinds[kind] for kind in CodeKind}, tuple(found[:ITEMS])
    )


class PortUse(StrEnum):
    """What is known of a port that the app listened on."""

    ANSWERED = "answered"
    """It answered HTTP requests."""

    SPOKEN = "spoken"
    """slimmer spoke another protocol with it: it held a session, or made calls of gRPC."""

    SILENT = "silent"
    """It was not spoken to, or gave no answer that is HTTP."""


@dataclass(frozen=True, slots=True)
class ExercisedPort:
    """A port or a Unix socket that the app listened on. A Unix socket has port 0 and its name as `path`; with '@', it is abstract."""

    port: Number
    protocol: Literal["tcp", "udp", "unix"]
    use: PortUse
    path: Name = ""


@dataclass(frozen=True, slots=True)
class Exercised:
    """What was asked of the app: its ports, the requests that were sent, the answers by class of status ("2xx") or status of gRPC ("gRPC OK"), and the commands.

    `unanswered` requests got no answer. Requests that only found out that a port speaks no HTTP do not count.
    """

    ports: tuple[ExercisedPort, ...] = ()
    requests: Number = 0
    answers: dict[str, Number] = field(default_factory=dict)
    unanswered: Number = 0
    commands: Number = 0


def line(exercised: Exercised, code: UntouchedCode, more: str) -> str:
    """Return the line at the end of a build; "" if there is no untouched code. `more` is the command that lists it."""
    if not code.count:
        return ""
    kinds = [counted(number, kind) for kind, number in code.kinds.items() if number]
    what = " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    verb = "never ran" if not code.kinds.get(CodeKind.TEMPLATE) else "were never used"
    return f"{_spoken(exercised)}{what} of your code {verb} ({_fate(code)}); list them: {more}"


def exercise_lines(exercised: Exercised) -> list[str]:
    """Return what was exercised, for `slimmer explain --unexercised`: a line for each port, the answers, and the commands."""
    lines = [f"{_named(port)}: {_told(port)}" for port in exercised.ports]
    if exercised.requests:
        answers = [f"{number:,} {status}" for status, number in exercised.answers.items()]
        answers += [f"{exercised.unanswered:,} unanswered"] if exercised.unanswered else []
        lines.append(": ".join(filter(None, (counted(exercised.requests, "request"), ", ".join(answers)))))
    if exercised.commands:
        lines.append(counted(exercised.commands, "command"))
    return lines


def _named(port: ExercisedPort) -> str:
    return f"Unix socket {port.path}" if port.protocol == "unix" else f"port {port.port}/{port.protocol}"


def _told(port: ExercisedPort) -> str:
    if port.use is PortUse.SPOKEN:
        return "answered in its own protocol"
    return "answered requests" if port.use is PortUse.ANSWERED else "no request was answered"


def _spoken(exercised: Exercised) -> str:
    """Return what was exercised, in words that lead to the rest of the line."""
    parts = []
    sockets = [port for port in exercised.ports if port.protocol == "unix"]
    ports = [port for port in exercised.ports if port.protocol != "unix"]
    if exercised.ports:
        places = [(ports, "port"), (sockets, "Unix socket")]
        of_all = " and ".join(_share(some, noun) for some, noun in places if some)
        parts.append(f"exercised {counted(exercised.requests, 'request')} on {of_all}")
    if exercised.commands:
        parts.append(f"ran {counted(exercised.commands, 'command')}")
    return f"{' and '.join(parts)}; " if parts else ""


def _share(ports: list[ExercisedPort], noun: str) -> str:
    answered = sum(port.use is not PortUse.SILENT for port in ports)
    return f"{answered} of {counted(len(ports), noun)}"


def _fate(code: UntouchedCode) -> str:
    if code.count == 1:
        return f"it is {'' if code.kept else 'not '}kept by the policy"
    if code.kept == code.count:
        return "all are kept by the policy"
    return f"{code.kept or 'none'} {'is' if code.kept < 2 else 'are'} kept by the policy"
