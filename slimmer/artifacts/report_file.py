"""report.json: the types of its parts. slimmer.pipeline.report makes the reports of `slimmer build` and `slimmer keep`.

Fields that `slimmer keep` cannot know, or that were added after the first version, may be absent (UNSET).
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from slimmer.observe.log import Listener, Recorder
from slimmer.unexercised import Exercised, UntouchedCode
from slimmer.unproven import Unproven
from slimmer.versioned_json import Format, Name, Number, Version

NAME = "report.json"


class FileDigest(Struct, frozen=True):
    """A file: its name without the folder, and the SHA-256 of its content in hex."""

    name: Name
    sha256: str


class ReportEngine(Struct, frozen=True):
    """The container engine."""

    name: Literal["docker", "podman"]
    version: Name


class ReportImage(Struct, frozen=True, kw_only=True):
    """An image: its size in bytes, and its numbers of layers and paths. `name` is "" if it has no name.

    `id_of` says what the ID is the digest of: the configuration, or, in Docker's containerd image store, the manifest (or index). `digest` is
    that of the manifest by which a registry knows the image; absent if that is not known.
    """

    name: Name
    id: Name
    architecture: Name
    size: Number
    layers: Number
    paths: Number
    id_of: Literal["configuration", "manifest"] | UnsetType = UNSET
    digest: Name | UnsetType = UNSET


class SlimImage(ReportImage, frozen=True, kw_only=True):
    """The slim image. `tag` is "" if it was not tagged."""

    tag: Name


class ReportSelection(Struct, frozen=True, kw_only=True):
    """What the user selected to keep or to drop."""

    include: tuple[str, ...]
    exclude: tuple[Name, ...]
    bins: tuple[str, ...]
    packages: tuple[str, ...]
    shell: bool
    licences: bool
    package_data: bool = False


class ReportMargin(Struct, frozen=True, kw_only=True):
    """The margin: its amount as asked for ("10%"), its budget in bytes, and the bytes and files that it added.

    `candidates` are the files near to what is in use, and `left_out` those of them that were not added.
    """

    amount: Name
    budget: Number
    size: Number
    files: Number
    candidates: Number
    left_out: Number


class ReportLayer(Struct, frozen=True, kw_only=True):
    """A layer that stayed whole: its number from 1, the lowest layer of the image, and the instruction that made it ("" if unknown).

    `files` and `size` (bytes) are of the files that come from this layer, and not from one above.
    """

    number: Number
    instruction: Name
    files: Number
    size: Number


class ReportOwnLayers(Struct, frozen=True, kw_only=True):
    """The layers that stayed whole (--keep-layers), the topmost one first, and how the border below them was found.

    `found`: the user gave their "number" or the "base" image, the engine has an "image" below, or the "history" shows it. `base` is that
    image, or "".
    """

    found: Literal["number", "base", "image", "history"]
    detail: Name
    base: Name
    files: Number
    size: Number
    layers: tuple[ReportLayer, ...]


class ReportBuilder(Struct, frozen=True):
    """The builder of the image, and why it was chosen. `beyond` lists what a Dockerfile cannot express."""

    name: Literal["dockerfile", "load"]
    reason: str
    beyond: tuple[str, ...]


class CountedPaths(Struct, frozen=True):
    """The number of paths, and the first of them."""

    count: Number
    paths: tuple[Name, ...]


class ReportObservation(Struct, frozen=True, kw_only=True):
    """The recorders, their counters, and the ports that the app listened on; for a build, also the origin of the observation.

    `not_in_every_run` are paths that only some runs used. `moved` are paths of another image's log that this image does not have.
    """

    probe: Name
    recorders: tuple[Recorder, ...]
    accesses: Number
    counters: dict[Name, Number]
    listeners: tuple[Listener, ...]
    source: Literal["observed", "joined", "reused"] | UnsetType = UNSET
    fingerprint: Name | UnsetType = UNSET
    runs: Number | UnsetType = UNSET
    joined: Number | UnsetType = UNSET
    not_in_every_run: CountedPaths | UnsetType = UNSET
    moved: CountedPaths | UnsetType = UNSET


class ReportRequest(Struct, frozen=True, kw_only=True):
    """A request and its result, without headers and bodies. `size` is in bytes; `problem` is "" if it passed.

    `source` names what generated the request ("crawl", "browser" for a page's own, "openapi", "graphql"). "" for the user's own and default requests. "protocols" marks a step of a session in
    another protocol: `method` is the protocol, `path` the step, and `status` is null. "grpc" marks a call of gRPC: `method` is GRPC, and `status` the status code of gRPC (0 is OK). `logged_in`: a generated request had the cookies that the user's own
    requests got when they logged in. `unix_socket`: the Unix socket that was asked, whose `port` is 0; "" for a port.
    """

    method: str
    path: str
    port: Number
    status: Number | None
    content_type: str
    size: Number
    seconds: float
    problem: str
    warning: str
    source: str = ""
    logged_in: bool = False
    unix_socket: str = ""


class ReportCommand(Struct, frozen=True, kw_only=True):
    """A command that exercised the app, without its arguments and its output. `problem` is "" if it passed."""

    where: Literal["host", "container", "image", "healthcheck"]
    program: str
    exit_code: Number
    problem: str


class ReportGenerated(Struct, frozen=True, kw_only=True):
    """Requests that slimmer generated from one source: how many it found, sent, and kept to be sent again.

    The kept ones are among the requests. `limits` says what was left out, and why. Of an API, `found` and `requested` count operations, and
    `answered` those of them that answered 2xx. Of "graphql", these are fields, which were answered without errors. Of "grpc", these are methods, which answered OK. Of "protocols", these are steps of sessions, and
    `limits` says which failed.
    """

    source: str
    found: Number
    requested: Number
    kept: Number
    limits: tuple[str, ...]
    seconds: float
    answered: Number | UnsetType = UNSET


class ReportExercise(Struct, frozen=True, kw_only=True):
    """The exercise of the app and its results. `exit_code` is set if the app ended by itself."""

    http_ports: tuple[Number, ...]
    requests: tuple[ReportRequest, ...]
    commands: tuple[ReportCommand, ...]
    exit_code: Number | None
    warnings: tuple[str, ...]
    generated: tuple[ReportGenerated, ...] | UnsetType = UNSET
    http_sockets: tuple[str, ...] = ()


class ReportScenario(Struct, frozen=True):
    """The exercise of one of several commands of the app, counted from 1."""

    command: Number
    program: str
    exercise: ReportExercise


class ReportDifference(Struct, frozen=True):
    """One difference between the slim image and the original."""

    where: str
    what: str
    expected: str
    actual: str


class ReportPlace(Struct, frozen=True):
    """The result of a further way to run both images (--verify-as, --verify-read-only)."""

    place: str
    scene: str
    result: Literal["same", "differs", "original fails"]
    problem: str


class ReportVerification(Struct, frozen=True, kw_only=True):
    """The result of verification. `missed` are paths that the slim image's app misses. `by_shape` are answers of which only the shape was compared.

    `noise` are answers that differ from the first run of the original, but among its runs, too.
    """

    verified: bool
    differences: tuple[ReportDifference, ...]
    missed: tuple[Name, ...]
    places: tuple[ReportPlace, ...] = ()
    by_shape: tuple[str, ...] | UnsetType = UNSET
    noise: tuple[str, ...] | UnsetType = UNSET


class ReportSeccomp(Struct, frozen=True, kw_only=True):
    """The seccomp profile (--seccomp), under which the slim image was verified.

    `allowed` of the `default` calls that Docker's default profile allows are allowed. `refused` are calls that the probe tried under the
    profile, without success. `beyond` are calls of the app that Docker's default profile refuses. If the image did not work, `problem` says
    how, and there are no profiles.
    """

    level: Literal["strict", "recommended"]
    architectures: tuple[Name, ...]
    seen: Number
    allowed: Number
    default: Number
    beyond: tuple[Name, ...]
    refused: tuple[Name, ...]
    problem: str


class ReportStage(Struct, frozen=True):
    """A stage of the build and its time."""

    name: str
    seconds: float


class Report(Struct, frozen=True, kw_only=True):
    """The result of a build: both images, the exercise, the verification, and the time of each stage.

    `unproven` are parts of the original that nothing exercised and that may be missing (docs/verification.md). `exercised` adds up what was
    asked of all commands, and `unexercised` is the app's own code that nothing touched (docs/explain.md). `probe_files` are those of the user,
    and `files` the other files of the output folder. `finished` is when the build was done (RFC 3339), or SOURCE_DATE_EPOCH.

    The report of `slimmer keep` has no `slim`, `exercise`, `exercised` and `stages`, because there is no slim image yet. `commands` is present if there
    were several.
    """

    slimmer: Name
    target: ReportImage
    slim: SlimImage | UnsetType = UNSET
    policy: Name
    selection: ReportSelection
    margin: ReportMargin | UnsetType = UNSET
    own_layers: ReportOwnLayers | UnsetType = UNSET
    builder: ReportBuilder
    observation: ReportObservation
    exercise: ReportExercise | UnsetType = UNSET
    commands: tuple[ReportScenario, ...] | UnsetType = UNSET
    verification: ReportVerification | UnsetType = UNSET
    seccomp: ReportSeccomp | UnsetType = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    stages: tuple[ReportStage, ...] | UnsetType = UNSET
    unproven: tuple[Unproven, ...] | UnsetType = UNSET
    exercised: Exercised | UnsetType = UNSET
    unexercised: UntouchedCode | UnsetType = UNSET
    engine: ReportEngine | UnsetType = UNSET
    finished: Name | UnsetType = UNSET
    probe_files: tuple[FileDigest, ...] | UnsetType = UNSET
    files: tuple[FileDigest, ...] | UnsetType = UNSET


FORMAT = Format("slimmer-report", Version(1, 6), Report)
