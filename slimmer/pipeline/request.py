"""The request of each command, as a value. `slimmer.run` takes any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from slimmer.engine.options import RunOptions
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.image.layer_border import LayerChoice
from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.amount import Margin
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.report.build_facts import BuildFacts
from slimmer.report.gate import Limits
from slimmer.report.since import Baseline
from slimmer.scans.scan import Scan

__all__ = [
    "REPAIRS",
    "AttachRequest",
    "BuildRequest",
    "CompareRequest",
    "KeepRequest",
    "ObserveRequest",
    "RebuildRequest",
    "RunOptions",
    "RunRequest",
    "VerifyRequest",
]

REPAIRS = 2
"""The default number of times that missed files are added and the slim image is rebuilt."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """How to run and exercise an image.

    `commands` are run one after the other, each as the image's CMD. () means the image's own CMD, or that of `options`. Each command is
    observed `runs` times. `recorder` is "auto", "notify", "ptrace", "fanotify" or "bpf". `notes` and `warnings` are told to the user first.
    """

    target: str
    options: RunOptions = field(default_factory=RunOptions)
    commands: tuple[tuple[str, ...], ...] = ()
    plan: ExercisePlan = field(default_factory=ExercisePlan)
    recorder: str = "auto"
    runs: int = 1
    pull: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def other_images(self) -> dict[str, str]:
        """The images that a run needs beside its target, each with the option that names it."""
        exercising = {each.image: each.option for each in self.plan.image_commands}
        return exercising | {each.image: each.named_by for each in self.options.companions}


@dataclass(frozen=True, slots=True)
class ObserveRequest(RunRequest):
    """Observe an image. `out` is the log's file (NAME.json), or a folder for an access.json. None writes no file."""

    out: Path | None = None


@dataclass(frozen=True, slots=True)
class AttachRequest:
    """Watch a running container. `out` is as for ObserveRequest.

    The watch ends with the container, or earlier according to `until` (after `seconds`, with Until.SECONDS), or when `stop` returns
    True. `stop` is called about 20 times a second.
    """

    container: str
    out: Path | None = None
    until: Until = Until.EXIT
    seconds: float = 0.0
    stop: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Decide what to keep of the image that `logs` belong to, and pack it into the folder `out`.

    With `rebase`, the logs are used for that image, a later build of theirs. `margin` None is the default of the policy. `layers` stay whole.
    `labels`: the slim image has labels that name the original (slimmer.image.origin_labels).
    """

    logs: tuple[AccessLog, ...]
    out: Path
    policy: Policy = Policy.BALANCED
    selection: Selection = field(default_factory=Selection)
    rebase: str = ""
    margin: Margin | None = None
    layers: LayerChoice | None = None
    labels: bool = True


@dataclass(frozen=True, slots=True)
class RebuildRequest:
    """Build the image of a folder that a BuildRequest or a KeepRequest wrote, and tag it."""

    folder: Path
    tag: str


@dataclass(frozen=True, slots=True)
class VerifyRequest(RunRequest):
    """Compare the files, the configuration and the answers of `after` with those of `target`."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """Measure two images and hold them against `limits`. Neither is run.

    `baseline` is an earlier slim image, and `build` what the report of the second image's build says. `scan` is a scan of the first image;
    with `force`, it is taken for one whatever it says.
    """

    before: str
    after: str
    limits: Limits = field(default_factory=Limits)
    baseline: Baseline | None = None
    build: BuildFacts | None = None
    scan: Scan | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class BuildRequest(RunRequest):
    """Build the slim image of `target`. `tag` "" and `out` None mean the defaults, `builder` "" means any.

    `access` are logs of other runs to join; with `rebase`, also those of another image. Without `observe`, only these logs are used,
    and the app runs without the probe, for its answers. `reuse` takes the observation from the output folder if it was made in the
    same way. `repair` is how many times files that the slim image's app misses are added. `verify_as` (UID[:GID]) and
    `verify_read_only` are further ways to run both images and compare their answers. `margin` None is the default of the policy.
    `layers` stay whole. `labels`: the slim image has labels that name the original (slimmer.image.origin_labels). `seccomp` is "strict"
    or "recommended", to make profiles, or "". `attest` is the file for a statement about the slim image.
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
    seccomp: str = ""
    margin: Margin | None = None
    layers: LayerChoice | None = None
    labels: bool = True
    attest: Path | None = None
