"""The probe as it lies in the containers of one run: where, and how it shows that it is the probe."""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM = "slimmer-probe"


@dataclass(frozen=True, slots=True)
class ProbeMount:
    """A read-only folder directly below the root, in every container that gets it from `helper` (a container's ID).

    The folder's name is a secret until the container runs, so that no image can prepare anything there. `nonce` is in
    the program itself: what answers with it is the probe.
    """

    helper: str
    folder: str
    nonce: str

    @property
    def program(self) -> str:
        """The probe's own path."""
        return f"{self.folder}/{PROGRAM}"

    def holds(self, path: str) -> bool:
        """Whether a path is the folder or lies in it."""
        return path == self.folder or path.startswith(f"{self.folder}/")
