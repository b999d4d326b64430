"""An attestation of a build: an in-toto statement about the slim image, made of the build's report.json.

It says which image was slimmed, what was exercised, what was compared, and which files make the same image again. The same report always
gives the same statement, byte for byte. Sources: in-toto attestation framework, spec/v1/statement.md and resource_descriptor.md.
docs/attestation.md describes each field.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from slimmer.artifacts.report_file import FileDigest, ReportEngine, ReportMargin, ReportPlace, ReportSelection
from slimmer.unexercised import Exercised
from slimmer.unproven import Kind
from slimmer.versioned_json import Format, Name, Number, Version

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slimmer.io/attestation/build/v1"
"""The type of the predicate. It never changes its meaning; another major version of the format has another type."""


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
