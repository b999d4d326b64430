"""The keyword arguments of the functions. They have the meaning and the defaults of the command line's options.

A key is the option's long name, with _ for -. A repeatable option takes one value or several. Sizes and seconds may be numbers, or
text as on the command line ("64m", "2.5"). docs/api.md and `slimmer build --help` explain each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypedDict

from slimmer.observe.log import AccessLog

Place = str | PathLike[str]
Words = str | Sequence[str]
Places = Place | Sequence[Place]
Logs = Place | AccessLog | Sequence[Place | AccessLog]
"""Access logs: a file, a folder with an access.json, or a log from `slimmer.observe`."""


class RunKeywords(TypedDict, total=False):
    """The options to run and exercise an image, for observe, verify and build."""

    probe: Words
    probe_file: Places
    crawl: bool
    crawl_pages: int
    crawl_depth: int
    crawl_seconds: str | float
    crawl_browser: bool
    openapi: str | PathLike[str]
    no_openapi: bool
    openapi_seconds: str | float
    no_graphql: bool
    graphql_mutations: bool
    grpc: bool
    protocols: bool
    no_http: bool
    port: int | Sequence[int]
    unix_socket: Words
    exercise: Words
    exercise_image: Words
    exercise_env: Words | Mapping[str, str]
    exec: Words
    until: str | float
    runs: int
    ready_timeout: str | float
    request_timeout: str | float
    pull: bool
    recorder: str
    cmd: Words
    entrypoint: str | None
    env: Words | Mapping[str, str]
    env_file: Places
    volume: Words
    share_mounts: bool
    tmpfs: Words
    user: str
    workdir: str
    network: str
    cap_add: Words
    cap_drop: Words
    group_add: Words
    security_opt: Words
    shm_size: str | int
    memory: str | int
    ulimit: Words
    device: Words
    gpus: str
    init: bool
    read_only: bool
    platform: str
    hostname: str
    add_host: Words
    sysctl: Words
    pid: str
    ipc: str
    with_: Words
    with_env: Words
    compose_file: Places
    compose_service: str
    compose_exercise: str


class KeepKeywords(TypedDict, total=False):
    """The options that select what to keep, for keep and build."""

    policy: str
    margin: str | int
    keep_layers: str | int
    base: str
    include: Words
    exclude: Words
    include_bin: Words
    include_package: Words
    include_shell: bool
    keep_file: Places
    licences: bool
    package_data: bool
    labels: bool


class BuildKeywords(RunKeywords, KeepKeywords, total=False):
    """All options of build."""

    tag: str
    out: Place | None
    builder: str
    verify: bool
    repair: int
    verify_as: Words
    verify_read_only: bool
    seccomp: str
    access: Logs
    rebase: bool
    observe: bool
    reuse: bool
    attest: Place


class CompareKeywords(TypedDict, total=False):
    """The options of compare."""

    max_size: str | int
    min_ratio: str | float
    fail_on: Words
    baseline: Place
    max_growth: str | float
    report: Place
    vulnerabilities: Place
    force: bool
