"""`slimmer keep`: turn access logs into a packed folder, without building an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slimmer.cli import options
from slimmer.cli.keep_options import choice
from slimmer.cli.option_groups import shares
from slimmer.cli.unproven_lines import show_unexercised, show_unproven

EPILOG = """Examples:

  slimmer keep access.json unit-tests.json --out packed

  slimmer rebuild packed --tag myapp:slim

Exit codes: 0 packed, 2 usage error, 3 no such image, 4 engine error, 7 the logs show no access, 10 cannot write the output,
130 interrupted."""


@shares(choice=choice)
def keep(
    logs: Annotated[
        list[Path],
        typer.Argument(help="Access logs of one image, or folders with an access.json.", metavar="LOG…"),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Output folder.", rich_help_panel=options.OUT, metavar="DIR")
    ],
    rebase: Annotated[
        str,
        typer.Option(
            "--rebase",
            help="Take the files from this image, a later build of the one in the logs.",
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
    """Decide which files to keep from access logs, and pack them.

    Writes Dockerfile, rootfs.tar, manifest.jsonl, a report and the joined log into a folder. It does not run the app, build an
    image or verify anything: `slimmer rebuild` builds the image, and `slimmer verify` checks it.
    """
    import slimmer
    from slimmer.cli.console import TerminalProgress, talk
    from slimmer.formatting import human_size

    with TerminalProgress(quiet) as on_event:
        kept = slimmer.keep(logs, out=out, rebase=rebase, on_event=on_event, **choice)
    if not quiet:
        talk.print(f"{kept.kept:,} of {kept.paths:,} paths kept, {human_size(kept.size)}", highlight=False)
    show_unproven(kept.unproven, out, quiet=quiet)
    show_unexercised(None, kept.untouched, out, quiet=quiet)
    print(out)
