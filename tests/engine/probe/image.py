"""The image of the probe's tests: small programs, and the files that they look at, put together here and imported."""

from __future__ import annotations

import io
import platform
import posixpath
import subprocess
import tarfile
from pathlib import Path

from tests.engine.probe.cases import CASES, LOADER, Case

SOURCES = Path(__file__).parents[1] / "images/probe"
LOOK = ("look.c", "opens.c", "lookups.c", "changes.c", "execs.c", "sockets.c", "processes.c")
BUILDS = {"native": (), "i386": ("-m32",)} if platform.machine() == "x86_64" else {"native": ()}
"""Ways to build the programs, each with a folder of cases of its own; i386 programs run on x86_64, too."""

PASSWD = "root:x:0:0::/root:/bin/sh\nworker:x:1234:4321::/home/worker:/bin/sh\nother:x:77:88::/:/bin/sh\n"
GROUP = "root:x:0:\nstaff:x:50:worker,root\nworker:x:4321:\nextra:x:60:worker\nother:x:88:\n"
COMPILER = ("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread", "-o")


class Programs:
    """Compiles programs, each once, into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, *options: str) -> bytes:
        """The program of NAME.c, or of all the files of `look`."""
        target = self._folder / f"{name}{''.join(options).replace('/', '_')}"
        sources = [SOURCES / source for source in (LOOK if name == "look" else (f"{name}.c",))]
        if not target.exists():
            subprocess.run([*COMPILER, target, *sources, *options], check=True)
        return target.read_bytes()


class Archive:
    """A tar in the making: folders come to be with what is put into them."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._bytes, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape")
        self._folders: set[str] = set()

    def folder(self, path: str) -> None:
        """Add a folder and those above it."""
        if path in ("", "/") or path in self._folders:
            return
        self.folder(posixpath.dirname(path))
        self._folders.add(path)
        self._add(path, tarfile.DIRTYPE, mode=0o755)

    def file(self, path: str, content: bytes = b"x\n", *, mode: int = 0o644, owner: int = 0) -> None:
        """Add a regular file."""
        self.folder(posixpath.dirname(path))
        self._add(path, tarfile.REGTYPE, mode=mode, owner=owner, content=content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self.folder(posixpath.dirname(path))
        self._add(path, tarfile.SYMTYPE, mode=0o777, target=target)

    def content(self) -> bytes:
        """The tar; nothing can be added any more."""
        self._tar.close()
        return self._bytes.getvalue()

    def _add(
        self, path: str, kind: bytes, *, mode: int, owner: int = 0, content: bytes = b"", target: str = ""
    ) -> None:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.type, member.mode, member.uid, member.gid = kind, mode, owner, owner
        member.size, member.linkname = len(content), target
        self._tar.addfile(member, io.BytesIO(content))


def make_archive(programs: Programs) -> bytes:
    """All programs in /bin (those of i386 with `-i386` at the end) and all cases, in /native and /i386."""
    archive = Archive()
    for build, options in BUILDS.items():
        for source in sorted(SOURCES.glob("*.c")):
            name = source.stem
            if name not in {Path(part).stem for part in LOOK} - {"look"}:
                suffix = "" if build == "native" else f"-{build}"
                bare = ("-nostdlib",) if name == "calls" else ()
                archive.file(f"/bin/{name}{suffix}", programs(name, "-static", *bare, *options), mode=0o755)
        for case in CASES:
            _add_case(archive, programs, case, build)
    _add_libraries(archive)
    for folder in ("shutdown", "adopted", "plain"):
        archive.file(f"/native/{folder}/file")
    archive.file("/etc/passwd", PASSWD.encode())
    archive.file("/etc/group", GROUP.encode())
    for folder in ("/home/worker", "/tmp", "/root"):
        archive.folder(folder)
    return archive.content()


def _add_case(archive: Archive, programs: Programs, case: Case, build: str) -> None:
    folder = f"/{build}/{case.name}"
    archive.folder(folder)
    if case.only in ("", build):
        for need in case.needs:
            _add_need(archive, programs, folder, need, BUILDS[build])


def _add_need(archive: Archive, programs: Programs, folder: str, need: str, options: tuple[str, ...]) -> None:
    """Make one of the things that a case needs; how they are written is told in `cases`."""
    path, star, attributes = f"{folder}/{need}".partition(" *")
    if star and attributes == "dynamic":
        content = programs("touch", *options, f"-Wl,--dynamic-linker={folder}/loader")
        archive.file(path, content, mode=0o755)
    elif star:
        mode, _, owner = attributes.partition(":")
        content = programs("touch", "-static", *options)
        archive.file(path, content, mode=int(mode or "755", 8), owner=int(owner or 0))
    elif " -> " in path:
        path, _, target = path.partition(" -> ")
        archive.link(path, target)
    elif " #! " in path:
        path, _, interpreter = path.partition(" #! ")
        archive.file(path, f"#!{folder}/{interpreter}\n".encode(), mode=0o755)
    elif path.endswith("/"):
        archive.folder(path.rstrip("/"))
    else:
        archive.file(path)


def _add_libraries(archive: Archive) -> None:
    """This machine's loader and C library, for the one program that is not static, where it looks for them."""
    command = ("gcc", "-print-file-name=libc.so.6")
    library = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    for path in (LOADER, posixpath.normpath(library)):
        archive.file(path, Path(path).read_bytes(), mode=0o755)
