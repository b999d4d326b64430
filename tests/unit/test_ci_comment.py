"""ci/comment/comment.py, with a server on loopback that keeps comments as GitHub's API does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

PROGRAM = Path(__file__).parents[2] / "ci/comment/comment.py"
BOT = "github-actions[bot]"
MARK = "<!-- slimmer -->"


class Service(ThreadingHTTPServer):
    """The comments of pull request 7 of the repository shop/web."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.status = 200

    def add(self, body: str, by: str) -> None:
        self.comments.append({"id": len(self.comments) + 100, "body": body, "user": {"login": by}})


class Handler(BaseHTTPRequestHandler):
    """Lists, adds and changes comments."""

    server: Service

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: int(values[0]) for key, values in parse_qs(url.query).items()}
        start = (query["page"] - 1) * query["per_page"]
        assert url.path == "/repos/shop/web/issues/7/comments"
        self._answer(self.server.comments[start : start + query["per_page"]])

    def do_POST(self) -> None:
        assert self.path == "/repos/shop/web/issues/7/comments"
        self.server.add(self._body(), BOT)
        self._answer({"html_url": "https://example.test/new"})

    def do_PATCH(self) -> None:
        (found,) = [one for one in self.server.comments if self.path == f"/repos/shop/web/issues/comments/{one['id']}"]
        found["body"] = self._body()
        self._answer({"html_url": "https://example.test/changed"})

    def _body(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def _answer(self, document: object) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def comment(
    service: Service, folder: Path, text: str, pull_request: str = "7", author: str = BOT, key: str = ""
) -> subprocess.CompletedProcess[str]:
    file = folder / "comparison.md"
    file.write_text(text)
    environment = {
        "GITHUB_API_URL": f"http://127.0.0.1:{service.server_port}",
        "GITHUB_REPOSITORY": "shop/web",
        "COMMENT_FILE": str(file),
        "COMMENT_PULL_REQUEST": pull_request,
        "COMMENT_AUTHOR": author,
        "COMMENT_TOKEN": "secret",
        "COMMENT_KEY": key,
    }
    command = [sys.executable, str(PROGRAM)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def bodies(service: Service) -> list[str]:
    return [one["body"] for one in service.comments]


def test_the_first_run_comments_and_later_runs_change_that_comment(service: Service, tmp_path: Path) -> None:
    for number in range(150):
        service.add(f"comment {number}", "somebody")
    for text in ("first", "second"):
        result = comment(service, tmp_path, f"{MARK}\n{text}")
        assert result.returncode == 0, result.stderr
        assert bodies(service)[150:] == [f"{MARK}\n{text}"]
    assert result.stdout == "https://example.test/changed\n"


def test_each_key_has_a_comment_of_its_own(service: Service, tmp_path: Path) -> None:
    for text in ("first", "second"):
        for key in ("", "web", "web:1.2", "team/db"):
            result = comment(service, tmp_path, f"{MARK}\n{text} {key}", key=key)
            assert result.returncode == 0, result.stderr
    assert bodies(service) == [
        f"{MARK}\nsecond ",
        "<!-- slimmer: web -->\nsecond web",
        "<!-- slimmer: web:1.2 -->\nsecond web:1.2",
        "<!-- slimmer: team/db -->\nsecond team/db",
    ]


@pytest.mark.parametrize("key", ["a-->b", "a\nb", "a\r", "--", "x" * 300, "<b>"])
def test_a_key_that_could_leave_its_line_is_refused(service: Service, tmp_path: Path, key: str) -> None:
    result = comment(service, tmp_path, "text", key=key)
    assert result.returncode == 1 and "key may have" in result.stderr and "Traceback" not in result.stderr
    assert bodies(service) == []


def test_comments_of_others_stay(service: Service, tmp_path: Path) -> None:
    service.add(f"{MARK}\nmine", "somebody")
    service.add(f"See {MARK}", BOT)
    assert comment(service, tmp_path, f"{MARK}\nnew").returncode == 0
    assert bodies(service) == [f"{MARK}\nmine", f"See {MARK}", f"{MARK}\nnew"]


def test_a_text_without_the_mark_gets_it_and_a_long_text_is_cut(service: Service, tmp_path: Path) -> None:
    assert comment(service, tmp_path, "| row |\n" * 20_000).returncode == 0
    (body,) = bodies(service)
    assert body.startswith(f"{MARK}\n| row |\n")
    assert len(body) < 65_536
    assert body.endswith("| row |\n\nThe comparison is longer than a comment may be. The artifact has all of it.")


@pytest.mark.parametrize("number", ["", "7/../8", "x", "٣"])
def test_without_a_pull_request_there_is_no_comment(service: Service, tmp_path: Path, number: str) -> None:
    result = comment(service, tmp_path, "text", pull_request=number)
    assert result.returncode == 0 and "no pull request" in result.stdout
    assert bodies(service) == []


def test_a_token_that_may_not_write_is_explained(service: Service, tmp_path: Path) -> None:
    service.status = 403
    result = comment(service, tmp_path, "text")
    assert result.returncode == 1
    assert "pull-requests: write" in result.stderr and "Traceback" not in result.stderr


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    environment = {"COMMENT_FILE": str(tmp_path / "none.md"), "COMMENT_PULL_REQUEST": "7"}
    result = subprocess.run([sys.executable, PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "none.md" in result.stderr and "Traceback" not in result.stderr
