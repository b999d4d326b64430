"""What is read of the documents of scanners, and what is refused. The documents have the form of the scanners' own test data."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.errors import UsageError
from slimmer.image.packages import Package
from slimmer.scans import scan_file
from slimmer.scans.coordinates import Coordinates, coordinates, from_purl, key_of, plain_purl, same_version
from slimmer.scans.scan import Finding, Scan, ScannedImage, Severity, check_image, digest_of
from slimmer.scans.scan_file import read_scan
from tests.unit.scan_maker import (
    ORIGINAL,
    OTHER,
    grype,
    grype_match,
    trivy,
    trivy_finding,
    trivy_result,
    written,
)

BASH = Coordinates("deb", "debian", "bash", "5.2-1")
DEB = "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12&upstream=bash"


def read(folder: Path, document: Any) -> Scan:
    return read_scan("--scan", written(folder, document))


def refused(folder: Path, content: Any) -> str:
    file = folder / "scan.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(UsageError) as caught:
        read_scan("--scan", file)
    assert "\n" not in caught.value.message
    assert "grype IMAGE -o json" in caught.value.hint
    return caught.value.message.replace(str(file), "scan.json")


def test_grypes_matches_are_findings(tmp_path: Path) -> None:
    match = grype_match(purl=DEB, paths=("/var/lib/dpkg/status",), severity="Critical", related=("CVE-2023-1", "CVE-2"))
    found = read(tmp_path, grype(match, match))
    assert found.scanner == "grype 0.110.0"
    assert found.image == ScannedImage("image", ("app:latest",), frozenset(("1" * 64, "e" * 64)))
    assert found.findings == (
        Finding(
            vulnerability="CVE-2023-1",
            severity=Severity.CRITICAL,
            package=BASH,
            aliases=("CVE-2",),
            purl=DEB,
            locations=("/var/lib/dpkg/status",),
        ),
    )


def test_trivys_vulnerabilities_are_findings(tmp_path: Path) -> None:
    gem = trivy_finding(
        "CVE-2", "rails", "6.0", purl="pkg:gem/rails@6.0", path="var/lib/gems/specifications/rails-6.0.gemspec"
    )
    go = trivy_finding("CVE-3", "stdlib", "v1.20", purl="pkg:golang/stdlib@1.20", severity="UNKNOWN")
    found = read(
        tmp_path,
        trivy(
            trivy_result(trivy_finding(purl=DEB)),
            trivy_result(gem, target="Ruby", kind="gemspec"),
            trivy_result(go, target="usr/bin/app", kind="gobinary"),
            {"Target": "Java", "Class": "lang-pkgs", "Type": "jar"},
        ),
    )
    assert found.scanner == "trivy 0.60.0"
    assert found.image == ScannedImage("image", ("app:latest",), frozenset(("1" * 64,)))
    assert [(one.package, one.severity, one.locations, one.whole) for one in found.findings] == [
        (BASH, "high", (), False),
        (Coordinates("gem", "", "rails", "6.0"), "high", ("/var/lib/gems/specifications/rails-6.0.gemspec",), False),
        (Coordinates("golang", "", "stdlib", "1.20"), "unknown", ("/usr/bin/app",), True),
    ]


def test_a_package_without_a_package_url_is_known_by_type_name_and_version(tmp_path: Path) -> None:
    grypes = grype(
        grype_match(),
        grype_match(name="Foo_Bar.x", type="python"),
        grype_match(name="@scope/left-pad", version="1.0", type="npm"),
        grype_match(name="thing", type="something-new"),
    )
    assert [one.package for one in read(tmp_path, grypes).findings] == [
        Coordinates("deb", "", "bash", "5.2-1"),
        Coordinates("pypi", "", "foo-bar-x", "5.2-1"),
        Coordinates("npm", "@scope", "left-pad", "1.0"),
        Coordinates("", "", "thing", "5.2-1"),
    ]
    trivys = trivy(
        trivy_result(trivy_finding()),
        trivy_result(trivy_finding(name="openssl-libs", version="1:1.0.2k-16.el7"), kind="redhat"),
        trivy_result(trivy_finding(name="org.apache:log4j", version="2.4", path="app.jar"), target="Java", kind="jar"),
    )
    assert [one.package for one in read(tmp_path, trivys).findings] == [
        Coordinates("deb", "", "bash", "5.2-1"),
        Coordinates("rpm", "", "openssl-libs", "1:1.0.2k-16.el7"),
        Coordinates("maven", "org.apache", "log4j", "2.4"),
    ]


@pytest.mark.parametrize(
    ("type", "path", "whole"),
    [
        ("java-archive", "/app.jar", True),
        ("java-archive", "/src/pom.xml", False),
        ("go-module", "/usr/bin/app", True),
        ("go-module", "/src/go.mod", False),
        ("rust-crate", "/src/Cargo.lock", False),
        ("dotnet", "/app/app.deps.json", False),
        ("npm", "/node_modules/a/package.json", False),
        ("binary", "/opt/java/openjdk/release", False),
        ("binary", "/usr/bin/mysql", False),
    ],
)
def test_only_a_file_that_holds_the_package_stands_for_it(tmp_path: Path, type: str, path: str, whole: bool) -> None:
    (found,) = read(tmp_path, grype(grype_match(type=type, paths=(path,)))).findings
    assert found.whole is whole


@pytest.mark.parametrize(
    ("path", "expected"), [("a//b/../c", "/a/c"), ("../../etc/x", "/etc/x"), ("/a\nb", "/a\nb"), ("a\0b", None)]
)
def test_a_path_stays_in_the_image(tmp_path: Path, path: str, expected: str | None) -> None:
    (found,) = read(tmp_path, grype(grype_match(type="npm", paths=(path,)))).findings
    assert found.locations == (() if expected is None else (expected,))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "it has neither the `matches` of Grype nor the `SchemaVersion` of Trivy"),
        ({"bomFormat": "CycloneDX"}, "it is a CycloneDX document; it has neither"),
        ({"runs": []}, "it is a SARIF document; "),
        ({"artifacts": [], "schema": {}}, "it is a list of packages from Syft"),
        ({"statements": []}, "it is a VEX document"),
        ([], "expected an object, not an array"),
        ({"matches": {}}, "$.matches: expected an array, not an object"),
        ({"matches": [{"vulnerability": {}}]}, "$.matches[0].vulnerability: it has no 'id'"),
        ({"SchemaVersion": 2, "Results": 3}, "$.Results: expected an array or null, not a whole number"),
        ({"SchemaVersion": 3, "Results": {}}, "it has version 3 of Trivy's schema, and slimmer knows 2; $.Results: "),
        (b"not JSON", "it is not JSON: "),
        (b'{"matches": [', "it is not JSON: "),
        (b'{"matches": [{"vulnerability": {"id": "\xff"}}]}', "it is not JSON: Invalid UTF-8"),
        (b'{"matches": ' + b"[" * 100_000, "it is nested too deeply"),
        (b"", "it is not JSON: "),
    ],
)  # fmt: skip
def test_what_is_no_scan_is_refused_in_words(tmp_path: Path, document: Any, message: str) -> None:
    assert f"scan.json cannot be read as a scan: {message}" in refused(tmp_path, document)


def test_a_newer_version_that_fits_is_read(tmp_path: Path) -> None:
    newer = trivy(trivy_result(trivy_finding()), SchemaVersion=3, Novelty={"a": [1]})
    assert len(read(tmp_path, newer).findings) == 1
    document = grype(grype_match(), descriptor={"name": "grype", "version": "7.0.0", "more": 1})
    assert read(tmp_path, document).scanner == "grype 7.0.0"


def test_a_document_without_findings_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, grype()).findings == ()
    assert read(tmp_path, trivy(Results=None)).findings == ()


def test_a_file_that_is_too_large_or_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--scan .*: No such file or directory"):
        read_scan("--scan", tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"--scan .*: Is a directory"):
        read_scan("--scan", tmp_path)
    monkeypatch.setattr(scan_file, "LIMIT", 1 << 20)
    with pytest.raises(UsageError, match=re.escape("--scan /dev/zero: larger than 1 MiB")):
        read_scan("--scan", Path("/dev/zero"))


def test_too_many_findings_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_file, "FINDINGS", 2)
    document = grype(*(grype_match(f"CVE-{number}") for number in range(3)))
    assert "it has more than 2 findings" in refused(tmp_path, document)


def test_the_memory_is_of_the_order_of_the_file(tmp_path: Path) -> None:
    """What is not needed, which is most of a document, is not kept."""
    match = json.dumps(grype_match(purl=DEB) | {"description": "d" * 4000})
    file = tmp_path / "scan.json"
    file.write_text(f'{{"matches": [{", ".join([match] * 1_000)}]}}')
    tracemalloc.start()
    try:
        read_scan("--scan", file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * file.stat().st_size


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12", ("deb", "debian", "libc6", "2.36-9+deb12u4")),
        ("pkg:deb/debian/passwd@1:4.13?arch=amd64", ("deb", "debian", "passwd", "1:4.13")),
        ("pkg:rpm/centos/openssl-libs@1.0.2k-16.el7?arch=x86_64&epoch=1", ("rpm", "centos", "openssl-libs", "1:1.0.2k-16.el7")),
        ("pkg:npm/%40scope/name@1.0.0", ("npm", "@scope", "name", "1.0.0")),
        ("pkg:pypi/Foo_Bar.baz@1", ("pypi", "", "foo-bar-baz", "1")),
        ("pkg:golang/golang.org/x/net@v0.1.0", ("golang", "golang.org/x", "net", "v0.1.0")),
        ("pkg:composer/Vendor/Name@2", ("composer", "vendor", "name", "2")),
    ],
)  # fmt: skip
def test_the_coordinates_are_those_of_the_package_url(purl: str, expected: tuple[str, ...]) -> None:
    assert from_purl(purl) == expected


@pytest.mark.parametrize("purl", ["", "bash", "pkg:", "pkg:deb", "pkg:deb/" + "x" * 5000, "pkg:npm/@1", "cpe:/a"])
def test_what_is_no_package_url_gives_none(purl: str) -> None:
    assert from_purl(purl) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_package_urls(text: str) -> None:
    found = from_purl(f"pkg:{text}")
    assert found is None or found.name


def test_a_package_url_without_qualifiers_stands_for_all_variants() -> None:
    assert plain_purl(BASH, DEB) == "pkg:deb/debian/bash@5.2-1"
    assert plain_purl(coordinates("npm", "@a/b", "1"), "") == "pkg:npm/%40a/b@1"
    assert plain_purl(coordinates("", "b", "1"), "") == ""


@pytest.mark.parametrize("name", ["a/b", " a", " ", "/", "a/../b", "b@2", "b?x=1", "b#c"])
def test_a_package_url_names_no_other_package(name: str) -> None:
    """A hostile image may have a package with such a name. A statement about it must not be one about another package."""
    package = coordinates("maven", name, "1", "org")
    found = plain_purl(package, "")
    assert found == "" or from_purl(found) == package


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("1.0", "1.0", True),
        ("1:1.0", "1.0", True),
        ("1:1.0", "1:1.0", True),
        ("1:1.0", "2:1.0", False),
        ("1.0", "1.0-1", False),
    ],
)
def test_an_epoch_counts_only_if_both_have_one(first: str, second: str, same: bool) -> None:
    assert same_version(first, second) is same
    assert same_version(second, first) is same


def test_the_key_of_a_package_is_that_of_its_coordinates() -> None:
    for package, purl in (
        (Package("deb", "bash", "5"), "pkg:deb/debian/bash@5"),
        (Package("node", "@scope/name", ""), "pkg:npm/%40scope/name@1"),
        (Package("python", "Foo.Bar", "1"), "pkg:pypi/foo-bar@1"),
        (Package("php", "Vendor/Name", ""), "pkg:composer/vendor/name@1"),
        (Package("ruby", "rails", "6"), "pkg:gem/rails@6"),
    ):
        found = from_purl(purl)
        assert found is not None
        assert found.key == key_of(package)
        assert found.is_version_of(package)


ID, NAMES = [ORIGINAL], ["registry.example/app:1"]


@pytest.mark.parametrize(
    "scanned",
    [
        ScannedImage("image", ("whatever",), frozenset((digest_of(ORIGINAL), digest_of(OTHER)))),
        ScannedImage("image", ("registry.example/app:1",)),
    ],
)
def test_a_scan_of_the_image_is_accepted(scanned: ScannedImage) -> None:
    check_image(scanned, NAMES, ID)


@pytest.mark.parametrize(
    ("scanned", "message"),
    [
        (ScannedImage("image", ("registry.example/app:1",), frozenset((digest_of(OTHER),))), "the scan is of another image with the name registry.example/app:1: it has no digest 111111111111…"),
        (ScannedImage("image", ("registry.example/app:2",), frozenset((digest_of(OTHER),))), "the scan is of another image: registry.example/app:2, not of registry.example/app:1"),
        (ScannedImage("image", ("registry.example/app:2",)), "the scan is of registry.example/app:2, not of registry.example/app:1"),
        (ScannedImage("image", ("../x\n",)), r"the scan is of ../x\n, not of registry"),
        (ScannedImage("image"), "the scan is of an image without a name, not of"),
        (ScannedImage("directory", ("/src",)), "the scan is not of an image, but of directory, and not of"),
        (ScannedImage(""), "the scan is not of an image, but of nothing that it names"),
    ],
)  # fmt: skip
def test_a_scan_of_anything_else_is_refused(scanned: ScannedImage, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_image(scanned, NAMES, ID)
    assert message in caught.value.message
    assert "--force" in caught.value.hint


def test_each_name_of_the_expected_image_is_shown_once() -> None:
    scanned = ScannedImage("image", ("other:1",), frozenset((digest_of(OTHER),)))
    with pytest.raises(UsageError) as caught:
        check_image(scanned, ["app:1", "app:1", "app:latest"], ID)
    assert caught.value.message.endswith("not of app:1, app:latest")
