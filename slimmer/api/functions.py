"""build, observe, attach, keep, rebuild, verify, compare, attest, explain, sizes, sbom, not_proven, not_exercised, check_probes, validate_probes, record_probes, clean and doctor.

They print nothing, install no signal handlers and do not exit. They call `on_event` with their progress (slimmer.Event), unless it is
None. `docker_host` is the engine's address; "" is the engine that the docker client would use. Each kind of failure has its own
subclass of SlimmerError. When they return or raise, even after a KeyboardInterrupt, they have removed all that they made in the
engine. Several threads may call them at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack, overload

from slimmer.api import requests, words
from slimmer.api.options import BuildKeywords, CompareKeywords, KeepKeywords, Logs, RunKeywords
from slimmer.artifacts.build_output import BuildOutput, find_output
from slimmer.artifacts.manifest import NAME as MANIFEST
from slimmer.errors import TargetNotFound, UsageError
from slimmer.exercise.plan import Until
from slimmer.pipeline import build as building
from slimmer.pipeline.progress import OnEvent, Progress
from slimmer.pipeline.request import (
    AttachRequest,
    BuildRequest,
    CompareRequest,
    KeepRequest,
    ObserveRequest,
    RebuildRequest,
    VerifyRequest,
)
from slimmer.pipeline.result import BuildResult, CleanResult, KeepResult, ObserveResult, RebuildResult, VerifyResult

if TYPE_CHECKING:
    from slimmer.exercise.recording import Recording
    from slimmer.report.comparison import Comparison
    from slimmer.report.explanation import Explanation
    from slimmer.report.probe_check import ProbeCheck
    from slimmer.report.sizes import Sizes
    from slimmer.report.unexercised import UnexercisedReport
    from slimmer.report.unproven import UnprovenReport
    from slimmer.runs.check import Check
    from slimmer.sbom.document import Sbom

LOG = "access.json"
"""The default file of an access log."""

OF_HINT = "Give the output folder of the build, such as slimmer-out/myapp, or leave out --of."

AnyRequest = (
    BuildRequest | ObserveRequest | AttachRequest | KeepRequest | RebuildRequest | VerifyRequest | CompareRequest
)
AnyResult: TypeAlias = "BuildResult | ObserveResult | KeepResult | RebuildResult | VerifyResult | Comparison"


def build(
    target: str = "", *, on_event: OnEvent | None = None, docker_host: str = "", **options: Unpack[BuildKeywords]
) -> BuildResult:
    """Build a slim image that behaves like `target`, verify it, and tag it.

    `options` are those of `slimmer build`: `policy="balanced"`, `tag="myapp:slim"`, `probe=["/health"]`, `env={"A": "b"}` …
    `slimmer build --help` explains each option; `--probe-file` is `probe_file` here. Without `target`, the image is that of `compose_service`.
    Raises VerificationFailed if the slim image differs from the original. Then it is not tagged.
    """
    return run(requests.build_request(target, options), on_event=on_event, docker_host=docker_host)


def observe(
    target: str = "",
    *,
    out: str | PathLike[str] | None = LOG,
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[RunKeywords],
) -> ObserveResult:
    """Run and exercise `target` under the probe, and write its access log to `out`: a file (NAME.json) or a folder.

    With `out=None`, no file is written. The result has the log. Raises AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    return run(requests.observe_request(target, out, options), on_event=on_event, docker_host=docker_host)


def attach(
    container: str,
    *,
    out: str | PathLike[str] | None = LOG,
    until: str | float = "exit",
    stop: Callable[[], bool] | None = None,
    on_event: OnEvent | None = None,
    docker_host: str = "",
) -> ObserveResult:
    """Watch a running container from outside, and write what it opened. The container is not changed.

    The watch ends with the container, after `until` seconds, with "quiet:SECONDS" when it has opened nothing new for so long, or when `stop` returns True (for example, a threading.Event's `is_set`).
    """
    end, seconds = words.until(str(until))
    if end is Until.PROBES:
        raise UsageError("until='probes' cannot be used with attach: that container gets no requests", hint="")
    path = None if out is None else Path(out)
    return run(AttachRequest(container, path, end, seconds, stop), on_event=on_event, docker_host=docker_host)


def keep(
    logs: Logs,
    *,
    out: str | PathLike[str],
    rebase: str = "",
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[KeepKeywords],
) -> KeepResult:
    """Decide which files of the logs' image to keep, and pack them into the folder `out`. No image is built.

    `logs` are files, folders or the logs of `observe`. `rebase` names a later build of their image to take the files from.
    """
    return run(requests.keep_request(logs, out, rebase, options), on_event=on_event, docker_host=docker_host)


def rebuild(
    folder: str | PathLike[str], *, tag: str, on_event: OnEvent | None = None, docker_host: str = ""
) -> RebuildResult:
    """Build the image of a folder that `build` or `keep` wrote, and tag it. It is not verified."""
    return run(RebuildRequest(Path(folder), tag), on_event=on_event, docker_host=docker_host)


def verify(
    before: str,
    after: str,
    *,
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[RunKeywords],
) -> VerifyResult:
    """Compare the contents and the answers of `after` with those of `before`. The result has the differences; they raise nothing."""
    return run(requests.verify_request(before, after, options), on_event=on_event, docker_host=docker_host)


def compare(
    before: str,
    after: str,
    *,
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[CompareKeywords],
) -> Comparison:
    """Measure two images: sizes, layers, files, packages and configuration. Neither is run.

    `options` are those of `slimmer compare`: `max_size="80MB"`, `min_ratio=3`, `fail_on=["shell", "setuid"]`, `baseline="report.json"` …
    Gates that fail are in the result; they raise nothing.
    """
    from slimmer.api import gates

    return run(gates.compare_request(before, after, options), on_event=on_event, docker_host=docker_host)


def explain(output: str | PathLike[str] | BuildOutput, path: str) -> Explanation:
    """Explain why a path of the original is in the slim image, or how to keep it.

    `output` is the name of the slim image or of the original, or the output folder of the build. No engine is needed.
    Raises TargetNotFound, with similar paths, if the original has no such path.
    """
    from slimmer.report import explanation

    return explanation.explain(_output(output), path)


def sizes(output: str | PathLike[str] | BuildOutput, below: str = "/") -> Sizes:
    """Add up the sizes of what is kept below a folder: by file, rule, package and folder. `output` is as for `explain`."""
    from slimmer.report import sizes as size_report

    return size_report.sizes(_output(output), below)


def sbom(
    target: str | PathLike[str] | BuildOutput,
    *,
    of: str = "",
    on_event: OnEvent | None = None,
    docker_host: str = "",
) -> Sbom:
    """Return the software bill of materials of an image, or of the "slim" (default) or "original" image of an output folder (`of`).

    An image is read in the engine, but not run. An output folder needs no engine. `"".join(result.cyclonedx())` is the document.
    """
    if isinstance(target, BuildOutput) or _is_folder(target):
        from slimmer.sbom.output import output_sbom

        wanted = words.choice("--of", of or "slim", ("slim", "original"))
        return output_sbom(_output(target), wanted)
    if of:
        raise UsageError("--of is for an output folder: an image is listed as it is", hint=OF_HINT)
    from slimmer.pipeline.sbom import image_sbom

    try:
        return image_sbom(str(target), Progress(on_event), docker_host)
    except TargetNotFound as error:
        with suppress(UsageError):
            folder = find_output(str(target)).folder
            raise TargetNotFound(
                error.message, hint=f"`slimmer sbom {folder}` lists the packages of the build in that folder."
            ) from error
        raise


def not_proven(output: str | PathLike[str] | BuildOutput) -> UnprovenReport:
    """Return what a build did not prove: parts of the original that nothing exercised. `output` is as for `explain`."""
    from slimmer.report import unproven as unproven_report

    return unproven_report.unproven(_output(output))


def not_exercised(output: str | PathLike[str] | BuildOutput) -> UnexercisedReport:
    """Return what a build asked of the app, and the app's own code that nothing touched meanwhile. `output` is as for `explain`."""
    from slimmer.report import unexercised as unexercised_report

    return unexercised_report.unexercised(_output(output))


def attest(output: str | PathLike[str] | BuildOutput) -> dict[str, Any]:
    """Return an in-toto statement about the slim image of a build, as a JSON value. `output` is as for `explain`.

    Raises UsageError if the image was not verified, or if a file of the output folder was changed.
    """
    from slimmer.report import attestation as attestation_report

    return attestation_report.attestation(_output(output))


def check_probes(file: str | PathLike[str], url: str, *, request_timeout: float = 30.0) -> ProbeCheck:
    """Send the requests of a probe file to `url`, each for at most `request_timeout` seconds. Failures are in the result.

    Raises UsageError if the file or the URL is invalid.
    """
    from slimmer.exercise.base_url import base_url
    from slimmer.exercise.file_check import ask_each
    from slimmer.exercise.probe_file import requests_from_file
    from slimmer.report.probe_check import probe_check

    address, timeout = base_url(url), words.positive_seconds("--request-timeout", str(request_timeout))
    return probe_check(str(address), tuple(ask_each(requests_from_file(Path(file)), address, timeout)))


def validate_probes(file: str | PathLike[str]) -> int:
    """Check a probe file without sending anything, and return the number of its requests. Variables need no value.

    Raises UsageError, which names the line and the key, if the file is invalid.
    """
    from slimmer.exercise.probe_file import requests_from_file

    return len(requests_from_file(Path(file), environment=False))


def record_probes(har: str | PathLike[str], *, url: str = "") -> Recording:
    """Make a probe file of a HAR file: of its requests to the origin of `url`, or to the one with the most requests.

    Raises UsageError if it is no HAR file, or has no such request.
    """
    from slimmer.exercise.recording import record

    return record(Path(har), url)


def clean(*, strangers: bool = False, dry_run: bool = False, docker_host: str = "") -> CleanResult:
    """Remove what killed runs of slimmer left in the engine. With `dry_run`, only find it.

    `strangers`: also remove what slimmer made on other machines or in other containers, even if it is still running there.
    """
    from slimmer.pipeline import commands

    return commands.clean(strangers=strangers, dry_run=dry_run, docker_host=docker_host)


def doctor(*, ci: bool = False, docker_host: str = "") -> tuple[Check, ...]:
    """Try out what slimmer needs from the engine, its kernel and the probe; with `ci`, also what matters in a CI job.

    Failures are in the result; they raise nothing.
    """
    from slimmer.pipeline import commands

    return commands.examine(docker_host, ci=ci)


@overload
def run(request: BuildRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> BuildResult: ...
@overload
def run(
    request: ObserveRequest | AttachRequest, *, on_event: OnEvent | None = None, docker_host: str = ""
) -> ObserveResult: ...
@overload
def run(request: KeepRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> KeepResult: ...
@overload
def run(request: RebuildRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> RebuildResult: ...
@overload
def run(request: VerifyRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> VerifyResult: ...
@overload
def run(request: CompareRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> Comparison: ...
def run(request: AnyRequest, *, on_event: OnEvent | None = None, docker_host: str = "") -> AnyResult:
    """Carry out a request. The functions above make a request from their keyword arguments and call this."""
    progress = Progress(on_event)
    command = _command(type(request))
    if command is None:
        raise TypeError(f"not a request: {type(request).__name__}")
    return command(request, progress, docker_host)


def _output(output: str | PathLike[str] | BuildOutput) -> BuildOutput:
    return output if isinstance(output, BuildOutput) else find_output(str(output))


def _is_folder(target: str | PathLike[str]) -> bool:
    """Return True if a target is an output folder, or is written as a path. An image may have the name of a folder."""
    text = str(target)
    return text.startswith(("/", "./", "../")) or isinstance(target, PathLike) or (Path(text) / MANIFEST).is_file()


def _command(kind: type[AnyRequest]) -> Callable[[Any, Progress, str], AnyResult] | None:
    """Return what carries out a request of this kind. A build needs none of what the other commands need."""
    if kind is BuildRequest:
        return building.build
    from slimmer.pipeline import commands

    known: dict[type[AnyRequest], Callable[[Any, Progress, str], AnyResult]] = {
        ObserveRequest: commands.observe,
        AttachRequest: commands.attach,
        KeepRequest: commands.keep,
        RebuildRequest: commands.rebuild,
        VerifyRequest: commands.verify,
        CompareRequest: commands.compare,
    }
    return known.get(kind)
