"""`slimmer probe check` and `record`: a probe file against a real server, and a probe file of a HAR file that a browser saved."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml

import slimmer
from slimmer.errors import UsageError
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.recording import BODY_LIMIT
from tests.schemas import misfits
from tests.unit.local_app import LocalApp, free_port
from tests.unit.test_exercise_conversation import LOGIN, SHOP


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slimmer", "probe", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    port = free_port()
    with LocalApp(tmp_path, SHOP.replace("serve(handler", f"serve({port}, handler"), begun=True):
        yield f"http://127.0.0.1:{port}"


def probes(folder: Path, text: str) -> Path:
    file = folder / "probes.yaml"
    file.write_text(text)
    return file


def test_a_file_is_checked_against_an_address(shop: str, tmp_path: Path) -> None:
    done = run("check", probes(tmp_path, LOGIN), shop)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ GET /me: 401 in " in done.stdout and "✓ GET ${next}: 200 in " in done.stdout


def test_a_request_that_fails_is_told_and_counts(shop: str, tmp_path: Path) -> None:
    file = probes(tmp_path, "[{path: /none}, {path: /me, expect: {status: 200}}, {path: /who, port: 99}]")
    done = run("check", file, shop)
    assert done.returncode == 6
    assert "! GET /none: 404" in done.stdout and "✗ GET /me: 401" in done.stdout and "✓ GET /who: 200" in done.stdout
    assert "answered 401, not 200" in done.stdout and "1 of 3 requests failed" in done.stderr
    data = run("check", file, shop, "--format", "json")
    assert data.returncode == 6 and misfits("probe-check", json.loads(data.stdout)) == []
    assert [request["status"] for request in json.loads(data.stdout)["requests"]] == [404, 401, 200]


def test_exchanges_go_to_their_own_port(tmp_path: Path) -> None:
    port = free_port()
    source = f"raw(lambda client: client.sendall(b'220 ready'), {port}); forever()"
    with LocalApp(tmp_path, source, begun=True):
        file = probes(
            tmp_path,
            f"[{{tcp: [{{expect: ready}}], port: {port}}}, {{udp: [{{send: a}}, {{expect: b}}], port: {port}}}]",
        )
        checked = slimmer.check_probes(file, f"http://localhost:{free_port()}", request_timeout=1)
    assert [(request.method, request.port) for request in checked.requests] == [("TCP", port), ("UDP", port)]
    assert [bool(request.problem) for request in checked.requests] == [False, True]


def test_an_address_may_have_a_path_and_its_name_is_sent(tmp_path: Path) -> None:
    echo = SHOP.replace("forever()", "").replace(
        "self.path.encode()", "f\"{self.path} {self.headers['Host']}\".encode()"
    )
    port = free_port()
    with LocalApp(tmp_path, echo.replace("serve(handler", f"serve({port}, handler") + "forever()", begun=True):
        file = probes(tmp_path, f"[{{path: /x, expect: {{contains: '/item/x localhost:{port}'}}}}]")
        assert slimmer.check_probes(file, f"localhost:{port}/item/").ok


@pytest.mark.parametrize(
    "url", ["ftp://localhost", "http://", "http://a:b@localhost", "http://localhost:x", "localhost:80?a", ""]
)
def test_an_address_that_is_none_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the URL of an app"):
        slimmer.check_probes(probes(tmp_path, "[{path: /}]"), url)


def test_nobody_listens(tmp_path: Path) -> None:
    checked = slimmer.check_probes(probes(tmp_path, "[{path: /}]"), f"http://localhost:{free_port()}")
    assert not checked.ok and "could not connect" in checked.requests[0].problem


# ---------------------------------------------------------------------- record


def entry(url: str, status: int = 200, method: str = "GET", **request: Any) -> dict[str, Any]:
    return {
        "request": {"method": method, "url": url, "headers": [], **request},
        "response": {"status": status, "content": {"text": "x"}},
    }


def posted(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"method": "POST", "postData": {"mimeType": kind, "text": text, **more}}


def har(folder: Path, *entries: dict[str, Any]) -> Path:
    file = folder / "shop.har"
    file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return file


def headers(**values: str) -> list[dict[str, str]]:
    return [{"name": name.replace("_", "-"), "value": value} for name, value in values.items()]


def recorded(folder: Path, *entries: dict[str, Any], url: str = "") -> list[Any]:
    document = yaml.safe_load(slimmer.record_probes(har(folder, *entries), url=url).text)
    assert isinstance(document["requests"], list)
    return document["requests"]


def test_what_a_browser_adds_and_secrets_are_left_out(tmp_path: Path) -> None:
    given = headers(Host="shop.test", User_Agent="Browser", Accept="text/html", If_None_Match="x", Sec_Fetch_Mode="y", Cookie="sid=hush",
                    Authorization="Bearer hush", X_CSRF_Token="hush", X_Mode="${mode}", Accept_Language="de")  # fmt: skip
    (one,) = recorded(tmp_path, entry("https://shop.test/a%20b?x=1&token=hush&y=${z}#top", headers=given))
    assert one == {
        "path": "/a%20b?x=1&token=${TOKEN}&y=%24%7Bz%7D",
        "headers": {
            "Accept": "text/html", "Cookie": "${COOKIE}", "Authorization": "${AUTHORIZATION}", "X-CSRF-Token": "${X_CSRF_TOKEN}",
            "X-Mode": "$${mode}", "Accept-Language": "de",
        },
        "expect": {"status": 200},
    }  # fmt: skip


def test_bodies_are_kept_in_their_kinds(tmp_path: Path) -> None:
    json_, form, text, parts = recorded(
        tmp_path,
        entry(
            "http://a/1",
            **posted("application/json; charset=utf-8", '{"n": [1, null], "password": "hush", "s": "yes"}'),
        ),
        entry("http://a/2", 302, **posted("application/x-www-form-urlencoded", "a=1&a=b+c&passwd=hush&e=")),
        entry("http://a/3", 201, **posted("text/xml", "<a>${b}</a>"), headers=headers(Content_Type="text/xml")),
        entry("http://a/4", 304, **posted("multipart/form-data; boundary=x", params=[{"name": "t", "value": "v"}])),
    )
    assert json_["json"] == {"n": [1, None], "password": "${PASSWORD}", "s": "yes"} and "headers" not in json_
    assert form["form"] == {"a": ["1", "b c"], "passwd": "${PASSWD}", "e": ""} and form["expect"] == {"status": 302}
    assert (text["body"], text["headers"]) == ("<a>${b}</a>", {"Content-Type": "text/xml"})
    assert parts == {"method": "POST", "path": "/4", "multipart": {"t": "v"}}


def test_the_origin_with_the_most_requests_is_recorded(tmp_path: Path) -> None:
    entries = [
        entry("https://cdn.test/a.js"),
        entry("https://shop.test/1"),
        entry("https://shop.test:443/2"),
        entry("data:,x"),
    ]
    assert [one["path"] for one in recorded(tmp_path, *entries)] == ["/1", "/2"]
    assert [one["path"] for one in recorded(tmp_path, *entries, url="https://cdn.test/")] == ["/a.js"]
    with pytest.raises(UsageError, match=r"no request to http://other\.test"):
        recorded(tmp_path, *entries, url="http://other.test")


def test_what_cannot_be_sent_again_is_told(tmp_path: Path) -> None:
    recording = slimmer.record_probes(
        har(
            tmp_path,
            entry("http://a/"),
            entry("http://a/gone", 0),
            entry("http://a/ws", 101),
            entry("http://a/x", method="CONN ECT"),
            entry("http://a/long", **posted("text/plain", "x" * (BODY_LIMIT + 1))),
            entry("http://a/longer", **posted("text/plain", "x" * (2 << 20))),
            entry("http://a/up", **posted("multipart/form-data", params=[{"name": "f", "fileName": "a.png"}])),
            entry("http://a/bin", **posted("image/png", "iVBO", encoding="base64")),
        )
    )
    assert recording.requests == 1
    assert recording.notes == (
        "left out 1 request: no answer", "left out 1 request: a WebSocket connection", "left out 1 request: no valid HTTP request",
        "left out 2 requests: a body of more than 64 kB", "left out 1 request: an upload of files, which a HAR file does not have",
        "left out 1 request: a binary body",
    )  # fmt: skip


def test_a_recording_is_a_probe_file(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        entry(f"{shop}/me", 401),
        entry(f"{shop}/login"),
        entry(f"{shop}/who", headers=headers(Authorization="x")),
    ]
    made = run("record", har(tmp_path, *entries), "--out", tmp_path / "made.yaml")
    assert (made.returncode, made.stdout) == (0, f"{tmp_path / 'made.yaml'}\n")
    with pytest.raises(
        UsageError, match=r"made\.yaml, line \d+: request 3: `headers: Authorization` needs `\$\{AUTHORIZATION\}`"
    ):
        requests_from_file(tmp_path / "made.yaml")
    monkeypatch.setenv("AUTHORIZATION", "me")
    assert run("check", tmp_path / "made.yaml", shop).returncode == 0
    assert run("record", tmp_path / "shop.har").stdout == (tmp_path / "made.yaml").read_text()
    assert run("record", tmp_path / "shop.har", "--out", tmp_path / "no" / "folder").returncode == 10


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "premature EOF"),
        (b"{}", "it has no log.entries"),
        (b'{"log": {"entries": [{"request": {"url": "http://a/"', "premature EOF"),
        (b'{"log": {"entries": []}}', "it has no HTTP request"),
        (
            b'{"log": {"entries": [5, [], {"request": 5}, {"request": {"url": 7}}, {"response": {"status": 200}}]}}',
            "no HTTP request",
        ),
        (b"\xff\xfe{", "invalid"),
        (b"[" * 100_000, "nested too deeply"),
        (b"PK\x03\x04", "invalid char"),
    ],
)
def test_a_broken_har_file_is_told_in_one_line(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "shop.har").write_bytes(content)
    done = run("record", tmp_path / "shop.har")
    error, hint = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == ""
    assert error.startswith(f"error: {tmp_path / 'shop.har'}: ") and why in error and hint.startswith("hint: ")


def test_a_large_har_file_needs_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.har"
    answer = json.dumps("x" * (1 << 20))
    with file.open("w") as out:
        out.write('{"log": {"entries": [')
        for number in range(64):
            out.write(
                "," * bool(number)
                + f'{{"request": {{"method": "GET", "url": "http://a/{number}"}}, "response": {{"status": 200, "content": {{"text": {answer}}}}}}}'
            )
        out.write("]}}")
    slimmer.record_probes(har(tmp_path, entry("http://a/")))
    tracemalloc.start()
    try:
        assert slimmer.record_probes(file).requests == 64
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_files_are_validated_without_an_app_and_without_their_variables(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text("{}")
    file = probes(
        tmp_path,
        """requests:
- {method: POST, path: "/${UNSET_BASE}/login", form: {user: ann, password: "${UNSET_PASSWORD}"}, capture: {token: {json: $.token}}}
- {path: /me, headers: {X: "${UNSET_BASE}"}, auth: {bearer: "${token}"}, repeat: 3}
- {method: PUT, path: /file, file: body.json}
- {path: "/live?t=${token}", websocket: [{send: hello}, {expect: ""}]}
""",
    )
    done = run("validate", file, file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"✓ {file}: 6 requests\n" * 2
    assert slimmer.validate_probes(file) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{path: /a}, {path: /b, jsn: 1}]", "line 1: request 2: the entry has the unknown key 'jsn'"),
        ("[{path: b}]", "line 1: request 1"),
        ("[{path: /a, method: PUT, file: missing.json}]", "missing.json"),
        (
            '[{path: "/${id}"}, {path: /, capture: {id: {json: $.id}}}]',
            "needs `${id}`, which no earlier request captures",
        ),
        ("requests: [", "line 1"),
        ("{request: []}", "unknown key 'request'"),
    ],
)
def test_all_files_are_validated_and_each_mistake_is_told_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    bad = probes(tmp_path, text)
    good = tmp_path / "good.yaml"
    good.write_text("[{path: /}]")
    done = run("validate", bad, good, tmp_path / "none.yaml")
    assert done.returncode == 2
    assert done.stdout == f"✓ {good}: 1 request\n"
    assert f"✗ {bad}" in done.stderr and words in done.stderr
    assert f"✗ {tmp_path / 'none.yaml'}: No such file or directory" in done.stderr
    assert "error: 2 of 3 probe files are not valid" in done.stderr


def test_without_the_environment_nothing_of_it_gets_into_a_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    file = probes(tmp_path, '[{path: "/${PASSWORD}", headers: {A: "${PASSWORD}"}}]')
    assert "hunter2" not in str(requests_from_file(file, environment=False))
    assert "hunter2" in str(requests_from_file(file)[0].headers)


def test_the_hook_of_pre_commit_validates_probe_files(tmp_path: Path) -> None:
    """What .pre-commit-hooks.yaml says: the command exists, and the pattern finds probe files alone."""
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "slimmer-probe-check"
    program, *words = hook["entry"].split()
    assert program == "slimmer"
    command = [sys.executable, "-m", "slimmer", *words, str(probes(tmp_path, "[{path: /}]"))]
    assert subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 0
    files = ("probes.yaml", "a/b/probe.yml", "login-probes.json", "x/shop.probes.yaml", "my_probe.yaml")
    others = ("probes.yaml.j2", "liveness.yaml", "probesets.yaml", "noprobes.yaml", "probes/a.yaml", "probe.py")
    assert [name for name in (*files, *others) if re.search(hook["files"], name)] == list(files)
