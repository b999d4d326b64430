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
from slimmer.observe.log import PATH_LIMIT, Access, AccessLog, Listener, Operation, Recorder, read_log, write_log
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
    "no image": log_document(image=None),
    "no accesses": log_document(accesses=None),
    "a text for accesses": log_document(accesses="abcdef"),
    "a short row": log_document(accesses=[ROW[:5]]),
    "an unknown operation": log_document(accesses=[["eat", *ROW[1:]]]),
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
        '"' + "x" * (1 << 25) + '"',
    ],
)
def test_a_manifest_that_was_edited_is_refused_with_the_line(line: str) -> None:
    good = json.dumps(LINE)
    with pytest.raises(UsageError, match="line 2 cannot be read") as caught:
        list(read_manifest(io.StringIO(f"{good}\n{line}\n")))
    assert len(caught.value.message) < 300


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
    ],
)
def test_a_tree_that_was_edited_is_refused(row: str) -> None:
    head = json.dumps({"format": "slimmer-tree", "version": 1, "image": "x", "entries": []})[:-2]
    content = zstandard.compress(f"{head}\n{row},\n]}}\n".encode())
    with pytest.raises(UsageError, match="cannot be read as a tree"):
        read_tree(io.BytesIO(content))


def packages_document(**changes: Any) -> bytes:
    document = {"format": "slimmer-packages", "version": 1, "packages": [["deb", "a", "1"]], "runs": [[1, 0]]}
    return json.dumps(document | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        DEEP.encode(),
        packages_document(runs=[[float("inf")]]),
        packages_document(runs=[[1, 1]]),
        packages_document(packages=[["deb", LONE, "1"]]),
        packages_document(packages=[["deb", None, "1"]]),
        b" " * (1 << 27),
    ],
)
def test_packages_that_were_edited_are_refused(content: bytes) -> None:
    """The last one is a bomb: a few kilobytes that grow without end."""
    with pytest.raises(UsageError, match="cannot be read as packages"):
        read_packages(io.BytesIO(zstandard.compress(content)), make_tree("f /a"))


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        "[]",
        '{"format": "slimmer-report", "version": 99, "policy": "", "selection": {"exclude": []}}',
        '{"format": "slimmer-report", "version": 1, "policy": [], "selection": {"exclude": []}}',
        '{"format": "slimmer-report", "version": 1, "policy": "", "selection": {"exclude": [5]}}',
        '{"format": "slimmer-report", "version": 1, "policy": "", "selection": "x"}',
    ],
)
def test_a_report_that_was_edited_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UsageError, match="cannot be read as a report"):
        assert BuildOutput(tmp_path).selection
