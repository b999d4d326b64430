"""`slimmer keep`: from access logs to a packed folder, without an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slimmer.cli import options
from slimmer.cli.keep_options import choice
from slimmer.cli.option_groups import shares

EPILOG = """Examples:

  slimmer keep access.json unit-tests.json --out packed

  slimmer rebuild packed --tag myapp:slim

Exit codes: 0 packed, 2 usage, 3 no such image, 4 engine, 7 the logs show no access, 10 output, 130 interrupted."""


@shares(choice=choice)
def keep(
    logs: Annotated[
        list[Path],
        typer.Argument(help="Access logs of one image, or folders that hold an access.json.", metavar="LOG…"),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the result.", rich_help_panel=options.OUT, metavar="DIR")
    ],
    rebase: Annotated[
        str,
        typer.Option(
            "--rebase",
            help="Keep from this image instead of the logs' own: a later build of it.",
            rich_help_panel=options.KEEP,
            metavar="IMAGE",
            show_default=False,
        ),
    ] = "",
    quiet: options.Quiet = False,
    config: options.Config = None,
    *,
    choice: dict[str, Any],
) -> None:
    """Decide what to keep of the image that the logs belong to, and pack it.

    Writes Dockerfile, rootfs.tar, manifest.jsonl, a report and the joined log into a folder. No app is run, no image is made, and
    nothing is verified: `slimmer rebuild` makes the image, and `slimmer verify` compares it with the original.
    """
    import slimmer
    from slimmer.cli.console import TerminalProgress, talk
    from slimmer.formatting import human_size

    with TerminalProgress(quiet) as on_event:
        kept = slimmer.keep(logs, out=out, rebase=rebase, on_event=on_event, **choice)
    if not quiet:
        talk.print(f"{kept.kept:,} of {kept.paths:,} paths stay, {human_size(kept.size)}", highlight=False)
    print(out)
