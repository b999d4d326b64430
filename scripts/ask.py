"""For the demo: waits until an address answers, and prints the answer in one line: ask.py NAME URL."""

import hashlib
import sys
import time

import httpx

DEADLINE = 30.0
PAUSE = 0.05


def ask(url: str) -> httpx.Response:
    """Ask until an answer comes; raises httpx.TransportError when none came in time."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return httpx.get(url, timeout=DEADLINE)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def main() -> None:
    """Print the image's name, the status and a digest of the body. Say so in one line if nothing answers."""
    name, url = sys.argv[1:]
    try:
        answer = ask(url)
    except httpx.TransportError as error:
        sys.exit(f"{name}: nothing answers at {url} within {DEADLINE:.0f} s: {error}")
    digest = hashlib.sha256(answer.content).hexdigest()[:12]
    print(f"{name:32} {answer.status_code} {answer.reason_phrase}, {len(answer.content)} bytes, sha256 {digest}")
    sys.exit(not answer.is_success)


if __name__ == "__main__":
    main()
