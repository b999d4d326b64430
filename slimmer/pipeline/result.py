"""What each command returns. Sizes are bytes; `warnings` are the texts that on_event was told as Warned."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimmer.engine.leftovers import Leftovers
from slimmer.observe.log import AccessLog
from slimmer.verify.structure import Difference


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A slim image, which has its tag, and where its artifacts are.

    `paths` and `original_paths` count entries of the images. `verified` is False only if it was not asked for. `report` is
    what report.json holds (docs/artifacts.md).
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
    report: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ratio(self) -> float:
        """How many times smaller the slim image is; 0.0 for an empty one."""
        return self.original_size / self.size if self.size else 0.0


@dataclass(frozen=True, slots=True)
class ObserveResult:
    """An access log, and the file in which it is; None if no file was asked for."""

    log: AccessLog = field(repr=False)
    path: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def image_id(self) -> str:
        """The image that the log belongs to."""
        return self.log.image_id


@dataclass(frozen=True, slots=True)
class KeepResult:
    """A packed folder: `kept` of the `paths` of the image stay, with `size` bytes of contents."""

    folder: Path
    image_id: str
    paths: int
    kept: int
    size: int
    warnings: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """An image that was made of a packed folder. Nothing of it was verified."""

    tag: str
    image_id: str
    size: int


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """How the second image differs from the first. What only the first one holds is no difference."""

    differences: tuple[Difference, ...]
    warnings: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True if there is no difference."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What dead runs had left. `removed` is gone, or would go with `dry_run`; `stayed` is what the engine did not remove."""

    removed: Leftovers
    stayed: Leftovers = field(default_factory=Leftovers)
