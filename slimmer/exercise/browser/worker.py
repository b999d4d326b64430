"""The process that drives the browser with playwright. It opens one page after the other, and asks slimmer for what the pages ask for.

It ends when its standard input is closed, even by a slimmer that was killed, or after a page that left the browser in a bad state. At
its end, it kills all processes below it and removes the folder. It is a process of its own, so that nothing of that depends on slimmer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    Dialog,
    Error,
    Page,
    Playwright,
    Request,
    Route,
    async_playwright,
)

from slimmer.exercise.browser import launch
from slimmer.exercise.browser.flags import flags
from slimmer.exercise.browser.messages import SIZES, Garbled, packed, read_head, sizes
from slimmer.exercise.browser.processes import adopt_orphans, kill_below, memory

QUIET = 0.5
"""The seconds without a request after which a page has come to rest, as playwright's `networkidle` has it."""

READING = 3.0
"""The seconds for reading a page's elements, and for closing it."""

STARTING = 60.0

SHOWN = 2
"""The lines of a browser that does not start that are shown."""

MOST_REQUESTS = 200
"""The requests of one page."""

LONGEST_URL = 8192
MOST_HEADERS = 1 << 15
MOST_SENT = 1 << 20
"""The characters of a request's URL and of its headers, and the bytes of its body."""

DOCUMENT = 1 << 19
"""The characters of a page's elements that are read."""

MEMORY = 1 << 30
"""The bytes that the browser may use in all. An ordinary page needs 200 to 400 MB with the browser."""

LOOK = 0.1
"""Seconds between two looks at the memory."""

ELEMENTS = """(() => {
  let left = %d;
  const parts = [];
  const take = root => {
    const text = (root.documentElement ? root.documentElement.outerHTML : root.innerHTML).slice(0, left);
    left -= text.length;
    parts.push(text);
    for (const one of root.querySelectorAll('*')) if (left > 0 && one.shadowRoot) take(one.shadowRoot);
  };
  take(document);
  return [document.URL.slice(0, %d), parts.join('\\n')];
})()"""
"""What a page is made of now, with its open shadow trees. It runs in a world of its own, in which the page has changed nothing."""


@dataclass(slots=True)
class Visit:
    """A page that is open, and what it did."""

    url: str
    page: Page | None = None
    begun: bool = False
    closed: bool = False
    open: int = 0
    seen: set[tuple[str, str]] = field(default_factory=set)
    requests: int = 0
    told: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    found: str = ""
    html: str = ""

    def count(self, what: str) -> None:
        """Note that the page did something that is refused."""
        self.told[what] = self.told.get(what, 0) + 1

    def fail(self, trouble: str) -> None:
        """Give the page up."""
        self.trouble = self.trouble or trouble
        self.broken.set()


class _Worker:
    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[tuple[dict[str, Any], bytes] | None]] = {}
        self._visits: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._over = asyncio.Event()
        self._visit: Visit | None = None
        self._out: asyncio.StreamWriter

    async def run(self) -> None:
        """Serve until slimmer closes the connection."""
        reader, self._out = await _pipes()
        self._out.transport.set_write_buffer_limits(0)  # what was said has left this process
        serving = asyncio.create_task(self._serve())
        listening = asyncio.create_task(self._listen(reader))
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait({serving, listening, over}, return_when=asyncio.FIRST_COMPLETED)

    # ------------------------------------------------------------------ slimmer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, Garbled, OSError):
            while True:
                head_size, body_size = sizes(await reader.readexactly(SIZES.size))
                head = read_head(await reader.readexactly(head_size))
                body = await reader.readexactly(body_size)
                if "visit" in head:
                    await self._visits.put(head)
                else:
                    self._answered(head, body)

    def _answered(self, head: dict[str, Any], body: bytes) -> None:
        waiting = self._asked.pop(head.get("answer", head.get("refuse", -1)), None)
        if waiting is not None and not waiting.done():
            waiting.set_result((head, body) if "answer" in head else None)

    async def _say(self, head: dict[str, Any], body: bytes = b"") -> None:
        self._out.write(packed(head, body))
        await self._out.drain()

    async def _serve(self) -> None:
        try:
            async with async_playwright() as playwright:
                browser = await self._launch(playwright)
                await self._say({"ready": True, **self._confined()})
                watching = asyncio.create_task(self._watch_memory())
                while not watching.done():
                    message = await self._visits.get()
                    if not await self._open(browser, message["visit"], message["seconds"]):
                        self._over.set()  # playwright's own end may wait for a browser that does not answer
                        await asyncio.Event().wait()
        except Error as error:
            await self._say({"failed": _in_short(str(error))})

    # ------------------------------------------------------------------ the browser

    async def _launch(self, playwright: Playwright) -> Browser:
        """Start the browser by `launch`, which gets all arguments that playwright would give it otherwise."""
        home = Path(self._settings["folder"]) / "home"
        how = json.dumps({"folder": self._settings["folder"], "apart": self._settings["apart"]})
        own = flags(str(home / "profile"), self._settings["ports"])
        return await playwright.chromium.launch(
            executable_path=sys.executable,
            ignore_default_args=True,
            args=["-I", "-S", launch.__file__, how, self._settings["program"], *own],
            env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=STARTING * 1000,
        )

    def _confined(self) -> dict[str, Any]:
        """Return what `launch` could do."""
        try:
            return dict(json.loads((Path(self._settings["folder"]) / "home" / "confined").read_text()))
        except (OSError, ValueError):
            return {}

    async def _watch_memory(self) -> None:
        """End the visit whose browser takes too much."""
        while True:
            await asyncio.sleep(LOOK)
            if memory() > MEMORY:
                if self._visit is not None:
                    self._visit.fail("memory")
                kill_below()
                return

    # ------------------------------------------------------------------ a page

    async def _open(self, browser: Browser, url: str, seconds: float) -> bool:
        """Open a page, and tell what became of it. Return False if the browser can open no other one."""
        visit = self._visit = Visit(url)
        context = None
        try:
            context = await asyncio.wait_for(self._context(browser, visit), READING + seconds)
            await self._let_load(context, visit, seconds)
        except (Error, TimeoutError):
            visit.fail("hung")
        visit.closed = True
        self._refuse_all()
        if context is not None and not visit.broken.is_set():
            await self._close(context, visit)
        told = {"visited": True, "url": visit.found, "trouble": visit.trouble, "told": visit.told}
        await self._say(told, visit.html.encode("utf-8", "replace")[: 4 * DOCUMENT])
        return not visit.broken.is_set()

    async def _context(self, browser: Browser, visit: Visit) -> BrowserContext:
        """Make a new profile in memory, with one page."""
        context = await browser.new_context(service_workers="block", accept_downloads=False, ignore_https_errors=True)
        await context.route("**/*", lambda route: self._route(route, visit))
        page = visit.page = await context.new_page()
        context.on("page", lambda other: self._popup(other, visit))
        page.on("crash", lambda crashed: visit.fail("crashed"))
        page.on("dialog", lambda dialog: self._dialog(dialog, visit))
        page.on("download", lambda download: visit.count("download"))
        page.on("websocket", lambda socket: visit.count("stream"))
        return context

    async def _let_load(self, context: BrowserContext, visit: Visit, seconds: float) -> None:
        """Wait until the page has come to rest and was read, is broken, or its time is over. Then it is read as it is."""
        loading = asyncio.create_task(self._load(context, visit))
        broken = asyncio.create_task(visit.broken.wait())
        done, late = await asyncio.wait({loading, broken}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        if not done:
            try:
                visit.trouble = visit.trouble or "restless"
                await asyncio.wait_for(_read(context, visit), READING)
            except (Error, TimeoutError):
                visit.trouble = "hung"
                visit.broken.set()

    async def _load(self, context: BrowserContext, visit: Visit) -> None:
        """Load the page, and read it whenever it has come to rest. A page that works meanwhile may send further requests."""
        assert visit.page is not None
        with contextlib.suppress(Error):  # a script that goes elsewhere at once, or nothing to show
            await visit.page.goto(visit.url, wait_until="commit", timeout=0)
        visit.changed.set()
        while visit.changed.is_set() or visit.open:
            visit.changed.clear()
            try:
                await asyncio.wait_for(visit.changed.wait(), None if visit.open else QUIET)
            except TimeoutError:
                await _read(context, visit)

    async def _close(self, context: BrowserContext, visit: Visit) -> None:
        try:
            await asyncio.wait_for(context.close(), READING)
        except (Error, TimeoutError):
            visit.broken.set()

    def _popup(self, page: Page, visit: Visit) -> None:
        visit.count("popup")
        _in_background(page.close())

    def _dialog(self, dialog: Dialog, visit: Visit) -> None:
        visit.count("dialog")
        _in_background(dialog.dismiss())

    # ------------------------------------------------------------------ what a page asks for

    async def _route(self, route: Route, visit: Visit) -> None:
        """Answer a request of the page with what slimmer says. A page that asks for the same again and again has come to rest."""
        about = route.request.method, route.request.url
        is_new = about not in visit.seen and len(visit.seen) <= MOST_REQUESTS
        if is_new:
            visit.seen.add(about)
            visit.open += 1
            visit.changed.set()
        try:
            answer = None if visit.closed else await self._ask(route.request, visit)
            if answer is None:
                await route.abort("blockedbyclient" if route.request.resource_type != "document" else "aborted")
            else:
                head, body = answer
                await route.fulfill(status=head["status"], headers=_joined(head["headers"]), body=body)
        except (Error, ValueError):
            with contextlib.suppress(Error):
                await route.abort()
        finally:
            if is_new:
                visit.open -= 1
                visit.changed.set()

    async def _ask(self, request: Request, visit: Visit) -> tuple[dict[str, Any], bytes] | None:
        visit.requests += 1
        sent, headers = request.post_data_buffer or b"", dict(request.headers)
        size = sum(len(name) + len(value) for name, value in headers.items())
        if (
            visit.requests > MOST_REQUESTS
            or len(request.url) > LONGEST_URL
            or size > MOST_HEADERS
            or len(sent) > MOST_SENT
        ):
            visit.count("unasked")
            return None
        main = request.is_navigation_request() and _is_main(request, visit)
        first, visit.begun = main and not visit.begun, visit.begun or main
        number = next(self._numbers)
        answer: asyncio.Future[tuple[dict[str, Any], bytes] | None] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        kind = request.resource_type
        about = {"ask": number, "method": request.method, "url": request.url, "headers": headers, "kind": kind}
        await self._say({**about, "main": main, "first": first}, sent)
        return await answer

    def _refuse_all(self) -> None:
        """Refuse what the page still waits for."""
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result(None)
        self._asked.clear()


async def _read(context: BrowserContext, visit: Visit) -> None:
    """Read the page's URL and its elements, in an isolated world of the page. It waits until the page's scripts let it."""
    assert visit.page is not None
    session = await context.new_cdp_session(visit.page)
    frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame})
    how = {"contextId": world["executionContextId"], "returnByValue": True, "timeout": READING * 1000}
    answer = await session.send("Runtime.evaluate", {"expression": ELEMENTS % (DOCUMENT, LONGEST_URL), **how})
    value = answer.get("result", {}).get("value")
    if isinstance(value, list) and len(value) == 2:
        visit.found, visit.html = str(value[0]), str(value[1])[:DOCUMENT]
    await session.detach()


def _is_main(request: Request, visit: Visit) -> bool:
    """Return True if a request is for a whole page, also one in another window."""
    try:
        return request.frame.parent_frame is None
    except Error:  # a window that is just being opened
        return True


def _joined(lines: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return headers as playwright takes them: the lines of a name as one, those of cookies apart from each other."""
    found: dict[str, str] = {}
    for name, value in lines:
        between = "\n" if name == "set-cookie" else ", "
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found


_running: set[asyncio.Task[None]] = set()


def _in_background(work: Awaitable[None]) -> None:
    """Do something whose failure does not matter."""

    async def attempt() -> None:
        with contextlib.suppress(Error):
            await work

    task = asyncio.create_task(attempt())
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _pipes() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the standard streams."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _in_short(text: str) -> str:
    """Return the first line of what playwright says, and the last lines that the browser wrote itself."""
    lines = text.splitlines() or [""]
    wrote = [line.rpartition("[err] ")[2].strip() for line in lines if "[err] " in line]
    return "; ".join(line[:200] for line in (lines[0], *list(dict.fromkeys(wrote))[-SHOWN:]))


def main(settings: dict[str, Any]) -> None:
    """Serve until slimmer is gone, and leave nothing behind. `settings`: folder, apart, program, ports."""
    adopt_orphans()
    worker = _Worker(settings)

    async def work() -> None:
        try:
            await worker.run()
        finally:
            kill_below()
            shutil.rmtree(settings["folder"], ignore_errors=True)
            os._exit(0)

    asyncio.run(work())
