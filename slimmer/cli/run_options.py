"""The options that say what to ask of an app and how to run it, for every command that runs one.

`asks` adds them to a command, which gets them as one value, `asked`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slimmer.cli import options
from slimmer.cli.option_groups import shares

if TYPE_CHECKING:
    from slimmer.engine.options import RunOptions
    from slimmer.exercise.plan import ExercisePlan
    from slimmer.pipeline.request import ObserveRequest


def _run_options(
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
) -> RunOptions:
    """How to run the app. Raises UsageError for options that make no sense."""
    from slimmer.cli import parse
    from slimmer.engine.options import RunOptions

    return RunOptions(
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


def _plan_and_runs(
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
) -> tuple[ExercisePlan, int]:
    """What to ask of the app, and how many times. Raises UsageError for options that make no sense."""
    from slimmer.cli import parse

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
    return plan, runs


@shares(run_options=_run_options, plan_and_runs=_plan_and_runs)
def asked(
    pull: options.Pull = False,
    recorder: options.Recorder = "auto",
    config: options.Config = None,
    *,
    plan_and_runs: tuple[ExercisePlan, int],
    cmd: options.Cmd = None,
    run_options: RunOptions,
) -> ObserveRequest:
    """The options as a request, without its target. Raises UsageError for those that make no sense."""
    from slimmer.cli import parse
    from slimmer.pipeline.request import ObserveRequest

    plan, runs = plan_and_runs
    return ObserveRequest(
        target="",
        options=run_options,
        commands=tuple(parse.command("--cmd", text) for text in cmd or ()),
        plan=plan,
        recorder=parse.choice("--recorder", recorder, ("auto", "notify", "ptrace", "fanotify")),
        runs=runs,
        pull=pull,
    )


asks = shares(asked=asked)
"""A decorator: the command with all of these options in the place of its parameter `asked`, an ObserveRequest without target."""
