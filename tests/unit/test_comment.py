"""A comparison as the comment of a pull request."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

from syrupy.assertion import SnapshotAssertion

from slimmer.image.new_paths import NewPath, Novelty
from slimmer.image.packages import Package
from slimmer.report.build_facts import BuildFacts
from slimmer.report.comment import LIMIT, MARKER, as_markdown
from slimmer.report.comparison import Comparison
from slimmer.report.gate import Condition, Limits
from slimmer.report.gates import judge
from slimmer.report.since import Baseline, since
from tests.unit.test_comparison import AFTER, BEFORE, COMPARISON, VULNERABLE, with_command
from tests.unit.test_markdown import HOSTILE, render

BASELINE = Baseline(
    name="app:slim",
    image_id="sha256:cc",
    size=7_000_000,
    paths=12,
    files=9,
    packages=(Package("deb", "gone", "1"), Package("deb", "libssl3", "3.0.1")),
    shells=("/bin/sh",),
    package_managers=(),
    privileged=(),
)
BUILD = BuildFacts(
    "sha256:bb", True, ("port 9 did not answer",), ("curl: it is not in the slim image (--include-bin curl)",)
)


def full() -> Comparison:
    """A comparison with everything that a comment can show."""
    after = dataclasses.replace(
        AFTER, unread=(), packages=(Package("deb", "libssl3", "3.0.2"), Package("deb", "new", "1"))
    )
    comparison = Comparison(
        "app:latest",
        BEFORE,
        "app:slim",
        after,
        new_files=(NewPath("/srv/new", Novelty.NEW), NewPath("/etc/motd", Novelty.CONTENT)),
        since=since(BASELINE, after),
        build=BUILD,
        vulnerabilities=VULNERABLE.vulnerabilities,
    )
    limits = Limits(10_000_000, Fraction(3), Fraction(10), tuple(Condition))
    return dataclasses.replace(comparison, gates=judge(comparison, limits))


def test_a_comment_with_gates_a_baseline_and_a_report(snapshot: SnapshotAssertion) -> None:
    assert as_markdown(full()) == snapshot


def test_a_comment_without_options(snapshot: SnapshotAssertion) -> None:
    assert as_markdown(COMPARISON) == snapshot


def test_a_job_finds_its_comment_by_the_first_line() -> None:
    for comparison in (full(), COMPARISON, with_command(MARKER)):
        lines = as_markdown(comparison).splitlines()
        assert lines[0] == MARKER == "<!-- slimmer -->"
        assert lines.count(MARKER) == 1


def test_the_heading_has_the_result() -> None:
    passed = dataclasses.replace(COMPARISON, gates=judge(COMPARISON, Limits(min_ratio=Fraction(3))))
    assert "### ✅ slimmer: 100 MB → 8 MB, 12.5 times smaller; 1 gate passed" in as_markdown(passed)
    failed = dataclasses.replace(COMPARISON, gates=judge(COMPARISON, Limits(max_size=1)))
    assert "### ❌ slimmer: 100 MB → 8 MB, 12.5 times smaller; 1 of 1 gate failed" in as_markdown(failed)
    assert "### slimmer: 8 MB → 100 MB\n" in as_markdown(Comparison("a", AFTER, "b", BEFORE))


def hostile() -> Comparison:
    """A comparison of images in which every name is hostile, and there are thousands of them."""
    names = tuple(f"/{n}{name}" for n in range(200) for name in HOSTILE)
    packages = tuple(Package("deb", name, name) for name in names)
    fields: dict[str, Any] = dict.fromkeys(("env", "cmd", "entrypoint", "volumes", "exposed_ports"), names)
    labels = tuple((name, name) for name in names)
    config = dataclasses.replace(BEFORE.config, user="@" * 5000, working_dir="`|" * 5000, labels=labels, **fields)
    before = dataclasses.replace(
        BEFORE, shells=names, setuid=names, capable=names, package_managers=names, packages=packages
    )
    after = dataclasses.replace(
        AFTER,
        config=config,
        shells=names[::2],
        setuid=names,
        unread=names,
        package_managers=names,
        packages=packages[::3],
    )
    comparison = Comparison(
        "@" * 300,
        before,
        "<b>" * 100,
        after,
        new_files=tuple(NewPath(name, Novelty.NEW) for name in names),
        since=since(dataclasses.replace(BASELINE, name="`|" * 500, packages=packages[1::2], shells=names[1::2]), after),
        build=BuildFacts("sha256:bb", False, names, names),
    )
    limits = Limits(0, Fraction(3), Fraction(10), tuple(Condition))
    return dataclasses.replace(comparison, gates=judge(comparison, limits))


def test_a_comment_is_never_longer_than_github_takes_and_keeps_its_tables() -> None:
    comment = as_markdown(hostile())
    assert len(comment) < LIMIT + 1000 < 65_536
    assert "| ❌ max-size |" in comment
    assert "| size | 100 MB |" in comment
    assert "Some parts are left out" in comment
    assert comment.encode("utf-8")  # no surrogate is left


def test_no_name_gets_out_of_its_place() -> None:
    html = render(as_markdown(hostile()))
    assert "<script" not in html
    assert "<img" not in html
    assert "<a " not in html
    assert html.count("<details>") == html.count("</details>")
    assert html.count("<!--") == 1
    assert html.count("<h3>") == 1


def test_findings_are_listed_with_what_is_left_of_their_packages() -> None:
    comment = as_markdown(VULNERABLE)
    assert "| vulnerabilities: high | 2 | 1 | 2.0x |" in comment
    assert "<summary>1 finding of grype left</summary>\n\n- `high: CVE-high of bash 5: partly there`" in comment
    assert "<summary>2 findings gone with their packages</summary>\n\n- `CVE-critical of bash 5`" in comment
