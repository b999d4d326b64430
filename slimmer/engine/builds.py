"""Images out of the output folder: `docker build` with the classic builder, or `docker load` of an archive.

Both stream from disk: neither the engine's client nor slimmer ever holds a layer in memory.
"""

from __future__ import annotations

import contextlib
import re
import tarfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from os import fdopen, pipe
from pathlib import Path
from typing import IO, Any

import requests
from docker.errors import APIError, DockerException

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.errors import BuildFailed

LOG_LINES = 15
PIECE = 1 << 20
_STEP = re.compile(r" ---> ([0-9a-f]{12})\n")


def build(engine: Engine, files: Iterable[Path], tag: str, platform: str = "") -> str:
    """`docker build` with just these files as context; the image's ID. Raises BuildFailed with the engine's words.

    Nothing of a build that fails is left: the engine removes its containers, and slimmer the images of its steps.
    """
    files, steps = list(files), _Steps()
    try:
        with _streamed(lambda file: _write_context(file, files)) as context:
            answers = engine.api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                rm=True,
                forcerm=True,
                nocache=True,
                decode=True,
                platform=platform or None,
            )
            _follow(steps.watch(answers))
    except BaseException as error:
        steps.remove(engine)
        if isinstance(error, (DockerException, requests.RequestException, OSError)):
            raise BuildFailed(f"the engine could not build the slim image: {_words(error)}") from error
        raise
    with engine_calls("inspect the slim image"):
        return str(engine.api.inspect_image(tag)["Id"])


def load(engine: Engine, write: Callable[[IO[bytes]], None], tag: str) -> str:
    """`docker load` of the archive that `write` writes; the image's ID. Raises BuildFailed with the engine's words."""
    try:
        with _streamed(write) as archive:
            _follow(engine.api.load_image(archive))
    except (DockerException, requests.RequestException, OSError) as error:
        raise BuildFailed(f"the engine could not load the slim image: {_words(error)}") from error
    with engine_calls("inspect the slim image"):
        return str(engine.api.inspect_image(tag)["Id"])


class _Steps:
    """The images of a build's steps, as the classic builder names them (`---> 1b2c3d4e5f60`)."""

    def __init__(self) -> None:
        self._images: list[str] = []

    def watch(self, answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The answers, unchanged."""
        for answer in answers:
            if match := _STEP.fullmatch(str(answer.get("stream", ""))):
                self._images.append(match[1])
            yield answer

    def remove(self, engine: Engine) -> None:
        """Remove what no name holds, the last step first; what does not go is the engine's to prune."""
        for image in reversed(self._images):
            with contextlib.suppress(DockerException, requests.RequestException):
                if not engine.api.inspect_image(image)["RepoTags"]:
                    engine.api.remove_image(image, noprune=False)


class _streamed:
    """A file to read from what a function writes, through a pipe; the function's error is raised in the end."""

    def __init__(self, write: Callable[[IO[bytes]], None]) -> None:
        self._write = write
        self._error: BaseException | None = None

    def __enter__(self) -> Iterator[bytes]:
        source, target = pipe()
        self._source = fdopen(source, "rb", buffering=0)
        self._thread = threading.Thread(target=self._run, args=(fdopen(target, "wb", buffering=PIECE),), daemon=True)
        self._thread.start()
        return self._pieces()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._source.close()
        self._thread.join()
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise self._error

    def _pieces(self) -> Iterator[bytes]:
        """What was written; a writer that fails breaks the upload off, lest the engine take a half for the whole."""
        while piece := self._source.read(PIECE):
            yield piece
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self, target: IO[bytes]) -> None:
        try:
            with target:
                self._write(target)
        except BaseException as error:
            self._error = error


def _write_context(file: IO[bytes], files: list[Path]) -> None:
    with tarfile.open(fileobj=file, mode="w|", bufsize=1 << 20) as tar:
        for path in files:
            tar.add(path, arcname=path.name)


def _follow(answers: Iterable[dict[str, Any]]) -> None:
    """Read the engine's progress to its end. Raises BuildFailed at the first error that it reports."""
    lines: deque[str] = deque(maxlen=LOG_LINES)
    for answer in answers:
        if "error" in answer:
            said = "".join(lines).strip()
            raise BuildFailed(f"{answer['error']}" + (f"\n{said}" if said else ""))
        lines.append(str(answer.get("stream", "")))


def _words(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    return str(error)
