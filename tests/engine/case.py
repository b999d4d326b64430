"""A case: an image, what slimmer sees of it during a build, and what users ask of it later.

`cases/*/case.yaml` describes situations after public reports, `apps/*/routes.yaml` apps with many routes. The README.md of each
folder explains the keys. A check that the original passes has to pass in the slim image, though slimmer has not seen it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
APPS = Path(__file__).parent / "apps"
NAMES = sorted(path.parent.name for path in CASES.glob("*/case.yaml"))
APP_NAMES = sorted(path.parent.name for path in APPS.glob("*/routes.yaml"))

Request = Mapping[str, Any]
"""An entry of a probe file."""

RULES_ALONE = ("--no-crawl", "--no-openapi", "--no-graphql", "--no-grpc", "--no-protocols")
"""The options of a build that finds no requests itself, so that the rules have to know what the checks need."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that a user asks for, and what the original gives.

    It is a request to the server, a command in its container (`exec`), a command in a container of the original image that
    shares the server's network (`client`), or, with none of these, the container's own end. `contains` are texts of the body or
    of the output, `log` is a text that the container logs. `varies`: only that counts; otherwise the slim image has to give the
    same body or output as the original. `beyond` says why no rule can be expected to find what the check needs.
    """

    name: str
    request: Request | None = None
    exec: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    status: int = 0
    contains: tuple[str, ...] = ()
    content_type: str = ""
    log: str = ""
    varies: bool = False
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """How a container is started, and what is asked of it. `files` maps files of the case's folder to paths in the container.

    The container is ready when it listens on `port` (default: the first TCP port that the image EXPOSEs, if any).
    """

    checks: tuple[Check, ...]
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A compose file of the case's folder, one of whose services is the case's image. The others need the images of these cases and samples."""

    file: str
    service: str
    needs: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """An image with its checks. slimmer gets the `options` and sees the `probed` requests only."""

    name: str
    folder: Path
    image: str
    runs: tuple[Run, ...]
    base: str = ""
    options: tuple[str, ...] = ()
    probed: tuple[Request, ...] = ()
    control: bool = True
    """False if all checks pass under `observed` as well, because the case is about the build itself."""
    finds: tuple[str, ...] = ()
    """What `slimmer build` has to say. slimmer then finds requests by itself, as it does for users."""
    project: Project | None = None
    """The image runs as compose runs this project, and not by itself."""

    @property
    def checks(self) -> dict[str, Check]:
        """All checks by name."""
        return {check.name: check for run in self.runs for check in run.checks}

    @property
    def within_reach(self) -> set[str]:
        """Names of the checks that have to pass in an image of the policy `balanced`."""
        return {name for name, check in self.checks.items() if not check.beyond}


def rules_alone_names() -> list[str]:
    """The cases whose builds find no requests: they show what the rules know."""
    return [name for name in NAMES if not load(name).finds]


def load_any(name: str) -> Case:
    """The app or the case of that name."""
    return load_app(name) if name in APP_NAMES else load(name)


def load(name: str) -> Case:
    """The case of that name."""
    folder = CASES / name
    document = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    runs = tuple(_run(entry) for entry in document["runs"])
    own = tuple(str(option).replace("FOLDER", str(folder)) for option in document.get("build", ()))
    finds = tuple(_texts(document.get("finds", ())))
    options = own if finds else (*RULES_ALONE, *own)
    image, control = f"slimmer-sample-case-{name}:latest", document.get("control", True)
    project = Project(**document["compose"]) if "compose" in document else None
    return Case(name, folder, image, runs, document.get("base", ""), options, (), control, finds, project)


def load_app(name: str) -> Case:
    """The app with routes of that name: one container, and a check for each route that no probe calls."""
    document = yaml.safe_load((APPS / name / "routes.yaml").read_text(encoding="utf-8"))
    checks = tuple(map(_route, document["unprobed"]))
    image = f"slimmer-sample-routes-{name}:latest"
    return Case(name, APPS / name, image, (Run(checks),), options=RULES_ALONE, probed=tuple(document["probed"]))


def without_probe_file(app: Case) -> Case:
    """The app as a user builds it who gives no options. The checks are all of its routes."""
    (run,) = app.runs
    return replace(app, runs=(Run((*map(_route, app.probed), *run.checks)),), options=(), probed=())


def _run(entry: Mapping[str, Any]) -> Run:
    given = dict(entry)
    checks = tuple(_check(check, given) for check in given.pop("checks"))
    for key in ("entrypoint", "command"):
        given[key] = _words(given[key]) if key in given else None
    given["environment"] = {name: str(value) for name, value in given.get("environment", {}).items()}
    return Run(checks, **given)


def _check(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Check:
    given = dict(entry)
    if path := given.pop("get", None):
        given["request"] = {"method": "GET", "path": path}
    for key in ("exec", "client"):
        given[key] = _words(given.get(key, ()))
    given["contains"] = tuple(_texts(given.get("contains", ())))
    if "request" in given:
        given.setdefault("status", 200)
    given.setdefault("name", _name(given, run))
    return Check(**given)


def _route(entry: Request) -> Check:
    expect = entry["expect"]
    return Check(
        entry["path"],
        entry,
        status=expect["status"],
        contains=tuple(_texts(expect.get("contains", ()))),
        content_type=expect.get("content_type", ""),
        beyond=entry.get("beyond", ""),
    )


def _name(given: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    if "request" in given:
        return str(given["request"]["path"])
    return shlex.join(given["exec"] or given["client"] or _words(run.get("command", "(the image's own command)")))


def _words(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shlex.split(value) if isinstance(value, str) else map(str, value))


def _texts(value: str | list[str] | tuple[str, ...]) -> Iterator[str]:
    yield from (value,) if isinstance(value, str) else value
