"""Building and loading images, in a real engine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from slimmer.engine import builds
from slimmer.engine.connection import Engine, connect
from slimmer.errors import BuildFailed
from tests.engine.names import OWN, untag

TAG = f"{OWN}-builds:candidate"
LABEL = f"{OWN}-builds"
START = f"FROM scratch\nLABEL {LABEL}=1\nADD rootfs.tar /\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def left(engine: Engine) -> list[str]:
    """What is there of the builds below: images, those of single steps included, and containers."""
    mine = {"label": LABEL}
    images = engine.api.images(all=True, filters=mine) + engine.api.images(name=f"{OWN}-builds")
    return [entry["Id"] for entry in images + engine.api.containers(all=True, filters=mine)]


def folder(path: Path, dockerfile: str) -> list[Path]:
    with tarfile.open(path / "rootfs.tar", "w") as tar:
        member = tarfile.TarInfo("srv/file")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    (path / "Dockerfile").write_text(dockerfile)
    (path / "unrelated").write_text("must not be sent")
    return [path / "Dockerfile", path / "rootfs.tar"]


def test_a_folder_becomes_an_image(engine: Engine, tmp_path: Path) -> None:
    files = folder(tmp_path, START + "ENV A=b\nUSER 7\n")
    made = builds.build(engine, files, TAG)
    try:
        found = engine.api.inspect_image(TAG)
        assert found["Id"] == made
        assert found["Config"]["User"] == "7"
        assert "A=b" in found["Config"]["Env"]
        assert len(found["RootFS"]["Layers"]) == 1
        assert len(left(engine)) > 1
    finally:
        engine.api.remove_image(TAG)
    assert left(engine) == []


def test_only_the_named_files_are_sent(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed):
        builds.build(engine, folder(tmp_path, START + "ADD unrelated /\n"), TAG)
    assert left(engine) == []


@pytest.mark.parametrize("line", ["ADD missing /", "RUN true", "NONSENSE"])
def test_a_build_that_fails_says_why_and_leaves_nothing(engine: Engine, tmp_path: Path, line: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        builds.build(engine, folder(tmp_path, f"{START}ENV A=b\n{line}\n"), TAG)
    assert any(word in caught.value.message for word in ("missing", "exec", "NONSENSE")), caught.value.message
    assert left(engine) == []


def test_a_file_that_vanishes_is_a_failed_build(engine: Engine, tmp_path: Path) -> None:
    files = folder(tmp_path, START)
    with pytest.raises(BuildFailed, match="gone"):
        builds.build(engine, [*files, tmp_path / "gone"], TAG)
    assert left(engine) == []


@pytest.mark.parametrize("moment", ["context", "Step 1/", "Step 3/", "Successfully built"])
def test_an_interrupt_leaves_no_half_made_image(engine: Engine, tmp_path: Path, moment: str) -> None:
    class Interrupted:
        """The real engine; the user presses Ctrl-C when the build is so far."""

        def __getattr__(self, name: str) -> Any:
            return getattr(engine.api, name)

        def build(self, **options: Any) -> Iterator[dict[str, Any]]:
            if moment == "context":
                os.kill(os.getpid(), signal.SIGINT)
            for answer in engine.api.build(**options):
                if moment in answer.get("stream", ""):
                    os.kill(os.getpid(), signal.SIGINT)
                yield answer

    fields = {name: getattr(engine, name) for name in Engine.__dataclass_fields__}
    with pytest.raises(KeyboardInterrupt):
        builds.build(Engine(**{**fields, "api": Interrupted()}), folder(tmp_path, START), TAG)
    untag(engine, TAG)
    assert left(engine) == []


def archive(target: IO[bytes], tag: str, layer_size: int) -> None:
    """A docker-archive with one layer of so many bytes of zeros."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        member = tarfile.TarInfo("zeros")
        member.size = layer_size
        tar.addfile(member, io.BytesIO(bytes(layer_size)))
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]}
    config = {"architecture": "amd64", "os": "linux", "config": {"User": "9"}, "rootfs": rootfs}
    files = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer.getvalue(),
        "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode(),
    }
    with tarfile.open(fileobj=target, mode="w|") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_an_archive_is_loaded(engine: Engine) -> None:
    made = builds.load(engine, lambda file: archive(file, TAG, 3 << 20), TAG)
    try:
        found = engine.api.inspect_image(TAG)
        assert (found["Id"], found["Config"]["User"], found["Size"]) == (made, "9", 3 << 20)
    finally:
        engine.api.remove_image(TAG)
    assert left(engine) == []


def test_an_archive_that_cannot_be_written_is_a_failed_build(engine: Engine) -> None:
    def full(file: IO[bytes]) -> None:
        file.write(os.urandom(1 << 20))
        raise OSError("no space left")

    with pytest.raises(BuildFailed, match="no space left"):
        builds.load(engine, full, TAG)


def test_an_archive_that_is_none_is_a_failed_build(engine: Engine) -> None:
    def nonsense(file: IO[bytes]) -> None:
        file.write(b"nonsense" * 1000)

    with pytest.raises(BuildFailed):
        builds.load(engine, nonsense, TAG)
