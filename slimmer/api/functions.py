"""build, observe, attach, keep, rebuild, verify, compare, explain, sizes, clean and doctor, as functions of Python.

They print nothing, install no signal handlers and end no process. They call `on_event`, if it is given, with each event
(slimmer.Event). `docker_host` is the engine's address; "" is the engine that the docker client would use. Each way to fail is a
SlimmerError of its own. Whatever they make in the engine is gone when they return or raise, also after a KeyboardInterrupt.
They may be called from several threads at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from slimmer.api import requests, words
from slimmer.api.options import BuildKeywords, KeepKeywords, Logs, RunKeywords
from slimmer.artifacts.build_output import BuildOutput, find_output
from slimmer.errors import UsageError
from slimmer.exercise.plan import Until
from slimmer.pipeline import build as building
from slimmer.pipeline import commands
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
from slimmer.report import explanation
from slimmer.report import sizes as size_report
from slimmer.report.comparison import Comparison
from slimmer.report.explanation import Explanation
from slimmer.report.sizes import Sizes

if TYPE_CHECKING:
    from slimmer.runs.doctor import Check

LOG = "access.json"
"""Where an access log goes unless the caller says otherwise."""

AnyRequest = (
    BuildRequest | ObserveRequest | AttachRequest | KeepRequest | RebuildRequest | VerifyRequest | CompareRequest
)
AnyResult = BuildResult | ObserveResult | KeepResult | RebuildResult | VerifyResult | Comparison


def build(
    target: str, *, on_event: OnEvent | None = None, docker_host: str = "", **options: Unpack[BuildKeywords]
) -> BuildResult:
    """Make a small image that does the same as `target`, prove it, and tag it.

    `options` are those of `slimmer build`: `policy="balanced"`, `tag="myapp:slim"`, `probe=["/health"]`, `env={"A": "b"}` …
    `slimmer build --help` explains each. `--probe-file` is `probe_file`; slimmer/api/options.py has their types.
    Raises VerificationFailed if the small image does something else; it has no tag then.
    """
    return run(requests.build_request(target, options), on_event=on_event, docker_host=docker_host)


def observe(
    target: str,
    *,
    out: str | PathLike[str] | None = LOG,
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[RunKeywords],
) -> ObserveResult:
    """Run `target` under the probe while it is exercised, and write its access log to `out`: a file (NAME.json) or a folder.

    With `out=None` no file is written; the result has the log. Raises AppFailed, ExerciseFailed or ObservationIncomplete.
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
    """Watch a container that runs already, from outside, and write what it opened. The container is left as it is.

    The watch ends with the container, after `until` seconds, or when `stop` returns True (a threading.Event's `is_set`, say).
    """
    end, seconds = words.until(str(until))
    if end is Until.PROBES:
        raise UsageError("until='probes' does not go with attach: nothing is asked of that container", hint="")
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
    """Decide what to keep of the image that `logs` belong to, and pack it into the folder `out`. No image is made.

    `logs` are files, folders or the logs of `observe`. `rebase` is a later build of their image, to keep from that instead.
    """
    return run(requests.keep_request(logs, out, rebase, options), on_event=on_event, docker_host=docker_host)


def rebuild(
    folder: str | PathLike[str], *, tag: str, on_event: OnEvent | None = None, docker_host: str = ""
) -> RebuildResult:
    """Make the image of a folder that `build` or `keep` wrote, and tag it. Nothing is verified."""
    return run(RebuildRequest(Path(folder), tag), on_event=on_event, docker_host=docker_host)


def verify(
    before: str,
    after: str,
    *,
    on_event: OnEvent | None = None,
    docker_host: str = "",
    **options: Unpack[RunKeywords],
) -> VerifyResult:
    """Compare what `after` holds and how it answers with `before`. Differences are in the result; they raise nothing."""
    return run(requests.verify_request(before, after, options), on_event=on_event, docker_host=docker_host)


def compare(before: str, after: str, *, on_event: OnEvent | None = None, docker_host: str = "") -> Comparison:
    """Measure two images: sizes, layers, files, packages and configuration. Neither is run."""
    return run(CompareRequest(before, after), on_event=on_event, docker_host=docker_host)


def explain(output: str | PathLike[str] | BuildOutput, path: str) -> Explanation:
    """Explain why a path of the original is in the slim image, or what would keep it.

    `output` is the image as it was given to build, or the folder of its artifacts. No engine is needed.
    Raises TargetNotFound, with similar paths, if the original has no such path.
    """
    return explanation.explain(_output(output), path)


def sizes(output: str | PathLike[str] | BuildOutput, below: str = "/") -> Sizes:
    """Add up what is kept below a folder: by file, rule, package and folder. `output` as for `explain`."""
    return size_report.sizes(_output(output), below)


def clean(*, strangers: bool = False, dry_run: bool = False, docker_host: str = "") -> CleanResult:
    """Remove what killed runs of slimmer left in the engine; with `dry_run`, only find it.

    `strangers`: also what slimmers on other machines or in other containers made, even if they still run.
    """
    return commands.clean(strangers=strangers, dry_run=dry_run, docker_host=docker_host)


def doctor(*, docker_host: str = "") -> tuple[Check, ...]:
    """Try what slimmer needs of the engine, its kernel and the probe. What fails is in the result; it raises nothing."""
    return commands.examine(docker_host)


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
    """Do what a request asks for. The functions above make a request from their keyword arguments and call this."""
    progress = Progress(on_event)
    command = _COMMANDS.get(type(request))
    if command is None:
        raise TypeError(f"not a request: {type(request).__name__}")
    return command(request, progress, docker_host)


def _output(output: str | PathLike[str] | BuildOutput) -> BuildOutput:
    return output if isinstance(output, BuildOutput) else find_output(str(output))


_COMMANDS: dict[type, Callable[[Any, Progress, str], AnyResult]] = {
    BuildRequest: building.build,
    ObserveRequest: commands.observe,
    AttachRequest: commands.attach,
    KeepRequest: commands.keep,
    RebuildRequest: commands.rebuild,
    VerifyRequest: commands.verify,
    CompareRequest: commands.compare,
}
