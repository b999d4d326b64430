"""`slimmer clean`: removes what a slimmer that was killed left in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer.engine.leftovers import Leftovers


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

    Lists what was removed, one a line. Slim images and output folders stay; so does what belongs to a slimmer that runs.
    """
    from slimmer.cli.console import talk
    from slimmer.engine.connection import connect
    from slimmer.engine.leftovers import find_leftovers, remove_leftovers
    from slimmer.errors import EngineError

    engine = connect()
    try:
        found = (find_leftovers if dry_run else remove_leftovers)(engine, strangers=strangers)
        left = found if dry_run else find_leftovers(engine, strangers=strangers)
    finally:
        engine.close()
    stayed = set() if dry_run else set(_lines(left)) & set(_lines(found))
    removed = [line for line in _lines(found) if line not in stayed]
    for line in removed:
        print(line)
    if not quiet:
        talk.print(f"{'would remove' if dry_run else 'removed'}: {len(removed)}", highlight=False)
    if stayed:
        raise EngineError("the engine could not remove:\n  " + "\n  ".join(sorted(stayed)))


def _lines(found: Leftovers) -> Iterator[str]:
    yield from (f"container {name}" for name in found.containers)
    yield from (f"volume {name}" for name in found.volumes)
    yield from (f"image {name}" for name in found.images)
