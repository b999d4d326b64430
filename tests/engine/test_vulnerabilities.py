"""What became of vulnerabilities: by the files of two images, and by the scanner that looks at both, Syft."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

import slimmer as api
from slimmer.artifacts.build_output import BuildOutput
from tests.engine import samples
from tests.engine.command import built, slimmer
from tests.engine.names import OWN
from tests.schemas import misfits
from tests.unit.scan_maker import grype, grype_match, written

BASE = "debian:bookworm-slim"
CHANGED = f"{OWN}-vulnerabilities:changed"
DOCKERFILE = f"""FROM {BASE}
RUN cp /usr/bin/perl /opt/renamed && ln /usr/bin/perl /opt/linked \\
 && head -c $(stat -c %s /usr/bin/hostname) /dev/zero > /opt/hostname \\
 && for path in $(dpkg -L hostname perl-base); do [ -d $path ] || rm -f $path; done
"""


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


@pytest.fixture(scope="module")
def changed(client: docker.DockerClient) -> Iterator[str]:
    """The base image without the files of two packages, but with a copy of one of them, and with a file that only looks like one."""
    client.images.build(
        fileobj=io.BytesIO(DOCKERFILE.encode()), tag=CHANGED, rm=True, forcerm=True, network_mode="none"
    )
    yield CHANGED
    client.images.remove(CHANGED, force=True)


@pytest.fixture(scope="module")
def packages(client: docker.DockerClient) -> dict[str, str]:
    """The versions of all packages of the base image."""
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n"]
    lines = client.containers.run(BASE, command, remove=True, network_mode="none").decode().splitlines()
    return dict(line.split(" ") for line in lines)


def scan(folder: Path, client: docker.DockerClient, packages: dict[str, str], *names: str, image: str = BASE) -> Path:
    matches = [grype_match(f"CVE-{name}", name, packages[name]) for name in names]
    return written(folder, grype(*matches, image=client.images.get(image).id, name=image))


def test_a_copy_under_another_name_is_the_package(
    client: docker.DockerClient, changed: str, packages: dict[str, str], tmp_path: Path
) -> None:
    file = scan(tmp_path, client, packages, "hostname", "perl-base", "bash")
    result = slimmer("compare", BASE, changed, "--vulnerabilities", file, "--fail-on", "high", "--format", "json")
    assert result.returncode == 11
    assert "high: 2 high or worse findings: CVE-bash of bash" in result.stderr
    document = json.loads(result.stdout)
    assert misfits("comparison", document) == []
    found = document["vulnerabilities"]
    assert found["total"] == {"before": 3, "after": 2, "gone": 1, "partly_there": 1, "there": 1, "unknown": 0}
    assert [(one["package"], one["verdict"]) for one in found["findings"]] == [
        ("bash", "there"),
        ("perl-base", "partly there"),
    ]
    assert found["findings"][1]["paths"] == ["/opt/linked", "/opt/renamed"]


def test_the_table_and_the_comment_have_the_counts(
    client: docker.DockerClient, changed: str, packages: dict[str, str], tmp_path: Path
) -> None:
    file = scan(tmp_path, client, packages, "hostname", "bash")
    table = slimmer("compare", BASE, changed, "--vulnerabilities", file, "--fail-on", "critical")
    assert table.returncode == 0
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in table.stdout.splitlines() if "│ vuln" in line]
    assert rows == [["vulnerabilities", "2", "1"], ["vulnerabilities: high", "2", "1"]]
    comment = slimmer("compare", BASE, changed, "--vulnerabilities", file, "--format", "markdown").stdout
    assert "| vulnerabilities: high | 2 | 1 | 2.0x |" in comment
    assert "<summary>1 finding gone with their packages</summary>" in comment


@pytest.mark.parametrize(
    ("image", "message"),
    [(CHANGED, "the scan is of the second image, not of the first one"), ("", "the scan is of another image")],
    ids=["second", "other"],
)
def test_a_scan_of_another_image_is_refused(
    client: docker.DockerClient, changed: str, tmp_path: Path, image: str, message: str
) -> None:
    identifier = client.images.get(image).id if image else f"sha256:{'9' * 64}"
    file = written(tmp_path, grype(image=identifier, name=image or BASE))
    refused = slimmer("compare", BASE, changed, "--vulnerabilities", file)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert slimmer("compare", BASE, changed, "--vulnerabilities", file, "--force").returncode == 0


@pytest.fixture(scope="module", params=["flask", "musl"])
def slim(
    request: pytest.FixtureRequest, client: docker.DockerClient, sample: Callable[[str], str], tmp_path_factory: Any
) -> Iterator[tuple[str, str, BuildOutput]]:
    """An original and its slim image, with its output: Debian's packages and Python's, and Alpine's."""
    name, out = str(request.param), tmp_path_factory.mktemp("vulnerabilities") / "out"
    original = sample(name)
    tag = built(
        original, "--tag", f"{OWN}-vulnerabilities:{name}", "--out", out, *samples.build_arguments(name), timeout=600
    )
    yield original, tag, BuildOutput(out)
    client.images.remove(tag, force=True)


def listed(tag: str) -> dict[str, Any]:
    """What Syft finds in an image."""
    program = Path(sys.executable).with_name("syft")
    command: list[Path | str] = [program, "scan", "--quiet", "--output", "json", f"docker:{tag}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    assert isinstance(found, dict)
    return found


def test_what_is_gone_is_what_the_scanner_no_longer_finds(slim: tuple[str, str, BuildOutput], tmp_path: Path) -> None:
    """Grype's findings are Syft's packages with vulnerabilities. Here, each package has one."""
    original, tag, output = slim
    before, after = listed(original), listed(tag)
    fields = ("name", "version", "type", "purl", "locations")
    matches = [
        {
            "vulnerability": {"id": f"CVE-{number}", "severity": "Low"},
            "artifact": {field: one[field] for field in fields},
        }
        for number, one in enumerate(before["artifacts"])
    ]
    document = {"matches": matches, "source": {"type": "image", "target": before["source"]["metadata"]}}
    found = api.vulnerabilities(output, written(tmp_path, document))
    seen = {one["purl"].split("?")[0] for one in after["artifacts"]}
    gone = {one.finding.purl.split("?")[0] for one in found.judged if one.absent}
    assert found.total.before == len(before["artifacts"]) > 0
    assert not gone & seen
    if gone:
        text = api.vex(output, written(tmp_path, document), author="tests")
        stated = {part["@id"] for one in json.loads(text)["statements"] for part in one["products"][0]["subcomponents"]}
        assert not stated & seen
    left = {one.finding.purl.split("?")[0] for one in found.judged if one.verdict in ("there", "partly there")}
    assert left <= seen, "what is left is found, because slimmer adds the data about it"
