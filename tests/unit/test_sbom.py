"""Bills of materials: valid by the official schemas whatever the image says, the same for the same image, and true to what is kept."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import slimmer
from slimmer.artifacts import package_file
from slimmer.artifacts.build_output import BuildOutput
from slimmer.cli.sbom import _print_table
from slimmer.errors import UsageError
from slimmer.image.declared_licences import bounded
from slimmer.image.installed import Installed
from slimmer.image.inventory import Inventory
from slimmer.image.os_release import Release
from slimmer.image.packages import Package
from slimmer.sbom.document import Sbom, SbomFile, SbomPackage, document_time
from slimmer.sbom.licences import all_of, spdx_expression
from slimmer.sbom.output import sha1_digests, slim_sbom, whole_sbom
from tests.sbom_validation import cyclonedx_faults, spdx_faults
from tests.unit.test_explanation import output

__all__ = ["output"]  # a fixture

DIGEST = "sha256:" + "a" * 64
TIME = "2024-05-06T07:08:09.123456789Z"
ODD = (
    "line\nbreak",
    "esc\x1b[1m",
    "quote\"'\\",
    "\udcff\udcfe",
    "<b>&",
    "é€😀",
    " ",
    "a#b?c=d@e/f",
    "NOASSERTION",
    "x" * 255,
)


def file(path: str) -> SbomFile:
    return SbomFile(
        path,
        hashlib.sha256(path.encode("utf-8", "replace")).hexdigest(),
        hashlib.sha1(path.encode("utf-8", "replace")).hexdigest(),
    )


def sbom(*packages: SbomPackage, others: tuple[SbomFile, ...] = (), **values: Any) -> Sbom:
    given = {"image": "app:slim", "digest": DIGEST, "release": Release("debian", "12"), "lists_files": True, **values}
    return Sbom(created=document_time(TIME), packages=packages, other_files=others, **given)


def package(name: str = "bash", **values: Any) -> SbomPackage:
    files = (file("/bin/bash"), SbomFile("/bin/sh"))
    given = {
        "purl": "pkg:deb/debian/bash@5",
        "licences": ("MIT",),
        "files": 9,
        "kept": 2,
        "kept_files": files,
        **values,
    }
    return SbomPackage("deb", name, "5", **given)


def faults(document: Sbom, folder: Path) -> list[str]:
    return cyclonedx_faults("".join(document.cyclonedx())) + spdx_faults("".join(document.spdx()), folder)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(sbom(), id="nothing"),
        pytest.param(sbom(release=Release(), digest="none", image="x"), id="nothing is known"),
        pytest.param(sbom(package(), others=(file("/app"),)), id="files"),
        pytest.param(
            sbom(package(kept_files=()), package("b", kept=None, kept_files=()), lists_files=False), id="whole image"
        ),
        pytest.param(sbom(package(kept_files=(SbomFile("/link"),))), id="a link alone"),
        pytest.param(sbom(package(), package("also")), id="a file of two packages"),
        pytest.param(sbom(package(purl="", licences=())), id="no URL and no licence"),
        pytest.param(sbom(package(licences=("MIT", "GPL-2.0-or-later OR Apache-2.0"))), id="expressions"),
        pytest.param(sbom(package(licences=("MIT", "custom", "MIT OR nonsense", "GPL"))), id="names"),
        pytest.param(
            sbom(package(licences=("MIT AND", "(", "AND", "LicenseRef-x", "mit", "NONE", "NOASSERTION"))),
            id="odd licences",
        ),
        pytest.param(
            sbom(package(licences=("GPL-2.0+", "GPL-2.0 WITH Classpath-exception-2.0", "MIT WITH MIT"))),
            id="old licences",
        ),
    ],
)
def test_documents_follow_the_schemas(document: Sbom, tmp_path: Path) -> None:
    assert faults(document, tmp_path) == []


@pytest.mark.parametrize("odd", ODD)
def test_documents_follow_the_schemas_whatever_the_names_are(odd: str, tmp_path: Path) -> None:
    name, files = odd, (file(f"/{odd}"), file("/x"))
    inventory = Inventory(
        Release("debian", "12"), (Installed(Package("python", name, name), licences=bounded((name,))),)
    )
    counts = {inventory.packages[0].package: 3}
    owner = inventory.packages[0].package
    document = slim_sbom("app", DIGEST, TIME, inventory, counts, files, lambda paths: {f"/{name}": (owner,)})
    assert faults(document, tmp_path) == []
    [one] = [entry for entry in parsed(document.cyclonedx)["components"] if entry["type"] == "library"]
    assert [entry["name"] for entry in one["components"]] == [f"/{name}"]


def parsed(write: Callable[[], Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads("".join(write()))
    return document


def test_cyclonedx_has_the_image_its_packages_and_their_files() -> None:
    found = parsed(sbom(package(), others=(file("/app"),)).cyclonedx)
    assert found["metadata"]["component"] | {"bom-ref": ""} == {
        "type": "container",
        "bom-ref": "",
        "name": "app:slim",
        "version": DIGEST,
        "hashes": [{"alg": "SHA-256", "content": "a" * 64}],
    }
    assert found["metadata"]["timestamp"] == "2024-05-06T07:08:09Z"
    system, bash, app = found["components"]
    assert (system["type"], system["name"], system["version"]) == ("operating-system", "debian", "12")
    assert (bash["name"], bash["version"], bash["purl"]) == ("bash", "5", "pkg:deb/debian/bash@5")
    assert bash["licenses"] == [{"expression": "MIT"}]
    properties = {entry["name"]: entry["value"] for entry in bash["properties"]}
    assert properties == {"slimmer:manager": "deb", "slimmer:files": "9", "slimmer:kept-files": "2"}
    assert [(entry["name"], len(entry.get("hashes", ()))) for entry in bash["components"]] == [
        ("/bin/bash", 2),
        ("/bin/sh", 0),
    ]
    assert (app["type"], app["name"]) == ("file", "/app")
    assert found["dependencies"] == [{"ref": "image", "dependsOn": ["package-0"]}]


def test_spdx_describes_the_image_which_contains_packages_which_contain_files() -> None:
    found = parsed(sbom(package(licences=("MIT", "custom")), package("b", kept_files=()), others=(file("/app"),)).spdx)
    image, bash, other = found["packages"]
    assert (image["primaryPackagePurpose"], image["filesAnalyzed"]) == ("CONTAINER", True)
    digests = sorted(hashlib.sha1(path).hexdigest() for path in (b"/bin/bash", b"/app"))
    code = hashlib.sha1("".join(digests).encode()).hexdigest()
    assert image["packageVerificationCode"]["packageVerificationCodeValue"] == code
    [licence] = found["hasExtractedLicensingInfos"]
    assert (bash["licenseDeclared"], licence["name"]) == (f"MIT AND {licence['licenseId']}", "custom")
    assert bash["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/bash@5"
    assert "slimmer:kept-files=2 slimmer:files=9" in bash["comment"]
    assert (bash["filesAnalyzed"], other["filesAnalyzed"]) == (True, False)
    assert [entry["fileName"] for entry in found["files"]] == ["./bin/bash", "./app"]
    links = {
        (one["spdxElementId"], one["relationshipType"], one["relatedSpdxElement"]) for one in found["relationships"]
    }
    assert links == {
        ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image"),
        ("SPDXRef-Image", "CONTAINS", "SPDXRef-Package-0"),
        ("SPDXRef-Image", "CONTAINS", "SPDXRef-Package-1"),
        ("SPDXRef-Package-0", "CONTAINS", "SPDXRef-File-0"),
        ("SPDXRef-Image", "CONTAINS", "SPDXRef-File-1"),
    }


def test_the_same_image_has_the_same_document_and_another_one_another_identity() -> None:
    one, other = sbom(package()), sbom(package(), digest="sha256:" + "b" * 64)
    assert list(one.cyclonedx()) == list(sbom(package()).cyclonedx())
    assert list(one.spdx()) == list(sbom(package()).spdx())
    identities = {parsed(document.cyclonedx)["serialNumber"] for document in (one, other)}
    identities |= {parsed(document.spdx)["documentNamespace"] for document in (one, other)}
    assert len(identities) == 4


@pytest.mark.parametrize(
    ("created", "epoch", "time"),
    [
        (TIME, None, "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09+00:00", None, "2024-05-06T07:08:09Z"),
        (TIME, "86400", "1970-01-02T00:00:00Z"),
        (TIME, "soon", "2024-05-06T07:08:09Z"),
        ("0001-01-01T00:00:00Z", None, "1970-01-01T00:00:00Z"),
        ("", None, "1970-01-01T00:00:00Z"),
        ("2024-99-99T00:00:00Z", None, "1970-01-01T00:00:00Z"),
        (TIME, "99999999999", "2024-05-06T07:08:09Z"),
    ],
)
def test_the_time_is_that_of_the_original_or_the_users(
    created: str, epoch: str | None, time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if epoch is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert document_time(created) == time


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("BSD", ""),
        ("MIT AND", ""),
        ("LicenseRef-scancode-public-domain", ""),
        ("((((", ""),
        ("MIT OR " * 28 + "MIT", "MIT OR " * 28 + "MIT"),
        ("", ""),
    ],
)
def test_an_expression_names_listed_licences(text: str, expression: str) -> None:
    assert spdx_expression(text) == expression


def test_expressions_are_joined_so_that_each_holds() -> None:
    assert all_of(["MIT"]) == "MIT"
    assert all_of(["MIT", "GPL-2.0-only OR ISC", "MIT"]) == "MIT AND (GPL-2.0-only OR ISC)"


def test_only_packages_with_kept_files_are_in_a_slim_image() -> None:
    bash, gone, both = Package("deb", "bash", "5"), Package("deb", "gone", "1"), Package("node", "x", "2")
    inventory = Inventory(Release(), (Installed(bash), Installed(gone), Installed(both, ("/usr/x",))))
    files = [file("/usr/x/b"), file("/bin/bash"), file("/app")]
    owners = {"/bin/bash": (bash,), "/usr/x/b": (bash,), "/app": ()}
    found = slim_sbom("app", DIGEST, TIME, inventory, {bash: 9, gone: 4, both: 1}, files, lambda paths: owners)
    assert [(one.name, one.kept, one.files) for one in found.packages] == [("bash", 2, 9), ("x", 1, 1)]
    assert [one.path for one in found.packages[0].kept_files] == ["/bin/bash", "/usr/x/b"]
    assert [one.path for one in found.other_files] == ["/app"]
    whole = whole_sbom("app", DIGEST, TIME, inventory, {bash: 9, gone: 4}, {bash: 2})
    assert [(one.name, one.kept, one.files) for one in whole.packages] == [("bash", 2, 9), ("gone", 0, 4), ("x", 0, 0)]


def archive(folder: Path) -> Path:
    place = folder / "rootfs.tar"
    with tarfile.open(place, "w") as tar:
        for name, content in (("app", b"x"), ("b\nc", b"y")):
            head = tarfile.TarInfo(name)
            head.size = len(content)
            tar.addfile(head, io.BytesIO(content))
        link = tarfile.TarInfo("hard")
        link.type, link.linkname = tarfile.LNKTYPE, "app"
        tar.addfile(link)
    return place


def test_digests_of_packed_files_are_read_from_the_archive(tmp_path: Path) -> None:
    x, y = hashlib.sha1(b"x").hexdigest(), hashlib.sha1(b"y").hexdigest()
    assert sha1_digests(archive(tmp_path)) == {"/app": x, "/b\nc": y, "/hard": x}
    (tmp_path / "broken").write_bytes(os.urandom(4096))
    with pytest.raises(UsageError, match="cannot read"):
        sha1_digests(tmp_path / "broken")


def test_an_output_folder_of_keep_has_a_bill_without_an_engine(
    output: BuildOutput, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    place = archive(output.folder)
    found = slimmer.sbom(output.folder)
    assert found.digest == f"sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}"
    assert next(one for one in found.other_files if one.path == "/app").sha1 == hashlib.sha1(b"x").hexdigest()
    with pytest.raises(UsageError, match="--of"):
        slimmer.sbom(output.folder, of="both")


def test_a_folder_of_an_older_slimmer_has_no_inventory(output: BuildOutput) -> None:
    place = output.folder / package_file.NAME
    with place.open("rb") as binary:
        package_file.read_packages(binary, output.tree)
    old = {
        "format": "slimmer-packages",
        "version": "1.0",
        "image": "sha256:1",
        "packages": [],
        "runs": [[len(output.tree)]],
    }
    with place.open("wb") as binary:
        package_file.write_packages(old, binary)
    with pytest.raises(UsageError, match="has no inventory"):
        slimmer.sbom(BuildOutput(output.folder))


def test_an_image_has_no_original(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--of is for an output folder"):
        slimmer.sbom("app:latest", of="original")
    with pytest.raises(UsageError, match="not an output folder"):
        slimmer.sbom(tmp_path)


def test_the_table_shows_no_control_characters_of_the_image(capsys: pytest.CaptureFixture[str]) -> None:
    _print_table(sbom(package("line\nbreak\x1b[1m", licences=("MIT", "X")), package("b", kept=None)))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["TYPE", "NAME", "VERSION", "FILES", "LICENCES"]
    assert "\x1b" not in first and first.split()[-5:] == ["2", "of", "9", "MIT,", "X"]
    assert second.startswith("deb ") and second.split()[3:] == ["9", "MIT"]
