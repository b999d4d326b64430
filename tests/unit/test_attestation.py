"""The statement about a build: made of its report alone, and of no build that was not verified."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.report_file import FORMAT
from slimmer.errors import UsageError
from slimmer.exercise.origin import FileDigest
from slimmer.exercise.probe_file import read_probe_file
from slimmer.pipeline.attestation_file import attestation_file
from slimmer.report.attestation import MOST, as_json, attestation, attestation_text, statement
from tests.schemas import misfits

ID, SLIM_ID = "sha256:" + "1" * 64, "sha256:" + "2" * 64
EXERCISE = {
    "http_ports": [80], "commands": [], "exit_code": None, "warnings": [],
    "requests": [
        {
            "method": "GET", "path": "/", "port": 80, "status": 200, "content_type": "", "size": 1, "seconds": 0.1, "problem": "",
            "warning": "",
        }
    ],
    "generated": [{"source": "openapi", "found": 9, "requested": 8, "kept": 7, "limits": [], "seconds": 1.0, "answered": 6}],
}  # fmt: skip


def image(identifier: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "shop", "id": identifier, "architecture": "amd64", "size": 5, "layers": 1, "paths": 3, "id_of": "configuration", **more
    }  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    """A report of a verified build, with these changes; None takes a field away."""
    verification = {"verified": True, "differences": [], "missed": [], "by_shape": ["GET /dice"], "noise": ["GET /now"]}
    whole = {
        **FORMAT.head,
        "slimmer": "0.1.0",
        "target": image(ID, digest="sha256:" + "a" * 64),
        "slim": image(SLIM_ID, name="shop:slim", tag="shop:slim"),
        "policy": "balanced",
        "selection": {
            "include": [],
            "exclude": ["\udcff"],
            "bins": [],
            "packages": [],
            "shell": False,
            "licences": True,
        },
        "builder": {"name": "load", "reason": "", "beyond": []},
        "observation": {"probe": "", "recorders": [], "accesses": 1, "counters": {}, "listeners": []},
        "exercise": EXERCISE,
        "verification": verification,
        "unproven": [{"kind": "limit", "name": "a", "what": "b", "remedy": ""}],
        "exercised": {"ports": [], "requests": 1, "answers": {"2xx": 1}, "unanswered": 0, "commands": 0},
        "unexercised": {"count": 4, "kept": 1, "kinds": {}, "items": []},
        "engine": {"name": "podman", "version": "5"},
        "finished": "2020-01-01T00:00:00Z",
        "probe_files": [{"name": "p.yaml", "sha256": "c" * 64}],
        "files": [{"name": "access.json", "sha256": "d" * 64}],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def stated(**changes: Any) -> dict[str, Any]:
    return statement(FORMAT.read(report(**changes)), "e" * 64)


def test_every_part_of_the_report_is_in_the_statement() -> None:
    whole = stated()
    assert misfits("attestation", json.loads(as_json(whole))) == []
    assert whole["subject"] == [
        {"name": "shop:slim", "digest": {"sha256": "2" * 64}, "annotations": {"digest-of": "configuration"}}
    ]
    predicate = whole["predicate"]
    assert list(predicate)[:2] == ["format", "version"]
    assert predicate["original"]["digest"] == "sha256:" + "a" * 64
    assert "digest" not in predicate["slim"]
    assert predicate["engine"] == {"name": "podman", "version": "5"}
    assert predicate["exercised"]["scenarios"] == 1
    assert predicate["exercised"]["generated"] == [{"source": "openapi", "found": 9, "requested": 8, "answered": 6}]
    assert predicate["exercised"]["probe_files"] == [{"name": "p.yaml", "sha256": "c" * 64}]
    assert predicate["unexercised"] == {"count": 4, "kept": 1}
    assert predicate["unproven"] == {"run": 0, "language": 0, "command": 0, "package": 0, "limit": 1}
    assert predicate["verification"] == {
        "verdict": "verified",
        "compared": {"paths": 3, "configuration": True, "requests": 1, "commands": 0},
        "noise": {"count": 1, "first": ["GET /now"]},
        "by_shape": {"count": 1, "first": ["GET /dice"]},
        "places": [],
    }
    assert [file["name"] for file in predicate["files"]] == ["access.json", "report.json"]


def test_all_commands_of_the_app_count() -> None:
    commands = [{"command": number, "program": "a", "exercise": EXERCISE} for number in (1, 2)]
    predicate = stated(commands=commands)["predicate"]
    assert predicate["exercised"]["scenarios"] == 2
    assert predicate["verification"]["compared"]["requests"] == 2


def test_a_long_list_is_cut_and_counted() -> None:
    noise = [f"GET /{number}" for number in range(MOST + 1)]
    verification = {"verified": True, "differences": [], "missed": [], "noise": noise}
    found = stated(verification=verification)["predicate"]["verification"]["noise"]
    assert (found["count"], found["first"]) == (MOST + 1, noise[:MOST])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verification": {"verified": False, "differences": [], "missed": []}}, "was not verified"),
        ({"verification": None}, "was not verified"),
        ({"slim": None}, "was not verified"),
        ({"files": None}, "lacks what an attestation needs"),
        ({"engine": None}, "lacks what an attestation needs"),
        ({"target": {**image(ID), "id_of": None}}, "expected"),
    ],
)
def test_what_is_not_verified_or_too_old_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises((UsageError, ValueError), match=words):
        stated(**changes)


def test_the_report_of_an_earlier_slimmer_is_refused() -> None:
    target = {key: value for key, value in image(ID).items() if key != "id_of"}
    with pytest.raises(UsageError, match="lacks what"):
        stated(target=target)


def folder(path: Path, content: bytes, digest: str) -> BuildOutput:
    path.mkdir()
    (path / "access.json").write_bytes(content)
    (path / "report.json").write_text(json.dumps(report(files=[{"name": "access.json", "sha256": digest}])))
    return BuildOutput(path)


def test_a_folder_gives_the_same_each_time_unless_a_file_is_another(tmp_path: Path) -> None:
    output = folder(tmp_path / "good", b"log", hashlib.sha256(b"log").hexdigest())
    assert as_json(attestation(output)) == attestation_text(output.folder)
    with pytest.raises(UsageError, match="is not the one of this build"):
        attestation(folder(tmp_path / "bad", b"log", "d" * 64))


def test_a_name_in_a_report_leads_nowhere_else(tmp_path: Path) -> None:
    """Anybody may have written the folder: only names without a folder are read."""
    (tmp_path / "secret").write_text("x")
    output = folder(tmp_path / "out", b"", hashlib.sha256(b"").hexdigest())
    for name in ("../secret", str(tmp_path / "secret")):
        (output.folder / "report.json").write_text(json.dumps(report(files=[{"name": name, "sha256": "d" * 64}])))
        attestation(BuildOutput(output.folder))


def test_nobody_asked_for_a_file(tmp_path: Path) -> None:
    with attestation_file(None, None, lambda path, made, mark: None) as found:  # type: ignore[arg-type]
        assert found is None


def test_the_digest_is_of_what_was_read_once(tmp_path: Path) -> None:
    """As from a shell's <(…)."""
    pipe, text = tmp_path / "probes.yaml", b"requests: [{path: /a}]\n"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(text,), daemon=True)
    writer.start()
    requests, digest = read_probe_file(pipe)
    writer.join(30)
    assert [request.path for request in requests] == ["/a"]
    assert digest == FileDigest("probes.yaml", hashlib.sha256(text).hexdigest())
