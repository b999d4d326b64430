"""The lines at the end of a build about what it does not prove, and about the app's own code that nothing touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slimmer import Exercised, Unproven, UntouchedCode


def show_unexercised(exercised: Exercised | None, code: UntouchedCode, folder: Path, *, quiet: bool) -> None:
    """Print what was exercised and how much of the app's own code was not to stderr, if there is such code."""
    import shlex

    from slimmer.cli.console import talk, told
    from slimmer.unexercised import Exercised, line

    text = line(exercised or Exercised(), code, f"slimmer explain --unexercised {shlex.quote(str(folder))}")
    if text and not quiet:
        talk.print(told(text), highlight=False)


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
