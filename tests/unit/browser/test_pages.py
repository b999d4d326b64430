"""Which pages of a crawl are opened, and what is said of them. A stand-in for the browser opens them, so that no Chromium is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import pytest

from slimmer.exercise.browser import pages
from slimmer.exercise.browser.browser import Asked, BrowserFailed, Opened, Serve
from slimmer.exercise.plan import Crawl
from tests.unit.crawl.test_crawler import Result, crawl

SITE = """
Site.pages = {
    "/": page("".join(f"<a href=/item/{n}>x</a><a href=/other-{'abcdef'[n % 6]}/x>x</a>" for n in range(30)), "front"),
    "/item/(.*)": page("item", "item"),
    "/other-(.)/x": page("other"),
    "/api/(.*)": page("{}", "api"),
}
"""


class StandIn:
    """Opens nothing. `behaviour` says what a page of a path does."""

    opened: list[str]
    behaviour: dict[str, Any]

    def __init__(self, program: str, ports: Sequence[int], mark: str) -> None:
        self.confined = {"sandboxed": False}

    def open(self, url: str, seconds: float, serve: Serve) -> Opened:
        path = "/" + url.split("/", 3)[3]
        self.opened.append(path)
        for asked in self.behaviour.get("asks", {}).get(path, ()):
            serve(replace(asked, url=urljoin(url, asked.url)))
        if path in self.behaviour.get("fails", ()):
            raise BrowserFailed("it does not answer")
        return Opened(url, b"<p>built</p>", self.behaviour.get("troubles", {}).get(path, ""), {})

    def close(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> tuple[list[str], Result]:
    StandIn.opened, StandIn.behaviour = [], behaviour
    monkeypatch.setattr(pages, "Browser", StandIn)
    found = crawl(folder, SITE, Crawl(on=True, browser=True))
    return StandIn.opened, found


def test_pages_that_are_alike_and_lead_to_nothing_new_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, found = opened(tmp_path, monkeypatch)
    assert paths[0] == "/" and len(paths) == len({*paths})
    assert len([path for path in paths if path.startswith("/item/")]) == 3
    assert len([path for path in paths if path.startswith("/other")]) == 6
    assert any(
        line.startswith("did not open ") and "because 3 others like each of them led to nothing new" in line
        for line in found.told.limits
    )
    assert any(line.startswith("the browser ran without its sandbox") for line in found.told.limits)


def test_after_three_pages_that_break_the_browser_no_more_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"/item/0": "crashed", "/other-b/x": "memory"}
    paths, found = opened(tmp_path, monkeypatch, troubles=broken, fails=["/other-a/x"])
    assert {*broken, "/other-a/x"} <= {*paths} and len(paths) < 12
    [line] = [line for line in found.told.limits if line.startswith("gave up ")]
    assert line.startswith("gave up 3 pages in the browser: ") and line.endswith("; no more were opened")
    for words in ("/item/0 (crashed)", "/other-b/x (took more than 1 GB of memory)", "/other-a/x (did not answer)"):
        assert words in line


def test_what_was_refused_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = [
        Asked("GET", "http://example.com/", {}, b"", "script"),
        Asked("GET", "/logout", {}, b"", "fetch"),
        Asked("GET", "/events", {}, b"", "eventsource"),
        Asked("GET", "/api/1", {}, b"", "fetch"),
    ]
    _, found = opened(tmp_path, monkeypatch, asks={"/": asks})
    assert "/api/1" in found.asked and "/logout" not in found.asked
    limits = "\n".join(found.told.limits)
    for line in (
        "refused 1 request of pages to other origins",
        "left out 1 request of pages that would end something, such as a logout",
        "left out 1 stream of pages (WebSocket, server-sent events)",
    ):
        assert line in limits
