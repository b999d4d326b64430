"""`slimmer doctor`: try out what slimmer needs from the engine and its kernel, and report what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer import Check


def doctor(
    output_format: Annotated[
        str, typer.Option("--format", help="Format of the result on stdout: text or json.", metavar="FORMAT")
    ] = "text",
    ci: Annotated[
        bool,
        typer.Option(
            "--ci",
            help="Also check what matters in a CI job: the engine's address, ports, folders, disks, the terminal.",
            metavar="",
        ),
    ] = False,
) -> None:
    """Check the engine, its kernel and the probe by trying each of them.

    The exit code is 4 if something that slimmer needs is missing.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.errors import UnsupportedEngine
    from slimmer.report.diagnosis import as_json

    form = words.choice("--format", output_format, ("text", "json"))
    checks = slimmer.doctor(ci=ci)
    print(as_json(checks)) if form == "json" else _print_text(checks)
    missing = [check.name for check in checks if check.needed and not check.ok]
    if missing:
        raise UnsupportedEngine(f"slimmer cannot work here: {', '.join(missing)}", hint="")


def _print_text(checks: Sequence[Check]) -> None:
    from rich.markup import escape

    from slimmer.cli.console import data, printable

    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]" if check.needed else "[yellow]![/]"
        data.print(f"{mark} {check.name:<{width}}  {escape(printable(check.detail))}", highlight=False)
        if check.hint and not check.ok:
            data.print(f"  {'':<{width}}  {escape(printable(check.hint))}", highlight=False)
