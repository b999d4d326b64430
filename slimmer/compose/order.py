"""Find what a service depends on, in the order in which it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slimmer.compose import values
from slimmer.compose.project import Project
from slimmer.errors import UsageError

COMPLETED = "service_completed_successfully"


def check_service(project: Project, option: str, name: str) -> None:
    """Raise UsageError with the names of all services if there is none of this name."""
    if name not in project.services:
        known = ", ".join(sorted(project.services))
        raise UsageError(f"{option}: there is no service {name!r}", hint=f"The services are: {known}.")


def dependencies(project: Project, name: str) -> Iterator[tuple[str, str]]:
    """Yield the services that one depends on directly, each with the condition that compose waits for."""
    given = project.services[name]
    listed = given.get("depends_on") or {}
    about: Mapping[str, Any] = listed if isinstance(listed, dict) else dict.fromkeys(listed)
    for other, how in about.items():
        if other in project.services:
            yield other, str((how or {}).get("condition") or "")
        elif (how or {}).get("required", True):
            raise UsageError(f"{name} depends on {other}, which the compose file does not have", hint=values.HINT)
    for link, _ in links(project, name):
        if link not in about:
            yield link, ""


def links(project: Project, name: str) -> Iterator[tuple[str, str]]:
    """Yield the links of a service: another service, and the further name at which this one reaches it ("" for none)."""
    for entry in values.texts(project.services[name].get("links")):
        other, _, alias = entry.partition(":")
        if other in project.services:
            yield other, alias


def in_order(project: Project, name: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what a service depends on, directly and through others, each after its own dependencies.

    `known` is left out, with what only that depends on. Raise UsageError for a cycle.
    """
    found: list[str] = []
    _visit(project, name, [], found, known)
    return tuple(found[:-1])


def _visit(project: Project, name: str, path: list[str], found: list[str], known: tuple[str, ...]) -> None:
    if name in path:
        cycle = " → ".join((*path[path.index(name) :], name))
        raise UsageError(f"services of the compose file depend on each other: {cycle}", hint=values.HINT)
    if name in found or name in known:
        return
    for other, _ in dependencies(project, name):
        _visit(project, other, [*path, name], found, known)
    found.append(name)
