"""Two images side by side, as a table and as JSON. tests/unit/test_comment.py has the Markdown."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

from rich.console import Console

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.image.image_stats import ImageStats
from slimmer.image.layer_sizes import LayerSizes
from slimmer.image.packages import Package
from slimmer.report.comparison import Comparison, Row, as_table, rows
from slimmer.report.comparison_document import as_json
from slimmer.report.verdict import Judged, Verdict
from slimmer.report.vulnerabilities import Vulnerabilities
from slimmer.scans.coordinates import Coordinates
from slimmer.scans.scan import Finding, Severity
from tests.schemas import misfits

BEFORE = ImageStats(
    config=ImageConfig(
        image_id="sha256:aa", architecture="amd64", os="linux", layers=("a", "b", "c"),
        env=("PATH=/bin", "A=1"), cmd=("run",), labels=(("x", "1"), ("y", "2")), healthcheck=Healthcheck(("CMD", "/ok")),
    ),
    files=1000, directories=50, links=20, executables=30, setuid=("/bin/su",), setgid=(), capable=(),
    shells=("/bin/sh", "/usr/bin/sh", "/bin/bash", "/bin/ash", "/bin/zsh", "/bin/fish"),
    packages=(Package("deb", "a", "1"), Package("deb", "b", "1"), Package("python", "c", "1")), unread=(),
    package_managers=("/usr/bin/apt", "/usr/bin/dpkg", "/usr/bin/pip3.11"), paths=1100, size=100_000_000, layer_sizes=LayerSizes(102_000_000, 40_000_000, 36_000_000),
)  # fmt: skip
AFTER = dataclasses.replace(
    BEFORE,
    config=dataclasses.replace(
        BEFORE.config, image_id="sha256:bb", layers=("d",), env=("PATH=/bin", "B=2"), cmd=(),
        labels=(("x", "1"),), created="2024", tags=("t",),
    ),
    files=10, setuid=(), shells=(), packages=(), unread=("/var/lib/rpm/Packages",), package_managers=(), paths=14,
    size=8_000_000,
    layer_sizes=LayerSizes(9_000_000, 3_000_000, 2_000_000),
)  # fmt: skip
COMPARISON = Comparison("app:latest", BEFORE, "app:slim", AFTER)


def judged(found: tuple[Severity, Verdict]) -> Judged:
    """A finding of this severity in bash, of which this is left."""
    severity, verdict = found
    finding = Finding(vulnerability=f"CVE-{severity}", severity=severity, package=Coordinates("deb", "", "bash", "5"))
    return Judged(finding, verdict, files=3, kept=int(verdict is Verdict.PARTLY), paths=("/bin/\udcff|x",))


VULNERABLE = dataclasses.replace(
    COMPARISON,
    vulnerabilities=Vulnerabilities(
        "grype 0.110.0",
        tuple(
            map(
                judged,
                [(Severity.CRITICAL, Verdict.GONE), (Severity.HIGH, Verdict.PARTLY), (Severity.HIGH, Verdict.GONE)],
            )
        ),
    ),
)


def by_name(comparison: Comparison = COMPARISON) -> dict[str, Row]:
    return {row.what: row for row in rows(comparison)}


def with_command(*words: str) -> Comparison:
    return Comparison(
        "a|b", BEFORE, "b", dataclasses.replace(AFTER, config=dataclasses.replace(AFTER.config, cmd=words))
    )


def test_sizes_and_counts_have_their_ratio() -> None:
    found = by_name()
    assert found["size"] == Row("size", "100 MB", "8 MB", "12.5x")
    assert found["layers (tar)"] == Row("layers (tar)", "102 MB", "9 MB", "11.3x")
    assert found["compressed (gzip)"] == Row("compressed (gzip)", "40 MB", "3 MB", "13.3x")
    assert found["compressed (zstd)"] == Row("compressed (zstd)", "36 MB", "2 MB", "18.0x")
    assert found["layers"] == Row("layers", "3", "1", "3.0x")
    assert found["files"] == Row("files", "1,000", "10", "100.0x")
    assert found["setuid files"] == Row("setuid files", "1", "0")
    assert found["links"] == Row("links", "20", "20")


def test_a_larger_image_has_a_ratio_below_one() -> None:
    assert by_name(Comparison("a", AFTER, "b", BEFORE))["size"].ratio == "0.08x"


def test_shells_and_packages_are_told_in_words() -> None:
    found = by_name()
    assert found["shells"] == Row("shells", "ash, bash, fish, sh, and 1 more", "none")
    assert found["packages"] == Row("packages", "3", "unknown")
    assert found["package managers"] == Row("package managers", "3", "0")
    assert (found["packages: deb"].before, found["packages: python"].before) == ("2", "1")
    assert by_name(Comparison("a", dataclasses.replace(BEFORE, unread=("/x",)), "b", AFTER))["packages"].before == (
        "3 and unknown"
    )


def test_the_order_in_which_a_builder_lists_variables_is_no_difference() -> None:
    def with_env(*env: str) -> ImageStats:
        return dataclasses.replace(BEFORE, config=dataclasses.replace(BEFORE.config, env=env))

    assert "ENV" not in by_name(Comparison("a", BEFORE, "b", with_env("A=1", "PATH=/bin")))
    twice = with_env("A=1", "A=2", "PATH=/bin"), with_env("A=2", "A=1", "PATH=/bin")  # the last one counts
    assert "ENV" in by_name(Comparison("a", twice[0], "b", twice[1]))


def test_only_the_configuration_that_differs_is_shown() -> None:
    found = by_name()
    assert (found["ENV"].before, found["ENV"].after) == ('["A"]', '["B"]')
    assert (found["CMD"].before, found["CMD"].after) == ('["run"]', "-")
    assert (found["LABEL"].before, found["LABEL"].after) == ('{"y": "2"}', "-")
    assert not {"image id", "created", "tags", "HEALTHCHECK", "architecture"} & set(found)


def test_a_health_check_is_shown_without_what_is_not_set() -> None:
    without = dataclasses.replace(AFTER, config=dataclasses.replace(AFTER.config, healthcheck=None))
    row = by_name(Comparison("a", BEFORE, "b", without))["HEALTHCHECK"]
    assert (row.before, row.after) == ('{"test": ["CMD", "/ok"]}', "-")


def test_an_image_has_the_configuration_of_itself() -> None:
    assert [row.what for row in rows(Comparison("a", BEFORE, "a", BEFORE)) if row.what.isupper()] == []


def test_json_holds_the_whole_comparison() -> None:
    document: dict[str, Any] = json.loads(as_json(COMPARISON))
    assert (document["format"], document["version"]) == ("slimmer-comparison", "1.2")
    assert document["ratio"] == {
        "size": 12.5,
        "layers_size": 11.333,
        "compressed_size": 13.333,
        "compressed_size_zstd": 18.0,
        "files": 100.0,
    }
    assert document["before"]["setuid"] == ["/bin/su"]
    assert document["before"]["packages"]["by_manager"] == {"deb": 2, "python": 1}
    assert document["after"]["packages"] == {
        "count": 0,
        "by_manager": {},
        "unread_databases": ["/var/lib/rpm/Packages"],
        "installed": [],
    }
    assert document["configuration"]["env"] == {"before": ["A=1"], "after": ["B=2"]}
    assert sorted(document["configuration"]) == ["cmd", "env", "labels"]
    assert (document["before"]["paths"], document["before"]["package_managers"][0]) == (1100, "/usr/bin/apt")
    assert (document["ok"], document["gates"], document["new_files"], document["since"]) == (True, [], None, None)
    assert document["warnings"] == ["/var/lib/rpm/Packages of app:slim cannot be read, so its packages are not counted"]


def test_an_empty_image_has_no_ratio() -> None:
    nothing = dataclasses.replace(AFTER, size=0, files=0, layer_sizes=LayerSizes())
    document = json.loads(as_json(Comparison("a", BEFORE, "b", nothing)))
    assert set(document["ratio"].values()) == {None}


def test_text_from_an_image_cannot_break_out_of_the_table() -> None:
    comparison = with_command("\x1b[31m", "[red]", "|", "\n", "\udce9", "<b>", "`", "é")
    output = io.StringIO()
    Console(file=output, width=200).print(as_table(comparison))
    assert "\x1b" not in output.getvalue()
    assert "[red]" in output.getvalue()
    assert "é" in output.getvalue()
    output.getvalue().encode("utf-8")
    json.loads(as_json(comparison).encode("ascii"))


def test_a_narrow_terminal_loses_no_text() -> None:
    output = io.StringIO()
    Console(file=output, width=30).print(as_table(COMPARISON))
    assert "…" not in output.getvalue()
    assert max(map(len, output.getvalue().splitlines())) <= 30


def test_vulnerabilities_are_counted_by_severity() -> None:
    found = by_name(VULNERABLE)
    assert found["vulnerabilities"] == Row("vulnerabilities", "3", "1", "3.0x")
    assert found["vulnerabilities: critical"] == Row("vulnerabilities: critical", "1", "0")
    assert found["vulnerabilities: high"] == Row("vulnerabilities: high", "2", "1", "2.0x")
    assert "vulnerabilities" not in by_name()


def test_json_has_the_counts_and_the_findings_that_are_left() -> None:
    document = json.loads(as_json(VULNERABLE))
    assert misfits("comparison", document) == []
    found = document["vulnerabilities"]
    assert found["severities"]["high"] == {
        "before": 2,
        "after": 1,
        "gone": 1,
        "partly_there": 1,
        "there": 0,
        "unknown": 0,
    }
    assert [(one["vulnerability"], one["verdict"], one["paths"]) for one in found["findings"]] == [
        ("CVE-high", "partly there", ["/bin/\udcff|x"])
    ]
    assert json.loads(as_json(COMPARISON))["vulnerabilities"] is None
