"""The options that say what to ask of an app and how to run it, for every command that runs one.

`asks` adds them to a command, which gets them as one value, `asked`. They are declared once, as the parameters of `_asked`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_type_hints

from slimmer.cli import options

if TYPE_CHECKING:
    from slimmer.request import ObserveRequest

Command = Callable[..., None]


def asks(command: Command) -> Command:
    """The command with all of these options in the place of its parameter `asked`.

    That one becomes an ObserveRequest; its `target` is the command's own first parameter.
    """
    own, shared = _parameters(command), _parameters(_asked)
    position = [parameter.name for parameter in own].index("asked")

    def run(**values: Any) -> None:
        given = {parameter.name: values.pop(parameter.name) for parameter in shared}
        command(asked=_asked(**given), **values)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    parameters = [*own[:position], *shared, *own[position + 1 :]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # which typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, vars(options) | function.__globals__ | _LATE, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
    ]


_LATE = {"ObserveRequest": Any}
"""Names in annotations that are imported only when a command runs."""


def _asked(
    pull: options.Pull = False,
    recorder: options.Recorder = "auto",
    config: options.Config = None,
    probe: options.Probe = None,
    probe_file: options.ProbeFile = None,
    no_http: options.NoHttp = False,
    port: options.Port = None,
    exercise: options.Exercise = None,
    execute: options.Exec = None,
    until: options.Until = "probes",
    runs: options.Runs = 1,
    ready_timeout: options.ReadyTimeout = "60",
    request_timeout: options.RequestTimeout = "30",
    cmd: options.Cmd = None,
    entrypoint: options.Entrypoint = None,
    env: options.Env = None,
    env_file: options.EnvFile = None,
    volume: options.Volume = None,
    share_mounts: options.ShareMounts = False,
    tmpfs: options.Tmpfs = None,
    user: options.User = "",
    workdir: options.Workdir = "",
    network: options.Network = "",
    cap_add: options.CapAdd = None,
    cap_drop: options.CapDrop = None,
    group_add: options.GroupAdd = None,
    security_opt: options.SecurityOpt = None,
    shm_size: options.ShmSize = "",
    memory: options.Memory = "",
    ulimit: options.Ulimit = None,
    device: options.Device = None,
    gpus: options.Gpus = "",
    init: options.Init = False,
    read_only: options.ReadOnly = False,
    platform: options.Platform = "",
    hostname: options.Hostname = "",
    add_host: options.AddHost = None,
    sysctl: options.Sysctl = None,
    pid: options.Pid = "",
    ipc: options.Ipc = "",
) -> ObserveRequest:
    """The options as a request, without its target. Raises UsageError for those that make no sense."""
    from slimmer.cli import parse
    from slimmer.engine.options import RunOptions
    from slimmer.request import ObserveRequest

    run_options = RunOptions(
        entrypoint=None if entrypoint is None else parse.command("--entrypoint", entrypoint),
        env=parse.environment(env or [], env_file or []),
        user=user,
        workdir=workdir,
        volumes=tuple(volume or ()),
        share_mounts=share_mounts,
        tmpfs=tuple(tmpfs or ()),
        network=network,
        cap_add=tuple(cap_add or ()),
        cap_drop=tuple(cap_drop or ()),
        group_add=tuple(group_add or ()),
        security_opt=tuple(security_opt or ()),
        shm_size=parse.size("--shm-size", shm_size),
        memory=parse.size("--memory", memory),
        ulimits=tuple(ulimit or ()),
        devices=tuple(device or ()),
        gpus=gpus,
        init=init,
        read_only=read_only,
        platform=platform,
        hostname=hostname,
        add_hosts=tuple(add_host or ()),
        sysctls=tuple(sysctl or ()),
        pid_mode=pid,
        ipc_mode=ipc,
    )
    end, seconds = parse.until(until)
    plan = parse.plan(
        probes=probe or [],
        files=probe_file or [],
        http=not no_http,
        ports=port or [],
        host_commands=exercise or [],
        exec_commands=execute or [],
        until=end,
        seconds=seconds,
        ready_timeout=parse.positive_seconds("--ready-timeout", ready_timeout),
        request_timeout=parse.positive_seconds("--request-timeout", request_timeout),
    )
    return ObserveRequest(
        target="",
        options=run_options,
        commands=tuple(parse.command("--cmd", text) for text in cmd or ()),
        plan=plan,
        recorder=parse.choice("--recorder", recorder, ("auto", "notify", "ptrace", "fanotify")),
        runs=runs,
        pull=pull,
    )
