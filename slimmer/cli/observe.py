"""`slimmer observe`: watch an image or a running container, and write its access log. Nothing is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slimmer.cli import options
from slimmer.cli.run_options import asks

if TYPE_CHECKING:
    from slimmer.cli.console import TerminalProgress
    from slimmer.pipeline.result import ObserveResult

WITH_ATTACH = frozenset(("attach", "out", "quiet", "until", "config"))
"""The parameters that make sense for a container that is already running."""

HINT = (
    "`slimmer observe IMAGE` runs an image. `slimmer observe --attach CONTAINER` takes only --until, --out and --quiet."
)

EPILOG = """Examples:

  slimmer observe myapp:latest --out access.json

  slimmer observe myapp:latest --cmd 'pytest tests' --until exit --out unit-tests.json

  slimmer observe --attach web --until 600 --out staging.json

  slimmer build myapp:latest --access unit-tests.json --access staging.json

Exit codes: 0 observed, 2 usage error, 3 no such image, 4 engine error, 5 the app did not start, 6 a probe failed,
7 incomplete observation, 10 cannot write the output, 130 interrupted."""


@asks
def observe(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Image: name, name:tag, digest, ID or a unique prefix of an ID. Not with --attach.",
            show_default=False,
        ),
    ] = "",
    attach: Annotated[
        str,
        typer.Option(
            "--attach",
            help="Watch this running container instead, until Ctrl-C, the container's end, or --until.",
            metavar="CONTAINER",
            show_default=False,
        ),
    ] = "",
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Output file (NAME.json), or a folder for access.json.",
            rich_help_panel=options.OUT,
            metavar="FILE|DIR",
        ),
    ] = Path("access.json"),
    quiet: options.Quiet = False,
    *,
    asked: dict[str, Any],
) -> None:
    """Observe TARGET while it is exercised, and write only its access log.

    `slimmer build --access` and `slimmer keep` join it with other logs. The name of the file is printed.

    With --attach, slimmer watches a container that is already running, and does not change it. It sees what the
    container uses from then on.
    """
    import slimmer
    from slimmer.cli.console import TerminalProgress
    from slimmer.errors import UsageError

    with TerminalProgress(quiet) as on_event:
        if attach:
            _check_attach(context)
            result = _attach(attach, out, asked["until"], on_event)
        elif target or asked["compose_service"]:
            result = slimmer.observe(target, out=out, on_event=on_event, **asked)
        else:
            raise UsageError("nothing to observe: give TARGET, --compose-service or --attach", hint=HINT)
    print(result.path)


def _attach(container: str, out: Path, until: str, on_event: TerminalProgress) -> ObserveResult:
    """Watch a container. Ctrl-C, SIGTERM and SIGHUP end the watch but not the program, so the log is still written."""
    import slimmer
    from slimmer.cli.interrupts import interrupts_as_event

    with interrupts_as_event() as interrupted:
        on_event(slimmer.Note("Ctrl-C ends the watch and writes the log"))
        return slimmer.attach(
            container,
            out=out,
            until="exit" if until == "probes" else until,
            stop=interrupted.is_set,
            on_event=on_event,
        )


def _check_attach(context: typer.Context) -> None:
    """Raise UsageError if the command line has options for running an image. Settings may have them."""
    from slimmer.errors import UsageError

    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and parameter.name not in WITH_ATTACH:
            name = "TARGET" if parameter.name == "target" else parameter.opts[0]
            raise UsageError(f"{name} cannot be used with --attach: that container is already running", hint=HINT)
        if given and parameter.name == "until" and context.params["until"] == "probes":
            raise UsageError("--until probes cannot be used with --attach: that container gets no requests", hint=HINT)
