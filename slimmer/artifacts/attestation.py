"""An attestation of a build: an in-toto statement about the slim image, made of the build's report.json.

It says which image was slimmed, what was exercised, what was compared, and which files make the same image again. The same report always
gives the same statement, byte for byte. Sources: in-toto attestation framework, spec/v1/statement.md and resource_descriptor.md.
docs/attestation.md describes each field.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct

from slimmer.artifacts.report_file import (
    NAME,
    FileDigest,
    Report,
    ReportEngine,
    ReportExercise,
    ReportImage,
    ReportMargin,
    ReportPlace,
    ReportSelection,
    ReportVerification,
)
from slimmer.errors import UsageError
from slimmer.unexercised import Exercised
from slimmer.unproven import Kind
from slimmer.versioned_json import Format, Name, Number, Version

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slimmer.io/attestation/build/v1"
"""The type of the predicate. It never changes its meaning; another major version of the format has another type."""

MOST = 100
"""The most answers that an attestation names. It also has the count of all."""

_SHA256 = "sha256:"

OLD_HINT = "An older slimmer wrote it. Build the image again."
UNVERIFIED_HINT = "Build it without --no-verify."


class Digest(Struct, frozen=True):
    """A digest of an image, in hex."""

    sha256: str


class SubjectNotes(Struct, frozen=True, rename="kebab"):
    """What the digest of an image is the digest of: its configuration, or its manifest (or index), as a registry knows it."""

    digest_of: Literal["configuration", "manifest"]


class Subject(Struct, frozen=True):
    """The slim image: its name and its digest."""

    name: Name
    digest: Digest
    annotations: SubjectNotes


class AttestedImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An image. `id` is its ID in the engine, and `id_of` what that is the digest of.

    `digest` is that of the manifest by which a registry knows the image; absent if that was not known. `size` is in bytes.
    """

    name: Name
    id: Name
    id_of: Literal["configuration", "manifest"]
    digest: Name = ""
    architecture: Name
    size: Number
    paths: Number
    layers: Number


class AttestedLayers(Struct, frozen=True):
    """The layers that stayed whole: their numbers from 1, the lowest layer of the original, and the base image below them, or ""."""

    base: Name
    numbers: tuple[Number, ...]


class AttestedSource(Struct, frozen=True):
    """What one source of requests found, sent and got answered (report.json, `generated`); `answered` is null if nobody counts."""

    source: str
    found: Number
    requested: Number
    answered: Number | None


class AttestedExercise(Struct, frozen=True):
    """What was exercised: the number of the app's commands, and of all of them the ports, requests, answers by class, and commands.

    `probe_files` are those of the user, and `generated` is what slimmer found itself.
    """

    scenarios: Number
    total: Exercised
    generated: tuple[AttestedSource, ...]
    probe_files: tuple[FileDigest, ...]


class CountedCode(Struct, frozen=True):
    """The app's own code that nothing touched: the number of files, and of those that are kept."""

    count: Number
    kept: Number


class CountedAnswers(Struct, frozen=True):
    """The number of answers, and the first of them: requests, commands, or the app itself."""

    count: Number
    first: tuple[str, ...]


class Compared(Struct, frozen=True):
    """What was compared with the original: paths with their contents, the configuration, and the answers to requests and commands."""

    paths: Number
    configuration: bool
    requests: Number
    commands: Number


class AttestedVerification(Struct, frozen=True):
    """The verdict, and how far it goes. slimmer attests no image that it has not verified.

    `noise` are answers that differ from run to run of the original, too. Of those in `by_shape`, only the shape was compared. `places` are further
    ways to run both images.
    """

    verdict: Literal["verified"]
    compared: Compared
    noise: CountedAnswers
    by_shape: CountedAnswers
    places: tuple[ReportPlace, ...]


class Attestation(Struct, frozen=True, kw_only=True):
    """How a slim image was built from its original, and how it was verified.

    `finished` is when (RFC 3339), or SOURCE_DATE_EPOCH. `unexercised` and `unproven` count what no run has shown. `files` are the build's artifacts:
    with access.json, slimmer makes the same image again; with Dockerfile and rootfs.tar, `docker build` does.
    """

    slimmer: Name
    finished: Name
    engine: ReportEngine
    original: AttestedImage
    slim: AttestedImage
    policy: Name
    margin: ReportMargin | None
    own_layers: AttestedLayers | None
    selection: ReportSelection
    builder: Name
    exercised: AttestedExercise
    unexercised: CountedCode
    unproven: dict[Kind, Number]
    verification: AttestedVerification
    files: tuple[FileDigest, ...]


class Statement(Struct, frozen=True, kw_only=True):
    """An in-toto statement (v1). The predicate is slimmer's own."""

    type_: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type", default=STATEMENT)
    subject: tuple[Subject, ...]
    predicate_type: Literal["https://slimmer.io/attestation/build/v1"] = msgspec.field(
        name="predicateType", default=PREDICATE
    )
    predicate: Attestation


FORMAT = Format("slimmer-attestation", Version(1, 0), Attestation)


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
