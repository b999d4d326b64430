"""`slimmer build`: the main road, from an image to its slim twin."""

from __future__ import annotations

from typing import Any

from slimmer.cli import options

EPILOG = """Examples:

  slimmer build myapp:latest

  slimmer build myapp:1.4 --probe 'GET /health' --probe-file probes.yaml --tag myapp:1.4-slim

  slimmer build mytool:latest --cmd '["--version"]'

Exit codes: 0 built and verified, 2 usage, 3 no such image, 4 engine, 5 the app did not start, 6 a probe failed,
7 observation incomplete, 8 verification failed, 9 build failed, 10 output folder, 130 interrupted."""


def build(
    target: options.Target,
    tag: options.Tag = "",
    out: options.Out = None,
    builder: options.Builder = "",
    verify: options.Verify = True,
    repair: options.Repair = 2,
    output_format: options.OutputFormat = "text",
    quiet: options.Quiet = False,
    pull: options.Pull = False,
    recorder: options.Recorder = "auto",
    config: options.Config = None,
    policy: options.Policy = "balanced",
    include: options.Include = None,
    exclude: options.Exclude = None,
    include_bin: options.IncludeBin = None,
    include_package: options.IncludePackage = None,
    include_shell: options.IncludeShell = False,
    keep_file: options.KeepFile = None,
    licences: options.Licences = True,
    probe: options.Probe = None,
    probe_file: options.ProbeFile = None,
    no_http: options.NoHttp = False,
    port: options.Port = None,
    exercise: options.Exercise = None,
    execute: options.Exec = None,
    until: options.Until = "probes",
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
) -> None:
    """Make a small image that does the same as TARGET, and prove it.

    Runs TARGET under a file-access probe while requests and commands exercise it, keeps what was used, rebuilds a minimal
    image from that, and checks that it holds and answers the same. Nothing is tagged before it was seen working.
    """
    from slimmer.cli import parse
    from slimmer.cli.console import TerminalProgress
    from slimmer.engine.options import RunOptions
    from slimmer.pipeline import BuildRequest
    from slimmer.pipeline import build as run_pipeline

    run_options = RunOptions(
        entrypoint=None if entrypoint is None else parse.command("--entrypoint", entrypoint),
        cmd=None if cmd is None else parse.command("--cmd", cmd),
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
    request = BuildRequest(
        target=target,
        tag=tag,
        out=out,
        options=run_options,
        plan=parse.plan(
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
        ),
        policy=parse.choice("--policy", policy, ("observed", "balanced", "generous")),
        selection=parse.selection(
            include=include or [],
            exclude=exclude or [],
            files=keep_file or [],
            bins=include_bin or [],
            packages=include_package or [],
            shell=include_shell,
            licences=licences,
        ),
        builder=parse.choice("--builder", builder, ("", "dockerfile", "load")),
        recorder=parse.choice("--recorder", recorder, ("auto", "notify", "ptrace", "fanotify")),
        verify=verify,
        repair=repair,
        pull=pull,
    )
    form = parse.choice("--format", output_format, ("text", "json"))
    result = run_pipeline(request, TerminalProgress(quiet or form == "json"))
    _show(result.report, form, quiet)


def _show(report: dict[str, Any], form: str, quiet: bool) -> None:
    """Data on stdout: the report, or the tag of the image; the table is talk."""
    from slimmer.cli.console import talk
    from slimmer.report.build import as_json, as_table

    if form == "json":
        print(as_json(report))
        return
    if not quiet:
        talk.print(as_table(report))
    print(report["slim"]["tag"])
