"""`slimmer clean`: removes what a slimmer that was killed left in the engine."""

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
            help="Also what slimmers on other machines or in other containers made, even if they still run.",
            metavar="",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.", metavar="")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.", metavar="")] = False,
) -> None:
    """Remove what killed runs of slimmer left: containers, volumes and temporary images.

    Lists what was removed, one per line. Slim images, output folders and what a running slimmer uses stay.
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
    yield from (f"image {name}" for name in found.images)
