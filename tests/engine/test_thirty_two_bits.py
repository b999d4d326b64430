"""Programs of 32 bits on a 64-bit engine, static and dynamic, each starting the other: seen, kept, and the same when slim."""

from __future__ import annotations

import json
import platform
import posixpath
import subprocess
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.export import export
from tests.engine.names import OWN
from tests.engine.probe.image import Archive

SOURCE = Path(__file__).parent / "images/thirty_two.c"
IMAGE, SLIM = f"{OWN}-thirty-two:latest", f"{OWN}-thirty-two:slim"
LOADER = "/lib/ld-linux.so.2"
USED = ("opened", "looked-at", "accessed", "link", "link-target", "in-thread", "listed/one", "listed/two")

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="needs i386 programs")


def program(folder: Path, *options: str) -> bytes:
    """The program, of 32 bits."""
    path = folder / "-".join(("program", *options))
    subprocess.run(["gcc", "-m32", "-O1", "-pthread", "-o", path, SOURCE, *options], check=True)
    return path.read_bytes()


def files(folder: Path) -> bytes:
    """Both programs, the 32-bit loader and C library of this machine, what is used, and what is not."""
    archive = Archive()
    archive.file("/bin/static", program(folder, "-static"), mode=0o755)
    archive.file("/bin/dynamic", program(folder), mode=0o755)
    library = subprocess.run(
        ["gcc", "-m32", "-print-file-name=libc.so.6"], check=True, capture_output=True, text=True
    ).stdout.strip()
    archive.file(LOADER, Path(LOADER).read_bytes(), mode=0o755)
    archive.file(posixpath.normpath(library), Path(library).read_bytes(), mode=0o755)
    for name in (*USED, "unused"):
        if name == "link":
            archive.link("/srv/link", "link-target")
        else:
            archive.file(f"/srv/{name}")
    return archive.content()


@pytest.mark.parametrize(("first", "recorder"), [("static", "notify"), ("dynamic", "ptrace")])
def test_programs_of_32_bits_are_slimmed(
    first: str, recorder: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    second = {"static": "dynamic", "dynamic": "static"}[first]
    command = json.dumps([f"/bin/{first}", f"/bin/{second}"])
    engine.api.import_image_from_data(files(tmp_path), repository=IMAGE, changes=[f"CMD {command}"])
    try:
        result = slimmer(
            "build", IMAGE, "--no-http", "--margin", "0", "--recorder", recorder, "--out", tmp_path / "out"
        )
        assert result.returncode == 0, result.stderr
        before, after = (engine.containers.run(image, remove=True).decode() for image in (IMAGE, SLIM))
        assert before.count("32 bits") == 2
        assert after == before
        kept = export(engine, SLIM)
        assert {f"srv/{name}" for name in USED} - {"srv/link-target"} <= set(kept)
        assert "srv/unused" not in kept
    finally:
        for tag in (IMAGE, SLIM):
            if engine.images.list(tag):
                engine.images.remove(tag, force=True)
