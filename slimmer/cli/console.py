"""Print data to stdout and messages to stderr. Rich honours NO_COLOR and FORCE_COLOR, and drops colour in pipes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from slimmer import formatting
from slimmer.pipeline.progress import BytesRead, Event, Note, StageEnded, StageStarted, Warned

WIDTH = 80
"""The number of columns to use if the environment says 0 (COLUMNS=0). Rich would show nothing at all."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, soft_wrap=True, emoji=False)
    if console.width < 1:
        console.width = WIDTH
    return console


talk = _console(stderr=True)
data = _console(stderr=False)


def printable(text: str) -> str:
    """Return text from an untrusted image so that it is safe for a terminal. Line breaks and tabs stay."""
    return formatting.printable(text, kept="\n\t")


def told(text: str) -> str:
    """Return a message that may quote an untrusted image. It is escaped for the terminal and for rich, and all lines after the first are indented.

    So no text from an image (a name with a line break, the last output of an app) can look like a line of slimmer's own.
    """
    return escape(printable(text)).replace("\n", "\n    ")


def one_line(text: str) -> str:
    """Return a message that may quote an untrusted image as one line, escaped for the terminal and for rich."""
    return escape(formatting.printable(text))


MINOR = ("start", "write", "finish")
"""Stages that are shown only if they take long. A report has them, so that its times add up."""

NOTABLE = 1.0
"""Seconds."""


class TerminalProgress:
    """Shows events on stderr: a line for each finished stage and, on a terminal, a live line for the current one.

    As a context manager, it always removes the live line at the end.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live: ExitStack = ExitStack()
        self._advance: Callable[[BytesRead], None] | None = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.close()

    def __call__(self, event: Event) -> None:
        """Show an event. Warnings are shown even when quiet."""
        if isinstance(event, Warned):
            talk.print(f"[yellow]warning:[/] {told(event.text)}", highlight=False)
        elif not self._quiet:
            self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, Note):
            talk.print(f"  {told(event.text)}", highlight=False)
        elif isinstance(event, StageStarted):
            if talk.is_terminal:
                self._live.enter_context(talk.status(escape(event.name)))
        elif isinstance(event, StageEnded):
            self._live.close()
            if not event.failed and (event.name not in MINOR or event.seconds >= NOTABLE):
                talk.print(f"[green]✓[/] {escape(event.name)} [dim]({event.seconds:.1f} s)[/]", highlight=False)
        elif isinstance(event, BytesRead) and talk.is_terminal:
            self._advance = self._advance or self._bar(event.total)
            self._advance(event)

    def _bar(self, total: int) -> Callable[[BytesRead], None]:
        """Show a progress bar that disappears when it is done. Return the function that advances it."""
        columns = (TextColumn("reading both images"), BarColumn(), DownloadColumn())
        bar = self._live.enter_context(Progress(*columns, console=talk, transient=True))
        task = bar.add_task("", total=total)
        return lambda event: bar.update(task, completed=event.done)


class TerminalHandler(logging.Handler):
    """Shows log records on stderr, above the live line of a stage."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record. Like every message on stderr, it may be lost."""
        seconds = record.relativeCreated / 1000
        source = record.name.removeprefix("slimmer.")
        talk.print(f"[dim]{seconds:8.3f} {source}: {told(record.getMessage())}[/]", highlight=False)


def show_diagnostics(level: int) -> None:
    """Show slimmer's log records of this level and above."""
    logger = logging.getLogger("slimmer")
    logger.setLevel(level)
    logger.addHandler(TerminalHandler())
