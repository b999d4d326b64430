"""The output folder: whole artifacts or none, the user's own files untouched, nobody's link followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from slimmer.artifacts.report_file import FORMAT
from slimmer.errors import OutputError
from slimmer.image.config import ImageConfig
from slimmer.output_folder import OutputFolder, default_folder, sweep
from slimmer.pipeline.report import as_json
from slimmer.rebuild.image import Builder, write_dockerfile


def write(folder: OutputFolder, name: str, content: bytes) -> None:
    with folder.writing(name) as file:
        file.write(content)


def test_the_default_folder_is_named_after_the_image() -> None:
    assert default_folder("app:slim") == Path("slimmer-out/app")
    assert default_folder("registry.example:5000/team/app:1.4-slim") == Path("slimmer-out/app")


def test_it_is_made_with_its_parents_for_all_to_read(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with OutputFolder(tmp_path / "a/b") as folder:
            write(folder, "report.json", b"{}")
            folder.publish()
    finally:
        os.umask(before)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("a", "a/b")] == ["0o755", "0o755"]
    assert (tmp_path / "a/b/report.json").read_bytes() == b"{}"


def test_nothing_stays_when_nothing_was_written(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    assert not (tmp_path / "a").exists()


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "a" / ".."):
        pass
    with OutputFolder(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_what_is_not_published_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "rootfs.tar").write_bytes(b"old")
    with OutputFolder(tmp_path) as folder:
        write(folder, "rootfs.tar", b"new")
        write(folder, "access.json", b"new")
        assert folder.place("rootfs.tar").read_bytes() == b"new"
        assert (tmp_path / "rootfs.tar").read_bytes() == b"old"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"rootfs.tar": b"old"}


def test_what_was_written_twice_counts_once_and_takes_its_room_once(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        write(folder, "rootfs.tar", b"first")
        with folder.writing("rootfs.tar") as file:
            file.write(b"second")
            file.flush()
            assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"second"]
        folder.publish()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"rootfs.tar": b"second"}


def test_a_dockerfile_never_lies_beside_the_files_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the move is broken off: here before each step."""
    moves = [0]

    def counted(move: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: Any, **options: Any) -> None:
            moves[0] -= 1
            if moves[0] < 0:
                raise KeyboardInterrupt
            move(*arguments, **options)

        return step

    def made(content: bytes, steps: int) -> None:
        with OutputFolder(tmp_path / "out") as folder, suppress(KeyboardInterrupt):
            for name in ("Dockerfile", "rootfs.tar", "report.json"):
                write(folder, name, b'# Made by slimmer. "slimmer-report" ' + content)
            with monkeypatch.context() as broken:
                moves[0] = steps
                broken.setattr(os, "replace", counted(os.replace))
                broken.setattr(os, "unlink", counted(os.unlink))
                folder.publish()

    for steps in range(20):
        made(b"old", 1000)
        made(b"new", steps)
        found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        if "Dockerfile" in found:
            assert found["Dockerfile"] == found["rootfs.tar"]
        if "report.json" in found:
            assert len(set(found.values())) == 1
            assert len(found) == 3


def test_what_a_killed_slimmer_left_goes_and_a_users_own_stays(tmp_path: Path) -> None:
    for name in (".slimmer-0123456789abcdef", ".slimmer-0123456789abcdee/folder", ".slimmer-cache"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "rootfs.tar").write_bytes(b"half")
    with OutputFolder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {".slimmer-0123456789abcdee", ".slimmer-cache"}


def test_a_dead_runs_folder_is_swept(tmp_path: Path) -> None:
    told: list[tuple[Path, list[Path], str]] = []
    out = tmp_path / "a/b"
    with OutputFolder(out, tell=lambda path, made, mark: told.append((path, list(made), mark))) as folder:
        write(folder, "rootfs.tar", b"half")
        path, made, mark = told[0]
        assert (path, made) == (out, [tmp_path / "a", out])
        (out / "notes.txt").write_text("mine")
        sweep(path, mark, made)
        assert [path.name for path in out.iterdir()] == ["notes.txt"]
        (out / "notes.txt").unlink()
        sweep(path, mark, made)
        assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_artefact_and_no_other(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        write(folder, "report.json", b'"slimmer-report"')
        folder.publish()
    with OutputFolder(tmp_path) as folder:
        with pytest.raises(RuntimeError), folder.writing("report.json") as file:
            file.write(b"new")
            raise RuntimeError
        with pytest.raises(RuntimeError), folder.writing_text("report.json") as text:
            text.write("new")
            raise RuntimeError
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"report.json": b'"slimmer-report"'}


def test_text_is_written_in_utf_8_and_can_be_read_back_while_written(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        with folder.writing_text("Dockerfile") as text:
            text.write("é\n")
        with folder.writing("rootfs.tar") as file:
            file.write(b"abc")
            file.seek(1)
            assert file.read() == b"bc"
        folder.publish()
    assert (tmp_path / "Dockerfile").read_bytes() == "é\n".encode()


def test_old_artefacts_go_and_foreign_files_stay(tmp_path: Path) -> None:
    for name in ("rootfs.tar", "report.json", "notes.txt", ".slimmerignore"):
        (tmp_path / name).write_text('{\n  "format": "slimmer-report"')
    (tmp_path / "folder").mkdir()
    with OutputFolder(tmp_path) as folder:
        folder.publish()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".slimmerignore", "folder", "notes.txt"]


@pytest.mark.parametrize("name", ["Dockerfile", "report.json"])
def test_a_users_file_in_the_place_of_an_artefact_is_refused_at_once(tmp_path: Path, name: str) -> None:
    """`--out .` in a project's folder, or `--out "$UNSET"`."""
    (tmp_path / name).write_text("FROM debian\n")
    with pytest.raises(OutputError, match=f"{name} was not made by slimmer"), OutputFolder(tmp_path):
        pass
    with OutputFolder(tmp_path, for_one_file=True) as folder:
        write(folder, "access.json", b"{}")
    assert (tmp_path / name).read_text() == "FROM debian\n"


def test_what_slimmer_made_before_is_replaced(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        write_dockerfile(ImageConfig("sha256:1", "amd64", "linux"), Builder("dockerfile", ""), folder)
        write(folder, "report.json", as_json({**FORMAT.head}).encode())
        folder.publish()
    with OutputFolder(tmp_path) as folder:
        folder.publish()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_what_is_no_file_is_refused_and_not_touched(tmp_path: Path, kind: str) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    out.mkdir()
    planted = out / "rootfs.tar"
    if kind == "link":
        victim.write_text("precious")
    if kind in ("link", "dangling"):
        planted.symlink_to(victim)
    elif kind == "folder":
        planted.mkdir()
    else:
        os.mkfifo(planted)
    with pytest.raises(OutputError, match=r"rootfs\.tar is"), OutputFolder(out):
        pass
    for name in ("Dockerfile", "report.json"):
        planted = planted.rename(out / name)
        with pytest.raises(OutputError, match=rf"{name} is"), OutputFolder(out):
            pass
    planted = planted.rename(out / "rootfs.tar")
    planted.rename(tmp_path / "elsewhere")
    with OutputFolder(out) as folder:
        (tmp_path / "elsewhere").rename(planted)
        with pytest.raises(OutputError, match=r"rootfs\.tar is"):
            write(folder, "rootfs.tar", b"x")
        with pytest.raises(OutputError, match=r"rootfs\.tar is"):
            folder.publish()
    assert planted.lstat()
    assert victim.exists() == (kind == "link")
    assert kind != "link" or victim.read_text() == "precious"


def test_a_link_planted_while_it_is_written_is_replaced_not_followed(tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_text("precious")
    with OutputFolder(out, for_one_file=True) as folder, folder.writing("rootfs.tar") as file:
        file.write(b"mine")
        (out / "rootfs.tar").symlink_to(victim)
    assert victim.read_text() == "precious"
    assert not (out / "rootfs.tar").is_symlink()
    assert (out / "rootfs.tar").read_bytes() == b"mine"


def test_a_user_may_name_the_folder_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with OutputFolder(tmp_path / "link") as folder:
        write(folder, "report.json", b"{}")
        folder.publish()
    assert (tmp_path / "real/report.json").read_bytes() == b"{}"


def test_two_that_write_a_file_each_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, for_one_file=True) as first, OutputFolder(tmp_path, for_one_file=True) as second:
        write(first, "first.json", b"1")
        write(second, "second.json", b"2")
        with pytest.raises(OutputError, match="another slimmer"), OutputFolder(tmp_path):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {"first.json", "second.json"}


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    with OutputFolder(tmp_path), pytest.raises(OutputError, match="another slimmer"), OutputFolder(tmp_path):
        pass
    with OutputFolder(tmp_path):
        pass


@pytest.mark.parametrize("place", ["/proc/slimmer-out", "/proc/self/slimmer-out/deep", "/dev/null", "/dev/null/deep"])
def test_an_unwritable_place_is_refused_at_once(place: str) -> None:
    with pytest.raises(OutputError, match="cannot be written") as caught, OutputFolder(Path(place)):
        pass
    assert caught.value.exit_code == 10


def test_an_existing_folder_that_takes_no_files_is_refused_at_once() -> None:
    with pytest.raises(OutputError, match="cannot be written"), OutputFolder(Path("/proc/self")):
        pass
