"""`slimmer compare` on real images: what it counts, held against `docker save`, `docker export` and `docker inspect`."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import zstandard

from slimmer.engine.connection import Engine, connect
from tests.engine.command import built, slimmer
from tests.engine.export import content_size, export
from tests.engine.names import OWN
from tests.engine.odd_image import odd_image
from tests.schemas import misfits

BASE = "debian:bookworm-slim"
CHANGED = f"{OWN}-compare:changed"
DOCKERFILE = f"""FROM {BASE}
RUN chmod u+s /usr/bin/id && rm /usr/bin/dash /bin/sh && dpkg --force-all --purge hostname
ENV A=1
USER 7
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


@pytest.fixture(scope="module")
def changed(client: docker.DockerClient) -> Iterator[str]:
    """The base image with some changes, in three more layers at most."""
    client.images.build(
        fileobj=io.BytesIO(DOCKERFILE.encode()), tag=CHANGED, rm=True, forcerm=True, network_mode="none"
    )
    yield CHANGED
    client.images.remove(CHANGED, force=True)


@pytest.fixture(scope="module")
def compared(changed: str) -> dict[str, Any]:
    result = slimmer("compare", BASE, changed, "--format", "json")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    assert misfits("comparison", document) == []
    return document


def test_files_are_counted_as_an_export_counts_them(client: docker.DockerClient, compared: dict[str, Any]) -> None:
    for side, image in (("before", BASE), ("after", CHANGED)):
        files = export(client, image)
        regular = [member for member in files.values() if member.kind in (tarfile.REGTYPE, tarfile.LNKTYPE)]
        own = {"etc/hostname", "etc/resolv.conf", "etc/hosts"}  # the export's own list leaves these out
        assert 0 <= compared[side]["files"] - len(regular) <= len(own)
        assert compared[side]["links"] == len([member for member in files.values() if member.kind == tarfile.SYMTYPE])
        setuid = sorted(f"/{name}" for name, member in files.items() if member.mode & 0o4000 and member in regular)
        assert sorted(compared[side]["setuid"]) == setuid


def test_sizes_are_those_of_the_files(client: docker.DockerClient, compared: dict[str, Any]) -> None:
    for side, image in (("before", BASE), ("after", CHANGED)):
        own = 1000  # the bytes of /etc/hostname and the like, which the export's own list leaves out
        assert 0 <= compared[side]["size"] - content_size(client, image) < own
    assert compared["ratio"]["size"] == round(compared["before"]["size"] / compared["after"]["size"], 3)


def test_an_image_is_the_engines(client: docker.DockerClient, compared: dict[str, Any]) -> None:
    for side, image in (("before", BASE), ("after", CHANGED)):
        inspected = client.api.inspect_image(image)
        assert compared[side]["id"] == inspected["Id"]
        assert compared[side]["layers"] == len(inspected["RootFS"]["Layers"])


def test_the_sizes_of_layers_are_those_of_their_archives(client: docker.DockerClient, compared: dict[str, Any]) -> None:
    saved = io.BytesIO(b"".join(client.api.get_image(CHANGED)))
    with tarfile.open(fileobj=saved) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        files = [tar.extractfile(name) for name in set(json.load(manifest)[0]["Layers"])]
        layers = [file.read() for file in files if file is not None]
    after = compared["after"]
    assert after["layers_size"] == sum(map(len, layers))
    assert after["compressed_size"] == pytest.approx(sum(len(zlib.compress(layer, 6)) for layer in layers), rel=0.05)
    assert after["compressed_size_zstd"] == pytest.approx(sum(map(len, map(zstandard.compress, layers))), rel=0.05)


def test_what_was_changed_is_what_differs(compared: dict[str, Any]) -> None:
    before, after = compared["before"], compared["after"]
    assert set(after["setuid"]) - set(before["setuid"]) == {"/usr/bin/id"}
    assert set(before["shells"]) - set(after["shells"]) == {"/usr/bin/dash", "/usr/bin/sh"}
    names = [{package["name"] for package in side["packages"]["installed"]} for side in (before, after)]
    assert names[0] - names[1] == {"hostname"}
    assert before["packages"]["by_manager"]["deb"] == after["packages"]["by_manager"]["deb"] + 1
    assert compared["configuration"]["user"] == {"before": "", "after": "7"}
    assert "A=1" in compared["configuration"]["env"]["after"]


def test_images_from_scratch_with_odd_names_are_compared(engine: Engine) -> None:
    with odd_image(engine, f"{OWN}-compare:odd", user_xattrs=True) as odd:
        result = slimmer("compare", odd, odd, "--format", "json")
        assert result.returncode == 0, result.stderr
        side = json.loads(result.stdout)["before"]
    assert side["capabilities"] == ["/srv/capable"]
    assert (side["setuid"], side["setgid"]) == (["/srv/setuid"], ["/srv/setuid"])
    assert side["packages"] == {"count": 0, "by_manager": {}, "unread_databases": [], "installed": []}


def test_an_image_without_a_file_has_nothing(client: docker.DockerClient) -> None:
    empty = f"{OWN}-compare:empty"
    dockerfile = f"FROM scratch\nENV NAME={empty}\n"  # no other test's builds share its steps
    client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=empty, rm=True, forcerm=True)
    try:
        result = slimmer("compare", empty, empty, "--format", "json")
    finally:
        client.images.remove(empty, force=True)
    assert result.returncode == 0, result.stderr
    side = json.loads(result.stdout)["after"]
    assert (side["size"], side["layers_size"], side["layers"], side["files"]) == (0, 0, 0, 0)


def test_tables_go_to_stdout_and_nothing_else_does(engine: Engine) -> None:
    with odd_image(engine, f"{OWN}-compare:odd", user_xattrs=False) as odd:
        table = slimmer("compare", odd, odd)
        markdown = slimmer("compare", odd, odd, "--format", "markdown")
    assert (table.returncode, markdown.returncode) == (0, 0)
    assert "compressed (gzip)" in table.stdout
    assert markdown.stdout.startswith("<!-- slimmer -->\n### slimmer: ")
    assert (table.stderr, markdown.stderr) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([f"{OWN}-none", BASE], 3),
        ([BASE, f"{OWN}-none"], 3),
        ([BASE, BASE, "--format", "xml"], 2),
        ([BASE], 2),
        ([BASE, BASE, "--max-size", "80 megabytes"], 2),
        ([BASE, BASE, "--min-ratio", "much"], 2),
        ([BASE, BASE, "--fail-on", "setuid,everything"], 2),
        ([BASE, BASE, "--fail-on", "growth"], 2),
        ([BASE, BASE, "--fail-on", "warning"], 2),
        ([BASE, BASE, "--baseline", "/nowhere/last.json"], 2),
        ([BASE, BASE, "--report", "/nowhere/report.json"], 2),
    ],
)
def test_what_cannot_be_compared_is_told(arguments: list[str], code: int) -> None:
    result = slimmer("compare", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert "error:" in result.stderr
    assert "Traceback" not in result.stderr


CAT, LEAN = f"{OWN}-compare:cat", f"{OWN}-compare:lean"


@pytest.fixture(scope="module")
def lean(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A slim image, LEAN, of an image that prints a file, CAT; and the output folder of its build."""
    dockerfile = f"FROM {BASE}\nENV A=1\nLABEL b=2\nUSER 7\nCMD {json.dumps(['cat', '/etc/issue'])}\n"
    client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=CAT, rm=True, forcerm=True)
    out = tmp_path_factory.mktemp("lean") / "out"
    try:
        built(CAT, "--tag", LEAN, "--out", out, "--cmd", "cat /etc/issue")
        yield out
    finally:
        for image in (LEAN, CAT):
            client.images.remove(image, force=True)


def failed(stderr: str) -> list[str]:
    """The lines of the gates that failed, without their marks."""
    return [line.removeprefix("✗ ") for line in stderr.splitlines() if line.startswith("✗ ")]


@pytest.mark.usefixtures("leftovers")
def test_an_image_that_slimmer_made_passes_all_gates(lean: Path) -> None:
    demands = ("--max-size", "30MB", "--min-ratio", "3", "--baseline", lean, "--max-growth", "0", "--report", lean)
    conditions = "setuid,new-setuid,shell,package-manager,config-change,warning"
    result = slimmer("compare", CAT, LEAN, *demands, "--fail-on", conditions, "--fail-on", "new-file")
    assert (result.returncode, failed(result.stderr)) == (0, []), result.stderr
    assert result.stderr.count("✓ ") == 10
    assert f"since {LEAN}" in result.stdout
    quiet = slimmer("compare", CAT, LEAN, "--max-size", "30MB", "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, "")


@pytest.mark.usefixtures("leftovers")
def test_the_report_of_another_build_is_a_warning(lean: Path) -> None:
    result = slimmer("compare", BASE, CAT, "--report", lean / "report.json", "--fail-on", "warning", "--quiet")
    assert result.returncode == 11
    assert failed(result.stderr)[0].startswith(f"warning: 1 warning: the report is not that of {CAT}, but of sha256:")


@pytest.mark.usefixtures("leftovers")
def test_each_gate_fails_with_its_line_and_the_whole_comparison(changed: str) -> None:
    conditions = ("--fail-on", "setuid,new-setuid,shell", "--fail-on", "package-manager,config-change")
    result = slimmer("compare", BASE, changed, "--max-size", "1MB", "--min-ratio", "3", *conditions)
    assert result.returncode == 11
    told = failed(result.stderr)
    assert [line.partition(":")[0] for line in told] == [
        "max-size",
        "min-ratio",
        "setuid",
        "new-setuid",
        "shell",
        "package-manager",
        "config-change",
    ]
    assert told[1] == "min-ratio: 1.001 times smaller, less than 3"
    assert told[3] == "new-setuid: 1 new setuid file: /usr/bin/id (setuid)"
    assert told[6].startswith('config-change: 2 configuration differences: USER - → "7", ENV ')
    assert "error: 7 of 7 gates failed" in result.stderr
    assert "compressed (zstd)" in result.stdout


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize("options", [("--max-size", "1MB"), ("--fail-on", "shell")])
def test_one_gate_that_fails_is_enough(changed: str, options: tuple[str, str]) -> None:
    result = slimmer("compare", BASE, changed, *options, "--min-ratio", "0.5", "--format", "markdown")
    assert result.returncode == 11
    assert len(failed(result.stderr)) == 1
    assert "error: 1 of 2 gates failed" in result.stderr
    assert "; 1 of 2 gates failed" in result.stdout.splitlines()[1]


@pytest.mark.usefixtures("leftovers")
def test_files_that_another_step_put_into_the_image_are_found(client: docker.DockerClient) -> None:
    """Also one whose content changed and whose size and time did not, and a link that leads elsewhere."""
    other = f"{OWN}-compare:more"
    more = (
        f"FROM {BASE}",
        "RUN sed -i 's/Debian/DEBIAN/' /etc/issue && touch -r /etc/passwd /etc/issue && echo x > /usr/local/bin/'@evil|`x`' "
        "&& ln -sf dash /usr/bin/awk && chmod 700 /usr/bin/id",
    )
    client.images.build(
        fileobj=io.BytesIO("\n".join(more).encode()), tag=other, rm=True, forcerm=True, network_mode="none"
    )
    try:
        result = slimmer("compare", BASE, other, "--fail-on", "new-file", "--format", "json")
        text = slimmer("compare", BASE, other, "--fail-on", "new-file", "--format", "markdown")
    finally:
        client.images.remove(other, force=True)
    assert (result.returncode, text.returncode) == (11, 11)
    document = json.loads(result.stdout)
    assert misfits("comparison", document) == []
    assert {new["path"]: new["what"] for new in document["new_files"]["paths"]} == {
        "/etc/issue": "other content",
        "/usr/bin/awk": "other target",
        "/usr/local/bin/@evil|`x`": "new",
    }
    assert document["new_files"]["count"] == 3
    assert (document["ok"], [gate["passed"] for gate in document["gates"]]) == (False, [False])
    assert "❌ new-file" in text.stdout
    assert "@evil" not in text.stdout.replace("``/usr/local/bin/@evil|`x` (new)``", "")


@pytest.mark.usefixtures("leftovers")
def test_growth_is_measured_from_the_baseline(changed: str, lean: Path, tmp_path: Path) -> None:
    last = tmp_path / "last.json"
    last.write_text(slimmer("compare", CAT, LEAN, "--format", "json").stdout)
    result = slimmer("compare", CAT, changed, "--baseline", last, "--fail-on", "growth", "--format", "json")
    assert result.returncode == 11
    since = json.loads(result.stdout)["since"]
    assert since["name"] == LEAN
    assert since["size"]["after"] > 3 * since["size"]["before"]
    assert since["growth"] > 200
    assert "/usr/bin/bash" in since["shells"]["added"]
    assert {"/usr/bin/id", "/usr/bin/passwd"} <= set(since["setuid"]["added"])
    assert failed(result.stderr)[0].startswith("growth: ")
    report = slimmer("compare", CAT, changed, "--baseline", lean, "--max-growth", "10000", "--format", "json")
    assert report.returncode == 0
    assert json.loads(report.stdout)["since"]["size"] == since["size"]
    assert json.loads(report.stdout)["since"]["packages"] is None


def test_an_interrupt_leaves_nothing_behind(engine: Engine, changed: str) -> None:
    """On a terminal the bar shows that the work has begun; then comes the Ctrl-C."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "slimmer", "compare", BASE, changed]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal, text=True) as program:
        os.close(terminal)
        assert os.read(controller, 1)
        program.send_signal(signal.SIGINT)
        seen = b""
        while b"error:" not in seen:
            seen += os.read(controller, 4096)
        assert program.wait(60) == 130
    os.close(controller)
    assert b"interrupted" in seen
    mine = [c for c in engine.api.containers(all=True) if f"_{program.pid}_" in str(c["Labels"].get("slimmer.owner"))]
    tags = [tag for image in engine.api.images() for tag in image["RepoTags"] or () if f"_{program.pid}_" in tag]
    assert (mine, tags) == ([], [])
