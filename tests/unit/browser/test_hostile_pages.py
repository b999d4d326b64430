"""Pages that never end, take all memory, ask without end, or open windows: each costs a bounded time, and the next page is opened."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from slimmer.exercise.browser import pages
from slimmer.exercise.browser.browser import Asked, Browser, Opened, Shown
from slimmer.exercise.browser.program import chromium
from slimmer.exercise.plan import Crawl
from tests.unit.browser.chromium import needs_chromium
from tests.unit.crawl.test_crawler import crawl

pytestmark = needs_chromium

OWN = "http://localhost:8000"
FINE = b"<script>document.write('built')</script>"
HANGS = 60.0
"""Seconds that only a hang takes."""


class Opener:
    """Opens pages in a browser of its own, and counts what they ask for."""

    def __init__(self, browser: Browser) -> None:
        self.browser, self.asked = browser, list[Asked]()

    def open(self, page: bytes, seconds: float = 30.0, path: str = "/") -> Opened:
        self.asked.clear()

        def serve(asked: Asked) -> Shown | None:
            self.asked.append(asked)
            if asked.first:
                return Shown(200, [("content-type", "text/html")], page)
            headers = [("content-type", "text/plain"), ("content-disposition", "attachment")]
            return None if asked.main and "file" not in asked.url else Shown(200, headers, b"x")

        return self.browser.open(OWN + path, seconds, serve)


@pytest.fixture(scope="module")
def opener() -> Iterator[Opener]:
    with open_browser(mark()) as browser:
        yield Opener(browser)


def mark() -> str:
    return f"slimmer-test-{uuid.uuid4().hex[:12]}"


@contextmanager
def open_browser(name: str) -> Iterator[Browser]:
    program = chromium()
    assert program is not None
    with Browser(program, [8000], name) as browser:
        yield browser


def below(pid: int) -> list[psutil.Process]:
    """The processes that this one has started, with theirs."""
    return psutil.Process(pid).children(recursive=True)


def left(name: str, processes: list[psutil.Process]) -> list[str]:
    """Which of these processes are alive, and which folders of a browser there are."""
    alive = [f"{process.pid} {process.status()}" for process in processes if _is_alive(process)]
    places = {Path(tempfile.gettempdir()), Path("/tmp")}
    return alive + [str(path) for place in places for path in place.glob(f"{name}*")]


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.parametrize("script", ["while (true);", "while (true) alert(1)"], ids=["loop", "alerts"])
def test_a_page_that_does_not_answer_is_given_up(opener: Opener, script: str) -> None:
    begun = time.monotonic()
    assert opener.open(f"<script>{script}</script>".encode(), 2.0).trouble in ("hung", "memory", "crashed")
    assert time.monotonic() - begun < HANGS
    assert b"built" in opener.open(FINE).html


def test_a_page_that_takes_all_memory_is_given_up(opener: Opener) -> None:
    fill = "const all = []; while (true) all.push(new Uint8Array(1 << 24).fill(7))"
    assert opener.open(f"<script>{fill}</script>".encode()).trouble in ("memory", "crashed")
    assert b"built" in opener.open(FINE).html


def test_a_page_that_asks_without_end_asks_for_a_bounded_number(opener: Opener) -> None:
    opened = opener.open(b"<script>for (let n = 0; n < 300; n++) fetch('/more/' + n); document.write('built')</script>")
    assert opened.trouble == "" and b"built" in opened.html
    assert len(opener.asked) == 200 and opened.told["unasked"] == 300 + 1 - 200


def test_a_page_that_asks_for_the_same_again_and_again_comes_to_rest(opener: Opener) -> None:
    opened = opener.open(b"<script>setInterval(() => fetch('/poll'), 100); document.write('built')</script>")
    assert opened.trouble == "" and b"built" in opened.html


def test_dialogs_windows_and_downloads_are_refused(opener: Opener, tmp_path: Path) -> None:
    page = b"""<body><script>
        confirm('1'); prompt('2'); for (let n = 0; n < 50; n++) window.open('/window/' + n);
        addEventListener('beforeunload', event => event.preventDefault());
        if (navigator.geolocation) navigator.geolocation.getCurrentPosition(() => 0, () => 0);
        if (window.Notification) Notification.requestPermission();
        location = '/file'; new WebSocket('ws://localhost:8000/socket'); document.body.append('built');
    </script>"""
    opened = opener.open(page)
    assert opened.trouble == "" and b"built" in opened.html
    assert opened.told["dialog"] == 2 and opened.told["download"] == 1 and opened.told["stream"] == 1
    assert opened.told.get("popup", 0) <= 50


def test_elements_are_read_as_they_are_even_if_the_page_lies(opener: Opener) -> None:
    page = b"""<a href=/true>x</a><script>
        Object.defineProperty(document, 'documentElement', {get: () => ({outerHTML: 'x'.repeat(1 << 29)})});
        Document.prototype.querySelectorAll = () => { while (true); };
    </script>"""
    opened = opener.open(page)
    assert b'href="/true"' in opened.html


def test_nothing_stays_behind() -> None:
    name, others, processes = mark(), below(os.getpid()), list[psutil.Process]()

    def serve(asked: Asked) -> Shown:
        processes.extend(() if asked.first else {*below(os.getpid())}.difference(others))
        return Shown(200, [("content-type", "text/html")], b"<script>fetch('/while-it-is-open')</script>")

    with open_browser(name) as browser:
        browser.open(f"{OWN}/", 30.0, serve)
        assert left(name, [])
        children = [one for one in processes if _is_alive(one) and "--type=zygote" in one.cmdline()]
        assert children
        assert not browser.confined["sandboxed"] or 0 not in {process.uids().real for process in children}
    assert left(name, processes) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_behind_of_a_slimmer_that_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    name = mark()
    script = f"""
        from slimmer.exercise.browser.browser import Browser, Shown
        def serve(asked):
            print("asked", flush=True)
            return Shown(200, [("content-type", "text/html")], b"<script>setTimeout(() => {{ while (true); }})</script>")
        with Browser({chromium()!r}, [8000], {name!r}) as browser:
            browser.open("{OWN}/", 600.0, serve)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    processes = below(process.pid)
    assert len(processes) > 5
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=HANGS)
    assert process.returncode in (-number, 130, 1) and ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    end = time.monotonic() + HANGS
    while found := left(name, processes):
        assert time.monotonic() < end, found
        time.sleep(0.05)  # polls until the deadline above


def test_a_crawl_tells_of_pages_that_it_gave_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_SECONDS", 3.0)
    source = """
        Site.pages = {
            "/": page("<a href=/spin>x</a><a href=/many>x</a><a href=/fine>x</a>", "front"),
            "/spin": page("<script>while (true);</script>", "spin"),
            "/many": page("<script>let n = 0; setInterval(() => fetch('/m' + n++), 100)</script>", "many"),
            "/fine": page("<script>fetch(['', 'api', 'x'].join('/'))</script>", "fine"),
            "/api/x": page("x", "api"),
        }
    """
    found = crawl(tmp_path, source, Crawl(on=True, browser=True, seconds=120.0, pages=100))
    assert "gave up 1 page in the browser: /spin (did not answer)" in found.told.limits
    assert any("before all of their requests had ended" in line and "/many" in line for line in found.told.limits)
    assert "open api" in (tmp_path / "app.log").read_text()


def test_a_system_without_user_namespaces_gives_no_sandbox() -> None:
    """The browser still starts, as the only user that there is, and without a network."""
    script = f"""
        from slimmer.exercise.browser.browser import Browser, Shown
        with Browser({chromium()!r}, [8000], {mark()!r}) as browser:
            opened = browser.open("{OWN}/", 60.0, lambda asked: Shown(200, [("content-type", "text/html")], {FINE!r}))
            print(opened.html.decode(), browser.confined["sandboxed"], browser.confined["apart"])
    """
    inside = f"echo 0 > /proc/sys/user/max_user_namespaces && exec {sys.executable} -c {shlex.quote(textwrap.dedent(script))}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "sh", "-c", inside], capture_output=True, text=True, check=False
    )
    if done.stderr.startswith(("unshare:", "sh:")):
        pytest.skip("no user namespaces here")
    assert "built" in done.stdout and done.stdout.endswith("False True\n"), done.stderr
