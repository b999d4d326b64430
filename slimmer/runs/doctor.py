"""What slimmer needs of the engine and its kernel, each tried for real: the checks behind `slimmer doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.description import Description
from slimmer.engine.leftovers import find_leftovers
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import SlimmerError
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from slimmer.probe_mount import ProbeMount
from slimmer.runs.start import ask_identity
from slimmer.versioned_json import Format, Version

TIMEOUT = 30.0
RECORDERS = {
    "notify": "Seccomp user notification needs kernel 5.5 or later; without it ptrace is used, which is slower.",
    "fanotify": "Without it, opens that no system call names are missed (interpreters); rootless engines lack it.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `hint` says what to do, or what it means, when it is not `ok`; what is `needed` must be."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks. `ok` says that nothing is missing that slimmer needs."""

    ok: bool
    checks: tuple[Check, ...]


FORMAT = Format("slimmer-doctor", Version(1, 0), Diagnosis)


def examine() -> tuple[Check, ...]:
    """All checks, in the order in which they build on one another; it stops where going on makes no sense."""
    try:
        engine = connect()
    except SlimmerError as error:
        return (_failed("engine", error),)
    try:
        return tuple(_checks(engine))
    finally:
        engine.close()


def _checks(engine: Engine) -> Iterator[Check]:
    kind = "podman" if engine.is_podman else "docker"
    rootless = ", rootless" if engine.rootless else ""
    yield Check("engine", True, f"{kind} {engine.version} at {engine.url} ({engine.operating_system}{rootless})")
    yield _leftovers(engine)
    try:
        probe = probe_path(engine.architecture)
    except SlimmerError as error:
        yield _failed("probe", error)
        return
    yield Check("probe", True, f"at hand for {engine.architecture}")
    with EngineResources(engine) as scope:
        yield from _trial(scope, probe)


def _leftovers(engine: Engine) -> Check:
    found = find_leftovers(engine)
    counts = (
        f"{len(found.containers)} containers, {len(found.volumes)} volumes, {len(found.images)} images of dead runs"
    )
    return Check("leftovers", not found, counts if found else "none", "`slimmer clean` removes them.", needed=False)


def _trial(scope: EngineResources, probe: Path) -> Iterator[Check]:
    """Watch the smallest app there is: the probe's own `version`."""
    try:
        config = _config(scope, probe)
        identity = ask_identity(scope, config, RunOptions(network="none"), probe)
    except SlimmerError as error:
        yield _failed("run", error)
        return
    yield Check("run", True, "the probe runs in a container")
    try:
        mount = scope.lender.own(probe)
        container = scope.create(_watched(config, mount, identity), "trial")
        container.start()
    except SlimmerError as error:
        yield _failed(
            "capabilities", error, "Containers need --cap-add SYS_ADMIN and SYS_PTRACE: ask the engine's owner."
        )
        return
    yield Check("capabilities", True, "SYS_ADMIN and SYS_PTRACE can be added")
    yield from _recorders(container, mount)


def _watched(config: ImageConfig, mount: ProbeMount, identity: str) -> Description:
    options = RunOptions(entrypoint=(mount.program, "version"), network="none")
    return description.observed(config, options, config.image_id, mount, identity, "auto")


def _config(scope: EngineResources, probe: Path) -> ImageConfig:
    """The probe's own image."""
    return ImageConfig(image_id=scope.lender.image(probe), architecture=scope.engine.architecture, os="linux")


def _recorders(container: Container, mount: ProbeMount) -> Iterator[Check]:
    """What the supervisor says of its recorders (docs/probe-protocol.md, "Record stream")."""
    stream = container.exec_stream((mount.program, "supervise", "--recorder", "auto"), user="0:0")
    stream.set_timeout(TIMEOUT)
    said = b""
    try:
        while data := stream.recv():
            said += data
    except OSError as error:
        yield Check(
            "recorders", False, f"no end of the trial: {error}", "Please report this with the engine's version."
        )
        return
    finally:
        stream.close()
    fields = [field.decode(errors="replace") for field in said.split(b"\0")]
    states = {head.split()[1]: (head.split()[-1] == "on", why) for head, why in _recorder_lines(fields)}
    for name, meaning in RECORDERS.items():
        on, why = states.get(name, (False, stream.stderr.strip() or "not mentioned by the probe"))
        yield Check(f"recorder {name}", on, why or "runs", meaning, needed=False)


def _recorder_lines(fields: list[str]) -> Iterator[tuple[str, str]]:
    records = zip(fields[0::3], fields[1::3], strict=False)
    return ((head, why) for head, why in records if head.startswith("recorder ") and len(head.split()) == 3)


def _failed(name: str, error: SlimmerError, hint: str | None = None) -> Check:
    return Check(name, False, error.message, hint or error.hint)
