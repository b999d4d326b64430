"""Where words go: data to stdout, talk to stderr. Rich honours NO_COLOR and FORCE_COLOR, and drops colour in pipes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from slimmer import formatting

WIDTH = 80
"""Columns where the environment says that there are none (COLUMNS=0): rich would show nothing at all."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, soft_wrap=True, emoji=False)
    if console.width < 1:
        console.width = WIDTH
    return console


talk = _console(stderr=True)
data = _console(stderr=False)


def printable(text: str) -> str:
    """Text from an untrusted image, safe for a terminal; its lines and tabs stay."""
    return formatting.printable(text, kept="\n\t")


def told(text: str) -> str:
    """Words that may hold an untrusted image's: escaped for the terminal and for rich, and further lines moved in.

    So no line of an image's (a name with a line break, the last words of an app) looks like one of slimmer's own.
    """
    return escape(printable(text)).replace("\n", "\n    ")


class TerminalProgress:
    """Progress on stderr: a line a stage with what came of it, and on a terminal a live line while it runs."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage; on a terminal a spinner runs until it is over."""
        if self._quiet:
            yield
            return
        started = time.monotonic()
        if talk.is_terminal:
            with talk.status(escape(name)):
                yield
        else:
            yield
        talk.print(f"[green]✓[/] {escape(name)} [dim]({time.monotonic() - started:.1f} s)[/]", highlight=False)

    def note(self, text: str) -> None:
        """Something that the user should know but need not act upon."""
        if not self._quiet:
            talk.print(f"  {told(text)}", highlight=False)

    def warn(self, text: str) -> None:
        """Something that the user may have to act upon; shown even when quiet."""
        talk.print(f"[yellow]warning:[/] {told(text)}", highlight=False)
