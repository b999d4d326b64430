"""How many routes that no probe has called work in a slim image, and what that costs, for each app and policy.

The apps are those of tests/engine/apps. slimmer builds each under each policy and sees the probed routes only; then the
original and the slim image are asked all others. Sizes are ratios to the policy `observed`.

    python benchmarks/never_probed.py python node --policy balanced
    python benchmarks/never_probed.py --markdown        # writes the table into docs/policies.md
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from tests.engine import routes

OBSERVED = "observed"
POLICIES = (OBSERVED, "balanced", "generous")
DOCUMENT = Path(__file__).parent.parent / "docs/policies.md"
BEGIN, END = "<!-- table: written by benchmarks/never_probed.py --markdown -->", "<!-- end of the table -->"
HEADINGS = ("app", "policy", "size", "in times of observed", "routes that work")
MEDIAN = "median"


@dataclass(frozen=True)
class Measured:
    """One app under one policy. `ratio` is the size in times of `observed`'s, `failing` the paths that did not work."""

    app: str
    policy: str
    size: int
    ratio: float
    routes: int
    failing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the routes, those that work: 0 to 1."""
        return 1 - len(self.failing) / self.routes


def measured(client: docker.DockerClient, app: routes.App, policies: Iterable[str], folder: Path) -> Iterator[Measured]:
    """Build and ask the app under each policy, `observed` first. Raises AssertionError when the original fails."""
    routes.build_image(app)
    original = routes.answers(client, app.image, app.unprobed)
    assert not (faults := routes.unexpected(app, original)), f"{app.image} itself fails: {faults}"
    base = 0
    for policy in policies:
        with routes.slim_image(client, app, policy, folder) as tag:
            size = client.images.get(tag).attrs["Size"]
            base = base or size
            failing = original.keys() - routes.working(original, routes.answers(client, tag, app.unprobed))
        yield Measured(app.name, policy, size, size / base, len(original), tuple(sorted(failing)))


def rows(results: Sequence[Measured], policies: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The table's lines: each app under each policy, then the median over the apps of what is compared."""
    for result in results:
        size, ratio = f"{result.size / 1e6:.1f} MB", f"{result.ratio:.2f}"
        working = f"{result.routes - len(result.failing)} of {result.routes} ({result.share:.0%})"
        yield (result.app, result.policy, size, ratio, working)
    for policy in policies:
        of_policy = [result for result in results if result.policy == policy]
        ratio = f"{statistics.median(result.ratio for result in of_policy):.2f}"
        asked, failed = sum(result.routes for result in of_policy), sum(len(result.failing) for result in of_policy)
        share = f"{statistics.median(result.share for result in of_policy):.0%}"
        yield (MEDIAN, policy, "", ratio, f"{share}; of all {asked} routes {1 - failed / asked:.0%}")


def write_markdown(lines: Iterable[Sequence[str]]) -> None:
    """Put the table between its markers in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    table = [HEADINGS, ("---", "---", "---:", "---:", "---:"), *lines]
    body = "".join(f"| {' | '.join(line)} |\n" for line in table)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{body}{END}{after}", encoding="utf-8")


def show(lines: Iterable[Sequence[str]], results: Iterable[Measured]) -> None:
    """Print the table and, below, what failed."""
    table = Table(*HEADINGS)
    for line in lines:
        table.add_row(*line)
    console = Console(width=110, soft_wrap=True)
    console.print(table)
    for result in results:
        if result.failing:
            console.print(f"{result.app}, {result.policy}: {' '.join(result.failing)}", markup=False)


def main() -> None:
    """Parse the options, measure app by app, print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("apps", nargs="*", metavar="APP", help=f"default: all of {', '.join(routes.NAMES)}")
    parser.add_argument("--policy", action="append", choices=POLICIES[1:], help="beside observed (default: all)")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/policies.md as well")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    if unknown := set(chosen.apps) - set(routes.NAMES):
        parser.error(f"no such app: {', '.join(sorted(unknown))}")
    policies = (OBSERVED, *(chosen.policy or POLICIES[1:]))
    client = docker.from_env(timeout=120)
    results: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.apps or routes.NAMES:
            results += measured(client, routes.load(name), policies, Path(folder))
    client.close()
    lines = list(rows(results, policies))
    if chosen.markdown:
        write_markdown(lines)
    if chosen.json:
        print(json.dumps([{**asdict(result), "share": result.share} for result in results], indent=2))
    else:
        show(lines, results)


if __name__ == "__main__":
    main()
