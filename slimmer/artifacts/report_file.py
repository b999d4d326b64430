"""report.json: the types of its parts. The report of a build and that of `slimmer keep` are written by slimmer.pipeline.report.

Fields that `slimmer keep` cannot know, or that came after the first version, may be absent (UNSET).
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from slimmer.observe.log import Listener, Recorder
from slimmer.versioned_json import Format, Name, Number, Version

NAME = "report.json"


class ReportImage(Struct, frozen=True, kw_only=True):
    """An image: its size in bytes, its number of layers, and how many paths it has. `name` is "" for one without a name."""

    name: Name
    id: Name
    architecture: Name
    size: Number
    layers: Number
    paths: Number


class SlimImage(ReportImage, frozen=True, kw_only=True):
    """The slim image; `tag` is "" if it got no name."""

    tag: Name


class ReportSelection(Struct, frozen=True, kw_only=True):
    """What the user chose to keep or to drop, as it was given."""

    include: tuple[str, ...]
    exclude: tuple[Name, ...]
    bins: tuple[str, ...]
    packages: tuple[str, ...]
    shell: bool
    licences: bool


class ReportBuilder(Struct, frozen=True):
    """How the image was built, and why so; `beyond` is what of the image no Dockerfile can say."""

    name: Literal["dockerfile", "load"]
    reason: str
    beyond: tuple[str, ...]


class CountedPaths(Struct, frozen=True):
    """How many paths there are, and the first of them."""

    count: Number
    paths: tuple[Name, ...]


class ReportObservation(Struct, frozen=True, kw_only=True):
    """Which recorders ran, what they counted, who listened; of a build, also where the observation comes from.

    `not_in_every_run` are paths that only some runs used, `moved` those of another image's log that this image does not have.
    """

    probe: Name
    recorders: tuple[Recorder, ...]
    accesses: Number
    counters: dict[Name, Number]
    listeners: tuple[Listener, ...]
    source: Literal["observed", "joined", "reused"] | UnsetType = UNSET
    fingerprint: Name | UnsetType = UNSET
    runs: Number | UnsetType = UNSET
    joined: Number | UnsetType = UNSET
    not_in_every_run: CountedPaths | UnsetType = UNSET
    moved: CountedPaths | UnsetType = UNSET


class ReportRequest(Struct, frozen=True, kw_only=True):
    """A request and what came of it, without headers and bodies. `size` is in bytes; `problem` is "" if it passed."""

    method: str
    path: str
    port: Number
    status: Number | None
    content_type: str
    size: Number
    seconds: float
    problem: str
    warning: str


class ReportCommand(Struct, frozen=True, kw_only=True):
    """A command that exercised the app, without its arguments and its output. `problem` is "" if it passed."""

    where: Literal["host", "container", "healthcheck"]
    program: str
    exit_code: Number
    problem: str


class ReportExercise(Struct, frozen=True, kw_only=True):
    """What was asked of the app, and what came of it. `exit_code` is that of an app that ended by itself."""

    http_ports: tuple[Number, ...]
    requests: tuple[ReportRequest, ...]
    commands: tuple[ReportCommand, ...]
    exit_code: Number | None
    warnings: tuple[str, ...]


class ReportScenario(Struct, frozen=True):
    """The exercise of one of several commands of the app, counted from 1."""

    command: Number
    program: str
    exercise: ReportExercise


class ReportDifference(Struct, frozen=True):
    """One thing in which the slim image is not the original."""

    where: str
    what: str
    expected: str
    actual: str


class ReportPlace(Struct, frozen=True):
    """How a further way to run both images went (--verify-as, --verify-read-only)."""

    place: str
    scene: str
    result: Literal["same", "differs", "original fails"]
    problem: str


class ReportVerification(Struct, frozen=True, kw_only=True):
    """The verdict. `missed` are paths that the slim image's app looked for in vain, `by_shape` answers compared by their shape alone."""

    verified: bool
    differences: tuple[ReportDifference, ...]
    missed: tuple[Name, ...]
    places: tuple[ReportPlace, ...] = ()
    by_shape: tuple[str, ...] | UnsetType = UNSET


class ReportStage(Struct, frozen=True):
    """A stage of the build, and how long it took."""

    name: str
    seconds: float


class Report(Struct, frozen=True, kw_only=True):
    """What a build came to: before, after, what was exercised, the verdict, the time of each stage.

    The report of `slimmer keep` has no `slim`, `exercise` and `stages`: there is no image yet. `commands` is there if there were several.
    """

    slimmer: Name
    target: ReportImage
    slim: SlimImage | UnsetType = UNSET
    policy: Name
    selection: ReportSelection
    builder: ReportBuilder
    observation: ReportObservation
    exercise: ReportExercise | UnsetType = UNSET
    commands: tuple[ReportScenario, ...] | UnsetType = UNSET
    verification: ReportVerification | UnsetType = UNSET
    stages: tuple[ReportStage, ...] | UnsetType = UNSET


FORMAT = Format("slimmer-report", Version(1, 0), Report)
