"""What a build is asked for and what comes of it, as values; and who is told how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from slimmer.engine.options import RunOptions
from slimmer.exercise.plan import ExercisePlan
from slimmer.keep.analyzer import Policy
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog

REPAIRS = 2
"""How often a slim image is mended, unless the user says otherwise."""


class Progress(Protocol):
    """Whoever is told how far a build is (slimmer.cli.console.TerminalProgress)."""

    def stage(self, name: str) -> Any: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ObserveRequest:
    """How an image is to be observed.

    `commands` are run one after the other, each as the image's CMD; () is the image's own, or that of `options`. Each is
    observed `runs` times.
    """

    target: str
    options: RunOptions = field(default_factory=RunOptions)
    commands: tuple[tuple[str, ...], ...] = ()
    plan: ExercisePlan = field(default_factory=ExercisePlan)
    recorder: str = "auto"
    runs: int = 1
    pull: bool = False


@dataclass(frozen=True, slots=True)
class BuildRequest(ObserveRequest):
    """What the user asked for. `tag` "" and `out` None stand for the defaults, `builder` "" for any.

    `access` are logs of runs elsewhere, which are joined; with `rebase` also those of another image. Without `observe`
    they are all there is, and the app runs without the probe, for its answers. `reuse` takes the observation from the
    output folder if it was made in the same way. `repair`: how many times look-ups that fail in the slim image alone may be
    mended. `verify_as` (UID[:GID]) and `verify_read_only` are further ways to run both images, whose answers are compared.
    """

    tag: str = ""
    out: Path | None = None
    policy: str = Policy.BALANCED
    selection: Selection = field(default_factory=Selection)
    builder: str = ""
    verify: bool = True
    repair: int = REPAIRS
    access: tuple[AccessLog, ...] = ()
    rebase: bool = False
    observe: bool = True
    reuse: bool = False
    verify_as: tuple[str, ...] = ()
    verify_read_only: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What came of it: the image's name and the report (slimmer.pipeline.report)."""

    tag: str
    report: dict[str, Any]
