"""Facts of sources: read from the image, looked up in the cache, and worked out in the sandbox where they are new.

A source that cannot be read gives the facts of an empty one, so that what follows from its place alone still holds. That is
not remembered for the next run; the sandbox notes it for the user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from slimmer.keep.image_view import ImageView
from slimmer.keep.sources.batches import batches
from slimmer.sandbox.facts import load_facts
from slimmer.sandbox.sandbox import Job

PORTION = 1 << 24
"""Bytes of files that are held at a time."""

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Question:
    """How a source is to be read: by which reader of the sandbox, in which version of it, and with which arguments."""

    reader: str
    version: int
    arguments: tuple[Any, ...] = ()

    def key(self, content: bytes) -> str:
        """What the facts of a content are known by."""
        return f"{self.reader}-{self.version}-{json.dumps(self.arguments)}:{hashlib.sha256(content).hexdigest()}"


def read_files(
    image: ImageView,
    reader: str,
    kind: type[F],
    paths: Iterable[str],
    longest: int,
    arguments: Callable[[str], tuple[Any, ...]] = lambda path: (),
) -> Iterator[tuple[str, F]]:
    """What a reader of the sandbox says of each of these regular files, by real path and in order; nothing is remembered.

    Files of more than `longest` bytes, and those that the image does not give, are left out. One that cannot be read says
    what an empty one does.
    """
    for portion in batches(image.tree, paths, longest, PORTION):
        contents = [(path, content) for path, content in image.read(portion) if content is not None]
        jobs = [Job(path, content, arguments(path)) for path, content in contents]
        for job, found in zip(jobs, image.sandbox.facts(reader, kind, jobs), strict=True):
            yield job.path, found if found is not None else kind()


class SourceFacts(Generic[F]):
    """The facts of an image's sources; all of one kind."""

    def __init__(self, image: ImageView, kind: type[F]) -> None:
        self._image, self._kind = image, kind
        self._cache = image.cache

    def read(self, questions: Iterable[tuple[str, Question]]) -> Iterator[tuple[str, F]]:
        """The facts of each source that can be got, by its real path and in order. One round trip for the contents."""
        asked = dict(questions)
        contents = [(path, content) for path, content in self._image.read(list(asked)) if content is not None]
        keys = {path: asked[path].key(content) for path, content in contents}
        known = self._known(keys.values())
        unknown = {keys[path]: (path, content) for path, content in reversed(contents) if keys[path] not in known}
        for reader in dict.fromkeys(asked[path].reader for path, _ in unknown.values()):
            mine = {key: one for key, one in reversed(unknown.items()) if asked[one[0]].reader == reader}
            jobs = [Job(path, content, asked[path].arguments) for path, content in mine.values()]
            known |= self._worked_out(reader, list(mine), jobs)
        for path, _ in contents:
            facts = known.get(keys[path])
            yield path, facts if facts is not None else self._kind()

    def _known(self, keys: Iterable[str]) -> dict[str, F]:
        found = self._cache.get(set(keys))
        read = ((key, load_facts(self._kind, value)) for key, value in found.items())
        return {key: facts for key, facts in read if facts is not None}

    def _worked_out(self, reader: str, keys: Sequence[str], jobs: Sequence[Job]) -> dict[str, F]:
        """The facts of new sources, which are remembered."""
        found: dict[str, F] = {}
        texts: dict[str, bytes] = {}
        for key, job, text in zip(keys, jobs, self._image.sandbox.read(reader, jobs), strict=True):
            if text is None:
                continue
            facts = load_facts(self._kind, text)
            if facts is None:
                self._image.sandbox.note(job.path, "its reader's answer makes no sense")
            else:
                found[key], texts[key] = facts, text
        self._cache.put(texts)
        return found
