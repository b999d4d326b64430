"""How long the crawl of a static site of 500 pages takes, and how much memory slimmer's own process needs for it.

The site is a process of its own on the loopback, and every page is a file of its own, so none of them is left out. Every round
crawls it from a new process. The seconds include the child process that reads the pages.

    python benchmarks/bench_crawl.py --rounds 3
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from figures import Figure, alternating, options, show

sys.path.insert(0, str(Path(__file__).parents[1]))

PAGES = 500
LINKS = (30, PAGES)

SITE = """
import re
LINKS, N, seen = {links}, {pages}, set()
class Site(Handler):
    protocol_version = "HTTP/1.0"
    def do_GET(self):
        if not (found := re.fullmatch("/(?:page-([0-9]+).html)?", self.path)):
            return self.answer(404, b"no")
        if self.path not in seen:
            seen.add(self.path)
            print(self.path, flush=True)
        rows = (b'<p><a href="/page-%d.html">next</a> some text</p>' % ((number + int(found[1] or 0)) % N) for number in range(LINKS))
        self.answer(200, b"<html>" + b"".join(rows))
serve({port}, handler=Site)
forever()
"""

CRAWL = """
import json, resource, sys, time
from pathlib import Path
from slimmer.exercise.drive import exercise
from slimmer.exercise.plan import Crawl, ExercisePlan
from slimmer.sandbox.pool import POOL
from tests.unit.local_app import LocalApp
with LocalApp(Path(sys.argv[1]), sys.argv[2], watched=True) as app:
    done = exercise(app, ExercisePlan(ports=(int(sys.argv[3]),), crawl=Crawl(on=True)))
    POOL.close()
used = resource.getrusage(resource.RUSAGE_SELF)
crawl = done.generated[0]
assert crawl.asked >= 500, crawl
print(json.dumps({"crawl": crawl.seconds, "processor time": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1000}))
"""


def crawled(links: int) -> Mapping[str, float]:
    """One crawl of the site, in a process of its own."""
    from tests.unit.local_app import free_port

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        site = SITE.format(links=links, pages=PAGES, port=port)
        command = [sys.executable, "-c", CRAWL, folder, site, str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Parse the options, crawl in turns, print."""
    chosen = options(__doc__, rounds=3).parse_args()
    medians = alternating({f"{links} links a page": partial(crawled, links) for links in LINKS}, chosen.rounds)
    found = [
        Figure(subject, name, value, "MB" if name == "memory" else "s")
        for subject, figures in medians.items()
        for name, value in figures.items()
    ]
    show(f"crawl of {PAGES} pages", "", found, as_json=chosen.json)


if __name__ == "__main__":
    main()
