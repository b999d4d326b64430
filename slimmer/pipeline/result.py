"""The result of each command. Sizes are in bytes. `warnings` are the texts of the Warned events."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimmer.engine.leftovers import Leftovers
from slimmer.observe.log import AccessLog
from slimmer.unexercised import Exercised, UntouchedCode
from slimmer.unproven import Unproven
from slimmer.verify.structure import Difference


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A slim image that has its tag, and the folder of its artifacts.

    `paths` and `original_paths` are the numbers of entries of the images. `verified` is False only if verification was turned off.
    `report` is the content of report.json (docs/artifacts.md). `unproven` are parts of the original that nothing exercised. `exercised` is
    what was asked of the app, and `untouched` the app's own code that nothing touched meanwhile.
    """

    tag: str
    image_id: str
    size: int
    paths: int
    original_id: str
    original_size: int
    original_paths: int
    verified: bool
    folder: Path
    stages: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    exercised: Exercised = field(default_factory=Exercised)
    untouched: UntouchedCode = field(default_factory=UntouchedCode)
    report: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ratio(self) -> float:
        """The original's size divided by the slim image's, or 0.0 if the slim image is empty."""
        return self.original_size / self.size if self.size else 0.0


@dataclass(frozen=True, slots=True)
class ObserveResult:
    """An access log and its file. `path` is None if no file was asked for."""

    log: AccessLog = field(repr=False)
    path: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def image_id(self) -> str:
        """The image that the log belongs to."""
        return self.log.image_id


@dataclass(frozen=True, slots=True)
class KeepResult:
    """A packed folder. `kept` of the image's `paths` are in it, with `size` bytes of contents."""

    folder: Path
    image_id: str
    paths: int
    kept: int
    size: int
    warnings: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    untouched: UntouchedCode = field(default_factory=UntouchedCode)
    report: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """An image that was built from a packed folder. It was not verified."""

    tag: str
    image_id: str
    size: int


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The differences of the second image from the first. Files that only the first one has do not count."""

    differences: tuple[Difference, ...]
    warnings: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True if there is no difference."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What dead runs left. `removed` was removed, or would be without `dry_run`; `stayed` could not be removed."""

    removed: Leftovers
    stayed: Leftovers = field(default_factory=Leftovers)
