"""The attestation of an output folder: an in-toto statement about the slim image that was built with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from slimmer.artifacts import report_file
from slimmer.artifacts.attestation import statement
from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.report_file import FileDigest
from slimmer.errors import UsageError

CHANGED_HINT = "The files of a folder belong together. Build the image again."


def attestation(output: BuildOutput) -> dict[str, Any]:
    """Return the statement of a build as a JSON value. The same folder always gives the same statement.

    Files that are no longer in the folder do not matter. Raises UsageError if a file is not that of the build, or if the image was not verified.
    """
    value = statement(output.report, _sha256(output.folder / report_file.NAME))
    for file in value["predicate"]["files"]:
        _check(output.folder, FileDigest(**file))
    return value


def attestation_text(folder: Path) -> str:
    """Return the statement for files that were just written to a folder, as JSON text. Raises UsageError as above."""
    return as_json(statement(BuildOutput(folder).report, _sha256(folder / report_file.NAME)))


def as_json(value: dict[str, Any]) -> str:
    """Return a statement or a predicate as ASCII text, which ends with a line break."""
    return json.dumps(value, indent=2) + "\n"


def _check(folder: Path, file: FileDigest) -> None:
    path = folder / file.name
    if "/" in file.name or not path.is_file():
        return
    if _sha256(path) != file.sha256:
        raise UsageError(f"{path} is not the one of this build", hint=CHANGED_HINT)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="") from error
