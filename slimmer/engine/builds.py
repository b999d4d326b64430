"""Make images from the output folder: `docker build` with the classic builder or BuildKit, or `docker load` of an archive.

Both stream from disk. Neither the engine's client nor slimmer ever holds a layer in memory.
"""

from __future__ import annotations

import logging
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

import requests
from docker.errors import APIError, DockerException

from slimmer.engine import buildkit
from slimmer.engine.connection import Engine
from slimmer.engine.containers import FULL_DISK, engine_calls, is_full
from slimmer.engine.steps import Steps
from slimmer.engine.uploads import PIECE, Upload
from slimmer.errors import BuildFailed, NoBuilder, SlimmerError

logger = logging.getLogger(__name__)

LOG_LINES = 15

REFUSALS = frozenset((403, 404, 405, 501))
"""How an engine without a builder answers, or a proxy in front of the engine's socket that does not let it pass."""

Making = Callable[[], AbstractContextManager[None]]


def build(
    engine: Engine,
    files: Iterable[Path],
    tag: str,
    platform: str = "",
    tell: Callable[[str], object] = lambda image: None,
    making: Making = nullcontext,
) -> str:
    """Run `docker build` with only these files as context, and return the image's ID.

    The engine's classic builder does it, because it keeps no cache. Without it, the engine's BuildKit does.

    `tell` is called with the ID of each step's image. `making` is entered while the engine works. A failed build leaves nothing
    behind: the engine removes its containers, and slimmer the images of its steps. If an interrupt comes late, the build finishes
    first and gets its tag. Raises BuildFailed with the engine's message, NoBuilder if it does not build at all, or EngineUnreachable.
    """
    files, steps = list(files), Steps(tell)

    def classic(context: Iterator[bytes]) -> Iterable[dict[str, Any]]:
        return steps.watch(_classic(engine, context, tag, platform))

    try:
        _build(engine, files, classic, making)
    except BaseException as error:
        with engine.hasty():
            steps.remove(engine)
        if not isinstance(error, NoBuilder):
            raise
        logger.info("no classic builder, so BuildKit builds: %s", error.message)
        with buildkit.no_cache_left(engine):
            _build(engine, files, lambda context: buildkit.build(engine, context, tag, platform), making)
    image = _identifier(engine, tag)
    steps.remove_behind(engine, image)
    return image


def load(engine: Engine, write: Callable[[IO[bytes]], None], tag: str, making: Making = nullcontext) -> str:
    """Run `docker load` with the archive that `write` writes, and return the image's ID.

    `making` is entered while the engine works. Raises BuildFailed with the engine's message, or EngineUnreachable.
    """
    archive = Upload(write)
    try:
        archive.run(lambda: _while(making, lambda: _load(engine, archive)))
    except (DockerException, requests.RequestException, OSError) as error:
        raise _failed(engine, "load", error) from error
    return _identifier(engine, tag)


def _while(making: Making, work: Callable[[], None]) -> None:
    with making():
        work()


def _build(
    engine: Engine, files: list[Path], build: Callable[[Iterator[bytes]], Iterable[dict[str, Any]]], making: Making
) -> None:
    """Upload the files to a builder and follow what it says."""
    upload = Upload(lambda file: _write_context(file, files))

    def work() -> None:
        with upload as context:
            _follow(build(context))

    try:
        upload.run(lambda: _while(making, work))
    except (DockerException, requests.RequestException, OSError) as error:
        raise _failed(engine, "build", error) from error


def _classic(engine: Engine, context: Iterator[bytes], tag: str, platform: str) -> Iterable[dict[str, Any]]:
    answers: Iterable[dict[str, Any]] = engine.api.build(
        fileobj=context,
        custom_context=True,
        tag=tag,
        rm=True,
        forcerm=True,
        nocache=True,
        decode=True,
        platform=platform or None,
    )
    return answers


def _load(engine: Engine, upload: Upload) -> None:
    with upload as archive:
        _follow(engine.api.load_image(archive))


def _identifier(engine: Engine, tag: str) -> str:
    with engine_calls("inspect the slim image"):
        return str(engine.api.inspect_image(tag)["Id"])


def _write_context(file: IO[bytes], files: list[Path]) -> None:
    """Write the files as an archive of GNU tar. BuildKit knows a context by its first 512 bytes, which must not be a header of pax."""
    with tarfile.open(fileobj=file, mode="w|", bufsize=PIECE, format=tarfile.GNU_FORMAT) as tar:
        tar.copybufsize = PIECE  # type: ignore[attr-defined]  # instead of 16 kB
        for path in files:
            tar.add(path, arcname=path.name)


def _follow(answers: Iterable[dict[str, Any]]) -> None:
    """Read the engine's progress to the end, even after an error. Otherwise the connection would stay open.

    Raises BuildFailed with the first error that the engine reports.
    """
    lines: deque[str] = deque(maxlen=LOG_LINES)
    failed: BuildFailed | None = None
    for answer in answers:
        if "error" in answer and failed is None:
            said = "".join(lines).strip()
            failed = _refused(f"{answer['error']}" + (f"\n{said}" if said else ""))
        lines.append(str(answer.get("stream", "")))
    if failed is not None:
        raise failed


def _failed(engine: Engine, doing: str, error: Exception) -> SlimmerError:
    """Return BuildFailed with the engine's message, or EngineUnreachable if the engine no longer answers."""
    try:
        with engine.hasty(), engine_calls(f"{doing} the slim image"):
            engine.api.ping()
    except SlimmerError as gone:
        return gone
    if doing == "build" and isinstance(error, APIError) and error.status_code in REFUSALS:
        return NoBuilder(f"the engine does not build: {_words(error)}")
    return _refused(f"the engine could not {doing} the slim image: {_words(error)}")


def _refused(words: str) -> BuildFailed:
    return BuildFailed(words, hint=FULL_DISK if is_full(words) else None)


def _words(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    return str(error)
