"""Requests in words: every key, every mistake that a user may make, and what of a file never shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.errors import UsageError
from slimmer.exercise.probe_file import FILE_LIMIT, request_from_text, requests_from_file
from slimmer.exercise.request import Expectation, Request

ROOT = Path(__file__).parents[2]
READY_MADE = sorted([*ROOT.glob("probes/http/*.yaml"), *ROOT.glob("sample_apps/*/probes.yaml")])


def read(folder: Path, text: str | bytes) -> tuple[Request, ...]:
    file = folder / "probes.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return requests_from_file(file)


def one(folder: Path, entry: str) -> Request:
    (request,) = read(folder, f"requests:\n  - {entry}\n")
    return request


@pytest.mark.parametrize(
    ("text", "method", "path"),
    [
        ("/", "GET", "/"),
        ("  /a/b?c=d&e=%20 ", "GET", "/a/b?c=d&e=%20"),
        ("GET /path", "GET", "/path"),
        ("head /path", "HEAD", "/path"),
        ("OPTIONS *", "OPTIONS", "*"),
        ("/grüße", "GET", "/gr%C3%BC%C3%9Fe"),
        ("/page#part", "GET", "/page"),
    ],
)
def test_a_line_is_a_request(text: str, method: str, path: str) -> None:
    request = request_from_text(text)
    assert (request.method, request.path, request.body) == (method, path, None)


def test_a_line_may_have_a_body() -> None:
    request = request_from_text('POST /echo {"a": 1,  "b": "c d"}')
    assert request.body == b'{"a": 1,  "b": "c d"}'
    assert request.headers == (("Content-Type", "application/json"),)
    form = request_from_text("PUT /echo a=1&b=2")
    assert (form.body, form.headers) == (b"a=1&b=2", (("Content-Type", "application/x-www-form-urlencoded"),))


def test_a_post_without_a_body_says_so() -> None:
    assert request_from_text("POST /reset").body == b""


@pytest.mark.parametrize("text", ["", "GET", "health", "GET health", "http://localhost/x", "CONNECT /x", "G:T /x"])
def test_a_line_that_is_no_request_is_told_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--probe") as error:
        request_from_text(text)
    assert "--probe 'GET /health'" in error.value.hint


def test_a_file_with_every_key(tmp_path: Path) -> None:
    (tmp_path / "upload.bin").write_bytes(b"\x00\xff")
    requests = read(
        tmp_path,
        """
        requests:
          - path: /a
          - {method: post, path: /b, json: {n: [1, true, null], s: ü}, port: 8081}
          - {method: POST, path: /c, form: {x: 1, y: [a, b c]}, headers: {X-Many: [a, 2], Accept: text/css}}
          - {method: PUT, path: /d, body: "plain ü"}
          - {method: POST, path: /e, file: upload.bin, headers: {content-type: image/png}}
          - path: /f
            expect: {status: [200, 304], contains: [a, "b"], content_type: "Text/HTML;Charset=UTF-8"}
          - {path: /g, expect: {status: 404, contains: c}}
        """,
    )
    assert [(request.method, request.path) for request in requests] == [
        ("GET", "/a"), ("POST", "/b"), ("POST", "/c"), ("PUT", "/d"), ("POST", "/e"), ("GET", "/f"), ("GET", "/g"),
    ]  # fmt: skip
    assert requests[0] == Request("GET", "/a")
    assert requests[1].port == 8081
    assert json.loads(requests[1].body or b"") == {"n": [1, True, None], "s": "ü"}
    assert requests[2].body == b"x=1&y=a&y=b+c"
    assert requests[2].headers == (
        ("X-Many", "a"), ("X-Many", "2"), ("Accept", "text/css"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )  # fmt: skip
    assert requests[3].body == "plain ü".encode()
    assert (requests[4].body, requests[4].headers) == (b"\x00\xff", (("content-type", "image/png"),))
    assert requests[5].expect == Expectation((200, 304), ("a", "b"), "text/html; charset=utf-8")
    assert requests[6].expect == Expectation((404,), ("c",))


def test_json_and_a_bare_list_are_read_too(tmp_path: Path) -> None:
    assert read(tmp_path, '{"requests": [{"path": "/x"}]}') == read(tmp_path, "- path: /x") == (Request("GET", "/x"),)


def test_a_file_may_ask_for_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "requests: []") == ()


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TOKEN", "hush")
    request = one(
        tmp_path,
        '{path: /, headers: {Authorization: "Bearer ${APP_TOKEN}"}, json: {a: ["${APP_TOKEN}", "$${APP_TOKEN}"]}}',
    )
    assert request.headers[0] == ("Authorization", "Bearer hush")
    assert json.loads(request.body or b"") == {"a": ["hush", "${APP_TOKEN}"]}
    assert one(tmp_path, '{method: POST, path: /, form: {t: "${APP_TOKEN}"}}').body == b"t=hush"
    assert one(tmp_path, '{method: POST, path: /, body: "${APP_TOKEN}"}').body == b"${APP_TOKEN}"
    assert "hush" not in repr(request)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{path: /, bodi: x}", "unknown key 'bodi'"),
        ("{method: GET}", "`path` is missing"),
        ("{path: 5}", "`path` is not text"),
        ("{path: x}", "must begin with a slash"),
        ("{path: 'http://localhost:80/'}", "whole URL"),
        ("{path: /, method: [GET]}", "`method`"),
        ("{path: /, method: 'G T'}", "`method`"),
        ("{path: /, headers: [a]}", "headers"),
        ("{path: /, headers: {'a b': c}}", "not a header name"),
        ("{path: /, headers: {A: 'x\n\n y'}}", "line break"),
        ("{path: /, headers: {A: yes}}", "headers: A"),
        ("{path: /, headers: {A: '${NO_SUCH_VARIABLE_AT_ALL}'}}", "NO_SUCH_VARIABLE_AT_ALL"),
        ("{path: /, json: {}, form: {}}", "contradict"),
        ("{path: /, json: 2020-01-01}", "`json`"),
        ("{path: /, json: .nan}", "`json`"),
        ("{path: /, form: [a]}", "form"),
        ("{path: /, body: 5}", "`body` is not text"),
        ("{path: /, file: no-such-file}", "no-such-file: No such file"),
        ("{path: /, file: .}", "`file` cannot be read"),
        ("{path: /, port: 70000}", "`port`"),
        ("{path: /, port: yes}", "`port`"),
        ("{path: /, expect: 200}", "expect"),
        ("{path: /, expect: {state: 200}}", "unknown key 'state'"),
        ("{path: /, expect: {status: '200'}}", "`expect: status`"),
        ("{path: /, expect: {status: 2000}}", "`expect: status`"),
        ("{path: /, expect: {contains: 2.40}}", "`expect: contains` is not text"),
        ("just text", "not a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_file_its_number_and_its_key(tmp_path: Path, entry: str, complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, f"requests:\n  - path: /fine\n  - {entry}\n")
    assert error.value.message.startswith(f"{tmp_path / 'probes.yaml'}: request 2: ")
    assert complaint in error.value.message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("requests: {path: /}", "not a list"),
        ("request: []", "unknown key 'request'"),
        ("{}", "no `requests`"),
        ("", "not a list"),
        ("requests: [", "not YAML"),
        ("requests: [{path: /, path: /b}]", "occurs twice"),
        ("requests: [!!python/object/apply:os.getcwd []]", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"requests: [" + b"[" * 100_000, "not YAML"),
        (b"#" * (FILE_LIMIT + 1), "larger than"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(UsageError, match=r"probes\.yaml") as error:
        read(tmp_path, text)
    assert complaint in error.value.message


def test_no_such_file() -> None:
    with pytest.raises(UsageError, match="No such file"):
        requests_from_file(Path("/no/such/file.yaml"))


def test_mistakes_do_not_show_what_may_be_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        one(tmp_path, "{path: /, headers: {Authorization: [[hush]]}}")
    assert "hush" not in error.value.message
    with pytest.raises(UsageError) as error:
        request_from_text("POST nowhere password=hush")
    assert "hush" not in error.value.message


@pytest.mark.parametrize("file", READY_MADE, ids=lambda file: str(file.relative_to(ROOT)))
def test_ready_made_files_can_be_read(file: Path) -> None:
    assert all(isinstance(request, Request) for request in requests_from_file(file))
