"""The options to run and exercise an app. Every command that runs one shares them.

`asks` adds them to a command. The command gets them as `asked`: keyword arguments for the functions of `slimmer`.
"""

from __future__ import annotations

from typing import Any

from slimmer.cli import options
from slimmer.cli.option_groups import given, shares


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
    with_: options.With = None,
    with_env: options.WithEnv = None,
    compose_file: options.ComposeFile = None,
    compose_service: options.ComposeService = "",
    compose_exercise: options.ComposeExercise = "",
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
) -> dict[str, Any]:
    """Return the options to run the app."""
    return given(locals())


def _exercise_options(
    probe: options.Probe = None,
    probe_file: options.ProbeFile = None,
    crawl: options.Crawl = None,
    crawl_pages: options.CrawlPages = None,
    crawl_depth: options.CrawlDepth = None,
    crawl_seconds: options.CrawlSeconds = None,
    crawl_browser: options.CrawlBrowser = False,
    openapi: options.OpenApi = None,
    no_openapi: options.NoOpenApi = False,
    openapi_seconds: options.OpenApiSeconds = None,
    no_graphql: options.NoGraphQl = False,
    graphql_mutations: options.GraphQlMutations = False,
    grpc: options.Grpc = None,
    protocols: options.Protocols = None,
    no_http: options.NoHttp = False,
    port: options.Port = None,
    unix_socket: options.UnixSocket = None,
    exercise: options.Exercise = None,
    exercise_image: options.ExerciseImage = None,
    exercise_env: options.ExerciseEnv = None,
    exec: options.Exec = None,
    until: options.Until = "probes",
    runs: options.Runs = 1,
    ready_timeout: options.ReadyTimeout = "60",
    request_timeout: options.RequestTimeout = "30",
) -> dict[str, Any]:
    """Return the options to exercise the app."""
    return given(locals())


@shares(run_options=_run_options, exercise_options=_exercise_options)
def asked(
    pull: options.Pull = False,
    recorder: options.Recorder = "auto",
    config: options.Config = None,
    *,
    exercise_options: dict[str, Any],
    cmd: options.Cmd = None,
    run_options: dict[str, Any],
) -> dict[str, Any]:
    """Return the options as keyword arguments. The settings file was already read, by the callback of --config."""
    return {**given({"pull": pull, "recorder": recorder, "cmd": cmd}), **exercise_options, **run_options}


asks = shares(asked=asked)
"""A decorator that replaces the command's parameter `asked` with all of these options."""
