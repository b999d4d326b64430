"""`slimmer compare`: compare two images side by side, and hold the second one against the gates of a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from slimmer.cli import options as shared

if TYPE_CHECKING:
    from slimmer import Comparison
    from slimmer.api.options import CompareKeywords

EPILOG = """Examples:

  slimmer compare myapp:latest myapp:slim

  slimmer compare myapp:latest myapp:slim --max-size 80MB --min-ratio 3 --fail-on setuid,shell,config-change

  slimmer compare myapp:latest myapp:slim --baseline last.json --max-growth 5 --format markdown >> "$GITHUB_STEP_SUMMARY"

  slimmer compare myapp:latest myapp:slim --vulnerabilities scan.json --fail-on critical

  slimmer compare myapp:latest myapp:slim --format json | jq .ratio.size

Exit codes: 0 compared, and no gate failed, 2 usage error, 3 no such image, 4 engine error, 11 a gate failed, 130 interrupted."""

TARGET = "Name, name:tag, digest, ID or a unique prefix of an ID."
GATES = "Gates"


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=f"The first image. {TARGET}", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help=f"The second image. {TARGET}", show_default=False)],
    output_format: Annotated[
        str,
        typer.Option("--format", help="Format of the comparison on stdout: table, json or markdown.", metavar="FORMAT"),
    ] = "table",
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size",
            help="Fail if the files of AFTER have more bytes: 80MB, 1.5GB, 500kB, 80MiB or 80000000.",
            metavar="SIZE",
            rich_help_panel=GATES,
            show_default=False,
        ),
    ] = None,
    min_ratio: Annotated[
        str | None,
        typer.Option(
            "--min-ratio",
            help="Fail if AFTER is not so many times smaller than BEFORE: 3 or 2.5.",
            metavar="NUMBER",
            rich_help_panel=GATES,
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="Fail if this is true: setuid, new-setuid, shell, package-manager, config-change, new-file, growth (needs --baseline), "
            "warning (needs --report), or a vulnerability that is not gone: critical, high, medium or low and worse (needs --vulnerabilities). Separate several by commas, or repeat the option.",
            metavar="CONDITION",
            rich_help_panel=GATES,
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="Show what changed since an earlier slim image: its report.json, or the output of compare --format json.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    max_growth: Annotated[
        str | None,
        typer.Option(
            "--max-growth",
            help="Fail if AFTER grew by more percent since --baseline. For --fail-on growth, the default is 10.",
            metavar="PERCENT",
            rich_help_panel=GATES,
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Show the warnings of the build that made AFTER, and what it did not prove: report.json of its output folder.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    vulnerabilities: Annotated[
        Path | None,
        typer.Option(
            "--vulnerabilities",
            help="Show what became of the vulnerabilities of BEFORE: its scan, the JSON of Grype (-o json) or Trivy (--format json).",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Read the scan even if it names another image than BEFORE.", metavar="")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show no progress and no gates that passed.", metavar="")
    ] = False,
    config: shared.Config = None,
) -> None:
    """Compare any two images, and fail if the second one does not pass the gates.

    Shows sizes (of the files, of the layers as tar archives, and compressed as in a registry), layers, files, executables, setuid and setgid files,
    shells, package managers, packages, and differences in the configuration. Neither image is run.

    A pipeline can set gates. The comparison is printed in any case; if a gate fails, the exit code is 11.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.cli.console import TerminalProgress
    from slimmer.report.gate import verdict

    form = words.choice("--format", output_format, ("table", "json", "markdown"))
    given = {
        "max_size": max_size,
        "min_ratio": min_ratio,
        "fail_on": fail_on,
        "baseline": baseline,
        "max_growth": max_growth,
        "report": report,
        "vulnerabilities": vulnerabilities,
        "force": force or None,
    }
    options = cast("CompareKeywords", {name: value for name, value in given.items() if value is not None})
    with TerminalProgress(quiet) as on_event:
        comparison = slimmer.compare(before, after, on_event=on_event, **options)
    _print(comparison, form)
    _show_gates(comparison, quiet)
    if not comparison.ok:
        raise slimmer.GateFailed(verdict(comparison.gates))


def _print(comparison: Comparison, form: str) -> None:
    from slimmer.cli.console import data
    from slimmer.report.comment import as_markdown
    from slimmer.report.comparison import as_table, since_table
    from slimmer.report.comparison_document import as_json

    if form == "table":
        data.print(as_table(comparison))
        if comparison.since is not None:
            data.print(since_table(comparison.since))
    else:
        print(as_json(comparison) if form == "json" else as_markdown(comparison))


def _show_gates(comparison: Comparison, quiet: bool) -> None:
    """Print warnings and a line for each gate to stderr; only those that failed when quiet."""
    from slimmer.cli.console import one_line, talk

    for warning in comparison.warnings:
        talk.print(f"[yellow]warning:[/] {one_line(warning)}", highlight=False)
    for gate in comparison.gates:
        if not gate.passed:
            talk.print(f"[red]✗[/] {one_line(str(gate))}", highlight=False)
        elif not quiet:
            talk.print(f"[green]✓[/] {one_line(str(gate))}", highlight=False)
