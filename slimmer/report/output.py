"""The output folder of a build: made before the work begins, written to atomically, never through somebody's link.

An artefact is written under a temporary name and renamed when it is whole, so that a reader sees the old one or the new
one. Everything happens relative to the opened folder, which therefore stays the same folder whatever its path becomes.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

from slimmer.errors import OutputError

DEFAULT = Path("slimmer-out")
ARTEFACTS = (
    "Dockerfile", "rootfs.tar", "manifest.jsonl", "access.json", "tree.json.zst", "packages.json.zst", "report.json", "report.html",
    "sbom.cdx.json", "seccomp.json",
)  # fmt: skip
"""What slimmer may write; anything else in the folder is the user's."""

_MARKS = {"Dockerfile": b"# Made by slimmer.", "report.json": b'"slimmer-report"'}
"""What slimmer's own have in their first bytes: users have files of these names, too, and want to keep them."""

_MARKED = 200
_TEMPORARY = ".slimmer-"
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644
_BUFFER = 1 << 20


def default_folder(tag: str) -> Path:
    """Where the artefacts of the slim image `tag` (NAME:TAG) go: slimmer-out/ and the last part of its name."""
    return DEFAULT / tag.rpartition(":")[0].rpartition("/")[2]


class OutputFolder:
    """A context manager that holds the folder open and locked; a folder that it made and that stays empty goes again.

    Raises OutputError when the folder cannot be made, is not writable, is in use by another slimmer, or holds files of the
    user's in the place of artefacts. `for_one_file`: the user named a file, whatever else its folder holds; others may write
    single files to it meanwhile, too, since some watch for hours.
    """

    def __init__(self, path: Path, *, for_one_file: bool = False) -> None:
        self.path = path
        self._for_one_file = for_one_file
        self._made: list[Path] = []
        self._folder = -1

    def __enter__(self) -> OutputFolder:
        try:
            with _refusals(f"the output folder {self.path} cannot be written"):
                self._make(self.path)
                self._folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                self._lock()
                self._remove(self._create(os.O_WRONLY)[1])
            if not self._for_one_file:
                self._refuse_foreign()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def clear(self) -> None:
        """Remove the artefacts of an earlier build, and what a killed one was about to write; nothing else."""
        with _refusals(f"old artefacts in {self.path} cannot be removed"):
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries]
            for name in names:
                if name.startswith(_TEMPORARY) or name in ARTEFACTS:
                    self._refuse_odd(name)
                    self._remove(name)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Write the artefact `name`: a file to write and to read back, renamed to it unless an exception comes by.

        Raises OutputError when it cannot be written, or when a link, or something else that is no file, has its name.
        """
        with _refusals(f"{self.path / name} cannot be written"):
            self._refuse_odd(name)
            descriptor, temporary = self._create(os.O_RDWR)
        try:
            with io.BufferedRandom(_Checked(descriptor, self.path / name), _BUFFER) as file:
                yield file
            with _refusals(f"{self.path / name} cannot be written"):
                os.replace(temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            self._remove(temporary)
            raise

    @contextmanager
    def writing_text(self, name: str) -> Iterator[TextIO]:
        """As `writing`, for text in UTF-8."""
        with self.writing(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="\n", write_through=False)
            try:
                yield text
            finally:
                text.detach()  # which flushes; the file below is closed by its own context

    def _make(self, path: Path) -> None:
        """Like `mkdir -p`, remembering what was made, and with a mode that the umask does not change."""
        if path.is_dir():
            return
        self._make(path.parent)
        try:
            path.mkdir(_FOLDER_MODE)
        except FileExistsError:
            if path.is_dir():  # `new/..`, or somebody was faster
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

    def _create(self, access: int) -> tuple[int, str]:
        """A new file under a name that nobody can have guessed and linked elsewhere: its descriptor and the name."""
        name = f"{_TEMPORARY}{secrets.token_hex(8)}"
        flags = access | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, _FILE_MODE, dir_fd=self._folder), name

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
                    f"{self.path / name} was not made by slimmer, and would be replaced",
                    hint="Choose another folder with --out, or move it away.",
                )

    def _beginning(self, name: str) -> bytes:
        """The first bytes of a file; all marks where there is none. What is no file is refused when it is to be replaced."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return b"".join(_MARKS.values())
        with os.fdopen(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return file.read(_MARKED) if is_file else b"".join(_MARKS.values())

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder)

    def _leave(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1
        for path in reversed(self._made):
            with contextlib.suppress(OSError):  # it holds something now, and stays
                path.rmdir()


class _Checked(io.FileIO):
    """A file whose failures to write (a full disk) are OutputErrors, unlike other OSErrors of who writes to it."""

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
