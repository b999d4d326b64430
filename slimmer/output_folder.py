"""The output folder of a build. It is made before the work begins, written to atomically, and never through a symbolic link.

Artifacts are written into a temporary folder inside, and moved into place together when the build says so. Until then those of an
earlier build stay, and a build that fails leaves nothing. All paths are relative to open folders, so they stay the same folders even
if somebody renames them.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

from slimmer.errors import OutputError

DEFAULT = Path("slimmer-out")
ARTIFACTS = (
    "Dockerfile", "rootfs.tar", "manifest.jsonl", "access.json", "tree.json.zst", "packages.json.zst", "report.json", "report.html",
    "sbom.cdx.json", "sbom.spdx.json", "seccomp.json", "apparmor.profile",
)  # fmt: skip
"""The files that slimmer may write. Anything else in the folder is the user's."""

LAST = ("Dockerfile", "report.json")
"""These are moved into place last, in this order, and an earlier build's are removed first. So a Dockerfile always has its own rootfs.tar."""

_MARKS = {"Dockerfile": b"# Made by slimmer.", "report.json": b'"slimmer-report"'}
"""Marks in the first bytes of slimmer's files. Users have files with these names, too, and slimmer must not replace them."""

_MARKED = 200
_TEMPORARY = ".slimmer-"
_MARK = re.compile(r"\.slimmer-[0-9a-f]{16}")
_FOLDER_MODE = 0o755
_PRIVATE_MODE = 0o700
_FILE_MODE = 0o644
_BUFFER = 1 << 20


def default_folder(tag: str) -> Path:
    """Return the folder for the artifacts of the slim image `tag` (NAME:TAG): slimmer-out/ and the last part of its name."""
    return DEFAULT / tag.rpartition(":")[0].rpartition("/")[2]


Tell = Callable[[Path, Iterable[Path], str], object]
"""Called before a folder is made, with its path, the folders that will be made, and the name of the temporary folder inside."""


class OutputFolder:
    """A context manager that holds the folder open and locked. If it made the folder and the folder stays empty, it removes it.

    `for_one_file`: the user named a single file. What else is in its folder does not matter, the file gets its name when it is
    complete, and other slimmers may write single files there at the same time, since some watch for hours. `tell`: see `Tell`.

    Raises OutputError if the folder cannot be made, is not writable, is in use by another slimmer, or has a file of the user's
    where an artifact would go.
    """

    def __init__(self, path: Path, *, for_one_file: bool = False, tell: Tell = lambda path, made, mark: None) -> None:
        self.path = path
        self._for_one_file = for_one_file
        self._tell = tell
        self._mark = f"{_TEMPORARY}{secrets.token_hex(8)}"
        self._made: list[Path] = []
        self._written: list[str] = []
        self._folder = self._staging = -1

    def __enter__(self) -> OutputFolder:
        try:
            with _refusals(f"the output folder {self.path} cannot be written"):
                self._tell(self.path, _lacking(self.path), self._mark)
                self._make(self.path)
                self._folder = _opened(self.path)
                self._lock()
                self._stage()
            if not self._for_one_file:
                self._refuse_foreign()
                self._check_places()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def place(self, name: str) -> Path:
        """Return where an artifact is until it is published."""
        return self.path / self._mark / name

    @property
    def written(self) -> tuple[str, ...]:
        """The names of the artifacts that were written and not published yet, in order."""
        return tuple(self._written)

    def publish(self) -> None:
        """Move what was written into place, and remove the artifacts of an earlier build. Nothing else is touched.

        Even if this is interrupted, a Dockerfile and a rootfs.tar in the folder belong together.
        """
        with _refusals(f"the artifacts in {self.path} cannot be replaced"):
            self._check_places()
            for name in (*reversed(LAST), *(name for name in ARTIFACTS if name not in self._written)):
                _remove(name, self._folder)
            for name in sorted(self._written, key=lambda name: (name in LAST, LAST.index(name) if name in LAST else 0)):
                os.replace(name, name, src_dir_fd=self._staging, dst_dir_fd=self._folder)
            self._written.clear()

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a file to write the artifact `name` to, and to read it back from. An exception discards it.

        An earlier version is removed first. Raises OutputError if the file cannot be written, or if a link or anything else that
        is not a regular file has its name.
        """
        with _refusals(f"{self.path / name} cannot be written"):
            self._refuse_odd(name)
            self._forget(name)
            descriptor = self._create(name)
        try:
            with io.BufferedRandom(_Checked(descriptor, self.path / name), _BUFFER) as file:
                yield file
        except BaseException:
            _remove(name, self._staging)
            raise
        self._written.append(name)
        if self._for_one_file:
            with _refusals(f"{self.path / name} cannot be written"):
                os.replace(name, name, src_dir_fd=self._staging, dst_dir_fd=self._folder)

    @contextmanager
    def writing_text(self, name: str) -> Iterator[TextIO]:
        """Like `writing`, for text in UTF-8."""
        with self.writing(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="\n", write_through=False)
            try:
                yield text
            finally:
                text.detach()  # which flushes; the file below is closed by its own context

    def discard(self, name: str) -> None:
        """Remove an artifact that was written and is not to be published after all."""
        with _refusals(f"{self.path / name} cannot be removed"):
            self._forget(name)

    def _make(self, path: Path) -> None:
        """Make folders like `mkdir -p`, with a mode that the umask does not change, and remember them."""
        if path.is_dir():
            return
        self._make(path.parent)
        try:
            path.mkdir(_FOLDER_MODE)
        except FileExistsError:
            if path.is_dir():  # `new/..`, or another process was faster
                return
            raise
        self._made.append(path)
        path.chmod(_FOLDER_MODE)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._folder, (fcntl.LOCK_SH if self._for_one_file else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"another slimmer is writing to {self.path}", hint="Wait for it, or choose another folder with --out."
            ) from error

    def _stage(self) -> None:
        """Make the temporary folder under a name that nobody can guess. Remove what a killed slimmer left."""
        if not self._for_one_file:
            _sweep(self._folder, _MARK)
        os.mkdir(self._mark, _PRIVATE_MODE, dir_fd=self._folder)
        self._staging = _opened(self._mark, self._folder)

    def _create(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, _FILE_MODE, dir_fd=self._staging)

    def _check_places(self) -> None:
        for name in ARTIFACTS:
            self._refuse_odd(name)

    def _forget(self, name: str) -> None:
        if name in self._written:
            self._written.remove(name)
            _remove(name, self._staging)

    def _refuse_odd(self, name: str) -> None:
        try:
            mode = os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a file"
            raise OutputError(f"{self.path / name} is {kind}", hint="Remove it, or choose another folder with --out.")

    def _refuse_foreign(self) -> None:
        for name, mark in _MARKS.items():
            if mark not in self._beginning(name):
                raise OutputError(
                    f"{self.path / name} was not made by slimmer and would be replaced",
                    hint="Choose another folder with --out, or move it away.",
                )

    def _beginning(self, name: str) -> bytes:
        """Return the first bytes of a file, or all marks if it is not a regular file. _refuse_odd refuses what is not a regular file."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return b"".join(_MARKS.values())
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, _MARKED) if is_file else b"".join(_MARKS.values())
        finally:
            os.close(descriptor)

    def _leave(self) -> None:
        if self._staging >= 0:
            os.close(self._staging)
        if self._folder >= 0:
            _sweep(self._folder, re.compile(re.escape(self._mark)))
            os.close(self._folder)
        self._folder = self._staging = -1
        _unmake(self._made)


def sweep(path: Path, mark: str, made: Iterable[Path]) -> None:
    """Remove the temporary folder `mark` in a folder, and the empty ones of the folders `made` (see Tell). Raises OSError."""
    try:
        folder = _opened(path)
        try:
            _sweep(folder, re.compile(re.escape(mark)))
        finally:
            os.close(folder)
    finally:
        _unmake(made)


def _sweep(folder: int, mark: re.Pattern[str]) -> None:
    """Remove temporary folders with their files. A folder that holds anything else stays."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if mark.fullmatch(entry.name)]
    for name in names:
        with contextlib.suppress(OSError):
            inner = _opened(name, folder)
            try:
                with os.scandir(inner) as artifacts:
                    for artifact in artifacts:
                        _remove(artifact.name, inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)


def _opened(path: Path | str, folder: int | None = None) -> int:
    nofollow = os.O_NOFOLLOW if folder is not None else 0  # the user may name the output folder by a link
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | nofollow, dir_fd=folder)


def _remove(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _lacking(path: Path) -> list[Path]:
    """Return the folders that must be made so that the folder exists, the outermost first."""
    return [] if path.is_dir() else [*_lacking(path.parent), path]


def _unmake(made: Iterable[Path]) -> None:
    for path in reversed(list(made)):
        with contextlib.suppress(OSError):  # it is not empty, so it stays
            path.rmdir()


class _Checked(io.FileIO):
    """A file that raises OutputError if it cannot be written (a full disk), so that other OSErrors can be told apart."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "r+")
        self._path = path

    def write(self, data: Any) -> int:
        with _refusals(f"{self._path} cannot be written"):
            return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        with _refusals(f"{self._path} cannot be written"):
            return super().truncate(size)


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{what}: {error.strerror or error}") from error
