"""Whether the app opened files of the image that it had not opened before."""

from __future__ import annotations

from slimmer.exercise.subject import Subject


class News:
    """Compares what the app has opened by now with what it had opened at the last look."""

    def __init__(self, subject: Subject) -> None:
        self._subject, self._opened = subject, subject.opened()

    def look(self) -> bool | None:
        """Return True if there is something new, and None if nobody knows."""
        known, self._opened = self._opened, self._subject.opened()
        return None if self._opened is None or known is None else self._opened > known
