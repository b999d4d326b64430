"""Turn keyword arguments into requests. Invalid values raise UsageError with the option's name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from slimmer.api import compose, words
from slimmer.api.options import BuildKeywords, KeepKeywords, Logs, RunKeywords, Words
from slimmer.api.outside import outside
from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.image.layer_border import LayerChoice
from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.amount import Margin
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.pipeline.request import (
    REPAIRS,
    BuildRequest,
    KeepRequest,
    ObserveRequest,
    VerifyRequest,
)

if TYPE_CHECKING:
    from slimmer.compose.resolution import Resolved

RECORDERS = ("auto", "notify", "ptrace", "fanotify", "bpf")
BUILDERS = ("", "dockerfile", "load")
SECCOMP_LEVELS = ("", "strict", "recommended")
LARGEST = {"runs": (1, 100), "repair": (0, 10), "crawl-pages": (1, 10_000), "crawl-depth": (0, 1000)}
"""The least and the greatest value of a number, by option."""

T = TypeVar("T")


class _RunFields(TypedDict):
    """The fields of a RunRequest, except for its target."""

    options: RunOptions
    commands: tuple[tuple[str, ...], ...]
    plan: ExercisePlan
    recorder: str
    runs: int
    pull: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def observe_request(target: str, out: str | PathLike[str] | None, given: RunKeywords) -> ObserveRequest:
    """Return the request of `slimmer.observe`."""
    refuse_unknown(given, RunKeywords)
    run = compose.service(given)
    return ObserveRequest(compose.target(target, run, "observe"), **_run_fields(given, run), out=_path(out))


def verify_request(before: str, after: str, given: RunKeywords) -> VerifyRequest:
    """Return the request of `slimmer.verify`."""
    refuse_unknown(given, RunKeywords)
    return VerifyRequest(before, **_run_fields(given, compose.service(given)), after=after)


def keep_request(logs: Logs, out: str | PathLike[str], rebase: str, given: KeepKeywords) -> KeepRequest:
    """Return the request of `slimmer.keep`."""
    refuse_unknown(given, KeepKeywords)
    return KeepRequest(
        _logs(logs),
        Path(out),
        _policy(given),
        _selection(given),
        rebase,
        _margin(given),
        _layers(given),
        given.get("labels", True),
    )


def build_request(target: str, given: BuildKeywords) -> BuildRequest:
    """Return the request of `slimmer.build`."""
    refuse_unknown(given, BuildKeywords)
    run = compose.service(given)
    return BuildRequest(
        compose.target(target, run, "build"),
        **_run_fields(given, run),
        tag=given.get("tag", ""),
        out=_path(given.get("out")),
        policy=_policy(given),
        selection=_selection(given),
        builder=words.choice("--builder", given.get("builder", ""), BUILDERS),
        verify=given.get("verify", True),
        repair=_number("repair", given.get("repair", REPAIRS)),
        access=_logs(given.get("access", ())),
        rebase=given.get("rebase", False),
        observe=given.get("observe", True),
        reuse=given.get("reuse", False),
        verify_as=tuple(words.user("--verify-as", text) for text in _several(given.get("verify_as"))),
        verify_read_only=given.get("verify_read_only", False),
        seccomp=words.choice("--seccomp", given.get("seccomp", ""), SECCOMP_LEVELS),
        margin=_margin(given),
        layers=_layers(given),
        labels=given.get("labels", True),
        attest=_path(given.get("attest")),
    )


def _run_fields(given: RunKeywords, run: Resolved | None) -> _RunFields:
    options = _run_options(given)
    if run is not None:
        options = compose.joined(run.options, options)
    plan = _plan(given, options)
    return _RunFields(
        options=options,
        commands=tuple(words.command("--cmd", text) for text in _several(given.get("cmd"))),
        plan=plan if run is None else compose.exercised(plan, run),
        recorder=words.choice("--recorder", given.get("recorder", "auto"), RECORDERS),
        runs=_number("runs", given.get("runs", 1)),
        pull=given.get("pull", False),
        notes=run.notes if run else (),
        warnings=run.warnings if run else (),
    )


def _run_options(given: RunKeywords) -> RunOptions:
    """Return the options to run the app."""
    entrypoint = given.get("entrypoint")
    return RunOptions(
        entrypoint=None if entrypoint is None else words.command("--entrypoint", entrypoint),
        env=words.environment(_environment(given.get("env", ())), _paths(given.get("env_file"))),
        user=given.get("user", ""),
        workdir=given.get("workdir", ""),
        volumes=_several(given.get("volume")),
        share_mounts=given.get("share_mounts", False),
        tmpfs=_several(given.get("tmpfs")),
        network=given.get("network", ""),
        cap_add=_several(given.get("cap_add")),
        cap_drop=_several(given.get("cap_drop")),
        group_add=_several(given.get("group_add")),
        security_opt=_several(given.get("security_opt")),
        shm_size=words.size("--shm-size", str(given.get("shm_size", ""))),
        memory=words.size("--memory", str(given.get("memory", ""))),
        ulimits=_several(given.get("ulimit")),
        devices=_several(given.get("device")),
        gpus=given.get("gpus", ""),
        init=given.get("init", False),
        read_only=given.get("read_only", False),
        platform=given.get("platform", ""),
        hostname=given.get("hostname", ""),
        add_hosts=_several(given.get("add_host")),
        sysctls=_several(given.get("sysctl")),
        pid_mode=given.get("pid", ""),
        ipc_mode=given.get("ipc", ""),
        companions=words.companions(
            _several(given.get("with_")), _several(given.get("with_env")), _ready_timeout(given)
        ),
    )


def _plan(given: RunKeywords, options: RunOptions) -> ExercisePlan:
    """Return the plan to exercise the app."""
    _refuse_without_http(given)
    until, seconds = words.until(str(given.get("until", "probes")))
    ports = given.get("port", ())
    plan = words.plan(
        probes=_several(given.get("probe")),
        files=_paths(given.get("probe_file")),
        http=not given.get("no_http", False),
        ports=(ports,) if isinstance(ports, int | str) else tuple(ports),
        sockets=_several(given.get("unix_socket")),
        host_commands=_several(given.get("exercise")),
        image_commands=_several(given.get("exercise_image")),
        image_environment=_environment(given.get("exercise_env", ())),
        exec_commands=_several(given.get("exec")),
        until=until,
        seconds=seconds,
        ready_timeout=_ready_timeout(given),
        request_timeout=words.positive_seconds("--request-timeout", str(given.get("request_timeout", "30"))),
        crawl=_crawl(given, options),
        api=_api(given, options),
        graphql=_graphql(given),
        grpc=_grpc(given, options),
        protocols=given.get("protocols", not options.share_mounts),
    )
    if plan.named_sockets and options.pid_mode:
        raise UsageError(
            f"{plan.named_sockets[0]} cannot be reached with --pid {options.pid_mode}: the app needs processes of its own",
            hint="Leave out --pid, or use a client in the image with --exec.",
        )
    return plan


def _refuse_without_http(given: RunKeywords) -> None:
    """Raise UsageError if the user asked for requests, and for none."""
    if not given.get("no_http", False):
        return
    asked = {
        "--probe": _several(given.get("probe")),
        "--probe-file": _paths(given.get("probe_file")),
        "--crawl": given.get("crawl") is True,
        "--openapi": given.get("openapi"),
        "--graphql-mutations": given.get("graphql_mutations"),
    }
    for option, is_asked in asked.items():
        if is_asked:
            raise UsageError(f"--no-http cannot be used with {option}", hint="Leave one of them out.")


def _api(given: RunKeywords, options: RunOptions) -> Api:
    """Return how to call the app's API. Nothing outside of the app's container is changed, unless the user asked for the calls."""
    default, named, off = Api(), str(given.get("openapi", "")), given.get("no_openapi", False)
    if named and off:
        raise UsageError("--openapi and --no-openapi contradict each other", hint="Leave one of them out.")
    found = words.description(named)
    return replace(
        found,
        on=not off and (bool(named) or given.get("crawl") is True or default.on),
        unchanging=outside(options, asked=bool(named)),
        seconds=words.positive_seconds("--openapi-seconds", str(given.get("openapi_seconds", default.seconds))),
    )


def _graphql(given: RunKeywords) -> GraphQl:
    off, mutations = given.get("no_graphql", False), given.get("graphql_mutations", False)
    if off and mutations:
        raise UsageError("--graphql-mutations and --no-graphql contradict each other", hint="Leave one of them out.")
    return GraphQl(on=not off and (mutations or GraphQl().on), mutations=mutations)


def _grpc(given: RunKeywords, options: RunOptions) -> Grpc:
    asked = given.get("grpc")
    unchanging = outside(options, asked=bool(asked), remedy="to call them: --grpc")
    return Grpc(on=Grpc().on if asked is None else asked, asked=bool(asked), unchanging=unchanging)


def _crawl(given: RunKeywords, options: RunOptions) -> Crawl:
    default, asked = Crawl(), given.get("crawl") is True
    browser = given.get("crawl_browser", False)
    if browser and given.get("crawl") is False:
        raise UsageError("--crawl-browser and --no-crawl contradict each other", hint="Leave one of them out.")
    if browser:
        from slimmer.exercise.browser import program

        program.check()
    return Crawl(
        on=given.get("crawl", default.on),
        pages=_number("crawl-pages", given.get("crawl_pages", default.pages)),
        depth=_number("crawl-depth", given.get("crawl_depth", default.depth)),
        seconds=words.positive_seconds("--crawl-seconds", str(given.get("crawl_seconds", default.seconds))),
        outside=outside(options, asked=asked, remedy="to crawl there nevertheless: --crawl"),
        browser=browser,
    )


def _ready_timeout(given: RunKeywords) -> float:
    return words.positive_seconds("--ready-timeout", str(given.get("ready_timeout", "60")))


def _policy(given: KeepKeywords) -> Policy:
    return Policy(words.choice("--policy", given.get("policy", Policy.BALANCED), tuple(Policy)))


def _margin(given: KeepKeywords) -> Margin | None:
    """Return the margin that the user wants; None for that of the policy."""
    text = str(given.get("margin", ""))
    return words.margin(text, _policy(given)) if text else None


def _layers(given: KeepKeywords) -> LayerChoice | None:
    """Return the layers that the user wants to keep whole; None for none."""
    return words.layers(str(given.get("keep_layers", "")), given.get("base", ""))


def _selection(given: KeepKeywords) -> Selection:
    """Return what the user selected by name."""
    return words.selection(
        include=_several(given.get("include")),
        exclude=_several(given.get("exclude")),
        files=_paths(given.get("keep_file")),
        bins=_several(given.get("include_bin")),
        packages=_several(given.get("include_package")),
        shell=given.get("include_shell", False),
        licences=given.get("licences", True),
        package_data=given.get("package_data", True),
    )


def _environment(env: Words | Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in env.items()] if isinstance(env, Mapping) else list(_several(env))


def _logs(given: Logs) -> tuple[AccessLog, ...]:
    several = (given,) if isinstance(given, str | PathLike | AccessLog) else given
    return tuple(log if isinstance(log, AccessLog) else words.access_log(Path(log)) for log in several)


def _several(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one value or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given or ())


def _paths(given: str | PathLike[str] | Sequence[str | PathLike[str]] | None) -> tuple[Path, ...]:
    several = (given,) if isinstance(given, str | PathLike) else given or ()
    return tuple(Path(place) for place in several)


def _path(given: str | PathLike[str] | None) -> Path | None:
    return None if given is None else Path(given)


def _number(name: str, number: int) -> int:
    least, most = LARGEST[name]
    if not least <= number <= most:
        raise UsageError(
            f"--{name} must be a number from {least} to {most}, not {number}", hint=f"For example: --{name} {most}"
        )
    return number


def refuse_unknown(given: Mapping[str, Any], known: type) -> None:
    """Raise TypeError for an unknown keyword, as a function with these parameters would."""
    for name in given:
        if name not in cast("Mapping[str, Any]", known.__annotations__):
            close = difflib.get_close_matches(name, known.__annotations__, 1)
            advice = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"got an unexpected keyword argument {name!r}{advice}")
