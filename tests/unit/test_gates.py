"""What a pipeline demands of a slim image: each gate passes and fails where it should, and says why."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from slimmer.api.gates import compare_request, conditions, file_size
from slimmer.errors import UsageError
from slimmer.image.config import DEFAULT_PATH
from slimmer.image.new_paths import NewPath, Novelty
from slimmer.report.build_facts import BuildFacts
from slimmer.report.comparison import Comparison
from slimmer.report.gate import LONGEST, OFFENDERS, Condition, Gate, Limits, verdict
from slimmer.report.gates import judge
from slimmer.report.since import Baseline, since
from slimmer.report.verdict import Verdict
from slimmer.report.vulnerabilities import Vulnerabilities
from slimmer.scans.scan import Severity
from tests.unit.scan_maker import grype, grype_match
from tests.unit.test_comparison import AFTER, BEFORE, COMPARISON, judged


def slim(**changes: Any) -> Comparison:
    """The original beside a slim image of 8 MB that has its configuration, with these changes."""
    after = dataclasses.replace(AFTER, config=BEFORE.config, unread=(), **changes)
    return Comparison("app:latest", BEFORE, "app:slim", after)


def gate(comparison: Comparison, limits: Limits | Condition) -> Gate:
    given = Limits(fail_on=(limits,)) if isinstance(limits, Condition) else limits
    (found,) = judge(comparison, given)
    return found


def test_without_limits_there_is_no_gate() -> None:
    assert judge(COMPARISON, Limits()) == ()
    assert COMPARISON.ok


@pytest.mark.parametrize(("limit", "passed"), [(8_000_000, True), (7_999_999, False), (0, False)])
def test_the_size_is_held_against_bytes(limit: int, passed: bool) -> None:
    assert gate(slim(), Limits(max_size=limit)).passed is passed


def test_a_size_that_looks_like_the_limit_is_told_in_bytes() -> None:
    found = gate(slim(size=80_000_001), Limits(max_size=80_000_000))
    assert str(found) == "max-size: 80 MB (80,000,001 bytes) is more than 80 MB"


@pytest.mark.parametrize(("limit", "passed"), [("12.5", True), ("12.501", False), ("0", True)])
def test_the_ratio_is_that_of_the_comparison(limit: str, passed: bool) -> None:
    assert gate(slim(), Limits(min_ratio=Fraction(limit))).passed is passed


def test_an_empty_image_is_not_many_times_smaller() -> None:
    assert str(gate(slim(size=0), Limits(min_ratio=Fraction(3)))) == "min-ratio: the second image has no bytes"


@pytest.mark.parametrize(
    ("condition", "changes", "words"),
    [
        ("setuid", {"setuid": ("/bin/su",)}, "1 setuid file: /bin/su (setuid)"),
        ("setuid", {"setgid": ("/bin/wall",)}, "1 setuid file: /bin/wall (setgid)"),
        ("setuid", {"capable": ("/bin/ping",)}, "1 setuid file: /bin/ping (capabilities)"),
        ("new-setuid", {"setuid": ("/bin/id", "/bin/su")}, "1 new setuid file: /bin/id (setuid)"),
        ("new-setuid", {"setgid": ("/bin/su",)}, "1 new setuid file: /bin/su (setgid)"),
        ("shell", {"shells": ("/bin/sh", "/bin/ash")}, "2 shells: /bin/sh, /bin/ash"),
        ("package-manager", {"package_managers": ("/bin/apk",)}, "1 package manager: /bin/apk"),
    ],
)
def test_what_is_in_the_image_fails_its_gate(condition: str, changes: dict[str, Any], words: str) -> None:
    assert str(gate(slim(**changes), Condition(condition))) == f"{condition}: {words}"
    assert gate(slim(), Condition(condition)).passed


def test_a_setuid_file_that_the_original_has_is_not_new() -> None:
    assert gate(slim(setuid=BEFORE.setuid), Condition.NEW_SETUID) == Gate("new-setuid", True, "no new setuid file")


@pytest.mark.parametrize(
    ("kind", "before", "after"), [("setuid", "1000", "0"), ("capabilities", "0100000200200000", "0100000200002000")]
)
def test_more_rights_at_the_same_path_are_new(kind: str, before: str, after: str) -> None:
    path = "/usr/bin/ping"
    first = dataclasses.replace(BEFORE, rights={(path, kind): before})
    first = (
        dataclasses.replace(first, setuid=(path,)) if kind == "setuid" else dataclasses.replace(first, capable=(path,))
    )
    second = dataclasses.replace(first, rights={(path, kind): after})
    same = Comparison("app", first, "slim", first)
    assert gate(same, Condition.NEW_SETUID).passed
    assert gate(dataclasses.replace(same, after=second), Condition.NEW_SETUID).offenders == (f"{path} ({kind})",)


def test_the_path_that_a_builder_adds_is_no_change() -> None:
    first = dataclasses.replace(BEFORE, config=dataclasses.replace(BEFORE.config, env=("A=1",)))
    second = dataclasses.replace(BEFORE, config=dataclasses.replace(BEFORE.config, env=(f"PATH={DEFAULT_PATH}", "A=1")))
    assert gate(Comparison("app", first, "slim", second), Condition.CONFIG_CHANGE).passed


def test_a_change_of_the_configuration_is_quoted() -> None:
    found = gate(COMPARISON, Condition.CONFIG_CHANGE)
    assert (found.passed, found.count) == (False, 3)
    assert found.offenders == ('ENV ["A"] → ["B"]', 'CMD ["run"] → -', 'LABEL {"y": "2"} → -')
    assert gate(slim(), Condition.CONFIG_CHANGE).passed


def test_new_files_are_counted_and_the_first_are_named() -> None:
    new = tuple(NewPath(f"/new{n}", Novelty.NEW) for n in range(1234))
    found = gate(dataclasses.replace(slim(), new_files=new), Condition.NEW_FILE)
    assert (found.passed, found.count, len(found.offenders)) == (False, 1234, OFFENDERS)
    assert str(found) == (
        "new-file: 1,234 new or changed paths: /new0 (new), /new1 (new), /new2 (new), /new3 (new), /new4 (new) and 1,229 more"
    )
    assert gate(dataclasses.replace(slim(), new_files=()), Condition.NEW_FILE).passed


@pytest.mark.parametrize(
    ("before", "after", "limit", "passed"),
    [
        (100, 110, "10", True),
        (100, 111, "10", False),
        (1000, 1005, "0.5", True),
        (1000, 1006, "0.5", False),
        (100, 100, "0", True),
        (100, 50, "0", True),
        (0, 0, "10", True),
        (0, 1, "1000", False),
    ],
)
def test_growth_is_in_percent_of_the_baseline(before: int, after: int, limit: str, passed: bool) -> None:
    comparison = slim(size=after)
    comparison = dataclasses.replace(comparison, since=since(Baseline("old", "sha256:0", before), comparison.after))
    found = gate(comparison, Limits(max_growth=Fraction(limit), fail_on=(Condition.GROWTH,)))
    assert found.passed is passed, found


def test_growth_is_told_in_sizes_and_percent() -> None:
    comparison = dataclasses.replace(slim(), since=since(Baseline("old", "sha256:0", 7_000_000), AFTER))
    assert str(gate(comparison, Condition.GROWTH)) == (
        "growth: 7 MB → 8 MB (+14.3 %) since the baseline, more than +10 %"
    )


def test_warnings_of_the_build_and_of_the_comparison_fail() -> None:
    clean = BuildFacts(slim_id=BEFORE.config.image_id, verified=True)
    assert gate(dataclasses.replace(slim(), build=clean), Condition.WARNING).passed
    warned = dataclasses.replace(clean, warnings=("port 9 did not answer",))
    found = gate(dataclasses.replace(slim(), build=warned), Condition.WARNING)
    assert str(found) == "warning: 1 warning: port 9 did not answer"
    other = dataclasses.replace(clean, slim_id="sha256:other")
    found = gate(dataclasses.replace(slim(), build=other), Condition.WARNING)
    assert "the report is not that of app:slim, but of sha256:other" in str(found)
    unread = dataclasses.replace(AFTER, config=BEFORE.config)
    found = gate(Comparison("b", unread, "b", unread, build=clean), Condition.WARNING)
    assert str(found).startswith("warning: 1 warning: /var/lib/rpm/Packages of b cannot be read")


@pytest.mark.parametrize("condition", [Condition.NEW_FILE, Condition.GROWTH, Condition.WARNING])
def test_what_nobody_looked_at_does_not_pass(condition: Condition) -> None:
    assert not gate(slim(), condition).passed


def test_gates_come_in_one_order_and_are_counted() -> None:
    limits = Limits(9_000_000, Fraction(20), fail_on=(Condition.SHELL, Condition.SETUID))
    gates = judge(slim(), limits)
    assert [(found.name, found.passed) for found in gates] == [
        ("max-size", True),
        ("min-ratio", False),
        ("setuid", True),
        ("shell", True),
    ]
    assert verdict(gates) == "1 of 4 gates failed"
    assert not dataclasses.replace(slim(), gates=gates).ok
    assert verdict(gates[:1]) == "1 gate passed"


def test_hostile_names_stay_on_one_short_line() -> None:
    evil = tuple(f"/{n}\n✓ shell: no shell\x1b[2K\u202e{'x' * 5000}" for n in range(100))
    line = str(gate(slim(shells=evil), Condition.SHELL))
    assert line.isprintable()
    assert len(line) < OFFENDERS * (LONGEST + 2) + 100


def test_a_label_without_end_is_cut() -> None:
    config = dataclasses.replace(BEFORE.config, labels=(("x", "y" * 10**6),))
    found = gate(Comparison("a", BEFORE, "b", dataclasses.replace(BEFORE, config=config)), Condition.CONFIG_CHANGE)
    assert max(map(len, found.offenders)) <= LONGEST


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("80MB", 80_000_000),
        ("1.5GB", 1_500_000_000),
        ("500kB", 500_000),
        ("80MiB", 80 << 20),
        ("2 gib", 2 << 30),
        ("0.0005kb", 0),
        ("80000000", 80_000_000),
        ("12B", 12),
        ("1TB", 10**12),
    ],
)
def test_sizes_have_the_units_that_are_shown(text: str, size: int) -> None:
    assert file_size("--max-size", text) == size


@pytest.mark.parametrize(
    "text", ["", "80m", "80 megabytes", "-1", "1e9", "MB", "80MB80", "٣MB", "9999999999999999999", "1" * 9999]
)
def test_a_size_in_another_form_is_refused_with_all_forms(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        file_size("--max-size", text)
    assert "--max-size" in refused.value.message
    assert len(refused.value.message) < 200
    assert all(form in refused.value.hint for form in ("500kB", "80MB", "1.5GB", "80MiB", "80000000"))


def test_conditions_are_separated_by_commas_or_repeated() -> None:
    assert conditions(["setuid,shell", " new-file ", "shell"]) == (
        Condition.SETUID,
        Condition.SHELL,
        Condition.NEW_FILE,
    )


@pytest.mark.parametrize("text", ["", "shells", "shell,", "Shell", "x" * 10_000])
def test_an_unknown_condition_is_refused_with_those_that_exist(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        conditions([text])
    assert all(condition in refused.value.hint for condition in Condition)
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"baseline": ""}, "--baseline is empty"),
        ({"vulnerabilities": ""}, "--vulnerabilities is empty"),
        ({"min_ratio": "three"}, "--min-ratio"),
        ({"max_size": ""}, "--max-size: not a size: ''"),
        ({"min_ratio": ""}, "--min-ratio"),
        ({"fail_on": ""}, "--fail-on"),
        ({"max_growth": "", "baseline": "/dev/null"}, "--max-growth"),
        ({"min_ratio": "-1"}, "--min-ratio"),
        ({"min_ratio": "nan"}, "--min-ratio"),
        ({"fail_on": "growth"}, "--fail-on growth needs --baseline"),
        ({"max_growth": "5"}, "--max-growth needs --baseline"),
        ({"fail_on": ["warning"]}, "--fail-on warning needs --report"),
        ({"baseline": "/nowhere.json"}, "--baseline /nowhere.json: No such file or directory"),
        ({"report": "/nowhere.json"}, "--report /nowhere.json: No such file or directory"),
    ],
)
def test_values_that_make_no_sense_are_usage_errors(given: Any, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        compare_request("a", "b", given)
    assert words in refused.value.message
    assert refused.value.hint


def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="max_size"):
        compare_request("a", "b", {"max_sizes": 1})  # type: ignore[typeddict-unknown-key]


def test_numbers_are_taken_as_numbers_or_text() -> None:
    assert compare_request("a", "b", {"max_size": 5, "min_ratio": 2.5}).limits == Limits(5, Fraction("2.5"))
    assert compare_request("a", "b", {"min_ratio": "3x"}).limits.min_ratio == 3
    assert compare_request("a", "b", {}).limits == Limits()


def with_findings(*found: tuple[Severity, Verdict]) -> Comparison:
    """A comparison with a scan that found these severities, of packages of which this is left."""
    return dataclasses.replace(slim(), vulnerabilities=Vulnerabilities("grype", tuple(map(judged, found))))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("critical", "critical: no critical finding"),
        ("high", "high: 1 high or worse finding: CVE-high of bash 5 (partly there)"),
        ("medium", "medium: 2 medium or worse findings: CVE-high of bash 5 (partly there), CVE-medium of bash 5 (unknown)"),
        ("low", "low: 3 low or worse findings: CVE-high of bash 5 (partly there), CVE-medium of bash 5 (unknown), CVE-low of bash 5 (there)"),
    ],
)  # fmt: skip
def test_a_finding_that_is_not_gone_fails_the_gate_of_its_severity_and_of_lesser_ones(
    condition: str, words: str
) -> None:
    found = with_findings(
        (Severity.CRITICAL, Verdict.GONE),
        (Severity.HIGH, Verdict.PARTLY),
        (Severity.MEDIUM, Verdict.UNKNOWN),
        (Severity.LOW, Verdict.THERE),
        (Severity.NEGLIGIBLE, Verdict.THERE),
        (Severity.UNKNOWN, Verdict.THERE),
    )
    assert str(gate(found, Condition(condition))) == words


def test_a_severity_without_a_scan_is_not_known() -> None:
    assert str(gate(slim(), Condition.CRITICAL)) == "critical: not known, because there is no scan"
    with pytest.raises(UsageError, match="--fail-on low needs --vulnerabilities"):
        compare_request("a", "b", {"fail_on": "setuid,low"})


def test_a_scan_is_read_before_the_engine_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "scan.json"
    file.write_text(json.dumps(grype(grype_match())))
    request = compare_request("a", "b", {"vulnerabilities": file, "fail_on": "critical"})
    assert request.scan is not None
    assert len(request.scan.findings) == 1
    assert not request.force
    with pytest.raises(UsageError, match=r"--vulnerabilities .*: No such file"):
        compare_request("a", "b", {"vulnerabilities": tmp_path / "none"})
    with pytest.raises(UsageError, match="--vulnerabilities"):  # a variable without a value
        compare_request("a", "b", {"vulnerabilities": ""})
