"""rootfs.tar is read again before it counts: what was not asked for, or is not whole, never becomes an image."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from slimmer.errors import BuildFailed, OutputError
from slimmer.image.tree import Tree
from slimmer.output_folder import OutputFolder
from slimmer.rebuild.rootfs import check_size, write_rootfs
from tests.unit.tree_maker import record

ODD = os.fsdecode(b"srv/caf\xe9\n ")
LONG = "srv/" + "x" * 250


class Packer:
    """Packs a given archive, whatever it was asked for, in pieces of odd sizes."""

    def __init__(self, archive: bytes, piece: int = 1000) -> None:
        self.archive, self.piece = archive, piece

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None:
        for position in range(0, len(self.archive), self.piece):
            sink(self.archive[position : position + self.piece])


def archive(*members: tuple[str, bytes | str | None]) -> bytes:
    """An archive of files (content), hard links (target) and directories (None)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for name, what in members:
            member = tarfile.TarInfo(name)
            if what is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(what, str):
                member.type, member.linkname = tarfile.LNKTYPE, what
            else:
                member.size, member.mtime = len(what), 1.5
            tar.addfile(member, io.BytesIO(what) if isinstance(what, bytes) else None)
    return file.getvalue()


GOOD = archive(("./", None), ("a", b"one"), ("b", "a"), ("srv/", None), (ODD, b"two" * 1000), (LONG, b""))
PATHS = ["/", "/a", "/b", "/srv", "/" + ODD, "/" + LONG]


def written(folder: OutputFolder, content: bytes, paths: list[str]) -> dict[str, str]:
    return dict(write_rootfs(Packer(content), [(path, "") for path in paths], folder).digests)


def test_a_good_archive_is_written_with_its_digests(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        rootfs = write_rootfs(Packer(GOOD), [(path, "") for path in PATHS], folder)
        assert rootfs.path.read_bytes() == GOOD
    one, two, nothing = (hashlib.sha256(text).hexdigest() for text in (b"one", b"two" * 1000, b""))
    assert rootfs.digests == {"/a": one, "/b": one, "/" + ODD: two, "/" + LONG: nothing}
    assert (rootfs.size, rootfs.diff_id) == (len(GOOD), "sha256:" + hashlib.sha256(GOOD).hexdigest())


@pytest.mark.parametrize(
    ("content", "paths", "words"),
    [
        (GOOD, PATHS[:-1], "was not asked for"),
        (GOOD, [*PATHS, "/more"], "lacks '/more'"),
        (GOOD, [PATHS[0], PATHS[2], PATHS[1], *PATHS[3:]], "was not asked for"),
        (archive(("./", None), ("../evil", b"")), ["/", "/evil"], "was not asked for"),
        (archive(("a", "b")), ["/a"], "which is not a file in it"),
        (archive(("a", b"x" * 2000))[:1500], ["/a"], "not an archive"),
        (GOOD[:-12000], PATHS, "not an archive"),
        (archive(("a", b""))[:1024], ["/a"], "not an archive"),
        (archive(("a", b""))[:2048], ["/a"], "does not end"),
        (archive(("a", b"")) + archive(("b", b"")), ["/a"], "does not end"),
        (b"nonsense" * 200, ["/a"], "not an archive"),
        (b"", [], "not an archive"),
    ],
)
def test_anything_else_is_refused_and_not_kept(tmp_path: Path, content: bytes, paths: list[str], words: str) -> None:
    with OutputFolder(tmp_path / "out") as folder, pytest.raises(BuildFailed, match=words):
        written(folder, content, paths)
    assert not (tmp_path / "out").exists()


def test_zeros_take_no_room_on_the_disk_and_are_read_back(tmp_path: Path) -> None:
    """A sparse file of an image fills no disk here, whatever its size; also where zeros are the last that comes."""
    content = bytes(range(1, 200)) + bytes(8 << 20) + b"end"
    tar = archive(("a", content), ("b", bytes(4 << 20)))
    with OutputFolder(tmp_path / "out") as folder:
        rootfs = write_rootfs(Packer(tar, piece=1 << 18), [("/a", ""), ("/b", "")], folder)
        assert rootfs.path.read_bytes() == tar
        assert rootfs.path.stat().st_blocks * 512 < 2 << 20
    assert rootfs.digests["/a"] == hashlib.sha256(content).hexdigest()
    assert (rootfs.size, rootfs.diff_id) == (len(tar), "sha256:" + hashlib.sha256(tar).hexdigest())


def files(*sizes: int, links: int = 1) -> Tree:
    entries = (
        record("f", f"/{n}", size=size, inode=7 if links > 1 else n, links=links) for n, size in enumerate(sizes)
    )
    return Tree(b"".join(entries))


def test_files_that_are_larger_than_any_disk_are_refused_before_they_are_packed() -> None:
    with pytest.raises(BuildFailed, match=r"1\.1 TB.*sparse") as refused:
        check_size(files(5, 1 << 40), 80_000_000)
    assert "--exclude" in refused.value.hint
    assert check_size(files(1 << 40), 1 << 40) == 1 << 40
    assert check_size(files(1 << 32), 2_000_000) == 1 << 32


def test_hard_links_count_once() -> None:
    assert check_size(files(*[1 << 33] * 5, links=5), 1 << 20) == 1 << 33


def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        full = os.open("/dev/full", os.O_RDWR)
        monkeypatch.setattr(folder, "_create", lambda name: full)
        with pytest.raises(OutputError, match="No space left"):
            written(folder, b"x" * (4 << 20), [])
