"""`slimmer observe`: watch an image and write what it uses; nothing is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slimmer.cli import options
from slimmer.cli.asking import asks

if TYPE_CHECKING:
    from slimmer.request import ObserveRequest

EPILOG = """Examples:

  slimmer observe myapp:latest --out access.json

  slimmer observe myapp:latest --cmd 'pytest tests' --until exit --out unit-tests.json

  slimmer build myapp:latest --access unit-tests.json

Exit codes: 0 observed, 2 usage, 3 no such image, 4 engine, 5 the app did not start, 6 a probe failed,
7 observation incomplete, 10 output, 130 interrupted."""


@asks
def observe(
    target: options.Target,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File (NAME.json), or folder for an access.json.",
            rich_help_panel=options.OUT,
            metavar="FILE|DIR",
        ),
    ] = Path("access.json"),
    quiet: options.Quiet = False,
    *,
    asked: ObserveRequest,
) -> None:
    """Observe TARGET while it is exercised, and write its access log and nothing else.

    The log can be joined with others in `slimmer build --access` or `slimmer keep`. The file's name is printed.
    """
    from dataclasses import replace

    from slimmer.cli.console import TerminalProgress
    from slimmer.stages import observe_image

    print(observe_image(replace(asked, target=target), out, TerminalProgress(quiet)))
