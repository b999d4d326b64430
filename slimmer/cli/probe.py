"""`slimmer probe check`, `validate` and `record`: try out a probe file, check it, and make one of what a browser recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer import ProbeCheck

HELP = "Try out or check a probe file, or make one of what a browser recorded."

CHECK_EPILOG = """Examples:

  slimmer probe check probes.yaml http://localhost:8080

  slimmer probe check probes.yaml https://staging.example.com/shop --format json | jq '.requests[] | select(.problem != "")'

Exit codes: 0 no request failed, 2 usage error, 6 a request failed, 130 interrupted."""

VALIDATE_EPILOG = """Examples:

  slimmer probe validate probes.yaml

  slimmer probe validate $(git ls-files '*probes.yaml')

Exit codes: 0 all files are valid, 2 usage error, or a file is not valid, 130 interrupted."""

RECORD_EPILOG = """Examples:

  slimmer probe record shop.har --out probes.yaml

  slimmer probe record shop.har --url http://localhost:3000 > probes.yaml

Exit codes: 0 made, 2 usage error or no HAR file, 10 the output cannot be written, 130 interrupted."""


Har = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.har", help="A HAR file, as the developer tools of a browser save it.", show_default=False
    ),
]
Origin = Annotated[
    str,
    typer.Option(
        "--url",
        help="Take the requests to this origin. Default: the one with the most.",
        metavar="URL",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Probe file to write. Default: stdout.", metavar="FILE", show_default=False),
]


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A probe file (docs/exercise.md).", show_default=False)],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the app is: http://HOST:PORT.", show_default=False)],
    output_format: Annotated[
        str, typer.Option("--format", help="Format of the result on stdout: text or json.", metavar="FORMAT")
    ] = "text",
    request_timeout: Annotated[
        str, typer.Option("--request-timeout", help="Seconds in which a request must be answered.", metavar="SECONDS")
    ] = "30",
) -> None:
    """Send the requests of a probe file to an app, and show each with its result.

    No container is needed. All requests go to URL, also those for a certain port of a container. Exchanges over TCP and UDP go to
    their own port of the same host. Any certificate is accepted.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.report.probe_check import as_json

    form = words.choice("--format", output_format, ("text", "json"))
    seconds = words.positive_seconds("--request-timeout", request_timeout)
    checked = slimmer.check_probes(file, url, request_timeout=seconds)
    print(as_json(checked)) if form == "json" else _print_text(checked)
    if not checked.ok:
        failed = sum(bool(request.problem) for request in checked.requests)
        raise slimmer.ExerciseFailed(f"{failed} of {len(checked.requests)} requests failed", hint="")


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Probe files (docs/exercise.md).", show_default=False)
    ],
) -> None:
    """Check probe files without sending anything.

    Needs no app, no container and no engine. Variables (`${NAME}`) need no value. An error names the file, the line, the request and the key.
    """
    import slimmer
    from slimmer.cli.console import data, one_line, talk
    from slimmer.formatting import counted

    invalid = 0
    for file in files:
        try:
            requests = slimmer.validate_probes(file)
        except slimmer.UsageError as error:
            invalid += 1
            talk.print(f"[red]✗[/] {one_line(error.message)}", highlight=False)
            talk.print(f"  {one_line(error.hint)}", highlight=False)
        else:
            data.print(f"[green]✓[/] {one_line(str(file))}: {counted(requests, 'request')}", highlight=False)
    if invalid:
        raise slimmer.UsageError(
            f"{invalid} of {counted(len(files), 'probe file')} {'is' if invalid == 1 else 'are'} not valid", hint=""
        )


def _print_text(checked: ProbeCheck) -> None:
    from rich.markup import escape

    from slimmer.cli.console import data, printable
    from slimmer.formatting import human_size

    for request in checked.requests:
        mark = "[red]✗[/]" if request.problem else "[yellow]![/]" if request.warning else "[green]✓[/]"
        answer = f"{request.status} in {request.seconds:.2f} s, {human_size(request.size)}" if request.status else ""
        name = f"{request.method} {request.path or request.unix_socket or f':{request.port}'}"
        data.print(f"{mark} {escape(printable(name))}{f': {answer}' if answer else ''}", highlight=False)
        if note := request.problem or request.warning:
            data.print(f"  {escape(printable(note))}", highlight=False)


def record(har: Har, url: Origin = "", out: Out = None) -> None:
    """Make a probe file of a HAR file.

    Leaves out what a browser adds by itself, what caches, and what differs in each request. `${NAME}` stands for cookies,
    credentials and fields that may be secret; set these variables, or capture the values.
    """
    import slimmer
    from slimmer.cli.console import talk, told

    recording = slimmer.record_probes(har, url=url)
    for note in recording.notes:
        talk.print(f"[yellow]warning:[/] {told(note)}", highlight=False)
    if out is None:
        print(recording.text, end="")
        return
    try:
        out.write_text(recording.text, encoding="utf-8")
    except OSError as error:
        raise slimmer.OutputError(f"{out}: {error.strerror}") from error
    talk.print(f"  {told(f'{recording.requests} requests to {recording.origin}')}", highlight=False)
    print(out)
