"""Compare the orders in which a margin takes files: how many requests that slimmer has not seen work, and how many bytes that adds.

The images are those of tests/engine/apps and tests/engine/cases. Each is observed once. For each order and amount, slimmer decides from
that log what to keep, and builds an image of it. Then the original and the slim image get the requests and commands that slimmer has not
seen. Without --ask, no image is built: the table shows which share of the files near to what is in use is back.

    python benchmarks/margin_orders.py --ask nest pm2 --order kin --order relevance --margin 10
    python benchmarks/margin_orders.py --order relevance --markdown       # writes the table into docs/keeping.md
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import docker
from rich.console import Console
from rich.table import Table

from slimmer.api import words
from slimmer.keep.margin.amount import Margin
from slimmer.keep.margin.order import Order
from slimmer.observe.log import AccessLog
from slimmer.pipeline import commands
from slimmer.pipeline.progress import Progress
from slimmer.pipeline.request import KeepRequest, RebuildRequest
from slimmer.tasks import side_by_side
from tests.engine import case, case_answers, case_images
from tests.engine.case import Case

PERCENTS = (5, 10, 15, 25)
DOCUMENT = Path(__file__).parent.parent / "docs/keeping.md"
BEGIN, END = "<!-- table: written by benchmarks/margin_orders.py --markdown -->", "<!-- end of the table -->"
OBSERVE_SECONDS = 900


@dataclass(frozen=True)
class Measured:
    """One image with one margin. `size` is that of its archive in bytes, `ratio` the bytes of its files in times of those without a margin.

    `back` is the share of the candidates that the margin kept, `passing` the number of the `checks` that pass; 0 of 0 if nothing was asked.
    """

    image: str
    order: str
    percent: float
    size: int
    ratio: float
    back: float
    passing: int
    checks: int
    failing: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """An image with its checks, its log, and the original's answers to the checks."""

    case: Case
    log: AccessLog
    answers: Mapping[str, Any]


def subject(client: docker.DockerClient, name: str, folder: Path, *, ask: bool) -> Subject:
    """Build the original, observe it and, if asked to, get its answers. Raises CalledProcessError if slimmer refuses."""
    found = case.load_any(name)
    case_images.build_image(found)
    log = folder / f"{name}.json"
    command = [str(Path(sys.executable).with_name("slimmer")), "observe", found.image, "--out", str(log)]
    seen = [*found.options, *case_images.probe_options(found, folder)]
    if not log.exists():
        subprocess.run([*command, *map(str, seen)], check=True, capture_output=True, timeout=OBSERVE_SECONDS)
    answers = case_answers.answers(client, found, found.image) if ask else {}
    return Subject(found, words.access_log(log), answers)


def measured(
    client: docker.DockerClient,
    of: Subject,
    orders: Iterable[Order],
    percents: Iterable[float],
    folder: Path,
    *,
    ask: bool,
) -> Iterator[Measured]:
    """Measure an image without a margin, and then with each order and amount."""
    for order, percent in [(Order.SIZE, 0.0), *((order, percent) for order in orders for percent in percents)]:
        out = folder / f"{of.case.name}-{order}-{percent:g}"
        margin = Margin(Fraction(percent) / 100, order=order)
        kept = commands.keep(KeepRequest((of.log,), out, margin=margin), Progress(lambda event: None))
        spent = kept.report.get("margin") or {"candidates": 0, "left_out": 0, "size": 0, "budget": 0}
        ratio = 1 + percent / 100 * spent["size"] / (spent["budget"] or 1)
        back = 1 - spent["left_out"] / spent["candidates"] if spent["candidates"] else 0.0
        failing, checks = _asked(client, of, out) if ask else ((), 0)
        name = of.case.name
        yield Measured(name, str(order), percent, kept.size, ratio, back, checks - len(failing), checks, failing)


def _asked(client: docker.DockerClient, of: Subject, out: Path) -> tuple[tuple[str, ...], int]:
    """Build the image of a folder, and return the checks that fail in it and the number of all."""
    tag = f"slimmer-margin-{out.name}:bench"
    commands.rebuild(RebuildRequest(out, tag), Progress(lambda event: None))
    try:
        given = case_answers.answers(client, of.case, tag)
        passing = case_answers.passing(of.case, of.answers, given)
    finally:
        case_images.remove(client, tag)
    return tuple(name for name in of.case.checks if name not in passing), len(of.case.checks)


def curve(results: Sequence[Measured]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each order and amount: over all images, the median ratio, the median share that is back, and the checks that pass."""
    for order, percent in dict.fromkeys((one.order, one.percent) for one in results):
        some = [one for one in results if (one.order, one.percent) == (order, percent)]
        passing, checks = sum(one.passing for one in some), sum(one.checks for one in some)
        ratio, back = (
            statistics.median(values) for values in zip(*((one.ratio, one.back) for one in some), strict=True)
        )
        share = f"{passing} of {checks} ({passing / checks:.0%})" if checks else "-"
        yield (order if percent else "none", f"{percent:g} %", f"{ratio:.2f}", f"{back:.0%}", share)


def write_markdown(results: Sequence[Measured], order: str) -> None:
    """Put the shares that are back with one order between the markers in the document."""
    percents = sorted({one.percent for one in results if one.percent})
    shares = [[one.back for one in results if (one.order, one.percent) == (order, percent)] for percent in percents]
    lines = [
        ["budget, share of what stays", *(f"{percent:g} %" for percent in percents)],
        ["---", *["---:"] * len(percents)],
    ]
    lines += [["share of the files that are back, median", *(f"{statistics.median(found):.0%}" for found in shares)]]
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table}{END}{rest.split(END)[1]}", encoding="utf-8")


def show(results: Sequence[Measured]) -> None:
    """Print the curve and, below, what failed in each image."""
    table = Table("order", "margin", "in times of none", "files that are back", "checks that pass")
    for line in curve(results):
        table.add_row(*line)
    console = Console(width=120, soft_wrap=True)
    console.print(table)
    for one in results:
        passed = f"{one.passing} of {one.checks} pass" if one.checks else ""
        console.print(
            f"{one.image}, {one.order} {one.percent:g} %: {one.size / 1e6:.1f} MB, {one.back:.0%} back {passed}",
            f"fails: {' '.join(one.failing)}" if one.failing else "",
            markup=False,
            highlight=False,
        )


def main() -> None:
    """Parse the options, measure image by image, print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*case.APP_NAMES, *case.rules_alone_names()]
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"default: all of {', '.join(names)}")
    parser.add_argument("--order", action="append", choices=list(Order), help="default: all")
    parser.add_argument("--margin", action="append", type=float, help=f"percent (default: {PERCENTS})")
    parser.add_argument(
        "--ask", action="store_true", help="build the images, and run the checks that slimmer has not seen"
    )
    parser.add_argument(
        "--logs", type=Path, help="a folder for the logs, which are used again (default: a temporary one)"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="write the table for the first order into docs/keeping.md"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="images at a time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    if unknown := set(chosen.images) - set(names):
        parser.error(f"no such image: {', '.join(sorted(unknown))}")
    client = docker.from_env(timeout=300)
    orders = [Order(order) for order in chosen.order or Order]
    with tempfile.TemporaryDirectory() as folder:

        def measure(name: str) -> list[Measured]:
            try:
                of = subject(client, name, chosen.logs or Path(folder), ask=chosen.ask)
            except subprocess.CalledProcessError as error:
                print(f"{name}: {error.stderr.decode(errors='replace')[-500:]}", file=sys.stderr)
                return []
            percents = chosen.margin or PERCENTS
            found = list(measured(client, of, orders, percents, Path(folder), ask=chosen.ask))
            print(*(json.dumps(asdict(one)) for one in found), sep="\n", file=sys.stderr, flush=True)
            return found

        results = [one for some in side_by_side(measure, chosen.images or names, chosen.jobs) for one in some]
    client.close()
    if chosen.markdown:
        write_markdown(results, str(orders[0]))
    if chosen.json:
        print(json.dumps([asdict(one) for one in results], indent=2))
    else:
        show(results)


if __name__ == "__main__":
    main()
