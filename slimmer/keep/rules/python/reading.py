"""Sources and their facts: read from the image in bounded portions, looked up in the cache, parsed by several processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from slimmer.keep.cache import FactsCache
from slimmer.keep.context import Context
from slimmer.keep.rules.facts import dump_facts, load_facts
from slimmer.keep.rules.portions import portions
from slimmer.keep.rules.python.facts import VERSION, Facts
from slimmer.keep.rules.python.source import SOURCE_LIMIT, read_source

PORTION = 1 << 25
"""Bytes of sources that are held at a time."""

PARALLEL = 1 << 23
"""Bytes of sources from which on other processes are worth their start (tree-sitter holds the interpreter's lock)."""

PROCESSES = 8
_CHUNK = 16


class Sources:
    """Facts of the sources of an image."""

    def __init__(self, context: Context, cache: FactsCache) -> None:
        self._context = context
        self._cache = cache

    def facts(self, wanted: Mapping[str, bool]) -> Iterator[tuple[str, Facts]]:
        """The facts of each source; the value tells whether all of them are wanted (slimmer.keep.rules.python.source)."""
        for portion in portions(self._context.tree, wanted, SOURCE_LIMIT, PORTION):
            contents = [(path, content) for path, content in self._context.read(portion) if content is not None]
            keys = {path: _key(content, wanted[path]) for path, content in contents}
            known = self._cache.get(set(keys.values()))
            read = {key: facts for key, value in known.items() if (facts := load_facts(Facts, value)) is not None}
            unread = {keys[path]: (content, wanted[path]) for path, content in contents if keys[path] not in read}
            parsed = dict(zip(unread, _parse(list(unread.values())), strict=True))
            self._cache.put({key: dump_facts(facts) for key, facts in parsed.items()})
            read |= parsed
            yield from ((path, read[keys[path]]) for path, _ in contents)


def _key(content: bytes, whole: bool) -> str:
    return f"{VERSION}{'-whole' if whole else ''}:{hashlib.sha256(content).hexdigest()}"


def _parse(sources: Sequence[tuple[bytes, bool]]) -> list[Facts]:
    if sum(len(content) for content, _ in sources) > PARALLEL and (os.cpu_count() or 1) > 1:
        workers = min(os.cpu_count() or 1, PROCESSES)
        try:
            # spawn: a fork of a process that has threads may hang
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                return list(pool.map(_read, sources, chunksize=_CHUNK))
        except (BrokenProcessPool, OSError):
            pass  # no processes, or none that live: then by ourselves
    return [_read(source) for source in sources]


def _read(source: tuple[bytes, bool]) -> Facts:
    content, whole = source
    return read_source(content, whole=whole)
