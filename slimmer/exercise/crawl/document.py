"""What a URL of the app answered with: what the sandbox reads of it, and where it redirects to."""

from __future__ import annotations

from dataclasses import dataclass

from slimmer.exercise.client import Reply
from slimmer.exercise.crawl.frontier import Target
from slimmer.exercise.crawl.limits import PARSED
from slimmer.exercise.crawl.links import Kind, kind_of
from slimmer.exercise.media_type import charset
from slimmer.exercise.result import Answer
from slimmer.sandbox.sandbox import Job


@dataclass(frozen=True, slots=True)
class Document:
    """What a URL of the app answered with. `is_built`: a browser's scripts have built it."""

    target: Target
    content_type: str
    content: bytes
    location: str = ""
    is_built: bool = False

    @property
    def kind(self) -> Kind | None:
        """What it may have links in; None if it has none."""
        return kind_of(self.content_type, self.target.path)

    @property
    def job(self) -> Job:
        """What the sandbox reads of it."""
        return Job(self.target.path, self.content[:PARSED], (str(self.kind), charset(self.content_type)))


def location_of(answer: Answer | Reply) -> str:
    """Return where an answer redirects to (RFC 9110, section 10.2.2), or ""."""
    return dict(answer.headers).get("location", "") if answer.status and 300 <= answer.status < 400 else ""
