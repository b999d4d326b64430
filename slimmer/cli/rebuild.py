"""`slimmer rebuild`: build the image of a packed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slimmer.cli import options

EPILOG = """Examples:

  slimmer rebuild slimmer-out/myapp --tag myapp:slim

Exit codes: 0 built, 2 usage error, 4 engine error, 9 build failed, 130 interrupted."""


def rebuild(
    folder: Annotated[Path, typer.Argument(help="Folder that `slimmer build` or `slimmer keep` wrote.", metavar="OUT")],
    tag: Annotated[
        str,
        typer.Option(
            "--tag", "-t", help="Name of the image.", metavar="NAME", rich_help_panel=options.OUT, show_default=False
        ),
    ],
    quiet: options.Quiet = False,
) -> None:
    """Build an image from a folder's Dockerfile and rootfs.tar, as `docker build` would, and tag it.

    The image is not verified. `slimmer verify` compares it with the original.
    """
    import slimmer
    from slimmer.cli.console import TerminalProgress

    with TerminalProgress(quiet) as on_event:
        result = slimmer.rebuild(folder, tag=tag, on_event=on_event)
    print(result.tag)
