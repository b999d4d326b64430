"""The lines about unproven items at the end of a build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slimmer import Unproven


def show_unproven(items: Sequence[Unproven], folder: Path, *, quiet: bool) -> None:
    """Print a few lines to stderr, if there are any items. `folder` is the output folder, in which the report has all of them."""
    import shlex

    from slimmer.cli.console import talk, told
    from slimmer.unproven import short_lines

    if quiet or not items:
        return
    talk.print("[yellow]not proven:[/]", highlight=False)
    for line in short_lines(items, f"slimmer explain {shlex.quote(str(folder))} --unproven"):
        talk.print(f"  {told(line)}", highlight=False)
