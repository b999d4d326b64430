"""Counts, for each image and policy, the requests and commands that work although no build has seen them, and what they cost.

The images are those of tests/engine/apps and tests/engine/cases. slimmer builds each under each policy and sees the probed
routes only; then the original and the slim image get the other requests and commands. Sizes are ratios to the policy `observed`.

    python benchmarks/never_probed.py python node --policy balanced
    python benchmarks/never_probed.py --markdown        # writes the table into docs/policies.md
    python benchmarks/never_probed.py python --markdown # only the lines of these images, and the medians
    python benchmarks/never_probed.py --no-probe-file --markdown   # the other table: apps that are built with no options
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from slimmer.tasks import side_by_side
from tests.engine import case, case_report
from tests.engine.case import Case

OBSERVED = "observed"
POLICIES = (OBSERVED, "balanced", "generous")
DOCUMENT = Path(__file__).parent.parent / "docs/policies.md"
BEGIN = "<!-- table: written by benchmarks/never_probed.py --markdown -->"
BEGIN_WITHOUT = "<!-- table: written by benchmarks/never_probed.py --no-probe-file --markdown -->"
END = "<!-- end of the table -->"
HEADINGS = ("image", "policy", "size", "in times of observed", "checks that pass")
APPS, CASES = "apps", "cases"


@dataclass(frozen=True)
class Measured:
    """One image under one policy. `ratio` is the size in times of `observed`'s, `failing` the names of the failed checks.

    `kind` is APPS or CASES. Size and ratio are 0 if slimmer refused.
    """

    image: str
    kind: str
    policy: str
    size: int
    ratio: float
    checks: int
    failing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the checks, those that pass: 0 to 1."""
        return 1 - len(self.failing) / self.checks


def subjects(names: Sequence[str], probe_file: bool) -> Iterator[tuple[str, Case]]:
    """The apps and cases of these names with their kinds; all of them if there are no names. Without a probe file: apps only."""
    if not probe_file:
        yield from ((APPS, case.without_probe_file(case.load_app(name))) for name in names or case.APP_NAMES)
        return
    for kind, known, load in ((APPS, case.APP_NAMES, case.load_app), (CASES, case.rules_alone_names(), case.load)):
        for name in known:
            if not names or name in names:
                yield kind, load(name)


def measured(
    client: docker.DockerClient, kind: str, subject: Case, policies: Sequence[str], folder: Path
) -> Iterator[Measured]:
    """Build and ask an image under each policy, `observed` first. Say on stderr what the original fails, and why slimmer refuses."""
    result = case_report.result(client, subject, policies, folder)
    problems = [f"the original fails {name}: {answer}" for name, answer in result.faults.items()]
    problems += [outcome.refused for outcome in result.outcomes.values() if outcome.refused]
    print(*(f"{subject.name}: {problem}" for problem in problems), sep="\n", end="", file=sys.stderr, flush=True)
    base = result.outcomes[OBSERVED].size
    for policy in policies:
        outcome = result.outcomes[policy]
        ratio = outcome.size / base if base else 0.0
        failing = tuple(sorted(outcome.failing))
        yield Measured(subject.name, kind, policy, outcome.size, ratio, len(subject.checks), failing)


def rows(results: Sequence[Measured], policies: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The table's lines: each image under each policy, then what is compared over the apps and over the cases."""
    for result in results:
        size, ratio = (f"{result.size / 1e6:.1f} MB", f"{result.ratio:.2f}") if result.size else ("refused", "")
        passing = f"{result.checks - len(result.failing)} of {result.checks} ({result.share:.0%})"
        yield (result.image, result.policy, size, ratio, passing)
    for kind in (APPS, CASES):
        for policy in policies:
            group = [result for result in results if (result.kind, result.policy) == (kind, policy)]
            if group:
                yield (f"median of the {kind}", policy, "", *_summary(group))


def _summary(group: Sequence[Measured]) -> tuple[str, str]:
    ratio = statistics.median([result.ratio for result in group if result.size] or [0.0])
    share = statistics.median(result.share for result in group)
    asked, failed = sum(result.checks for result in group), sum(len(result.failing) for result in group)
    return f"{ratio:.2f}", f"{share:.0%}; of all {asked} checks {1 - failed / asked:.0%}"


_ROW = re.compile(
    r"\| (?P<image>\w+) \| (?P<policy>\w+) \| (?:(?P<size>[\d.]+) MB|refused) \| (?P<ratio>[\d.]*) \| (?P<passing>\d+) of (?P<checks>\d+) .*\|"
)


def read_markdown(begin: str) -> list[Measured]:
    """Return what the table behind this marker says. It has numbers of checks that fail, and not their names."""
    table = DOCUMENT.read_text(encoding="utf-8").partition(begin)[2].partition(END)[0]
    return [
        Measured(
            row["image"],
            APPS if row["image"] in case.APP_NAMES else CASES,
            row["policy"],
            round(float(row["size"] or 0) * 1e6),
            float(row["ratio"] or 0),
            int(row["checks"]),
            ("",) * (int(row["checks"]) - int(row["passing"])),
        )
        for row in _ROW.finditer(table)
    ]


def merged(new: Sequence[Measured], known: Sequence[Measured]) -> list[Measured]:
    """Return the new results, and those of other images that are known, in the order of the table."""
    images = {one.image for one in new}
    kinds = (APPS, CASES)
    return sorted(
        (*new, *(one for one in known if one.image not in images)), key=lambda one: (kinds.index(one.kind), one.image)
    )


def write_markdown(lines: Iterable[Sequence[str]], begin: str) -> None:
    """Put the table behind its marker in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    table = [HEADINGS, ("---", "---", "---:", "---:", "---:"), *lines]
    body = "".join(f"| {' | '.join(line)} |\n" for line in table)
    DOCUMENT.write_text(f"{before}{begin}\n{body}{END}{after}", encoding="utf-8")


def show(lines: Iterable[Sequence[str]], results: Iterable[Measured]) -> None:
    """Print the table and, below, what failed."""
    table = Table(*HEADINGS)
    for line in lines:
        table.add_row(*line)
    console = Console(width=110, soft_wrap=True)
    console.print(table)
    for result in results:
        if result.failing:
            console.print(f"{result.image}, {result.policy}: {'; '.join(result.failing)}", markup=False)


def main() -> None:
    """Parse the options, measure image by image, print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {*case.APP_NAMES, *case.rules_alone_names()}
    parser.add_argument("images", nargs="*", metavar="NAME", help=f"default: all of {', '.join(sorted(known))}")
    parser.add_argument("--policy", action="append", choices=POLICIES[1:], help="beside observed (default: all)")
    parser.add_argument(
        "--no-probe-file", action="store_true", help="build apps with no options, and ask all their routes"
    )
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/policies.md as well")
    parser.add_argument("--out", type=Path, help="a folder for the artifacts of the builds (default: they are removed)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="images at a time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    if unknown := set(chosen.images) - known:
        parser.error(f"no such app or case: {', '.join(sorted(unknown))}")
    if chosen.no_probe_file and not set(chosen.images) <= {*case.APP_NAMES}:
        parser.error("--no-probe-file is for apps: the cases have no probe files")
    policies = (OBSERVED, *(chosen.policy or POLICIES[1:]))
    client = docker.from_env(timeout=300)
    with tempfile.TemporaryDirectory() as folder:

        def measure(of: tuple[str, Case]) -> list[Measured]:
            found = list(measured(client, *of, policies, chosen.out or Path(folder)))
            print(*rows(found, ()), sep="\n", file=sys.stderr, flush=True)
            return found

        results = [
            one
            for some in side_by_side(measure, list(subjects(chosen.images, not chosen.no_probe_file)), chosen.jobs)
            for one in some
        ]
    client.close()
    lines = list(rows(results, policies))
    if chosen.markdown:
        begin = BEGIN_WITHOUT if chosen.no_probe_file else BEGIN
        write_markdown(rows(merged(results, read_markdown(begin)) if chosen.images else results, policies), begin)
    if chosen.json:
        print(json.dumps([{**asdict(result), "share": result.share} for result in results], indent=2))
    else:
        show(lines, results)


if __name__ == "__main__":
    main()
