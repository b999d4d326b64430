"""`slimmer build`: the main road, from an image to its slim twin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

ASK, RUN, OUT = "What to ask of the app", "How to run the app", "What to make"

EPILOG = """Examples:

  slimmer build myapp:latest

  slimmer build myapp:1.4 --probe 'GET /health' --probe-file probes.yaml --tag myapp:1.4-slim

  slimmer build mytool:latest --cmd '["--version"]'

Exit codes: 0 built and verified, 2 usage, 3 no such image, 4 engine, 5 the app did not start, 6 a probe failed,
7 observation incomplete, 8 verification failed, 9 build failed, 10 output folder, 130 interrupted."""


def _option(*names: str, help: str, panel: str | None = None, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar, show_default=False)


Strings = list[str] | None
Paths = list[Path] | None


def build(
    target: Annotated[str, typer.Argument(help="Image: name, name:tag, digest, ID or a unique prefix of an ID.")],
    tag: Annotated[
        str,
        _option(
            "--tag",
            "-t",
            help="Name of the slim image. Default: NAME:TAG-slim, NAME:slim for latest.",
            panel=OUT,
        ),
    ] = "",
    out: Annotated[
        Path | None,
        _option(
            "--out",
            "-o",
            help="Folder for the artefacts. Default: slimmer-out/NAME.",
            panel=OUT,
            metavar="DIR",
        ),
    ] = None,
    builder: Annotated[
        str,
        _option(
            "--builder",
            help="dockerfile (docker build of the artefacts) or load (exact and faster). Default: dockerfile, or load where a Dockerfile cannot say it.",
            panel=OUT,
        ),
    ] = "",
    policy: Annotated[str, _option("--policy", help="What to keep: observed.", panel=OUT)] = "observed",
    verify: Annotated[
        bool,
        typer.Option("--verify/--no-verify", help="Tag the image only after it was seen working.", rich_help_panel=OUT),
    ] = True,
    output_format: Annotated[
        str,
        _option(
            "--format",
            help="text (a table on stderr, the tag on stdout) or json (the report on stdout).",
            panel=OUT,
        ),
    ] = "text",
    quiet: Annotated[bool, _option("--quiet", "-q", help="No progress, no table.", panel=OUT)] = False,
    pull: Annotated[bool, _option("--pull", help="Pull the image first.", panel=OUT)] = False,
    recorder: Annotated[str, _option("--recorder", help="auto, notify, ptrace or fanotify.", panel=OUT)] = "auto",
    probe: Annotated[
        Strings,
        _option(
            "--probe",
            help="A request, as 'GET /path', '/path' or 'POST /echo {\"a\": 1}'. Repeatable.",
            panel=ASK,
            metavar="REQUEST",
        ),
    ] = None,
    probe_file: Annotated[
        Paths,
        _option("--probe-file", help="YAML or JSON file of requests. Repeatable.", panel=ASK, metavar="FILE"),
    ] = None,
    no_http: Annotated[bool, _option("--no-http", help="Send no HTTP request at all.", panel=ASK)] = False,
    port: Annotated[
        list[int] | None, _option("--port", help="Exercise these ports only. Repeatable.", panel=ASK)
    ] = None,
    exercise: Annotated[
        Strings,
        _option(
            "--exercise",
            help="Host command to run against the app; gets SLIMMER_URL, SLIMMER_HOST, SLIMMER_PORT, SLIMMER_CONTAINER, SLIMMER_EXEC. Repeatable.",
            panel=ASK,
            metavar="COMMAND",
        ),
    ] = None,
    execute: Annotated[
        Strings,
        _option(
            "--exec",
            help="Command to run in the container as the image's user. Repeatable.",
            panel=ASK,
            metavar="COMMAND",
        ),
    ] = None,
    until: Annotated[
        str,
        _option(
            "--until",
            help="End of the observation: probes (default), exit, signal (SIGUSR1), enter, or seconds.",
            panel=ASK,
        ),
    ] = "probes",
    ready_timeout: Annotated[
        str,
        _option(
            "--ready-timeout",
            help="How long the app may take to get ready. Default: 60 s.",
            panel=ASK,
            metavar="SECONDS",
        ),
    ] = "60",
    cmd: Annotated[
        str | None,
        _option("--cmd", help="Replaces CMD: a JSON array or shell words.", panel=RUN, metavar="COMMAND"),
    ] = None,
    entrypoint: Annotated[
        str | None,
        _option("--entrypoint", help="Replaces ENTRYPOINT (and clears CMD).", panel=RUN, metavar="COMMAND"),
    ] = None,
    env: Annotated[
        Strings,
        _option(
            "--env",
            "-e",
            help="NAME=VALUE, or NAME to pass it on. Never written to an artefact. Repeatable.",
            panel=RUN,
        ),
    ] = None,
    env_file: Annotated[
        Paths, _option("--env-file", help="File of NAME=VALUE lines. Repeatable.", panel=RUN, metavar="FILE")
    ] = None,
    volume: Annotated[
        Strings,
        _option(
            "--volume",
            "-v",
            help="SOURCE:TARGET[:ro]. Every run gets its own copy of a named volume. Repeatable.",
            panel=RUN,
        ),
    ] = None,
    share_mounts: Annotated[
        bool,
        _option("--share-mounts", help="Allow read-write bind mounts, which all runs then share.", panel=RUN),
    ] = False,
    tmpfs: Annotated[Strings, _option("--tmpfs", help="PATH[:OPTIONS]. Repeatable.", panel=RUN)] = None,
    user: Annotated[str, _option("--user", "-u", help="Run as this user instead of the image's.", panel=RUN)] = "",
    workdir: Annotated[str, _option("--workdir", "-w", help="Working directory.", panel=RUN)] = "",
    network: Annotated[
        str, _option("--network", help="Network to join: a name, bridge, host or none.", panel=RUN)
    ] = "",
    cap_add: Annotated[Strings, _option("--cap-add", help="Add a capability. Repeatable.", panel=RUN)] = None,
    cap_drop: Annotated[
        Strings, _option("--cap-drop", help="Drop a capability, or ALL. Repeatable.", panel=RUN)
    ] = None,
    group_add: Annotated[Strings, _option("--group-add", help="Additional group. Repeatable.", panel=RUN)] = None,
    security_opt: Annotated[
        Strings, _option("--security-opt", help="Security option, as for docker run. Repeatable.", panel=RUN)
    ] = None,
    shm_size: Annotated[str, _option("--shm-size", help="Size of /dev/shm, e.g. 256m.", panel=RUN)] = "",
    memory: Annotated[str, _option("--memory", "-m", help="Memory limit, e.g. 512m.", panel=RUN)] = "",
    ulimit: Annotated[Strings, _option("--ulimit", help="NAME=SOFT[:HARD]. Repeatable.", panel=RUN)] = None,
    device: Annotated[Strings, _option("--device", help="HOST[:CONTAINER[:rwm]]. Repeatable.", panel=RUN)] = None,
    gpus: Annotated[str, _option("--gpus", help="GPUs to add, e.g. all.", panel=RUN)] = "",
    init: Annotated[bool, _option("--init", help="Run an init as PID 1.", panel=RUN)] = False,
    read_only: Annotated[bool, _option("--read-only", help="Mount the root file system read-only.", panel=RUN)] = False,
    platform: Annotated[str, _option("--platform", help="Platform of the image, e.g. linux/amd64.", panel=RUN)] = "",
    hostname: Annotated[str, _option("--hostname", help="The container's host name.", panel=RUN)] = "",
    add_host: Annotated[Strings, _option("--add-host", help="HOST:IP. Repeatable.", panel=RUN)] = None,
    sysctl: Annotated[Strings, _option("--sysctl", help="NAME=VALUE. Repeatable.", panel=RUN)] = None,
    pid: Annotated[str, _option("--pid", help="PID namespace, e.g. host.", panel=RUN)] = "",
    ipc: Annotated[str, _option("--ipc", help="IPC namespace, e.g. host.", panel=RUN)] = "",
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

    options = RunOptions(
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
        options=options,
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
        ),
        policy=parse.choice("--policy", policy, ("observed",)),
        builder=parse.choice("--builder", builder, ("", "dockerfile", "load")),
        recorder=parse.choice("--recorder", recorder, ("auto", "notify", "ptrace", "fanotify")),
        verify=verify,
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
