"""The file of `slimmer build --attest`: an in-toto statement about the slim image. It is written only if the image was verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slimmer.errors import UsageError
from slimmer.output_folder import ARTIFACTS, OutputFolder, Tell
from slimmer.pipeline.request import BuildRequest
from slimmer.report.attestation import attestation_text

EXAMPLE = "For example: --attest shop.intoto.json"


@dataclass(frozen=True, slots=True)
class AttestationFile:
    """The place of the statement: a name in a folder. `beside`: that is the output folder, whose files are moved into place together."""

    folder: OutputFolder
    name: str
    beside: bool

    def stage(self, artifacts: OutputFolder) -> None:
        """Write the statement if it goes to the output folder, which is not published yet. Raise OutputError."""
        if self.beside:
            self._write(artifacts)

    def finish(self, artifacts: OutputFolder) -> None:
        """Write the statement if it goes elsewhere. The output folder is published. Raise OutputError."""
        if not self.beside:
            self._write(artifacts)

    def _write(self, artifacts: OutputFolder) -> None:
        text = attestation_text(artifacts.place("") if self.beside else artifacts.path)
        with self.folder.writing_text(self.name) as file:
            file.write(text)


def check_attest(request: BuildRequest) -> None:
    """Raise UsageError if the file cannot be that of a statement, or if there will be nothing to attest."""
    path = request.attest
    if path is None:
        return
    if not request.verify:
        raise UsageError(
            "--attest and --no-verify contradict each other: slimmer attests only what it has verified",
            hint="Leave one of them out.",
        )
    if str(path) == "-":
        raise UsageError(
            "--attest writes to a file, because stdout is for the slim image's name",
            hint="`slimmer attest OUT` prints the statement of an output folder.",
        )
    if not path.name or path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"--attest {path}: it is not a file", hint=EXAMPLE)


@contextmanager
def attestation_file(path: Path | None, artifacts: OutputFolder, tell: Tell) -> Iterator[AttestationFile | None]:
    """Open the place for the statement, before the work begins; None if nobody wants one. Raise OutputError or UsageError."""
    if path is None:
        yield None
    elif path.parent.is_dir() and path.parent.samefile(artifacts.path):
        if path.name in ARTIFACTS:
            raise UsageError(f"--attest {path}: slimmer writes another file with this name", hint=EXAMPLE)
        yield AttestationFile(artifacts, path.name, beside=True)
    else:
        with OutputFolder(path.parent, for_one_file=True, tell=tell) as folder:
            yield AttestationFile(folder, path.name, beside=False)
