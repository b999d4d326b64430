"""Bills of materials of real images: a scanner finds the same packages, the schemas hold, and an output folder tells what the image tells."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import docker
import pytest

import slimmer
from slimmer import Sbom
from slimmer.artifacts.build_output import BuildOutput
from tests.engine import samples
from tests.engine.command import built, program
from tests.engine.command import slimmer as run
from tests.engine.names import OWN
from tests.sbom_validation import cyclonedx_faults, spdx_faults

MANAGERS = {"npm": "node", "gem": "ruby", "go-module": "go", "php-composer": "php", "java-archive": "java"}
"""slimmer's words for types of Syft's."""

SAMPLES = ("flask", "go", "musl", "nginx")

Packages = set[tuple[str, str, str]]


@dataclass(frozen=True)
class Slimmed:
    """A sample, and its slim image."""

    original: str
    tag: str
    output: BuildOutput


@pytest.fixture(scope="module", params=SAMPLES)
def slim(
    request: pytest.FixtureRequest,
    engine: docker.DockerClient,
    sample: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Slimmed]:
    name, out = str(request.param), tmp_path_factory.mktemp("sbom") / "out"
    original = sample(name)
    tag = built(original, "--tag", f"{OWN}-sbom:{name}", "--out", out, *samples.build_arguments(name), timeout=600)
    yield Slimmed(original, tag, BuildOutput(out))
    engine.images.remove(tag, force=True)


def artifacts(tag: str) -> list[dict[str, Any]]:
    """What Syft finds in an image."""
    done = subprocess.run(
        [Path(sys.executable).with_name("syft"), "scan", "--quiet", "--output", "json", f"docker:{tag}"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)["artifacts"]
    return found


def scanned(tag: str) -> Packages:
    """The packages that Syft finds: type, name and version."""
    return {
        (MANAGERS.get(one["type"], one["type"]), one["name"], one["version"].replace("UNKNOWN", ""))
        for one in artifacts(tag)
    }


def listed(sbom: Sbom) -> Packages:
    """The same of slimmer's. Syft writes names of Python's packages normalized, and no group of Java's."""
    return {(one.manager, NAMES.get(one.manager, str)(one.name), one.version) for one in sbom.packages}


NAMES: dict[str, Callable[[str], str]] = {
    "python": lambda name: re.sub(r"[-_.]+", "-", name).lower(),
    "java": lambda name: name.rpartition(":")[2],
}


def test_a_scanner_finds_the_packages_of_the_bill(slim: Slimmed) -> None:
    found = scanned(slim.tag)
    assert found
    assert listed(slimmer.sbom(slim.output)) == found
    assert listed(slimmer.sbom(slim.tag)) == found


def test_a_scanner_finds_the_packages_of_the_original(slim: Slimmed) -> None:
    found = scanned(slim.original)
    assert listed(slimmer.sbom(slim.output, of="original")) == found
    assert listed(slimmer.sbom(slim.original)) == found


@pytest.mark.parametrize("slim", ["flask", "go"], indirect=True)
def test_a_scanner_has_the_same_package_urls(slim: Slimmed) -> None:
    """Escaped or not: Syft leaves parentheses as they are. The image of musl has no os-release, for which Syft makes one up."""
    own = {unquote(one.purl) for one in slimmer.sbom(slim.output).packages}
    assert own == {unquote(one["purl"]) for one in artifacts(slim.tag)}


def test_the_output_folder_has_valid_bills_of_what_is_kept(slim: Slimmed, tmp_path: Path) -> None:
    cyclonedx, spdx = ((slim.output.folder / name).read_text() for name in ("sbom.cdx.json", "sbom.spdx.json"))
    assert cyclonedx_faults(cyclonedx) == []
    assert spdx_faults(spdx, tmp_path) == []
    assert run("sbom", slim.output.folder, "--format", "cyclonedx").stdout == cyclonedx
    assert run("sbom", slim.output.folder, "--format", "spdx").stdout == spdx
    digests = {path: line.sha256 for path, line in slim.output.lines.items() if line.kind != "directory"}
    assert dict(hashes(json.loads(cyclonedx)["components"])) == digests
    slim_id = docker.from_env().images.get(slim.tag).id
    assert json.loads(cyclonedx)["metadata"]["component"]["version"] == slim_id


def hashes(components: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The SHA-256 of each file by path, in any depth."""
    for one in components:
        yield from hashes(one.get("components", []))
        if one["type"] == "file":
            yield one["name"], {entry["alg"]: entry["content"] for entry in one.get("hashes", [])}.get("SHA-256", "")


@pytest.mark.parametrize("slim", ["musl"], indirect=True)
def test_an_image_is_listed_as_it_is(slim: Slimmed, tmp_path: Path) -> None:
    for name in ("cyclonedx", "spdx"):
        done = run("sbom", slim.tag, "--format", name, "--quiet")
        assert done.returncode == 0, done.stderr
        assert (cyclonedx_faults(done.stdout) if name == "cyclonedx" else spdx_faults(done.stdout, tmp_path)) == []
    table = run("sbom", slim.output.folder).stdout.splitlines()
    assert table[0].split() == ["TYPE", "NAME", "VERSION", "FILES", "LICENCES"]
    assert any(re.match(r"apk +musl +\S+ +\d of 2 +MIT$", line) for line in table)


@pytest.mark.parametrize("slim", ["musl"], indirect=True)
def test_a_wrong_call_is_refused_in_one_line(slim: Slimmed, tmp_path: Path) -> None:
    for words, code, told in (
        ((f"{OWN}-nothing:here",), 3, f"{OWN}-nothing:here"),
        ((slim.tag, "--of", "slim"), 2, "--of is for an output folder"),
        ((slim.output.folder, "--format", "xml"), 2, "--format"),
        ((tmp_path,), 2, "not an output folder"),
    ):
        done = program("sbom", *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert told in done.stderr.splitlines()[-2]


ODD = """FROM {base}
USER root
RUN mkdir -p "/odd$(printf '\\nname')" /lib/apk/db \
 && printf '{{"name": "odd", "version": "1"}}' > "/odd$(printf '\\nname')/package.json" \
 && printf 'P:liar\\nV:9\\nF:etc\\nR:passwd\\nR:../../../x\\nF:../..\\nR:y\\n\\nP:cut' >> /lib/apk/db/installed \
 && head -c 100000 /dev/zero > /package.json
"""


@pytest.fixture
def odd(engine: docker.DockerClient, sample: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    (tmp_path / "Dockerfile").write_text(ODD.format(base=sample("musl")))
    tag = f"{OWN}-sbom:odd"
    engine.images.build(path=str(tmp_path), tag=tag, rm=True, forcerm=True)
    yield tag
    engine.images.remove(tag, force=True)


def test_a_database_that_lies_is_listed_and_harms_nothing(odd: str, tmp_path: Path) -> None:
    found = slimmer.sbom(odd)
    assert ("apk", "liar", "9") in listed(found)
    assert ("node", "odd", "1") in listed(found)
    assert cyclonedx_faults("".join(found.cyclonedx())) == []
    assert spdx_faults("".join(found.spdx()), tmp_path) == []
