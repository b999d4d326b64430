"""The attestation of an output folder: an in-toto statement about the slim image that was built with it.

The same report always gives the same statement, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from slimmer.artifacts.attestation import (
    FORMAT,
    Attestation,
    AttestedExercise,
    AttestedImage,
    AttestedLayers,
    AttestedSource,
    AttestedVerification,
    Compared,
    CountedAnswers,
    CountedCode,
    Digest,
    Statement,
    Subject,
    SubjectNotes,
)
from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.report_file import (
    NAME,
    FileDigest,
    Report,
    ReportExercise,
    ReportImage,
    ReportVerification,
)
from slimmer.errors import UsageError
from slimmer.unexercised import Exercised
from slimmer.unproven import Kind

MOST = 100
"""The most answers that an attestation names. It also has the count of all."""

_SHA256 = "sha256:"

OLD_HINT = "An older slimmer wrote it. Build the image again."
UNVERIFIED_HINT = "Build the image without --no-verify. If it differs from the original, report.json says how."
CHANGED_HINT = "The files of a folder belong together. Build the image again."


def attestation(output: BuildOutput) -> dict[str, Any]:
    """Return the statement of a build as a JSON value. The same folder always gives the same statement.

    Files that are no longer in the folder do not matter. Raises UsageError if a file is not that of the build, or if the image was not verified.
    """
    value = statement(output.report, _sha256(output.folder / NAME))
    for file in value["predicate"]["files"]:
        _check(output.folder, FileDigest(**file))
    return value


def attestation_text(folder: Path) -> str:
    """Return the statement for files that were just written to a folder, as JSON text. Raises UsageError as above."""
    return as_json(statement(BuildOutput(folder).report, _sha256(folder / NAME)))


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


def statement(report: Report, report_sha256: str) -> dict[str, Any]:
    """Return the statement as a JSON value. `report_sha256` is the digest of report.json in hex.

    Raises UsageError if the image was not verified, or if the report lacks what a statement needs.
    """
    attestation = _attestation(report, report_sha256)
    slim = attestation.slim
    digest = Digest(slim.id.removeprefix(_SHA256))
    whole = Statement(subject=(Subject(slim.name, digest, SubjectNotes(slim.id_of)),), predicate=attestation)
    value: dict[str, Any] = json.loads(json.dumps(msgspec.to_builtins(whole)))  # tuples become lists
    return value | {"predicate": {**FORMAT.head, **value["predicate"]}}


def _attestation(report: Report, report_sha256: str) -> Attestation:
    verification = report.verification
    if report.slim is UNSET or verification is UNSET or not verification.verified:
        raise UsageError("the image was not verified, so there is nothing to attest", hint=UNVERIFIED_HINT)
    if report.files is UNSET or report.engine is UNSET or report.finished is UNSET or report.exercised is UNSET:
        raise UsageError(f"{NAME} lacks what an attestation needs", hint=OLD_HINT)
    code = report.unexercised
    return Attestation(
        slimmer=report.slimmer,
        finished=report.finished,
        engine=report.engine,
        original=_image(report.target),
        slim=_image(report.slim),
        policy=report.policy,
        margin=None if report.margin is UNSET else report.margin,
        own_layers=_layers(report),
        selection=report.selection,
        builder=report.builder.name,
        exercised=_exercise(report, report.exercised),
        unexercised=CountedCode(0, 0) if code is UNSET else CountedCode(code.count, code.kept),
        unproven=_unproven(report),
        verification=_verification(verification, report),
        files=(*report.files, FileDigest(NAME, report_sha256)),
    )


def _image(image: ReportImage) -> AttestedImage:
    if image.id_of is UNSET:
        raise UsageError(f"{NAME} lacks what an attestation needs", hint=OLD_HINT)
    return AttestedImage(
        name=image.name,
        id=image.id,
        id_of=image.id_of,
        digest="" if image.digest is UNSET else image.digest,
        architecture=image.architecture,
        size=image.size,
        paths=image.paths,
        layers=image.layers,
    )


def _layers(report: Report) -> AttestedLayers | None:
    own = report.own_layers
    return None if own is UNSET else AttestedLayers(own.base, tuple(sorted(layer.number for layer in own.layers)))


def _exercise(report: Report, total: Exercised) -> AttestedExercise:
    exercises = list(_exercises(report))
    sources = [source for one in exercises if one.generated is not UNSET for source in one.generated]
    generated = (
        AttestedSource(one.source, one.found, one.requested, None if one.answered is UNSET else one.answered)
        for one in sources
    )
    files = () if report.probe_files is UNSET else report.probe_files
    return AttestedExercise(len(exercises), total, tuple(generated), files)


def _exercises(report: Report) -> Iterator[ReportExercise]:
    """Yield the exercise of each of the app's commands."""
    if report.commands is not UNSET:
        yield from (one.exercise for one in report.commands)
    elif report.exercise is not UNSET:
        yield report.exercise


def _unproven(report: Report) -> dict[Kind, int]:
    found = Counter(item.kind for item in (() if report.unproven is UNSET else report.unproven))
    return {kind: found[kind] for kind in Kind}


def _verification(verification: ReportVerification, report: Report) -> AttestedVerification:
    assert report.slim is not UNSET
    exercises = list(_exercises(report))
    compared = Compared(
        report.slim.paths,
        True,
        sum(len(one.requests) for one in exercises),
        sum(len(one.commands) for one in exercises),
    )
    noise = () if verification.noise is UNSET else verification.noise
    by_shape = () if verification.by_shape is UNSET else verification.by_shape
    return AttestedVerification("verified", compared, _counted(noise), _counted(by_shape), verification.places)


def _counted(answers: tuple[str, ...]) -> CountedAnswers:
    return CountedAnswers(len(answers), answers[:MOST])
