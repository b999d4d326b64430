"""The options that commands share. Each is declared once, with its type, name, help and place in `--help`.

Commands take them by name (`tag: options.Tag = ""`), so that an option means the same everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slimmer.cli import settings

ASK, FIND, RUN = "Exercise the app", "Find requests", "Run the app"
OUT, KEEP, CHECK = "Output", "Select files", "Verify"


def _option(*names: str, help: str, panel: str | None = None, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar, show_default=False)


def _flag(*names: str, help: str, panel: str | None = None, default: bool = False) -> Any:
    """Declare an option without a value. `default`: say that it is on by default."""
    text = f"{help} On by default." if default else help
    return typer.Option(*names, help=text, rich_help_panel=panel, metavar="", show_default=False)


Strings = list[str] | None
Paths = list[Path] | None

# --- the image ---

Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="Image: name, name:tag, digest, ID or a unique prefix of an ID.")
]

OptionalTarget = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="Image: name, name:tag, digest, ID or a unique prefix of an ID. Default: the image of --compose-service.",
        show_default=False,
    ),
]

# --- what to make ---

Tag = Annotated[
    str,
    _option(
        "--tag",
        "-t",
        help="Name of the slim image. Default: NAME:TAG-slim, or NAME:slim for latest.",
        panel=OUT,
        metavar="NAME",
    ),
]
Out = Annotated[
    Path | None,
    _option(
        "--out",
        "-o",
        help="Output folder. Default: slimmer-out/NAME, with the name of the slim image.",
        panel=OUT,
        metavar="DIR",
    ),
]
Builder = Annotated[
    str,
    _option(
        "--builder",
        help="How to build the image: dockerfile (docker build of the artifacts) or load (exact and faster). Default: dockerfile, or load if a Dockerfile cannot express the image.",
        panel=OUT,
        metavar="dockerfile|load",
    ),
]
Verify = Annotated[
    bool,
    _flag("--verify/--no-verify", help="Verify the slim image before tagging it.", panel=CHECK, default=True),
]
Attest = Annotated[
    Path | None,
    _option(
        "--attest",
        help="Write an in-toto statement about the verified slim image to this file.",
        panel=OUT,
        metavar="FILE",
    ),
]
VerifyAs = Annotated[
    Strings,
    _option(
        "--verify-as",
        help="Also verify the slim image as this user, for example as OpenShift would run it. Repeatable.",
        panel=CHECK,
        metavar="UID[:GID]",
    ),
]
VerifyReadOnly = Annotated[
    bool,
    _flag("--verify-read-only", help="Also verify the slim image with a read-only root file system.", panel=CHECK),
]
Seccomp = Annotated[
    str,
    _option(
        "--seccomp",
        help="Make seccomp.json and apparmor.profile from what the app did, and verify the slim image under seccomp.json.",
        panel=OUT,
        metavar="strict|recommended",
    ),
]
Access = Annotated[
    Paths,
    _option(
        "--access",
        help="Add the access log of another run of this image, from `slimmer observe` or another build. Repeatable.",
        panel=KEEP,
        metavar="LOG",
    ),
]
Rebase = Annotated[bool, _flag("--rebase", help="Accept --access logs of another build of the image.", panel=KEEP)]
Observe = Annotated[
    bool,
    _flag(
        "--observe/--no-observe",
        help="Observe the image. --no-observe needs --access.",
        panel=KEEP,
    ),
]
Reuse = Annotated[
    bool,
    _flag(
        "--reuse",
        help="Reuse the observation in the output folder if the image, slimmer's version and the options that shape the run are the same.",
        panel=KEEP,
    ),
]
Repair = Annotated[
    int,
    typer.Option(
        "--repair",
        help="How many times to add files that the slim image's app misses, and rebuild. 0 turns this off.",
        rich_help_panel=CHECK,
        min=0,
        max=10,
        metavar="N",
    ),
]
OutputFormat = Annotated[
    str,
    _option(
        "--format",
        help="Output format: text (a table on stderr, the tag on stdout) or json (the report on stdout).",
        panel=OUT,
        metavar="text|json",
    ),
]
Quiet = Annotated[bool, _flag("--quiet", "-q", help="Show no progress and no table.", panel=OUT)]
Pull = Annotated[
    bool,
    _flag("--pull", help="Pull the image first, and other images that the run needs if they are missing.", panel=OUT),
]
Recorder = Annotated[
    str,
    _option(
        "--recorder",
        help="How to record file accesses: auto, notify, ptrace, fanotify or bpf. Default: auto.",
        panel=OUT,
        metavar="NAME",
    ),
]

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file. Default: slimmer.toml or \\[tool.slimmer] in pyproject.toml, in this folder or one above.",
        rich_help_panel=OUT,
        metavar="FILE",
        envvar="SLIMMER_CONFIG",
        show_envvar=False,
        show_default=False,
        is_eager=True,
        callback=settings.load,
    ),
]

# --- what to keep ---

Policy = Annotated[
    str,
    _option(
        "--policy",
        help="How much to keep: observed (what the app used), balanced (also what that code can reach) or generous (whole packages). Default: balanced.",
        panel=KEEP,
        metavar="NAME",
    ),
]
Margin = Annotated[
    str,
    _option(
        "--margin",
        help="How much to add of the files near to those in use: a share of what stays (10%), a size (5MB) or 0. Default: 10% under balanced, otherwise 0.",
        panel=KEEP,
        metavar="SHARE|SIZE",
    ),
]
KeepLayers = Annotated[
    str,
    _option(
        "--keep-layers",
        help="Keep the image's last N layers whole and slim what is below. auto: the layers above the base image. Default: 0.",
        panel=KEEP,
        metavar="N|auto",
    ),
]
Base = Annotated[
    str,
    _option("--base", help="The base image, for --keep-layers auto.", panel=KEEP, metavar="IMAGE"),
]
Include = Annotated[
    Strings,
    _option(
        "--include",
        help="Keep the paths that match this .gitignore pattern, relative to the image's root. Repeatable.",
        panel=KEEP,
        metavar="GLOB",
    ),
]
Exclude = Annotated[
    Strings,
    _option(
        "--exclude",
        help="Drop the paths that match this pattern, even if a rule keeps them. Repeatable.",
        panel=KEEP,
        metavar="GLOB",
    ),
]
IncludeBin = Annotated[
    Strings,
    _option(
        "--include-bin",
        help="Keep this command from the image's PATH, with its libraries. Repeatable.",
        panel=KEEP,
        metavar="NAME",
    ),
]
IncludePackage = Annotated[
    Strings,
    _option(
        "--include-package",
        help="Keep this whole package: NAME or MANAGER:NAME (deb, apk, rpm, python, node, ruby, php). Repeatable.",
        panel=KEEP,
        metavar="NAME",
    ),
]
IncludeShell = Annotated[
    bool, _flag("--include-shell", help="Keep the image's shell and common core utilities.", panel=KEEP)
]
KeepFile = Annotated[
    Paths,
    _option("--keep-file", help="File with --include patterns, one per line. Repeatable.", panel=KEEP, metavar="FILE"),
]
Licences = Annotated[
    bool,
    _flag(
        "--licences/--no-licences",
        help="Keep the licence texts of packages that have kept files.",
        panel=KEEP,
        default=True,
    ),
]

PackageData = Annotated[
    bool,
    _flag(
        "--package-data/--no-package-data",
        help="Add metadata for scanners about the dpkg, apk and rpm packages that have kept files.",
        panel=KEEP,
        default=True,
    ),
]

Labels = Annotated[
    bool,
    _flag(
        "--labels/--no-labels",
        help="Label the slim image with the ID and digest of the original.",
        panel=KEEP,
        default=True,
    ),
]

# --- what to ask ---

Probe = Annotated[
    Strings,
    _option(
        "--probe",
        help="Send this request: 'GET /path', '/path' or 'POST /echo {\"a\": 1}'. Repeatable.",
        panel=ASK,
        metavar="REQUEST",
    ),
]
ProbeFile = Annotated[
    Paths,
    _option("--probe-file", help="YAML or JSON file with requests. Repeatable.", panel=ASK, metavar="FILE"),
]
Crawl = Annotated[
    bool | None,
    typer.Option(
        "--crawl/--no-crawl",
        help="Follow the links of the app's pages, and keep what they open. On by default.",
        rich_help_panel=FIND,
        metavar="",
        show_default=False,
    ),
]
CrawlPages = Annotated[
    int | None,
    _option("--crawl-pages", help="How many URLs the crawl requests. Default: 1000.", panel=FIND, metavar="N"),
]
CrawlDepth = Annotated[
    int | None,
    _option(
        "--crawl-depth",
        help="How many links away from the first page the crawl goes. Default: 20.",
        panel=FIND,
        metavar="N",
    ),
]
CrawlSeconds = Annotated[
    str | None,
    _option("--crawl-seconds", help="How long the crawl takes at most. Default: 30 s.", panel=FIND, metavar="SECONDS"),
]
CrawlBrowser = Annotated[
    bool,
    _flag(
        "--crawl-browser",
        help="Open the pages in a headless Chromium, too, and follow what their scripts build and ask for. Needs playwright and a Chromium.",
        panel=FIND,
    ),
]
OpenApi = Annotated[
    str | None,
    _option(
        "--openapi",
        help="Where the description of the app's API is, whose operations are called: a path in the app, or a file. Default: auto (search).",
        panel=FIND,
        metavar="PATH|FILE",
    ),
]
NoOpenApi = Annotated[bool, _flag("--no-openapi", help="Call no operations of an API.", panel=FIND)]
OpenApiSeconds = Annotated[
    str | None,
    _option(
        "--openapi-seconds",
        help="How long the calls of an API take at most. Default: 60 s.",
        panel=FIND,
        metavar="SECONDS",
    ),
]
NoGraphQl = Annotated[
    bool, _flag("--no-graphql", help="Do not look for a GraphQL API, and send none of its queries.", panel=FIND)
]
GraphQlMutations = Annotated[
    bool,
    _flag(
        "--graphql-mutations", help="Send the mutations of a GraphQL API, too. They change the app's data.", panel=FIND
    ),
]
Grpc = Annotated[
    bool | None,
    typer.Option(
        "--grpc/--no-grpc",
        help="Call the methods of gRPC servers that tell their services (reflection), each once. On by default.",
        rich_help_panel=FIND,
        metavar="",
        show_default=False,
    ),
]
Protocols = Annotated[
    bool | None,
    typer.Option(
        "--protocols/--no-protocols",
        help="Speak Redis, PostgreSQL, MySQL and the like with the ports that do so. On by default, but not with --share-mounts.",
        rich_help_panel=FIND,
        metavar="",
        show_default=False,
    ),
]
NoHttp = Annotated[bool, _flag("--no-http", help="Send no HTTP requests.", panel=ASK)]
Port = Annotated[
    list[int] | None, _option("--port", help="Exercise only this port. Repeatable.", panel=ASK, metavar="PORT")
]
UnixSocket = Annotated[
    Strings,
    _option(
        "--unix-socket",
        help="Send the requests to this Unix socket in the container, too, and wait until it takes connections. Repeatable.",
        panel=ASK,
        metavar="PATH",
    ),
]
Exercise = Annotated[
    Strings,
    _option(
        "--exercise",
        help="Run this command on the host against the app, with SLIMMER_URL, SLIMMER_HOST, SLIMMER_PORT, SLIMMER_CONTAINER and SLIMMER_EXEC set. Repeatable.",
        panel=ASK,
        metavar="COMMAND",
    ),
]
ExerciseImage = Annotated[
    Strings,
    _option(
        "--exercise-image",
        help="Run this image against the app, in the app's network, with SLIMMER_URL, SLIMMER_HOST and SLIMMER_PORT set. A command after the image replaces its CMD. Repeatable.",
        panel=ASK,
        metavar="IMAGE [COMMAND]",
    ),
]
ExerciseEnv = Annotated[
    Strings,
    _option(
        "--exercise-env",
        help="Set an environment variable in the --exercise-image containers: KEY=VALUE, or KEY to pass yours on. Repeatable.",
        panel=ASK,
        metavar="VARIABLE",
    ),
]
Exec = Annotated[
    Strings,
    _option(
        "--exec",
        help="Run this command in the container as the image's user. Repeatable.",
        panel=ASK,
        metavar="COMMAND",
    ),
]
Until = Annotated[
    str,
    _option(
        "--until",
        help="When to stop observing: probes (default), exit, signal (SIGUSR1), enter, a number of seconds, or quiet:SECONDS (the app "
        "has opened nothing new for so long).",
        panel=ASK,
        metavar="WHEN",
    ),
]
Runs = Annotated[
    int,
    typer.Option(
        "--runs",
        help="Observe N times (default: 1), keep what any run used, and report what was not in every run.",
        rich_help_panel=ASK,
        min=1,
        max=100,
        metavar="N",
        show_default=False,
    ),
]
ReadyTimeout = Annotated[
    str,
    _option(
        "--ready-timeout",
        help="How long to wait for the app, and for each --with image, to become ready. Default: 60 s.",
        panel=ASK,
        metavar="SECONDS",
    ),
]

RequestTimeout = Annotated[
    str,
    _option(
        "--request-timeout",
        help="How long to wait for the answer to a request. Default: 30 s.",
        panel=ASK,
        metavar="SECONDS",
    ),
]

# --- how to run ---

Cmd = Annotated[
    Strings,
    _option(
        "--cmd",
        help="Override the image's CMD: a JSON array or shell words. Repeatable: each command is run in turn (web, worker, migration).",
        panel=RUN,
        metavar="COMMAND",
    ),
]
Entrypoint = Annotated[
    str | None,
    _option("--entrypoint", help="Override the image's ENTRYPOINT, and clear CMD.", panel=RUN, metavar="COMMAND"),
]
Env = Annotated[
    Strings,
    _option(
        "--env",
        "-e",
        help="Set an environment variable: NAME=VALUE, or NAME to pass yours on. Never written to an artifact. Repeatable.",
        panel=RUN,
        metavar="VARIABLE",
    ),
]
EnvFile = Annotated[
    Paths,
    _option(
        "--env-file",
        help="Read environment variables from a file of NAME=VALUE lines. Repeatable.",
        panel=RUN,
        metavar="FILE",
    ),
]
Volume = Annotated[
    Strings,
    _option(
        "--volume",
        "-v",
        help="Mount a volume: SOURCE:TARGET[:ro]. Each run gets its own copy of a named volume. Repeatable.",
        panel=RUN,
        metavar="MOUNT",
    ),
]
ShareMounts = Annotated[
    bool,
    _flag("--share-mounts", help="Allow read-write bind mounts. All runs share them.", panel=RUN),
]
Tmpfs = Annotated[
    Strings, _option("--tmpfs", help="Mount a tmpfs: PATH[:OPTIONS]. Repeatable.", panel=RUN, metavar="PATH")
]
User = Annotated[
    str, _option("--user", "-u", help="Run as this user instead of the image's.", panel=RUN, metavar="USER")
]
Workdir = Annotated[
    str, _option("--workdir", "-w", help="Working directory inside the container.", panel=RUN, metavar="PATH")
]
Network = Annotated[
    str,
    _option(
        "--network", help="Connect the container to a network: a name, bridge, host or none.", panel=RUN, metavar="NAME"
    ),
]
With = Annotated[
    Strings,
    _option(
        "--with",
        help="Start this image first, in a network with the app, which reaches it at NAME. Each run of the app gets a fresh one. Repeatable.",
        panel=RUN,
        metavar="NAME=IMAGE [COMMAND]",
    ),
]
WithEnv = Annotated[
    Strings,
    _option(
        "--with-env",
        help="Set an environment variable of a --with image: NAME:KEY=VALUE, or NAME:KEY to pass yours on. Repeatable.",
        panel=RUN,
        metavar="VARIABLE",
    ),
]
ComposeFile = Annotated[
    Paths,
    _option(
        "--compose-file",
        help="Compose file of --compose-service. Default: the one that compose finds. Repeatable.",
        panel=RUN,
        metavar="FILE",
    ),
]
ComposeService = Annotated[
    str,
    _option(
        "--compose-service",
        help="Run the app as this service of a compose file, with the services that it depends on. TARGET is then its image.",
        panel=RUN,
        metavar="SERVICE",
    ),
]
ComposeExercise = Annotated[
    str,
    _option(
        "--compose-exercise",
        help="Run this service of the compose file against the app, like --exercise-image.",
        panel=RUN,
        metavar="SERVICE",
    ),
]
CapAdd = Annotated[Strings, _option("--cap-add", help="Add a capability. Repeatable.", panel=RUN, metavar="NAME")]
CapDrop = Annotated[
    Strings, _option("--cap-drop", help="Drop a capability, or ALL. Repeatable.", panel=RUN, metavar="NAME")
]
GroupAdd = Annotated[
    Strings, _option("--group-add", help="Add a group to join. Repeatable.", panel=RUN, metavar="GROUP")
]
SecurityOpt = Annotated[
    Strings,
    _option("--security-opt", help="Security option, as in docker run. Repeatable.", panel=RUN, metavar="OPTION"),
]
ShmSize = Annotated[str, _option("--shm-size", help="Size of /dev/shm, e.g. 256m.", panel=RUN, metavar="SIZE")]
Memory = Annotated[str, _option("--memory", "-m", help="Memory limit, e.g. 512m.", panel=RUN, metavar="SIZE")]
Ulimit = Annotated[
    Strings, _option("--ulimit", help="Ulimit: NAME=SOFT[:HARD]. Repeatable.", panel=RUN, metavar="LIMIT")
]
Device = Annotated[
    Strings,
    _option("--device", help="Add a host device: HOST[:CONTAINER[:rwm]]. Repeatable.", panel=RUN, metavar="DEVICE"),
]
Gpus = Annotated[str, _option("--gpus", help="Number of GPUs to add, or all.", panel=RUN, metavar="GPUS")]
Init = Annotated[bool, _flag("--init", help="Run an init as PID 1.", panel=RUN)]
ReadOnly = Annotated[bool, _flag("--read-only", help="Mount the root file system read-only.", panel=RUN)]
Platform = Annotated[
    str, _option("--platform", help="Platform of the image, e.g. linux/amd64.", panel=RUN, metavar="PLATFORM")
]
Hostname = Annotated[str, _option("--hostname", help="Container host name.", panel=RUN, metavar="NAME")]
AddHost = Annotated[
    Strings, _option("--add-host", help="Add a line to /etc/hosts: HOST:IP. Repeatable.", panel=RUN, metavar="HOST:IP")
]
Sysctl = Annotated[
    Strings, _option("--sysctl", help="Sysctl option: NAME=VALUE. Repeatable.", panel=RUN, metavar="NAME=VALUE")
]
Pid = Annotated[str, _option("--pid", help="PID namespace to use, e.g. host.", panel=RUN, metavar="MODE")]
Ipc = Annotated[str, _option("--ipc", help="IPC namespace to use, e.g. host.", panel=RUN, metavar="MODE")]
