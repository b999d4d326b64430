"""`slimmer compare`: compare two images side by side."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """Examples:

  slimmer compare myapp:latest myapp:slim

  slimmer compare myapp:1.3 myapp:1.4 --format markdown >> "$GITHUB_STEP_SUMMARY"

  slimmer compare myapp:latest myapp:slim --format json | jq .ratio.size

Exit codes: 0 compared, 2 usage error, 3 no such image, 4 engine error, 130 interrupted."""

TARGET = "Name, name:tag, digest, ID or a unique prefix of an ID."


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=f"The first image. {TARGET}", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help=f"The second image. {TARGET}", show_default=False)],
    output_format: Annotated[
        str,
        typer.Option("--format", help="Format of the comparison on stdout: table, json or markdown.", metavar="FORMAT"),
    ] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.", metavar="")] = False,
) -> None:
    """Compare any two images.

    Shows sizes (of the files, of the layers as tar archives, and compressed as in a registry), layers, files, executables, setuid and setgid files,
    shells, packages, and differences in the configuration. Neither image is run.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.cli.console import TerminalProgress, data
    from slimmer.report.comparison import as_markdown, as_table
    from slimmer.report.comparison_document import as_json

    form = words.choice("--format", output_format, ("table", "json", "markdown"))
    with TerminalProgress(quiet) as on_event:
        comparison = slimmer.compare(before, after, on_event=on_event)
    if form == "table":
        data.print(as_table(comparison))
    else:
        print(as_json(comparison) if form == "json" else as_markdown(comparison))
