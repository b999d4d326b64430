"""Resolve a service, all that it depends on, and perhaps a service that exercises it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from slimmer.compose.order import COMPLETED, check_service, dependencies, in_order, links
from slimmer.compose.project import Project
from slimmer.compose.service import Service, read_service
from slimmer.engine.options import Companion, RunOptions
from slimmer.errors import UsageError

SHELL = ("/bin/sh", "-c")
"""The shell of CMD-SHELL (Compose Specification, "healthcheck")."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """How compose runs a service: its image, and slimmer's options. `checks` are commands that must succeed in its container.

    `notes` and `warnings` say what slimmer does that compose does not.
    """

    image: str
    options: RunOptions
    checks: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def resolve(project: Project, name: str, exercise: str = "", *, share: bool, ready_timeout: float) -> Resolved:
    """Return how to run the service `name`, with its dependencies as companions, and `exercise` beside it ("" for none).

    `share` is --share-mounts; `ready_timeout` is that of each dependency, in seconds. Raise UsageError for what slimmer cannot run.
    """
    check_service(project, "--compose-service", name)
    started = in_order(project, name)
    if exercise:
        check_service(project, "--compose-exercise", exercise)
        started = _with_those_of(project, name, exercise, started)
    app = read_service(project, name, share=share)
    others = [read_service(project, each, share=share) for each in started]
    exercising = read_service(project, exercise, share=share) if exercise else None
    services = [app, *others, *([exercising] if exercising else [])]
    done = _completing(project, [name, *started])
    options = replace(
        app.options,
        companions=tuple(_companion(project, each, services, each.name in done, ready_timeout) for each in others),
        exerciser=_companion(project, exercising, services, True, ready_timeout) if exercising else None,
    )
    return Resolved(app.image, options, _checks(app), tuple(_notes(services)), tuple(_warnings(services)))


def _with_those_of(project: Project, name: str, exercise: str, started: tuple[str, ...]) -> tuple[str, ...]:
    """Add what the exercise depends on. All of it starts before the app, so it cannot depend on the app."""
    if exercise == name or exercise in started:
        role = "is the service itself" if exercise == name else f"is a service that {name} depends on"
        raise UsageError(
            f"--compose-exercise: {exercise} {role}", hint="Name a service that runs tests against it and ends."
        )
    further = in_order(project, exercise, (*started, name))
    for each in further:
        if name in in_order(project, each):
            raise UsageError(
                f"--compose-exercise: {exercise} depends on {each}, which depends on {name}",
                hint=f"slimmer starts {each} before {name}, so it cannot need {name} to start. Remove it from `depends_on`.",
            )
    return (*started, *further)


def _completing(project: Project, names: Sequence[str]) -> set[str]:
    """Return the services that must have done their work before another one starts."""
    return {other for name in names for other, how in dependencies(project, name) if how == COMPLETED}


def _companion(
    project: Project, service: Service, services: Sequence[Service], completes: bool, ready_timeout: float
) -> Companion:
    linked = [alias for each in services for other, alias in links(project, each.name) if other == service.name]
    options = replace(service.options, aliases=tuple(filter(None, (*service.options.aliases, *linked))))
    if options.network:
        raise UsageError(
            f"--compose-service: {service.name} has `network_mode: {options.network}`",
            hint="The app and the services that it needs must be in networks of the project.",
        )
    return Companion(
        service.name,
        service.image,
        options.cmd or (),
        ready_timeout=ready_timeout,
        options=options,
        healthcheck=service.healthcheck,
        completes=completes,
    )


def _checks(app: Service) -> tuple[tuple[str, ...], ...]:
    """Return the app's health check of the compose file as a command. The slim image must keep what it needs."""
    test = app.healthcheck.test if app.healthcheck else ()
    if not test or test[0] == "NONE":
        return ()
    return ((*SHELL, *test[1:]),) if test[0] == "CMD-SHELL" else (test[1:],)


def _notes(services: Sequence[Service]) -> Iterator[str]:
    if built := [each.name for each in services if each.built]:
        yield f"compose: images as of the last `docker compose build {' '.join(built)}`"


def _warnings(services: Sequence[Service]) -> Iterator[str]:
    for each in services:
        yield from (f"compose: {text}" for text in each.remarks)
    for one, other in combinations(services, 2):
        for volume in dict.fromkeys(one.named):
            if volume in other.named:
                yield f"compose: {one.name} and {other.name} each get their own copy of the volume {volume}"
