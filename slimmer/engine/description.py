"""Describe containers to the engine: pure functions from options to the JSON of `POST /containers/create`.

All kinds of runs are here, so that what they share stays the same. Source: Engine API v1.41, "Create a container".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slimmer.engine.options import Companion, RunOptions
from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.probe_mount import ProbeMount

PROBE_CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE")
"""Needed for seccomp listeners without no_new_privs, for fanotify and to read the app's memory. The app never gets them."""

ATTACH_CAPABILITIES = ("DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE")
"""Needed to look into another container: for fanotify, to see its processes, and to pass through folders that are closed to others."""

SOCKET_CAPABILITIES = ("DAC_OVERRIDE", "DAC_READ_SEARCH", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "SYS_PTRACE")
"""Needed to enter the root of another container's process and to become the app's user. Those for files stay if the app has them."""

FAST_HEALTH_INTERVAL = 200_000_000
"""Nanoseconds between two health checks while a slim image is verified. The image keeps its own interval."""

CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
"""The names that engines accept for containers (moby, daemon/names: RestrictedNameChars)."""

COMPANION_HINT = (
    "A name has at least two letters, digits, '.', '_' or '-', and starts with a letter or digit: --with cache=redis:7"
)
OWN_NETWORK = (
    "The app and its companions get a network of their own in each run. Leave out --network, or start the companions yourself in "
    "that network and leave out --with."
)

SERVICES_NETWORK = "A service that depends on others gets a network of its own with them in each run."

UNMASKED = "systempaths=unconfined"
"""A security option that the docker client translates itself."""

Description = dict[str, Any]


def command(config: ImageConfig, options: RunOptions) -> tuple[str, ...]:
    """Return the command that the container runs, put together as in `docker run`: --entrypoint clears the image's CMD."""
    if options.entrypoint is not None:
        return options.entrypoint + (options.cmd or ())
    return (config.entrypoint or ()) + (config.cmd or () if options.cmd is None else options.cmd)


def check_command(config: ImageConfig, options: RunOptions) -> None:
    """Raise UsageError if there is nothing to run."""
    if not any(command(config, options)):
        raise UsageError(
            "there is nothing to run: neither the image nor an option names a command",
            hint="Name a command: --cmd 'myapp --port 80', or --entrypoint.",
        )


def native(config: ImageConfig, options: RunOptions, image: str) -> Description:
    """Describe the app as a user would run it. HEALTHCHECK runs more often, so that its result does not take half a minute."""
    description = _with_user(_base(image, options, command(config, options)), options) | _fast_healthcheck(config)
    return _with_aliases(description, options)


def _fast_healthcheck(config: ImageConfig) -> Description:
    check = config.healthcheck
    if check is None or check.disabled:
        return {}
    return {
        "Healthcheck": {
            "Test": list(check.test),
            "Interval": FAST_HEALTH_INTERVAL,
            "Timeout": check.timeout,
            "Retries": check.retries,
            "StartPeriod": check.start_period,
        }
    }


def asking(options: RunOptions, image: str, probe: ProbeMount) -> Description:
    """Describe the probe's `ask` in place of the app, with the same user and options and nothing added."""
    description = _with_probe(_base(image, options, (probe.program, "ask")), probe)
    return _with_user(description, options)


def trying(options: RunOptions, image: str, probe: ProbeMount) -> Description:
    """Describe the probe's `try-calls` in place of the app, with the same user and options and nothing added."""
    description = _with_probe(_base(image, options, (probe.program, "try-calls")), probe)
    return _with_user(description, options)


def observed(
    config: ImageConfig, options: RunOptions, image: str, probe: ProbeMount, identity: str, recorder: str
) -> Description:
    """Describe the app under the probe. The probe needs root and two capabilities, and gives them up before the app starts."""
    app = command(config, options)
    argv = (probe.program, "run", "--recorder", recorder, "--identity", identity, "--", *app)
    description = _with_probe(_base(image, options, argv), probe)
    description["User"] = "0:0"
    host = description["HostConfig"]
    host["CapAdd"] = sorted({*_plain(options.cap_add), *PROBE_CAPABILITIES})
    host["CapDrop"] = []
    # no_new_privs is part of the identity. If the container had it, the probe could not use its capabilities.
    host["SecurityOpt"] = [option for option in host["SecurityOpt"] if not option.startswith("no-new-privileges")]
    return _with_aliases(description, options)


def pristine(config: ImageConfig, image: str, probe: ProbeMount) -> Description:
    """Describe a container that only serves the image's files: no network, and no copies of VOLUME contents."""
    description = _talking(_with_probe(_base(image, RunOptions(platform=""), (probe.program, "serve")), probe))
    description["HostConfig"] |= {"NetworkMode": "none", "CapAdd": ["SYS_ADMIN"], "Mounts": _shades(config)}
    return description


def looked_at(config: ImageConfig, image: str) -> Description:
    """Describe a container that is never started and has nothing but the image's files."""
    description = still(image)
    description["HostConfig"]["Mounts"] = _shades(config)
    return description


def still(image: str) -> Description:
    """Describe a container that is never started."""
    return {"Image": image, "Cmd": ["none"], "HostConfig": {"LogConfig": {"Type": "none"}, "NetworkMode": "none"}}


def sidecar(probe_image: str, probe: ProbeMount, container: str, network: str = "") -> Description:
    """Describe the probe in another container's network, as a relay to it. It has no capabilities.

    `network` is the network of that container.
    """
    return waiting(probe_image, probe, shared_network(container, network))


def waiting(probe_image: str, probe: ProbeMount, network_mode: str) -> Description:
    """Describe the probe in a network, where it waits until its stdin ends. It has no capabilities."""
    description = _talking(_with_probe(_base(probe_image, RunOptions(), (probe.program, "wait")), probe))
    description["HostConfig"] |= {"NetworkMode": network_mode, "CapDrop": ["ALL"]}
    return description


def socket_sidecar(probe_image: str, probe: ProbeMount, container: str, network: str) -> Description:
    """Describe the probe beside a container, as a relay to its Unix sockets: with its processes, whose root it enters, and its network.

    It may become any user, and gives up its capabilities before it looks a path up. `network` is the network of that container, which must have
    a PID namespace of its own: its first process is process 1 there.
    """
    description = sidecar(probe_image, probe, container, network)
    description["HostConfig"] |= {"PidMode": f"container:{container}", "CapAdd": list(SOCKET_CAPABILITIES)}
    return description


def shared_network(container: str, network: str) -> str:
    """Return the network mode that shares a container's addresses, also its loopback. `network` is the network of that container.

    Engines do not let a container join one that uses the network of the host or of a third container. It joins that instead.
    """
    lent = network == "host" or network.startswith("container:")
    return network if lent else f"container:{container}"


def plain(image: str, command: tuple[str, ...], environment: Sequence[str], network: str) -> Description:
    """Describe a container as `docker run --network NETWORK --env … IMAGE COMMAND` would make it. `command` () is the image's own."""
    return {
        "Image": image,
        "Env": list(environment),
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {"LogConfig": {"Type": "none"}, "NetworkMode": network or "default"},
        **({"Cmd": list(command)} if command else {}),
    }


def releasing(probe_image: str, probe: ProbeMount, container: str, pid_mode: str) -> Description:
    """Describe the probe's `release` in the PID namespace of a container. `pid_mode` is the mode of that container."""
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
    """Describe the probe beside a running container. `process` is the container's first process, as numbered on the host.

    The probe is in the host's PID namespace, because it would end with the container in the container's own. AppArmor and SELinux
    are off, because they forbid a container to look into another one.
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


def companion(wanted: Companion, config: ImageConfig, network: str) -> Description:
    """Describe a companion of the app, as `docker run --network NETWORK --network-alias NAME` would make it."""
    if wanted.options is not None:
        return native(config, replace(wanted.options, network=network, aliases=wanted.names), config.image_id)
    description = plain(config.image_id, wanted.command, wanted.env, network) | _fast_healthcheck(config)
    return description | _named_in(network, (wanted.name,))


def beside(wanted: Companion, config: ImageConfig, environment: Sequence[str], network: str) -> Description:
    """Describe a service of a compose file that exercises the app, with further variables. Its own health does not matter."""
    options = wanted.options or RunOptions()
    own = replace(options, env=(*options.env, *environment), network=network)
    if network.startswith("container:"):  # which has its own names
        own = replace(own, hostname="", add_hosts=())
    description = native(config, own, config.image_id)
    return description | {"Healthcheck": {"Test": ["NONE"]}}


def _with_aliases(description: Description, options: RunOptions) -> Description:
    """Add the further names of a container in the network of its run."""
    if not options.aliases or options.network.startswith("container:") or options.network in ("", "host", "none"):
        return description
    return description | _named_in(options.network, options.aliases)


def _named_in(network: str, names: Sequence[str]) -> Description:
    return {"NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": list(names)}}}}


def _base(image: str, options: RunOptions, argv: tuple[str, ...]) -> Description:
    """Return what all runs share. The log driver is none: output is read from an attached stream, and no file is left."""
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
    """Add root and stdin. When stdin ends, slimmer is gone."""
    return description | {"User": "0:0", "OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "WorkingDir": "/"}


def _shades(config: ImageConfig) -> list[dict[str, str]]:
    """Return empty mounts in place of volumes. The engine would fill volumes with copies."""
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
    """Raise UsageError for options that are invalid or that slimmer refuses, before anything is made."""
    _base("", options, ("x",))
    _check_namespace("--pid", options.pid_mode, ("host",))
    _check_namespace("--ipc", options.ipc_mode, ("host", "none", "private", "shareable"))
    _check_companions(options)
    services = (each.options for each in (*options.companions, options.exerciser) if each is not None)
    for each in filter(None, services):
        check(each)
    for entry in options.volumes:
        source, target, mode = split_volume(entry)
        if is_bind(source) and not options.share_mounts and "ro" not in mode.split(","):
            raise UsageError(
                f"--volume {source}:{target} is a read-write bind mount, which all runs would share and change",
                hint="Add :ro, use a named volume (each run gets a copy), or allow it with --share-mounts.",
            )


def risk(options: RunOptions) -> str:
    """Return a warning if it is risky to watch an app with these options, or "" (SECURITY.md, "What is trusted")."""
    given = set(_plain(options.cap_add))
    if "SYS_PTRACE" not in given or given & {"SYS_ADMIN", "ALL"}:
        return ""
    return "with --cap-add SYS_PTRACE, the app can take over the probe and get SYS_ADMIN. Use it only for images that you trust"


def _check_companions(options: RunOptions) -> None:
    """Raise UsageError if companions cannot be in one network with the app, each under its name. Names in a network have no case."""
    if options.companions and options.network:
        named_by = options.companions[0].named_by
        hint = OWN_NETWORK if named_by == "--with" else SERVICES_NETWORK
        raise UsageError(f"{named_by} cannot be used with --network {options.network}", hint=hint)
    taken = {"localhost": "is the name of every container itself", options.hostname.lower(): "is the app's --hostname"}
    for each in options.companions:
        name, named_by = each.name, each.named_by
        if not CONTAINER_NAME.fullmatch(name):
            raise UsageError(f"{named_by}: not a name: {name!r}", hint=COMPANION_HINT)
        if name.lower() in taken:
            raise UsageError(f"{named_by}: the name {name} {taken[name.lower()]}", hint=COMPANION_HINT)
        taken[name.lower()] = "is given twice"


def _check_namespace(option: str, mode: str, names: tuple[str, ...]) -> None:
    """Raise UsageError for an unknown mode. The engine would silently use the default; only the docker client refuses it."""
    if mode and mode not in names and not mode.startswith("container:"):
        known = ", ".join((*names, "container:NAME"))
        raise UsageError(f"{option}: unknown mode {mode!r}", hint=f"Use one of: {known}.")


def split_volume(entry: str) -> tuple[str, str, str]:
    """Split `SOURCE:TARGET[:MODE]`, or `TARGET` alone for an anonymous volume, whose source is "". Raise UsageError for anything else."""
    parts = entry.split(":")
    if len(parts) == 1:
        parts = ["", entry]
    if len(parts) > 3 or not parts[1].startswith("/"):
        raise UsageError(f"--volume: invalid value {entry!r}", hint="For example: --volume data:/var/lib/app:ro")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def is_bind(source: str) -> bool:
    """Return True if a volume's source is a path on the host and not the name of a volume."""
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
    """Return a security option. A seccomp profile is a file on the client; the engine gets its content, as from `docker run`."""
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
        raise UsageError(f"--ulimit: invalid value {entry!r}", hint="For example: --ulimit nofile=1024:4096") from error


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
        raise UsageError(f"--gpus: invalid value {text!r}", hint="Give a number, or all.")
    return [{"Driver": "", "Count": count, "Capabilities": [["gpu"]]}]


def _pair(option: str, entry: str) -> tuple[str, str]:
    name, equals, value = entry.partition("=")
    if not (name and equals):
        raise UsageError(f"{option}: invalid value {entry!r}", hint=f"For example: {option} NAME=VALUE")
    return name, value


def _plain(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.upper().removeprefix("CAP_") for name in capabilities)
