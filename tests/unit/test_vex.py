"""VEX documents: valid, the same for the same facts, read by real readers, and silent about whatever may be there."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner
from vexipy.document import Document

import slimmer
from slimmer.artifacts.build_output import BuildOutput
from slimmer.cli.console import data
from slimmer.cli.main import app
from slimmer.errors import UsageError
from slimmer.report.vex import product, statements
from slimmer.report.vulnerabilities import contents_of
from slimmer.scans.coordinates import Coordinates
from slimmer.scans.scan_file import read_scan
from tests.schemas import misfits
from tests.unit.scan_maker import ORIGINAL, OTHER, SLIM, grype, grype_match, written
from tests.unit.test_baseline import built
from tests.unit.test_explanation import output

__all__ = ["output"]  # a fixture

SCHEMA = json.loads((Path(__file__).parent / "openvex-0.2.0.schema.json").read_text())
TIME = 1_700_000_000
GONE = ("pkg:deb/debian/gone@1", "pkg:npm/%40a/left-pad@1.3.0")


@pytest.fixture
def folder(output: BuildOutput, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A verified build. Of the package ssl, the library was kept; `jars` in the original were not."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    report = json.loads((output.folder / "report.json").read_text())
    original = {**report["target"], "name": "registry.example/app:1", "id": ORIGINAL}
    built(
        output.folder, target=original, slim={**original, "name": "registry.example/app:1-slim", "id": SLIM, "tag": "x"}
    )
    os.utime(output.folder / "manifest.jsonl", (TIME, TIME))
    return output.folder


def jar(vulnerability: str, path: str, name: str = "log4j", **more: Any) -> dict[str, Any]:
    return grype_match(
        vulnerability,
        name,
        "2.4",
        type="java-archive",
        purl=f"pkg:maven/org/{name}@2.4?type=jar",
        paths=(path,),
        **more,
    )


KEPT = grype_match("CVE-1", "ssl", "3", purl="pkg:deb/debian/ssl@3?arch=amd64")
DROPPED = jar("CVE-2", "/opt/dir/one", related=("GHSA-2",))
UNKNOWN = grype_match("CVE-3", "zsh", "1", purl="pkg:deb/debian/zsh@1")


def scan(folder: Path, *matches: dict[str, Any]) -> Path:
    return written(folder, grype(*matches), "scan.json")


def openvex(folder: Path, *matches: dict[str, Any], **options: Any) -> dict[str, Any]:
    document = json.loads(slimmer.vex(folder, scan(folder, *matches), **options))
    jsonschema.validate(document, SCHEMA)
    assert isinstance(document, dict)
    return document


def cyclonedx(folder: Path, *matches: dict[str, Any], **options: Any) -> dict[str, Any]:
    text = slimmer.vex(folder, scan(folder, *matches), format="cyclonedx", **options)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def test_only_what_is_gone_is_stated(folder: Path) -> None:
    document = openvex(folder, KEPT, DROPPED, UNKNOWN, author="security@example.com")
    digest = SLIM.removeprefix("sha256:")
    (statement,) = document["statements"]
    assert statement["vulnerability"] == {"name": "CVE-2", "aliases": ["GHSA-2"]}
    assert (statement["status"], statement["justification"]) == ("not_affected", "component_not_present")
    (image,) = statement["products"]
    assert image["@id"] == f"pkg:oci/app@sha256:{digest}"
    assert [one["@id"] for one in image["subcomponents"]] == ["pkg:maven/org/log4j@2.4"]
    assert (document["author"], document["timestamp"]) == ("security@example.com", "2023-11-14T22:13:20Z")


def test_a_real_reader_reads_the_document(folder: Path) -> None:
    document = Document.from_json(slimmer.vex(folder, scan(folder, KEPT, DROPPED)))
    (statement,) = document.statements
    assert statement.vulnerability is not None
    assert statement.vulnerability.name == "CVE-2"
    assert statement.status.value == "not_affected"
    assert statement.justification is not None
    assert statement.justification.value == "component_not_present"


def test_cyclonedx_says_the_same(folder: Path) -> None:
    document = cyclonedx(folder, KEPT, DROPPED, UNKNOWN, author="Example GmbH")
    (found,) = document["vulnerabilities"]
    assert (found["id"], found["ratings"]) == ("CVE-2", [{"severity": "high"}])
    assert (found["analysis"]["state"], found["analysis"]["justification"]) == ("not_affected", "code_not_present")
    assert "pkg:maven/org/log4j@2.4" in found["analysis"]["detail"]
    subject = document["metadata"]["component"]
    assert [one["ref"] for one in found["affects"]] == [subject["bom-ref"]]
    assert (subject["type"], subject["name"], subject["version"]) == ("container", "registry.example/app", SLIM)
    assert document["metadata"]["authors"] == [{"name": "Example GmbH"}]
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("form", ["openvex", "cyclonedx"])
def test_the_same_facts_give_the_same_document(folder: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    matches = [DROPPED, jar("CVE-4", "/opt/dir/one", "other"), KEPT]
    first = slimmer.vex(folder, scan(folder, *matches), format=form)
    assert slimmer.vex(folder, scan(folder, *reversed(matches)), format=form) == first
    assert slimmer.vex(folder, scan(folder, *matches), format=form, author="a") != first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    assert "2020-09-13T12:26:40" in slimmer.vex(folder, scan(folder, *matches), format=form)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH is not a time"):
        slimmer.vex(folder, scan(folder, *matches), format=form)


def test_a_package_with_a_kept_copy_is_not_stated(folder: Path) -> None:
    """A statement names a package by its package URL, which is the same for all copies."""
    copies = jar("CVE-2", "/opt/dir/one"), jar("CVE-2", "/app")
    with pytest.raises(UsageError, match="nothing to state"):
        openvex(folder, *copies)
    assert [
        one["vulnerability"]["name"]
        for one in openvex(folder, *copies, jar("CVE-5", "/opt/dir/one", "x"))["statements"]
    ] == ["CVE-5"]


def test_a_vulnerability_of_a_kept_package_is_not_in_cyclonedx(folder: Path) -> None:
    """Grype reads only the identifier of a vulnerability there, and would suppress the finding of the kept package."""
    matches = [
        jar("CVE-1", "/opt/dir/one"),
        KEPT,
        jar("CVE-6", "/srv/secret", "x", related=("CVE-3",)),
        UNKNOWN,
        DROPPED,
    ]
    assert [one["id"] for one in cyclonedx(folder, *matches)["vulnerabilities"]] == ["CVE-2"]
    assert [one["vulnerability"]["name"] for one in openvex(folder, *matches)["statements"]] == [
        "CVE-1",
        "CVE-2",
        "CVE-6",
    ]


def test_applying_the_document_leaves_the_findings_that_are_not_gone(folder: Path) -> None:
    """What go-vex does, the library of Grype and Trivy: a statement applies if its product, vulnerability and a subcomponent match."""
    matches = [KEPT, DROPPED, UNKNOWN, jar("CVE-1", "/opt/dir/one")]
    document = openvex(folder, *matches)
    left = [one for one in matches if not _applies(document, f"pkg:oci/app@{SLIM}?arch=amd64", one)]
    assert left == [KEPT, UNKNOWN]
    assert [one for one in matches if _applies(document, f"pkg:oci/app@{ORIGINAL}", one)] == [], (
        "the original is affected"
    )


def _applies(document: dict[str, Any], product: str, match: dict[str, Any]) -> bool:
    name, purl = match["vulnerability"]["id"], match["artifact"]["purl"]
    return any(
        name in (statement["vulnerability"]["name"], *statement["vulnerability"].get("aliases", ()))
        and any(
            product.split("?")[0] == image["@id"]
            and any(purl.split("?")[0] == part["@id"] for part in image["subcomponents"])
            for image in statement["products"]
        )
        for statement in document["statements"]
    )


def test_the_image_can_be_named_as_it_is_in_the_registry(folder: Path) -> None:
    pushed = f"registry.example:5000/team/shop:1@{OTHER}"
    (statement,) = openvex(folder, DROPPED, image=pushed)["statements"]
    assert statement["products"][0]["@id"] == f"pkg:oci/shop@{OTHER}"
    for name in ("shop:1", OTHER, "Shop@x"):
        with pytest.raises(UsageError):
            openvex(folder, DROPPED, image=name)


@pytest.mark.parametrize(("name", "digest"), [("", SLIM), ("app", ""), ("app", "sha256:12")])
def test_an_image_without_a_name_or_digest_is_refused(name: str, digest: str) -> None:
    with pytest.raises(UsageError, match="a VEX document needs the slim image's"):
        product(name, digest)


def test_an_image_that_was_not_verified_proves_nothing(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    report["verification"]["verified"] = False
    (folder / "report.json").write_text(json.dumps(report))
    with pytest.raises(UsageError, match="was not verified"):
        openvex(folder, DROPPED)
    assert slimmer.vulnerabilities(folder, scan(folder, DROPPED)).total.gone == 1
    del report["slim"]
    (folder / "report.json").write_text(json.dumps(report))
    with pytest.raises(UsageError, match="is from `slimmer keep`"):
        openvex(folder, DROPPED)


def test_a_package_that_no_package_url_can_name_gets_no_statement(folder: Path) -> None:
    match = grype_match("CVE-2", "thing", "1", type="java-archive", paths=("/opt/dir/one",))
    [judged] = slimmer.vulnerabilities(folder, scan(folder, match)).judged
    assert judged.absent and len(statements([judged])) == 1
    unnamed = msgspec.structs.replace(judged.finding, purl="", package=Coordinates("", "", "thing", "1"))
    assert statements([dataclasses.replace(judged, finding=unnamed)]) == ()


class TestCommand:
    """`slimmer vex`."""

    def test_it_prints_the_document_and_nothing_else(self, folder: Path) -> None:
        result = CliRunner().invoke(app, ["vex", str(folder), "--scan", str(scan(folder, DROPPED, KEPT))])
        assert result.exit_code == 0
        assert result.stdout == slimmer.vex(folder, folder / "scan.json") + "\n"
        assert result.stderr == ""

    def test_the_table_has_a_line_for_each_finding(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data, "width", 200)
        odd = jar("CVE-9\n\x1b[31m", "/opt/dir/one", "x")
        arguments = ["vex", str(folder), "--scan", str(scan(folder, DROPPED, KEPT, odd)), "--format", "table"]
        result = CliRunner().invoke(app, arguments)
        lines = result.stdout.splitlines()
        assert result.exit_code == 0
        assert [line.split("│")[2].strip() for line in lines if "│" in line] == ["CVE-1", "CVE-2", r"CVE-9\n\x1b[31m"]
        assert "partly there: 1 of 3 files: /usr/lib/libssl.so.3" in result.stdout
        assert result.stderr.splitlines() == ["3 findings of grype 0.110.0: 2 gone, 1 partly there", "high: 3 → 1"]

    def test_json_fits_its_schema(self, folder: Path) -> None:
        arguments = ["vex", str(folder), "--scan", str(scan(folder, DROPPED, KEPT, UNKNOWN)), "--format", "json"]
        document = json.loads(CliRunner().invoke(app, arguments).stdout)
        assert misfits("vulnerabilities", document) == []
        assert document["total"] == {"before": 3, "after": 2, "gone": 1, "partly_there": 1, "there": 0, "unknown": 1}
        assert [one["verdict"] for one in document["findings"]] == ["partly there", "gone", "unknown"]

    @pytest.mark.parametrize(
        "options", [["--format", "spdx"], ["--image", "x"], ["--scan", "/nowhere"], ["--scan", "/dev/null"]]
    )
    def test_a_wrong_value_is_a_usage_error(self, folder: Path, options: list[str]) -> None:
        arguments = ["vex", str(folder), "--scan", str(scan(folder, DROPPED)), *options]
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, UsageError)
        assert "\n" not in result.exception.message


def test_what_slimmer_added_is_not_the_packages(folder: Path) -> None:
    """The data about the package is in the slim image, but it is none of its files."""
    output = BuildOutput(folder)
    added = {path for path, line in output.lines.items() if line.added}
    assert added
    assert not added & {*contents_of(output).kept}
    assert read_scan("--scan", scan(folder, KEPT)).findings
