"""Check what slimmer needs from the engine and its kernel, by really trying it. These are the checks of `slimmer doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.leftovers import find_leftovers
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import SlimmerError
from slimmer.exercise.browser import program
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from slimmer.probe_mount import ProbeMount
from slimmer.runs.check import Check
from slimmer.runs.ci_runner import runner_checks
from slimmer.runs.ci_trial import engine_checks
from slimmer.runs.start import ask_identity
from slimmer.runs.watched import FORBIDDEN_HINT, PROBE_FAILED

TIMEOUT = 30.0
PTRACE = "slimmer needs it on kernels and engines without seccomp user notification."
RECORDERS = {
    "notify": "Seccomp user notification needs kernel 5.6 or later. Without it, slimmer uses ptrace, which is slower.",
    "fanotify": "Without it, slimmer misses files that the kernel opens by itself (interpreters). Rootless engines lack it.",
    "bpf": "Without it, --seccomp makes no profiles. It needs kernel 5.11 or later, and CAP_SYS_ADMIN in the first user namespace.",
}


def examine(docker_host: str = "", *, ci: bool = False) -> tuple[Check, ...]:
    """Run all checks, each of which builds on those before, and return their results. It stops where going on makes no sense.

    `ci`: also check what matters in a CI job.
    """
    runner = tuple(runner_checks(os.environ, docker_host)) if ci else ()
    try:
        engine = connect(docker_host)
    except SlimmerError as error:
        return (*runner, _failed("engine", error))
    try:
        return (*runner, *_checks(engine, ci))
    finally:
        engine.close()


def _checks(engine: Engine, ci: bool) -> Iterator[Check]:
    kind = "podman" if engine.is_podman else "docker"
    rootless = ", rootless" if engine.rootless else ""
    yield Check("engine", True, f"{kind} {engine.version} at {engine.url} ({engine.operating_system}{rootless})")
    yield _leftovers(engine)
    yield browser_check()
    try:
        probe = probe_path(engine.architecture)
    except SlimmerError as error:
        yield _failed("probe", error)
        return
    yield Check("probe", True, f"installed for {engine.architecture}")
    with EngineResources(engine) as scope:
        yield from _trial(scope, probe, ci)


def _leftovers(engine: Engine) -> Check:
    found = find_leftovers(engine)
    counts = (
        f"{len(found.containers)} containers, {len(found.volumes)} volumes, {len(found.networks)} networks, "
        f"{len(found.images)} images of dead runs"
    )
    return Check("leftovers", not found, counts if found else "none", "`slimmer clean` removes them.", needed=False)


def browser_check() -> Check:
    """Look for what --crawl-browser needs."""
    if found := program.missing():
        what, hint = found
        return Check("browser", False, what, f"Only {program.OPTION} needs it. {hint}", needed=False)
    return Check("browser", True, program.chromium() or "")


def _trial(scope: EngineResources, probe: Path, ci: bool) -> Iterator[Check]:
    """Watch the smallest possible app: the probe's own `version`."""
    try:
        config = _config(scope, probe)
        identity = ask_identity(scope, config, RunOptions(network="none"), probe)
    except SlimmerError as error:
        yield _failed("run", error)
        return
    yield Check("run", True, "the probe runs in a container")
    try:
        mount = scope.lender.own(probe)
        container = _watched(scope, config, mount, identity)
    except SlimmerError as error:
        yield _failed(
            "capabilities",
            error,
            "slimmer's containers need SYS_ADMIN and SYS_PTRACE. Ask the administrator of the engine.",
        )
        return
    yield Check("capabilities", True, "SYS_ADMIN and SYS_PTRACE can be added")
    yield from _recorders(container, mount)
    if ci:
        yield from _recorders(_watched(scope, config, mount, identity, "ptrace"), mount, "ptrace")
        yield from engine_checks(scope, probe)


def _watched(
    scope: EngineResources, config: ImageConfig, mount: ProbeMount, identity: str, recorder: str = "auto"
) -> Container:
    """Start a container that waits for its supervisor."""
    options = RunOptions(entrypoint=(mount.program, "version"), network="none")
    wanted = description.observed(config, options, config.image_id, mount, identity, recorder)
    container = scope.create(wanted, f"trial-{recorder}")
    container.start()
    return container


def _config(scope: EngineResources, probe: Path) -> ImageConfig:
    """Return the configuration of the probe's own image."""
    return ImageConfig(image_id=scope.lender.image(probe), architecture=scope.engine.architecture, os="linux")


def _recorders(container: Container, mount: ProbeMount, recorder: str = "auto") -> Iterator[Check]:
    """Yield what the supervisor reports about this recorder, or those of `auto` (docs/probe-protocol.md, "Record stream")."""
    stream = container.exec_stream((mount.program, "supervise", "--recorder", recorder), user="0:0")
    stream.set_timeout(TIMEOUT)
    said = b""
    try:
        while data := stream.recv():
            said += data
    except OSError as error:
        yield Check(
            "recorders", False, f"the trial did not end: {error}", "Please report this with the engine's version."
        )
        return
    finally:
        stream.close()
    fields = [field.decode(errors="replace") for field in said.split(b"\0")]
    states = {head.split()[1]: (head.split()[-1] == "on", why) for head, why in _recorder_lines(fields)}
    if problem := _problem(container, fields):
        if recorder == "auto":  # told once
            yield Check("watch", False, problem, FORBIDDEN_HINT)
        return
    for name, meaning in (RECORDERS if recorder == "auto" else {recorder: PTRACE}).items():
        on, why = states.get(name, (False, stream.stderr.strip() or "not mentioned by the probe"))
        yield Check(f"recorder {name}", on, why or "runs", meaning, needed=False)


def _problem(container: Container, fields: list[str]) -> str:
    """Return what the supervisor or the probe in the app's place gave up for, or ""."""
    records = zip(fields[0::3], fields[1::3], strict=False)
    if fatal := next((why for head, why in records if head == "fatal"), ""):
        return fatal
    if container.wait(TIMEOUT) == PROBE_FAILED:
        return container.last_log_lines().strip()
    return ""


def _recorder_lines(fields: list[str]) -> Iterator[tuple[str, str]]:
    records = zip(fields[0::3], fields[1::3], strict=False)
    return ((head, why) for head, why in records if head.startswith("recorder ") and len(head.split()) == 3)


def _failed(name: str, error: SlimmerError, hint: str | None = None) -> Check:
    return Check(name, False, error.message, hint or error.hint)
