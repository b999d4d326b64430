"""`slimmer compare`: two images side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer.report.comparison import Comparison

EPILOG = """Examples:

  slimmer compare myapp:latest myapp:slim

  slimmer compare myapp:1.3 myapp:1.4 --format markdown >> "$GITHUB_STEP_SUMMARY"

  slimmer compare myapp:latest myapp:slim --format json | jq .ratio.size

Exit codes: 0 compared, 2 usage, 3 no such image, 4 engine, 130 interrupted."""

TARGET = "Name, name:tag, digest, ID or a unique prefix of an ID."


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=f"The first image. {TARGET}", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help=f"The second image. {TARGET}", show_default=False)],
    output_format: Annotated[
        str, typer.Option("--format", help="table, json or markdown; on stdout.", metavar="FORMAT")
    ] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", metavar="")] = False,
) -> None:
    """Compare any two images.

    Sizes, compressed sizes (as a registry would hold the layers), layers, files, executables, setuid and setgid files,
    shells, packages, and the configuration that differs. Neither image is run.
    """
    from slimmer.cli import parse
    from slimmer.cli.console import data
    from slimmer.report.comparison import as_markdown, as_table
    from slimmer.report.comparison_document import as_json

    form = parse.choice("--format", output_format, ("table", "json", "markdown"))
    comparison = _compared(before, after, quiet)
    if form == "table":
        data.print(as_table(comparison))
    else:
        print(as_json(comparison) if form == "json" else as_markdown(comparison))


def _compared(before: str, after: str, quiet: bool) -> Comparison:
    from slimmer.engine.connection import connect
    from slimmer.engine.images import resolve
    from slimmer.engine.resources import EngineResources
    from slimmer.report.comparison import Comparison
    from slimmer.runs.stats import collect_stats

    engine = connect()
    try:
        images = [resolve(engine, name) for name in (before, after)]
        with EngineResources(engine) as scope, _progress(sum(image.size for image in images), quiet) as passed:
            first, second = collect_stats(scope, images, passed)
    finally:
        engine.close()
    return Comparison(before, first, after, second)


@contextmanager
def _progress(size: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, on a terminal, that takes the bytes that were done; it is gone afterwards."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from slimmer.cli.console import talk

    columns = (TextColumn("reading both images"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=talk, transient=True, disable=quiet or not talk.is_terminal) as progress:
        task = progress.add_task("", total=size)
        yield lambda done: progress.advance(task, done)
