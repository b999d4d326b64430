"""No page reaches anything but the app's own origin, whatever it tries."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.exercise.browser.browser import Asked, Browser, Shown
from slimmer.exercise.browser.program import chromium
from slimmer.exercise.plan import Crawl
from tests.unit.browser.chromium import needs_chromium
from tests.unit.crawl.test_crawler import crawl

pytestmark = needs_chromium

APP = 8000

ATTEMPTS = """
<link rel=preconnect href=//OTHER/><link rel=dns-prefetch href=//OTHER/><link rel=prefetch href=//OTHER/prefetch>
<link rel=preload as=script href=//OTHER/preload><link rel=modulepreload href=//OTHER/module><link rel=icon href=//OTHER/icon>
<link rel=manifest href=//OTHER/manifest><link rel=stylesheet href=//OTHER/style><link rel=prerender href=//OTHER/prerender>
<script type=speculationrules>{"prerender": [{"source": "list", "urls": ["http://OTHER/rules"]}], "prefetch": [{"source": "list", "urls": ["http://OTHER/rules"]}]}</script>
<style>@import "//OTHER/import"; @font-face {font-family: f; src: url(//OTHER/font)} p {font-family: f; background: url(//OTHER/background)}</style>
<p>text</p><img src=//OTHER/img><img srcset="//OTHER/set 1x"><video src=//OTHER/video poster=//OTHER/poster></video><audio src=//OTHER/audio></audio>
<iframe src=//OTHER/frame></iframe><iframe srcdoc="<img src=//OTHER/doc><meta http-equiv=refresh content='0;url=//OTHER/refresh'>"></iframe>
<object data=//OTHER/object></object><embed src=//OTHER/embed><script src=//OTHER/script></script>
<svg><image href=//OTHER/svg /></svg><iframe name=target></iframe>
<form id=form action=//OTHER/form method=post target=target><input name=a value=b></form><a id=ping href="#x" ping=//OTHER/ping>x</a>
<script>
const there = 'OTHER', here = location.origin, quietly = act => { try { const made = act(); if (made && made.catch) made.catch(() => 0) } catch (error) {} };
for (const host of [there, 'localhost:' + there.split(':')[1], '[::1]:' + there.split(':')[1]]) {
  quietly(() => fetch('http://' + host + '/fetch'));
  quietly(() => fetch('http://' + host + '/no-cors', {mode: 'no-cors', method: 'POST', body: 'x', keepalive: true}));
  quietly(() => new WebSocket('ws://' + host + '/socket'));
  quietly(() => new EventSource('http://' + host + '/events'));
  quietly(() => navigator.sendBeacon('http://' + host + '/beacon', 'x'));
  quietly(() => { const ask = new XMLHttpRequest(); ask.open('PUT', 'http://' + host + '/xhr'); ask.send('x') });
  quietly(() => new WebTransport('https://' + host + '/transport'));
  quietly(() => { const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:' + host}, {urls: 'turn:' + host + '?transport=tcp', username: 'a', credential: 'b'}]});
    peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
    peer.addIceCandidate({candidate: 'candidate:1 1 udp 2130706431 127.0.0.1 ' + there.split(':')[1] + ' typ host', sdpMid: '0'}).catch(() => 0) });
  quietly(() => window.open('http://' + host + '/window'));
  quietly(() => import('http://' + host + '/import.js'));
}
quietly(() => fetch(here + '/redirect'));
quietly(() => fetch(here + '/redirect', {mode: 'no-cors'}));
quietly(() => document.getElementById('form').submit());
quietly(() => document.getElementById('ping').click());
const inside = `const there = '${there}'; fetch('http://' + there + '/worker').catch(() => 0); fetch('${here}/redirect').catch(() => 0); new WebSocket('ws://' + there);
  try { importScripts('http://' + there + '/imported') } catch (error) {}`;
const blob = URL.createObjectURL(new Blob([inside], {type: 'text/javascript'}));
quietly(() => new Worker(blob)); quietly(() => new SharedWorker(blob)); quietly(() => new Worker(here + '/worker.js'));
quietly(() => navigator.serviceWorker.register('/service.js'));
quietly(() => { const frame = document.createElement('iframe'); frame.src = here + '/redirect'; document.body.append(frame) });
quietly(() => { const image = new Image(); image.src = here + '/redirect'; document.body.append(image) });
</script>
"""

LEAVING = {
    "/location": "<script>location = 'http://OTHER/location'</script>",
    "/replace": "<script>setTimeout(() => location.replace('//OTHER/replace'), 10)</script>",
    "/refresh": "<meta http-equiv=refresh content='0; url=http://OTHER/refresh'>",
    "/post": "<form id=f action=http://OTHER/post method=post><input name=a></form><script>f.submit()</script>",
    "/get": "<form id=f action=http://OTHER/get><input name=a></form><script>f.submit()</script>",
    "/click": "<a id=a href=http://OTHER/click target=_blank>x</a><script>a.click()</script>",
    "/hop": "<script>location = '/redirect'</script>",
}

WORKER = "fetch('http://OTHER/from-worker').catch(() => 0); self.addEventListener('fetch', () => fetch('http://OTHER/from-service'))"

TELLING = (
    ("link", "<http://OTHER/linked>; rel=preconnect, <http://OTHER/linked>; rel=preload; as=style"),
    ("content-security-policy-report-only", "default-src 'none'; report-uri http://OTHER/csp"),
    ("nel", '{"report_to": "all", "max_age": 100, "success_fraction": 1.0}'),
    ("report-to", '{"group": "all", "max_age": 100, "endpoints": [{"url": "http://OTHER/reports"}]}'),
    ("reporting-endpoints", 'default="http://OTHER/reports"'),
)
"""Headers that make a browser connect elsewhere."""


class Trap:
    """A port of this machine, over TCP and UDP. `caught` has what came there."""

    def __init__(self) -> None:
        self.caught: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", self.port))
        for watch in (self._accept, self._receive):
            threading.Thread(target=watch, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.caught.append(b"connection")
                client.close()

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.caught.append(self._datagrams.recv(9000))

    def close(self) -> None:
        self._listener.close()
        self._datagrams.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


def answer(path: str, other: str) -> Shown:
    """What the app answers. Everything that it says leads to the trap."""
    if path == "/redirect":
        return Shown(302, [("location", f"http://{other}/redirected")], b"")
    if path.endswith(".js"):
        return Shown(200, [("content-type", "text/javascript")], WORKER.replace("OTHER", other).encode())
    headers = [("content-type", "text/html"), *((name, value.replace("OTHER", other)) for name, value in TELLING)]
    return Shown(200, headers, LEAVING.get(path, ATTEMPTS).replace("OTHER", other).encode())


@pytest.mark.parametrize("apart", [True, False], ids=["without a network", "by its arguments alone"])
def test_no_attempt_of_a_page_arrives(trap: Trap, apart: bool) -> None:
    """Even a slimmer that gave every answer as it comes, with redirects and all headers, would not let a page out."""
    other, asked, own = f"127.0.0.1:{trap.port}", list[str](), f"http://localhost:{APP}"

    def serve(request: Asked) -> Shown | None:
        asked.append(request.url)
        path = request.url.removeprefix(own)
        return answer(path, other) if path != request.url and (request.first or not request.main) else None

    program = chromium()
    assert program is not None
    with Browser(program, [APP], apart=apart) as browser:
        opened = [browser.open(f"{own}{path}", 20.0, serve) for path in ("/", "/location", "/refresh", "/post")]
    assert browser.confined["apart"] in (apart, False)
    assert [one.trouble for one in opened] == [""] * len(opened)
    assert trap.caught == []
    tried = {url.rpartition("/")[2] for url in asked if str(trap.port) in url}
    assert tried >= {
        "fetch",
        "img",
        "frame",
        "script",
        "worker",
        "refresh",
        "location",
        "post",
        "beacon",
        "xhr",
        "import.js",
    }
    assert f"{own}/worker.js" in asked and f"{own}/service.js" not in asked
    socket.create_connection(("127.0.0.1", trap.port)).close()  # the trap works
    while trap.caught != [b"connection"]:
        assert len(trap.caught) < 2


def test_a_crawl_with_a_browser_stays_in_the_app(trap: Trap, tmp_path: Path) -> None:
    other = f"127.0.0.1:{trap.port}"
    pages = {"/": ATTEMPTS + "".join(f"<a href={path}>x</a>" for path in LEAVING), **LEAVING}
    source = f"""
        pages = {{path: text.replace("OTHER", {other!r}).encode() for path, text in {pages!r}.items()}}
        Site.pages = {{path: (lambda site, path=path: site.answer(200, pages[path])) for path in pages}}
        Site.pages["/redirect"] = lambda site: site.redirect("http://{other}/redirected")
    """
    found = crawl(tmp_path, source, Crawl(on=True, browser=True, seconds=180.0))
    assert {*LEAVING} <= {*found.asked}
    assert any(line.startswith("refused ") and line.endswith("of pages to other origins") for line in found.told.limits)
    assert trap.caught == []
