"""The sizes of an image's layers: measured in one way for every image and engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """The bytes of an image's layers: as tar archives, and as a registry stores them under gzip and under zstd."""

    tar: int = 0
    gzip: int = 0
    zstd: int = 0

    def __add__(self, other: LayerSizes) -> LayerSizes:
        return LayerSizes(self.tar + other.tar, self.gzip + other.gzip, self.zstd + other.zstd)
