"""What the benchmarks share: alternating rounds, medians, and their output as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

Work = Callable[[], Mapping[str, float]]
"""One round of something: its figures by name."""


@dataclass(frozen=True)
class Figure:
    """A median of all rounds. `ratio` is in times of what the benchmark compares with, None where nothing is compared."""

    subject: str
    name: str
    value: float
    unit: str
    ratio: float | None = None


def alternating(works: Mapping[str, Work], rounds: int) -> dict[str, dict[str, float]]:
    """The medians of every work's figures. The works take turns, so that whatever else the machine does meets all alike."""
    measured: dict[str, dict[str, list[float]]] = {subject: {} for subject in works}
    for _ in range(rounds):
        for subject, work in works.items():
            for name, value in work().items():
                measured[subject].setdefault(name, []).append(value)
    return {
        subject: {name: statistics.median(values) for name, values in figures.items()}
        for subject, figures in measured.items()
    }


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def options(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="alternating rounds (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def show(title: str, against: str, figures: list[Figure], *, as_json: bool) -> None:
    """Print the figures; `against` says what the ratios are ratios to."""
    if as_json:
        print(json.dumps({"title": title, "against": against, "figures": [asdict(f) for f in figures]}, indent=2))
        return
    table = Table(title=title, title_justify="left")
    for heading, side in (("", "left"), ("", "left"), ("median", "right"), (f"in times of {against}", "right")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    last = ""
    for figure in figures:
        if last and figure.subject != last:
            table.add_section()
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.subject if figure.subject != last else "", figure.name, _value(figure), ratio)
        last = figure.subject
    Console(width=110, soft_wrap=True).print(table)


def _value(figure: Figure) -> str:
    digits = 2 if figure.unit == "s" else 0
    return f"{figure.value:,.{digits}f} {figure.unit}"
