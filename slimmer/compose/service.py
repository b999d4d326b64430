"""Turn one service of a compose file into the options that `docker run` would get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slimmer.compose import values
from slimmer.compose.mounts import mounts
from slimmer.compose.project import Project
from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck

USED = frozenset(
    (
        "build", "cap_add", "cap_drop", "command", "configs", "container_name", "depends_on", "devices", "entrypoint", "environment",
        "extra_hosts", "group_add", "healthcheck", "hostname", "image", "init", "ipc", "links", "mem_limit", "network_mode", "networks",
        "pid", "platform", "read_only", "secrets", "security_opt", "shm_size", "sysctls", "tmpfs", "ulimits", "user", "volumes",
        "working_dir",
    )
)  # fmt: skip

WITHOUT_EFFECT = frozenset(
    (
        "annotations", "attach", "blkio_config", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime",
        "cpu_shares", "cpus", "cpuset", "develop", "env_file", "expose", "extends", "labels", "label_file", "logging", "mem_reservation",
        "mem_swappiness", "memswap_limit", "oom_score_adj", "ports", "profiles", "pull_policy", "restart", "scale", "stop_grace_period",
    )
)  # fmt: skip
"""Keys that do not change what the app does in slimmer's runs. No port is published, because slimmer asks the container itself."""

OWN_MODES = ("", "bridge", "default")


@dataclass(frozen=True, slots=True)
class Service:
    """A service and how it is run. `named` are the named volumes, `built`: compose builds the image from a Dockerfile."""

    name: str
    image: str
    options: RunOptions
    healthcheck: Healthcheck | None
    remarks: tuple[str, ...]
    named: tuple[str, ...]
    built: bool


def read_service(project: Project, name: str, *, share: bool) -> Service:
    """Return a service. `share` is --share-mounts. Raise UsageError for what slimmer cannot run."""
    given = project.services[name]
    mounted = mounts(project, name, given, share=share)
    unknown = sorted(key for key in given.keys() - USED - WITHOUT_EFFECT if given[key])
    return Service(
        name,
        str(given.get("image") or f"{project.name}{project.joint}{name}"),
        _options(name, given, (*mounted.volumes,), (*mounted.tmpfs,), share),
        values.healthcheck(given.get("healthcheck")),
        (*mounted.remarks, *(f"{name}: `{key}` is not used" for key in unknown)),
        (*mounted.named,),
        bool(given.get("build")),
    )


def _options(
    name: str, given: Mapping[str, Any], volumes: tuple[str, ...], tmpfs: tuple[str, ...], share: bool
) -> RunOptions:
    return RunOptions(
        entrypoint=values.words(given.get("entrypoint")),
        cmd=values.words(given.get("command")),
        env=values.environment(given.get("environment")),
        user=str(given.get("user") or ""),
        workdir=str(given.get("working_dir") or ""),
        volumes=volumes,
        share_mounts=share,
        tmpfs=(*values.texts(given.get("tmpfs")), *tmpfs),
        network=_network(name, given),
        cap_add=values.texts(given.get("cap_add")),
        cap_drop=values.texts(given.get("cap_drop")),
        group_add=values.texts(given.get("group_add")),
        security_opt=tuple(_security(entry) for entry in values.texts(given.get("security_opt"))),
        shm_size=values.size(given.get("shm_size")),
        ulimits=values.ulimits(given.get("ulimits")),
        devices=tuple(values.devices(given.get("devices"))),
        init=bool(given.get("init")),
        read_only=bool(given.get("read_only")),
        platform=str(given.get("platform") or ""),
        hostname=str(given.get("hostname") or ""),
        add_hosts=values.hosts(given.get("extra_hosts")),
        sysctls=values.sysctls(given.get("sysctls")),
        pid_mode=str(given.get("pid") or ""),
        ipc_mode=str(given.get("ipc") or ""),
        memory=values.size(given.get("mem_limit")),
        aliases=_aliases(name, given),
    )


def _security(entry: str) -> str:
    """Return a security option with `=`. Compose files may have `:`, as old engines had it."""
    return entry if "=" in entry else entry.replace(":", "=", 1)


def _aliases(name: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a service in its networks."""
    networks = given.get("networks")
    joined = networks.values() if isinstance(networks, dict) else ()
    own = [alias for network in joined for alias in values.texts((network or {}).get("aliases"))]
    return tuple(dict.fromkeys((name, *values.texts(given.get("container_name")), *own)))


def _network(name: str, given: Mapping[str, Any]) -> str:
    """Return the network mode; "" if the service is in networks of the project."""
    mode = str(given.get("network_mode") or "")
    if mode in OWN_MODES:
        return ""
    if mode not in ("host", "none"):
        raise UsageError(
            f"--compose-service: {name} has `network_mode: {mode}`, which slimmer cannot run",
            hint="slimmer runs services that are in networks of the project, and with the modes host and none.",
        )
    return mode
