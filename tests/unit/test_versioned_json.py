"""What slimmer wrote, read back after somebody edited it: refused in words, never a crash, never without a bound."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.manifest import read_manifest
from slimmer.artifacts.package_file import read_packages
from slimmer.artifacts.tree_file import read_tree
from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.keep.selection import Selection
from slimmer.observe.log import PATH_LIMIT, Access, AccessLog, Listener, Operation, Recorder, read_log, write_log
from slimmer.pipeline.report import keep_report
from slimmer.rebuild.image import Builder
from tests.unit.tree_maker import make_tree

DEEP = "[" * 200_000
LONE = "\ud800"
"""Half of a surrogate pair: no byte of a name is decoded to that (os.fsdecode)."""

ROW = ["open", True, "/srv/a", "/srv/a", 1, "/bin/app"]


def log_document(**changes: Any) -> str:
    file = io.StringIO()
    access = Access(Operation.OPEN, "/srv/a", "/srv/a", True, 1, "/bin/app")
    recorders, listeners = (Recorder("notify", True, ""),), (Listener("0.0.0.0", 80),)
    write_log(AccessLog("sha256:1", (access,), recorders, listeners, {"lost": 0}, complete=True), file)
    return json.dumps(json.loads(file.getvalue()) | changes)


BAD_LOGS = {
    "no object": "null",
    "nested": DEEP,
    "nested within": log_document(extra=0).replace('"extra": 0', f'"extra": {DEEP}'),
    "another version": log_document(version=2),
    "a version that is equal": log_document(version=True),
    "a later version": log_document(version="2.0"),
    "an earlier version": log_document(version="0.9"),
    "a version of three parts": log_document(version="1.0.0"),
    "a version that is odd": log_document(version="1.0\n"),
    "a huge version": log_document(version="1." + "0" * 5000),
    "no version": log_document(version=None),
    "another format": log_document(format="slimmer-tree"),
    "a list for a format": log_document(format=["slimmer-access-log"]),
    "no image": log_document(image=None),
    "no accesses": log_document(accesses=None),
    "a text for accesses": log_document(accesses="abcdef"),
    "a short row": log_document(accesses=[ROW[:5]]),
    "a long row": log_document(accesses=[[*ROW, 1]]),
    "an object for a row": log_document(accesses=[{"operation": "open"}]),
    "an unknown operation": log_document(accesses=[["eat", *ROW[1:]]]),
    "a long unknown operation": log_document(accesses=[["eat" * 5000, *ROW[1:]]]),
    "an operation with a lone surrogate": log_document(accesses=[["\udcff", *ROW[1:]]]),
    "a truth for a process": log_document(accesses=[[*ROW[:4], True, ROW[5]]]),
    "a fraction for a process": log_document(accesses=[[*ROW[:4], 1.0, ROW[5]]]),
    "a number for a truth": log_document(accesses=[[ROW[0], 1, *ROW[2:]]]),
    "a process of two to the power of 64": log_document(accesses=[[*ROW[:4], 1 << 64, ROW[5]]]),
    "a process far below zero": log_document(accesses=[[*ROW[:4], -(1 << 64), ROW[5]]]),
    "a NUL in a key": log_document(counters={"\0": 1}),
    "half a surrogate pair in a key": log_document(counters={LONE: 1}),
    "a field with a lone surrogate for a name": log_document(**{LONE: 1}),
    "not a number": log_document(more=float("nan")),
    "a list for an operation": log_document(accesses=[[["open"], *ROW[1:]]]),
    "a word for a truth": log_document(accesses=[[ROW[0], "no", *ROW[2:]]]),
    "no path": log_document(accesses=[[*ROW[:2], None, *ROW[3:]]]),
    "half a surrogate pair": log_document(accesses=[[*ROW[:2], f"/{LONE}", *ROW[3:]]]),
    "a NUL": log_document(accesses=[[*ROW[:2], "/\0", *ROW[3:]]]),
    "a long path": log_document(accesses=[[*ROW[:2], "/a" * PATH_LIMIT, *ROW[3:]]]),
    "an infinite process": log_document(accesses=[[*ROW[:4], float("inf"), ROW[5]]]),
    "a process that is not there": log_document(accesses=[[*ROW[:4], float("nan"), ROW[5]]]),
    "a huge process": log_document(accesses=[[*ROW[:4], 10**400, ROW[5]]]),
    "a list for an executable": log_document(accesses=[[*ROW[:5], ["x"]]]),
    "recorders of another form": log_document(recorders=[{"name": "notify"}]),
    "a port that is none": log_document(listeners=[{"address": "::", "port": [1]}]),
    "counters that are none": log_document(counters={"lost": "many"}),
    "an infinite counter": log_document(counters={"lost": float("inf")}),
    "a word for completeness": log_document(complete="no"),
    "a text for starts": log_document(starts="0"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_log_that_was_edited_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be read as an access log: ") as caught:
        read_log(io.StringIO(BAD_LOGS[name]))
    assert "slimmer observe" in caught.value.hint
    assert len(caught.value.message) < 300


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_log(io.StringIO(text))
    return caught.value


def test_the_error_names_the_place_in_plain_words() -> None:
    rows = [ROW, ROW, [*ROW[:4], "1", ROW[5]]]
    for text, words in (
        (log_document(accesses=rows), "$.accesses[2][4]: expected a whole number, not a text"),
        (log_document(accesses=[["eat", *ROW[1:]]]), "$.accesses[0][0]: unknown value 'eat'"),
        (
            log_document(accesses=[[*ROW[:2], "/\0", *ROW[3:]]]),
            "$.accesses[0][2]: expected a text that could be a name",
        ),
        (log_document(accesses=[ROW[:5]]), "$.accesses[0]: expected 6 entries, not 5"),
        (log_document(accesses=[[*ROW, 1]]), "$.accesses[0]: expected 6 entries, not 7"),
        (
            log_document(accesses=[[*ROW[:2], "/a" * PATH_LIMIT, *ROW[3:]]]),
            "$.accesses[0][2]: expected a text of length <= 65536",
        ),
        (log_document(accesses=5), "$.accesses: expected an array"),
        (log_document(recorders=[{"name": "notify"}]), "$.recorders[0]: it has no 'active'"),
        (log_document(counters={"\0": 1}), "a key of $.counters: expected a text that could be a name"),
        (log_document(image=None), "$.image: expected a text, not null"),
        (log_document(version="one"), "its version is not of the form MAJOR.MINOR"),
        (DEEP, "it is nested too deeply"),
    ):
        assert refused(text).message == f"the log cannot be read as an access log: {words}"


def test_a_later_major_version_is_refused_with_what_to_do() -> None:
    error = refused(log_document(version="2.3"))
    assert "it has version 2.3 of slimmer-access-log, but slimmer 0.1.0 reads versions 1.x" in error.message
    assert error.hint.startswith("A newer slimmer wrote it. Use that version, or write the file again with this one. ")
    assert "slimmer observe" in error.hint
    assert refused(log_document(version="0.1")).hint.startswith("An older slimmer wrote it")


def test_later_minor_versions_and_those_of_earlier_slimmers_are_read() -> None:
    """0.1 wrote a number for the version. Fields that are not known are left out."""
    known = read_log(io.StringIO(log_document()))
    assert known.accesses[0].asked == "/srv/a"
    for text in (log_document(version=1), log_document(version="1.7", more=[{"a": [None]}])):
        assert read_log(io.StringIO(text)) == known
    before = json.loads(log_document(version=1))
    del before["starts"], before["fingerprint"]
    assert read_log(io.StringIO(json.dumps(before))) == known


def test_what_is_the_same_text_is_one_object() -> None:
    rows = [["open", True, f"/srv/{number}", f"/srv/{number}", 1, "/bin/app"] for number in range(3)]
    accesses = read_log(io.StringIO(log_document(accesses=rows))).accesses
    assert all(access.asked is access.resolved for access in accesses)
    assert len({id(access.executable) for access in accesses}) == 1


HEAD_LINE = {"format": "slimmer-manifest", "version": "1.0", "image": "sha256:1"}
LINE: dict[str, Any] = {"path": "/a", "type": "file", "mode": "0644", "uid": 0, "gid": 0, "mtime": "1.0", "reasons": []}


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        json.dumps(LINE | {"size": "big"}),
        json.dumps(LINE | {"uid": float("inf")}),
        json.dumps(LINE | {"size": 10**400}),
        json.dumps(LINE | {"path": LONE}),
        json.dumps(LINE | {"device": [1]}),
        json.dumps(LINE | {"reasons": [{"rule": 1, "detail": ""}]}),
        json.dumps(LINE | {"size": None}),
        json.dumps(LINE | {"size": True}),
        json.dumps(LINE | {"size": 1.5}),
        json.dumps(LINE | {"device": [1, 2, 3]}),
        json.dumps(LINE | {"type": "folder"}),
        json.dumps(LINE | {"mode": "0o644"}),
        json.dumps(LINE | {"mode": "0_0"}),
        json.dumps(LINE | {"mtime": "1"}),
        json.dumps(LINE | {"mtime": " 1.0"}),
        json.dumps(LINE | {"mtime": "9" * 5000 + ".0"}),
        json.dumps(LINE | {"sha256": "ab"}),
        json.dumps(LINE | {"xattrs": {"user.a": "0"}}),
        json.dumps(LINE | {"xattrs": {"\0": "00"}}),
        json.dumps(LINE | {"path": "/b\0"}),
        json.dumps(LINE),
        json.dumps(HEAD_LINE),
        '"' + "x" * (1 << 25) + '"',
    ],
)
def test_a_manifest_that_was_edited_is_refused_with_the_line(line: str) -> None:
    good = json.dumps(LINE)
    with pytest.raises(UsageError, match="line 2 cannot be read") as caught:
        list(read_manifest(io.StringIO(f"{good}\n{line}\n")))
    assert len(caught.value.message) < 300


def test_the_head_of_a_manifest_is_checked() -> None:
    def lines(**changes: Any) -> list[str]:
        text = f"{json.dumps(HEAD_LINE | changes)}\n{json.dumps(LINE)}\n"
        return [line.path for line in read_manifest(io.StringIO(text))]

    assert lines() == lines(version="1.9", more=1) == ["/a"]
    with pytest.raises(UsageError, match=r"line 1 .*: it has version 2\.0 of slimmer-manifest") as caught:
        lines(version="2.0")
    assert caught.value.hint.startswith("A newer slimmer wrote it")
    for name, value in (("format", "slimmer-tree"), ("version", "1"), ("version", []), ("image", 5), ("image", "\0")):
        with pytest.raises(UsageError, match="line 1 cannot be read"):
            lines(**{name: value})


def test_a_manifest_of_an_earlier_slimmer_has_no_head() -> None:
    text = "".join(json.dumps(LINE | {"path": path}) + "\n" for path in ("/a", "/b"))
    assert [line.path for line in read_manifest(io.StringIO(text))] == ["/a", "/b"]


def test_the_error_names_the_line_and_the_place_in_it() -> None:
    text = "\n".join(map(json.dumps, (HEAD_LINE, LINE, LINE | {"path": "/b", "uid": "root"})))
    with pytest.raises(UsageError) as caught:
        list(read_manifest(io.StringIO(text)))
    assert caught.value.message == (
        "the manifest, line 3 cannot be read as a line of a manifest: $.uid: expected a whole number, not a text"
    )


def test_a_manifest_of_other_bytes_than_text_is_refused() -> None:
    with pytest.raises(UsageError, match="line 1 cannot be read"):
        list(read_manifest(io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8")))


HEAD = "100644 0 0 0 0 0 1 1 1 0 0"


@pytest.mark.parametrize(
    "row",
    [
        DEEP,
        json.dumps(["x y z", "/a", "", ""]),
        json.dumps(["100644", "/a", "", ""]),
        json.dumps(["100644 " + " ".join(["9" * 5000] * 10), "/a", "", ""]),
        json.dumps([HEAD, "a", "", ""]),
        json.dumps([HEAD, f"/{LONE}", "", ""]),
        json.dumps([HEAD, "/a", "", "zz=yy"]),
        json.dumps([HEAD, {"a": 1}, "", ""]),
        json.dumps([HEAD, "/a", "", "", ""]),
        json.dumps([HEAD, "/a", ""]),
        json.dumps([HEAD, "/a\0", "", ""]),
        json.dumps([HEAD, "/a", None, ""]),
    ],
)
def test_a_tree_that_was_edited_is_refused(row: str) -> None:
    with pytest.raises(UsageError, match="cannot be read as a tree") as caught:
        read_tree(io.BytesIO(tree_file(row)))
    assert len(caught.value.message) < 300


def tree_file(row: str, version: object = "1.0") -> bytes:
    head = json.dumps({"format": "slimmer-tree", "version": version, "image": "x", "entries": []})[:-2]
    return zstandard.compress(f"{head}\n{row},\n]}}\n".encode())


def test_a_tree_of_another_version_is_read_or_refused_as_a_log_is() -> None:
    for version in (1, "1.0", "1.4"):
        image, tree = read_tree(io.BytesIO(tree_file(json.dumps([HEAD, "/a", "", ""]), version)))
        assert (image, [entry.path for entry in tree]) == ("x", ["/a"])
    with pytest.raises(UsageError, match=r"it has version 2\.0 of slimmer-tree"):
        read_tree(io.BytesIO(tree_file("", "2.0")))
    with pytest.raises(UsageError, match=r"\$\.entries\[0\]\[1\]: expected a text, not a whole number"):
        read_tree(io.BytesIO(tree_file(json.dumps([HEAD, 5, "", ""]))))


def packages_document(**changes: Any) -> bytes:
    document = {
        "format": "slimmer-packages", "version": "1.0", "image": "x", "packages": [["deb", "a", "1"]], "runs": [[1, 0]],
    }  # fmt: skip
    return json.dumps(document | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        DEEP.encode(),
        packages_document(runs=[[float("inf")]]),
        packages_document(runs=[[1, 1]]),
        packages_document(packages=[["deb", LONE, "1"]]),
        packages_document(packages=[["deb", None, "1"]]),
        packages_document(packages=[["deb", "a"]]),
        packages_document(packages=[["deb", "a", "1", "2"]]),
        packages_document(runs=[[]]),
        packages_document(runs=[[1, -1]]),
        packages_document(runs=[[1, True]]),
        packages_document(runs=[[1 << 64]]),
        packages_document(version="2.0"),
        b"\xff",
        b" " * (1 << 27),
    ],
)
def test_packages_that_were_edited_are_refused(content: bytes) -> None:
    """The last one is a bomb: a few kilobytes that grow without end."""
    with pytest.raises(UsageError, match="cannot be read as packages"):
        read_packages(io.BytesIO(zstandard.compress(content)), make_tree("f /a"))


def test_packages_of_an_earlier_and_of_a_later_slimmer_are_read() -> None:
    for version in (1, "1.5"):
        content = packages_document(version=version, runs=[[2, 0]])
        record = read_packages(io.BytesIO(zstandard.compress(content)), make_tree("f /a"))
        assert [package.name for package in record.owners(["/a"])["/a"]] == ["a"]


def report_document(**changes: Any) -> str:
    image, log = ImageConfig("sha256:1", "amd64", "linux"), AccessLog("sha256:1", ())
    report = keep_report(
        image, make_tree("f /a"), log, "observed", Selection(exclude=("/x",)), Builder("load", "as asked")
    )
    return json.dumps(report | changes)


SELECTION = json.loads(report_document())["selection"]


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        "[]",
        report_document(version=99),
        report_document(version="2.0"),
        report_document(policy=[]),
        report_document(selection=SELECTION | {"exclude": [5]}),
        report_document(selection=SELECTION | {"exclude": ["\0"]}),
        report_document(selection="x"),
        report_document(target={"name": "x"}),
        report_document(slim=None),
    ],
)
def test_a_report_that_was_edited_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UsageError, match=r"report\.json cannot be read as a report") as caught:
        assert BuildOutput(tmp_path).selection
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("changes", [{}, {"version": 1}, {"version": "1.3", "more": {}}])
def test_reports_of_all_minor_versions_are_read(changes: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report_document(**changes))
    output = BuildOutput(tmp_path)
    assert (output.policy, output.selection, output.images) == ("observed", Selection(exclude=("/x",)), ("sha256:1",))
