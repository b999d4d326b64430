"""The arguments of the browser. Those that keep it from reaching anything are a second wall: the first is that it has no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HEAP = 256
"""The megabytes of a page's JavaScript objects. V8 ends a page that needs more."""

NO_NETWORK = (
    # No name and no address leads anywhere, not even to the proxy, through which all requests would go.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
    # What goes past proxies, or is sent without a page asking for it.
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--dns-prefetch-disable",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
)

QUIET = (
    # One page after the other, without a window, sound, questions or traces on this machine.
    "--headless=new",
    "--remote-debugging-pipe",
    "--enable-automation",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-startup-window",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--disable-gpu",
    "--disable-notifications",
    "--disable-prompt-on-repost",
    "--deny-permission-prompts",
    "--hide-scrollbars",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
)

BOUNDED = (
    # Shared memory is files of the profile's folder, whose size has a limit; /dev/shm is often too small in containers.
    "--disable-dev-shm-usage",
    "--renderer-process-limit=1",
    f"--js-flags=--max-old-space-size={HEAP}",
    "--disk-cache-size=1",
)

FEATURES = (
    "BackForwardCache",  # pages that were left would go on in the background
    "MediaRouter",  # looks for devices in the network
    "OptimizationHints",
    "Prerender2",
    "Translate",
)
"""What is switched off, by Chromium's names."""


def flags(profile: str, ports: Iterable[int]) -> Iterator[str]:
    """Yield the arguments. `ports` are those of the app: Chromium refuses some numbers otherwise."""
    yield from (*NO_NETWORK, *QUIET, *BOUNDED)
    yield f"--disable-features={','.join(FEATURES)}"
    yield f"--explicitly-allowed-ports={','.join(map(str, ports))}"
    yield f"--user-data-dir={profile}"
