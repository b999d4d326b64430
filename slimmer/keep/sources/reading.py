"""The facts of sources: looked up in the cache, or worked out in the sandbox if they are new.

A source that cannot be read gives the facts of an empty one, so that findings that depend only on its path still come out. These facts are
not cached, and the sandbox notes the failure for the user.
"""

from __future__ import annotations

import hashlib
import json
import pkgutil
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Language, Origin, Source, Text
from slimmer.keep.sources.batches import batches
from slimmer.sandbox.facts import load_facts
from slimmer.sandbox.readers import Read, declare, reader
from slimmer.sandbox.sandbox import Job

BATCH_BYTES = 1 << 24
"""Bytes of files that are held in memory at a time."""

_NO_VARIABLES: Mapping[str, str] = {}

F = TypeVar("F")


def read_files(
    image: ImageView,
    reader: Read,
    facts_type: type[F],
    paths: Iterable[str],
    longest: int,
    arguments: Callable[[str], tuple[Any, ...]] = lambda path: (),
) -> Iterator[tuple[str, F]]:
    """Yield the real path of each of these regular files with the facts that a sandbox reader gives, in order. Nothing is cached.

    Files of more than `longest` bytes are left out, and so are those whose contents the image does not give. A file that the
    reader cannot read gives the facts of an empty one. `arguments` returns further arguments of the reader, by path.
    """
    for batch in batches(image.tree, paths, longest, BATCH_BYTES):
        contents = [(path, content) for path, content in image.read(batch) if content is not None]
        jobs = [Job(path, content, arguments(path)) for path, content in contents]
        for job, found in zip(jobs, image.sandbox.facts(reader, facts_type, jobs), strict=True):
            yield job.path, found if found is not None else facts_type()


@reader
def read_source(
    content: bytes, place: str, suffix: str, origin: str, dialect: str, variables: Mapping[str, str]
) -> Any:
    """Call a language's `read`, given as "module:function" in `place`, for a source. Runs in a child process."""
    return pkgutil.resolve_name(place)(Source(suffix, content, Origin(origin), dialect, variables))


class SourceFacts(Generic[F]):
    """The facts of an image's sources in one language."""

    def __init__(self, image: ImageView, language: Language[F]) -> None:
        self._image, self._language = image, language
        self._place = declare(language.read)
        self._cache = image.cache

    def read(
        self,
        paths: Iterable[str],
        origin: Callable[[str], Origin],
        dialect: Callable[[str], str] = lambda path: "",
        recognizes: Callable[[str, bytes], bool] = lambda path, content: True,
        variables: Mapping[str, str] = _NO_VARIABLES,
    ) -> Iterator[tuple[str, F]]:
        """Yield each source's real path and facts, in order. Costs one round trip for the contents.

        Files that the image does not give or that `recognizes` rejects are left out.
        """
        sources = [
            (path, Source(posixpath.splitext(path)[1], content, origin(path), dialect(path), variables))
            for path, content in self._image.read(list(dict.fromkeys(paths)))
            if content is not None and recognizes(path, content)
        ]
        yield from self._facts(sources)

    def read_texts(self, texts: Iterable[Text], variables: Mapping[str, str]) -> Iterator[tuple[str, F]]:
        """Yield the names and facts of sources that are not files, in order."""
        sources = [(text.name, Source("", text.content, Origin.APP, text.dialect, variables)) for text in texts]
        yield from self._facts(sources)

    def _facts(self, sources: Iterable[tuple[str, Source]]) -> Iterator[tuple[str, F]]:
        jobs = [
            Job(name, one.content, (self._place, one.suffix, one.origin.value, str(one.dialect), dict(one.variables)))
            for name, one in sources
        ]
        keys = [self._key(job) for job in jobs]
        known = self._known(keys)
        unknown = {key: job for key, job in reversed([*zip(keys, jobs, strict=True)]) if key not in known}
        known |= self._worked_out(dict(reversed(unknown.items())))
        for key, job in zip(keys, jobs, strict=True):
            yield job.path, known[key] if key in known else self._language.facts_type()

    def _key(self, job: Job) -> str:
        """Return the cache key of a source's facts. It holds everything that the facts depend on."""
        settings = json.dumps([self._language.version, *job.arguments[1:-1]])
        variables = json.dumps(job.arguments[-1], sort_keys=True).encode()
        return f"{self._language.id}-{settings}:{hashlib.sha256(variables + job.content).hexdigest()}"

    def _known(self, keys: Iterable[str]) -> dict[str, F]:
        found = self._cache.get(set(keys))
        read = ((key, load_facts(self._language.facts_type, value)) for key, value in found.items())
        return {key: facts for key, facts in read if facts is not None}

    def _worked_out(self, jobs: Mapping[str, Job]) -> dict[str, F]:
        """Work out the facts of new sources, and cache them."""
        found: dict[str, F] = {}
        texts: dict[str, bytes] = {}
        answers = self._image.sandbox.read(read_source, list(jobs.values())) if jobs else []
        for (key, job), text in zip(jobs.items(), answers, strict=True):
            if text is None:
                continue
            facts = load_facts(self._language.facts_type, text)
            if facts is None:
                self._image.sandbox.note(job.path, "its reader's answer makes no sense")
            else:
                found[key], texts[key] = facts, text
        self._cache.put(texts)
        return found
