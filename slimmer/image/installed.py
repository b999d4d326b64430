"""An installed package, with what its metadata says: where it is, where it comes from, and its licences."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.image.packages import Package
from slimmer.image.purl import Origin


@dataclass(frozen=True, slots=True)
class Installed:
    """A package of an image. Its manager may also be java or go, which slimmer.image.package_files does not know.

    `places` are folders or files that are the package's alone: the folder of a package of npm, RubyGems or Composer, or a Go program. They are empty for
    packages whose files a database lists. `licences` are as the package declares them: SPDX expressions or names.
    """

    package: Package
    places: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)
    licences: tuple[str, ...] = ()
