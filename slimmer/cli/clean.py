"""`slimmer clean`: remove what killed runs of slimmer left in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer import Leftovers


def clean(
    strangers: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also remove what slimmer made on other machines or in other containers, even if it is still running there.",
            metavar="",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.", metavar="")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no summary.", metavar="")] = False,
) -> None:
    """Remove containers, volumes, networks and temporary images that killed runs of slimmer left behind.

    Prints what was removed, one item per line. Slim images, output folders and everything that belongs to a running
    slimmer stay.
    """
    import slimmer
    from slimmer.cli.console import talk
    from slimmer.errors import EngineError

    result = slimmer.clean(strangers=strangers, dry_run=dry_run)
    removed, stayed = list(_lines(result.removed)), sorted(_lines(result.stayed))
    for line in removed:
        print(line)
    if not quiet:
        talk.print(f"{'would remove' if dry_run else 'removed'}: {len(removed)}", highlight=False)
    if stayed:
        raise EngineError("the engine could not remove:\n  " + "\n  ".join(stayed))


def _lines(found: Leftovers) -> Iterator[str]:
    yield from (f"container {name}" for name in found.containers)
    yield from (f"volume {name}" for name in found.volumes)
    yield from (f"network {name}" for name in found.networks)
    yield from (f"image {name}" for name in found.images)
