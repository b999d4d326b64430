"""The place of the probe in the containers of one run, and the nonce that identifies it."""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM = "slimmer-probe"


@dataclass(frozen=True, slots=True)
class ProbeMount:
    """A read-only folder directly below the root, in every container that gets it from `helper` (a container's ID).

    The folder's name is secret until the container runs, so that no image can prepare anything there. `nonce` is in the program. A
    process that answers with it is the probe.
    """

    helper: str
    folder: str
    nonce: str

    @property
    def program(self) -> str:
        """The path of the probe."""
        return f"{self.folder}/{PROGRAM}"

    def holds(self, path: str) -> bool:
        """Return True if a path is the folder or is in it."""
        return path == self.folder or path.startswith(f"{self.folder}/")
