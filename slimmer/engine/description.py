"""How a container is described to the engine: pure functions from options to the JSON of `POST /containers/create`.

Every kind of run, one module, so that what they share stays the same. Source: Engine API v1.41, "Create a container".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.probe_mount import ProbeMount

PROBE_CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE")
"""For seccomp listeners without no_new_privs, fanotify and reading the app's memory. The app never gets them."""

ATTACH_CAPABILITIES = ("DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE")
"""To look into another container: for fanotify, at its processes, and through folders that are closed to others."""

FAST_HEALTH_INTERVAL = 200_000_000
"""Nanoseconds between two health checks while a slim image is verified; the image itself keeps its own."""

UNMASKED = "systempaths=unconfined"
"""A security option that the docker client translates itself."""

Description = dict[str, Any]


def command(config: ImageConfig, options: RunOptions) -> tuple[str, ...]:
    """What the container runs, as `docker run` puts it together: an --entrypoint clears the image's CMD."""
    if options.entrypoint is not None:
        return options.entrypoint + (options.cmd or ())
    return (config.entrypoint or ()) + (config.cmd or () if options.cmd is None else options.cmd)


def check_command(config: ImageConfig, options: RunOptions) -> None:
    """Raise UsageError when there is nothing to run."""
    if not any(command(config, options)):
        raise UsageError(
            "there is nothing to run: neither the image nor an option names a command",
            hint="Say what to run: --cmd 'myapp --port 80', or --entrypoint.",
        )


def native(config: ImageConfig, options: RunOptions, image: str) -> Description:
    """The app as a user would run it; HEALTHCHECK runs more often, so that its verdict does not take half a minute."""
    description = _with_user(_base(image, options, command(config, options)), options)
    if config.healthcheck and not config.healthcheck.disabled:
        check = config.healthcheck
        description["Healthcheck"] = {
            "Test": list(check.test),
            "Interval": FAST_HEALTH_INTERVAL,
            "Timeout": check.timeout,
            "Retries": check.retries,
            "StartPeriod": check.start_period,
        }
    return description


def asking(options: RunOptions, image: str, probe: ProbeMount) -> Description:
    """The probe's `ask` in the app's place: same user, same options, nothing added."""
    description = _with_probe(_base(image, options, (probe.program, "ask")), probe)
    return _with_user(description, options)


def observed(
    config: ImageConfig, options: RunOptions, image: str, probe: ProbeMount, identity: str, recorder: str
) -> Description:
    """The app under the probe, which needs more than the app: root, and two capabilities. It gives them all up."""
    app = command(config, options)
    argv = (probe.program, "run", "--recorder", recorder, "--identity", identity, "--", *app)
    description = _with_probe(_base(image, options, argv), probe)
    description["User"] = "0:0"
    host = description["HostConfig"]
    host["CapAdd"] = sorted({*_plain(options.cap_add), *PROBE_CAPABILITIES})
    host["CapDrop"] = []
    # no_new_privs is part of the identity; set on the container it would keep the probe from its capabilities.
    host["SecurityOpt"] = [option for option in host["SecurityOpt"] if not option.startswith("no-new-privileges")]
    return description


def pristine(config: ImageConfig, image: str, probe: ProbeMount) -> Description:
    """A container that only serves the image's files: no network, and no copies of VOLUME contents."""
    description = _talking(_with_probe(_base(image, RunOptions(platform=""), (probe.program, "serve")), probe))
    description["HostConfig"] |= {"NetworkMode": "none", "CapAdd": ["SYS_ADMIN"], "Mounts": _shades(config)}
    return description


def looked_at(config: ImageConfig, image: str) -> Description:
    """A container of the image that is never started, with nothing in it but the image's files."""
    description = still(image)
    description["HostConfig"]["Mounts"] = _shades(config)
    return description


def still(image: str) -> Description:
    """A container that is never started."""
    return {"Image": image, "Cmd": ["none"], "HostConfig": {"LogConfig": {"Type": "none"}, "NetworkMode": "none"}}


def sidecar(probe_image: str, probe: ProbeMount, container: str, network: str = "") -> Description:
    """The probe in another container's network, to relay to it; with no capability at all.

    `network` is that container's own. One that another container or the host lends can only be had from there.
    """
    lent = network == "host" or network.startswith("container:")
    description = _talking(_with_probe(_base(probe_image, RunOptions(), (probe.program, "wait")), probe))
    description["HostConfig"] |= {"NetworkMode": network if lent else f"container:{container}", "CapDrop": ["ALL"]}
    return description


def releasing(probe_image: str, probe: ProbeMount, container: str, pid_mode: str) -> Description:
    """The probe's `release` among the processes of a container; `pid_mode` is that container's own."""
    description = _with_probe(_base(probe_image, RunOptions(), (probe.program, "release")), probe)
    description |= {"User": "0:0", "WorkingDir": "/"}
    description["HostConfig"] |= {
        "NetworkMode": "none",
        "PidMode": pid_mode or f"container:{container}",
        "CapAdd": ["SYS_PTRACE"],
        "CapDrop": ["ALL"],
    }
    return description


def attached(probe_image: str, probe: ProbeMount, process: int) -> Description:
    """The probe beside a container that runs already. `process` is that one's first, as the host numbers it.

    It is in the host's PID namespace, because it would not outlive the container in that one's. AppArmor and SELinux forbid
    a container to look into another one.
    """
    argv = (probe.program, "attach", str(process))
    description = _talking(_with_probe(_base(probe_image, RunOptions(), argv), probe))
    description["HostConfig"] |= {
        "NetworkMode": "none",
        "PidMode": "host",
        "UsernsMode": "host",
        "CapAdd": list(ATTACH_CAPABILITIES),
        "CapDrop": ["ALL"],
        "SecurityOpt": ["apparmor=unconfined", "label=disable"],
    }
    return description


def _base(image: str, options: RunOptions, argv: tuple[str, ...]) -> Description:
    """What all runs share. The log driver is none: output is read from an attached stream, and leaves no file."""
    binds, anonymous = _volumes(options)
    return {
        "Image": image,
        "Entrypoint": list(argv[:1]),
        "Cmd": list(argv[1:]),
        "Env": list(options.env),
        "WorkingDir": options.workdir,
        "Hostname": options.hostname,
        "Volumes": {target: {} for target in anonymous},
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {
            "LogConfig": {"Type": "none"},
            "Binds": binds,
            "Tmpfs": dict(_tmpfs(entry) for entry in options.tmpfs),
            "NetworkMode": options.network or "default",
            "CapAdd": list(options.cap_add),
            "CapDrop": list(options.cap_drop),
            "GroupAdd": list(options.group_add),
            "SecurityOpt": [_security(entry) for entry in options.security_opt if entry != UNMASKED],
            "ShmSize": options.shm_size,
            "Memory": options.memory,
            "Ulimits": [_ulimit(entry) for entry in options.ulimits],
            "Devices": [_device(entry) for entry in options.devices],
            "DeviceRequests": _gpus(options.gpus),
            "Init": options.init or None,
            "ReadonlyRootfs": options.read_only,
            "ExtraHosts": list(options.add_hosts),
            "Sysctls": dict(_pair("--sysctl", entry) for entry in options.sysctls),
            "PidMode": options.pid_mode,
            "IpcMode": options.ipc_mode,
            **({"MaskedPaths": [], "ReadonlyPaths": []} if UNMASKED in options.security_opt else {}),
        },
    }


def _talking(description: Description) -> Description:
    """As root, with stdin; the end of stdin is the end of slimmer."""
    return description | {"User": "0:0", "OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "WorkingDir": "/"}


def _shades(config: ImageConfig) -> list[dict[str, str]]:
    """Empty mounts in place of volumes, which the engine would fill with copies."""
    return [{"Type": "tmpfs", "Target": volume} for volume in config.volumes]


def _with_probe(description: Description, probe: ProbeMount) -> Description:
    description["HostConfig"]["VolumesFrom"] = [f"{probe.helper}:ro"]
    description["Healthcheck"] = {"Test": ["NONE"]}
    return description


def _with_user(description: Description, options: RunOptions) -> Description:
    if options.user:
        description["User"] = options.user
    return description


def check(options: RunOptions) -> None:
    """Raise UsageError for options that make no sense or that slimmer refuses, before anything is made."""
    _base("", options, ("x",))
    _check_namespace("--pid", options.pid_mode, ("host",))
    _check_namespace("--ipc", options.ipc_mode, ("host", "none", "private", "shareable"))
    for entry in options.volumes:
        source, target, mode = split_volume(entry)
        if is_bind(source) and not options.share_mounts and "ro" not in mode.split(","):
            raise UsageError(
                f"--volume {source}:{target} is a read-write bind mount, which every run would share and change",
                hint="Add :ro, use a named volume (each run gets a copy), or allow it with --share-mounts.",
            )


def risk(options: RunOptions) -> str:
    """What the user should know before an app is watched that is run so; "" for nothing (SECURITY.md, "What is trusted")."""
    given = set(_plain(options.cap_add))
    if "SYS_PTRACE" not in given or given & {"SYS_ADMIN", "ALL"}:
        return ""
    return "with --cap-add SYS_PTRACE the app can take the probe over, and so gets SYS_ADMIN: only for images that you trust"


def _check_namespace(option: str, mode: str, names: tuple[str, ...]) -> None:
    """The engine takes a word that it does not know for the default; the docker client is who refuses it."""
    if mode and mode not in names and not mode.startswith("container:"):
        known = ", ".join((*names, "container:NAME"))
        raise UsageError(f"{option}: not known: {mode!r}", hint=f"Known: {known}.")


def split_volume(entry: str) -> tuple[str, str, str]:
    """`SOURCE:TARGET[:MODE]`, or `TARGET` alone for an anonymous volume (SOURCE is "" then)."""
    parts = entry.split(":")
    if len(parts) == 1:
        parts = ["", entry]
    if len(parts) > 3 or not parts[1].startswith("/"):
        raise UsageError(f"--volume: not understood: {entry!r}", hint="For example: --volume data:/var/lib/app:ro")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def is_bind(source: str) -> bool:
    """Whether a volume's source is a path of the host and not a volume's name."""
    return source.startswith(("/", ".", "~"))


def _volumes(options: RunOptions) -> tuple[list[str], list[str]]:
    binds, anonymous = [], []
    for entry in options.volumes:
        source, target, mode = split_volume(entry)
        if not source:
            anonymous.append(target)
            continue
        path = str(Path(source).expanduser().absolute()) if is_bind(source) else source
        binds.append(":".join(part for part in (path, target, mode) if part))
    return binds, anonymous


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    if not path.startswith("/"):
        raise UsageError(f"--tmpfs: not an absolute path: {entry!r}", hint="For example: --tmpfs /tmp:size=64m")
    return path, options


def _security(entry: str) -> str:
    """A seccomp profile is a file on the client's side; the engine wants its content, as `docker run` sends it."""
    name, _, value = entry.partition("=")
    if name != "seccomp" or value in ("unconfined", "builtin"):
        return entry
    try:
        return "seccomp=" + json.dumps(json.loads(Path(value).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(f"--security-opt {entry}: {error}", hint="A seccomp profile is a JSON file.") from error


def _ulimit(entry: str) -> Mapping[str, Any]:
    name, _, limits = entry.partition("=")
    soft, _, hard = limits.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    except ValueError as error:
        raise UsageError(
            f"--ulimit: not understood: {entry!r}", hint="For example: --ulimit nofile=1024:4096"
        ) from error


def _device(entry: str) -> Mapping[str, str]:
    parts = entry.split(":")
    inside = parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0]
    last = parts[-1] if len(parts) > 1 and not parts[-1].startswith("/") else "rwm"
    return {"PathOnHost": parts[0], "PathInContainer": inside, "CgroupPermissions": last}


def _gpus(text: str) -> list[Mapping[str, Any]]:
    if not text:
        return []
    count = -1 if text == "all" else int(text) if text.isdigit() else 0
    if count == 0:
        raise UsageError(f"--gpus: not understood: {text!r}", hint="A number, or all.")
    return [{"Driver": "", "Count": count, "Capabilities": [["gpu"]]}]


def _pair(option: str, entry: str) -> tuple[str, str]:
    name, equals, value = entry.partition("=")
    if not (name and equals):
        raise UsageError(f"{option}: not understood: {entry!r}", hint=f"For example: {option} NAME=VALUE")
    return name, value


def _plain(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.upper().removeprefix("CAP_") for name in capabilities)
