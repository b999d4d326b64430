"""Requests in words: every key, every mistake that a user may make, and what of a file never shows."""

from __future__ import annotations

import email
import json
from pathlib import Path

import pytest

from slimmer.errors import UsageError
from slimmer.exercise.capture import Capture
from slimmer.exercise.draft import Fault, Unset
from slimmer.exercise.probe_file import request_from_text, requests_from_file
from slimmer.exercise.request import Expectation, Request
from slimmer.exercise.yaml_document import FILE_LIMIT

ROOT = Path(__file__).parents[2]
READY_MADE = sorted([*ROOT.glob("probes/http/*.yaml"), *ROOT.glob("sample_apps/*/probes.yaml")])


def read(folder: Path, text: str | bytes) -> tuple[Request, ...]:
    file = folder / "probes.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return tuple(ask for ask in requests_from_file(file) if isinstance(ask, Request))


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
        ("{path: /, headers: {'a b': c}}", "header name"),
        ("{path: /, headers: {A: 'x\n\n y'}}", "line break"),
        ("{path: /, headers: {A: yes}}", "headers: A"),
        ("{path: /, headers: {A: '${NO_SUCH_VARIABLE_AT_ALL}'}}", "NO_SUCH_VARIABLE_AT_ALL"),
        ("{path: /, json: {}, form: {}}", "contradict"),
        ("{path: /, headers: {A: [b, [c]]}}", "`headers: A` is not"),
        ("{path: /, form: {good: 1, bad: no}}", "`form: bad` is not"),
        ("{path: /, multipart: {a: {fill: b}}}", "`multipart: a` has the unknown key 'fill'; known: file, name, type"),
        ("{path: /, multipart: {a: {file: 5}}}", "`multipart: a: file` is not text"),
        ("{path: /, multipart: {a: {file: none}}}", "`multipart: a: file` cannot be read"),
        ("{path: /, multipart: {}}", "`multipart` has no parts"),
        ("{path: /, multipart: {a: b}, json: 1}", "contradict"),
        ("{path: /, auth: {}}", "`auth` has one key"),
        ("{path: /, auth: {basic: {user: a}}}", "`auth: basic` lacks the key `password`"),
        ("{path: /, auth: {basic: {user: 'a:b', password: c}}}", "`auth: basic: user` cannot have a colon"),
        ("{path: /, auth: {bearer: a}, headers: {authorization: b}}", "contradict"),
        ('{path: /, auth: {bearer: "a\\nb"}}', "`auth: bearer` has a control character"),
        ("{path: /, capture: {t: {}}}", "`capture: t` has one key"),
        ("{path: /, capture: {t: {json: $.a, header: b}}}", "`capture: t` has one key"),
        ("{path: /, capture: {t: {json: '$['}}}", "`capture: t: json` cannot be understood"),
        ("{path: /, capture: {t: {regex: '('}}}", "`capture: t: regex` cannot be understood"),
        ("{path: /, capture: {t: {header: 'a b'}}}", "`capture: t: header` is not"),
        ("{path: /, capture: {'1': {json: $}}}", "`capture: 1` is not a name"),
        ("{path: '/${t}', capture: {t: {json: $}}}", "`path` needs `${t}`, which no earlier request captures"),
        ("{path: '/${NO_SUCH_VARIABLE_AT_ALL}'}", "`path` needs `${NO_SUCH_VARIABLE_AT_ALL}`"),
        ("{path: /, repeat: 0}", "`repeat` is less than 1"),
        ("{path: /, repeat: 1001}", "`repeat` is more than 1000"),
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
    assert error.value.message.startswith(f"{tmp_path / 'probes.yaml'}, line 3: request 2: ")
    assert complaint in error.value.message


MANY_LINES = """\
# The shop.
shared: &shared {}
requests:
  - path: /fine
    headers: &headers
      Accept: text/html
  - path: /
    headers:
      <<: *headers
      X-One: "1"
      X-Two: yes
    expect:
      status:
        - 200
        - 20
"""


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        (MANY_LINES, 2, "unknown key 'shared'"),
        (MANY_LINES.replace("shared: &shared {}", ""), 11, "request 2: `headers: X-Two` is not"),
        (MANY_LINES.replace("shared: &shared {}", "").replace("yes", "two"), 15, "request 2: `expect: status` is less"),
        (MANY_LINES.replace("shared: &shared {}", "").replace("text/html", "yes"), 6, "request 1: `headers: Accept`"),
        ("- path: /\n- path: /\n  port: x", 3, "request 2: `port` is not"),
        ("- path: /\n- 5", 2, "request 2: the entry is not a mapping"),
        ("- {path: /, capture: {a: {json: $}}}\n- path: /\n  json:\n    b: ${c}", 3, "request 2: `json` needs `${c}`"),
        ("- path: /\n  repeat: 1000\n" * 11, 21, "request 11: the file has more than 10,000 requests"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert error.value.message.startswith(f"{tmp_path / 'probes.yaml'}, line {line}: {complaint}")


def test_logins_uploads_and_repetitions(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    many = read(
        tmp_path,
        """
        requests:
          - {path: /a, auth: {basic: {user: test, password: 1234}}}
          - {path: /b, auth: {bearer: hush}, repeat: 3}
          - {method: POST, path: /c, multipart: {title: "a ü", tags: [1, 2], photo: {file: cat.png, name: my.png}}}
        """,
    )
    assert [request.path for request in many] == ["/a", "/b", "/b", "/b", "/c"]
    assert many[0].headers == (("Authorization", "Basic dGVzdDoxMjM0"),)
    assert many[1].headers == (("Authorization", "Bearer hush"),)
    assert len({id(request) for request in many}) == 5
    assert "hush" not in repr(many) and "1234" not in repr(many)
    (_, content_type), body = many[4].headers[0], many[4].body
    assert content_type.startswith("multipart/form-data; boundary=")
    message = email.message_from_bytes(f"Content-Type: {content_type}\n\n".encode() + (body or b""))
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True)) for part in message.walk()
    ][1:]
    assert parts == [("title", "a ü".encode()), ("tags", b"1"), ("tags", b"2"), ("photo", b"\x89PNG")]
    (photo,) = (part for part in message.walk() if part.get_filename())
    assert (photo.get_filename(), photo.get_content_type()) == ("my.png", "image/png")


def test_what_a_request_captures_is_put_in_when_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("token", "from the environment")
    monkeypatch.setenv("OTHER", "o")
    first, second = read(
        tmp_path,
        """
        - {path: "/a?b=${token}&c=${OTHER}", headers: {X: "${token}"}}
        - {path: /login, capture: {id: {json: $.id}}}
        """,
    )
    assert (first.path, first.headers) == ("/a?b=${token}&c=${OTHER}", (("X", "from the environment"),))
    assert first.draft is not None and first.draft.parts({})[0] == "/a?b=from%20the%20environment&c=o"
    assert second.draft is None and second.captures == (Capture("id", "json", "$.id"),)
    _, later = read(
        tmp_path,
        """
        - {path: /login, capture: {token: {regex: "a(.)"}}}
        - method: POST
          path: /x/${token}?o=${OTHER}
          headers: {X: "${token} ${OTHER}"}
          json: {t: "${token}", n: "a${token}", "${key}": "$${token}"}
        """,
    )
    assert later.path == "/x/${token}?o=${OTHER}"  # the environment's `token` is not used: an answer's comes first
    assert later.headers[0] == ("X", "${token} o")
    assert later.draft is not None
    path, headers, body = later.draft.parts({"token": 'a/b "c"'})
    assert (path, headers[0]) == ("/x/a/b%20%22c%22?o=o", ("X", 'a/b "c" o'))
    assert json.loads(body or b"") == {"t": 'a/b "c"', "n": 'aa/b "c"', "${key}": "${token}"}
    assert json.loads(later.draft.parts({"token": 17})[2] or b"")["t"] == 17
    with pytest.raises(Unset, match=r"`path` needs `\$\{token\}`, which has no value"):
        later.draft.parts({})


def test_captured_values_in_forms_bodies_and_uploads(tmp_path: Path) -> None:
    _, form, body, upload, auth = read(
        tmp_path,
        """
        - {path: /, capture: {t: {header: X-T}}}
        - {method: POST, path: /, form: {f: "${t}"}}
        - {method: POST, path: /, body: "${t} $${t} ${other} $${other}"}
        - {method: POST, path: /, multipart: {f: "<${t}>"}}
        - {path: "${t}", auth: {bearer: "${t}"}}
        """,
    )
    values = {"t": "/a&b"}
    assert [request.draft.parts(values)[2] for request in (form, body) if request.draft] == [
        b"f=%2Fa%26b",
        b"/a&b ${t} ${other} $${other}",
    ]
    assert upload.draft is not None and b"</a&b>" in (upload.draft.parts(values)[2] or b"")
    assert auth.draft is not None
    assert auth.draft.parts(values)[:2] == ("/a&b", (("Authorization", "Bearer /a&b"),))
    assert auth.draft.parts({"t": "https://other.test/x?y#z"})[0] == "/x?y"
    for bad in ("x", ""):
        with pytest.raises(Fault, match="slash"):
            auth.draft.parts({"t": bad})
    with pytest.raises(Fault, match="line break"):
        auth.draft.parts({"t": "/a\nb"})


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
