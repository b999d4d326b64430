"""What counting system calls costs an app: the same run under the probe with and without the BPF program, and without the probe.

dd copies single bytes, a million system calls with nothing in between: the worst case. nginx answers one page over connections that stay
open. CPU times are compared, because other processes of the machine do not change them. A seccomp profile turns the counter off, as an engine without BPF would.

    python benchmarks/bench_calls.py dd nginx --rounds 3
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench_recorders import PATIENCE, PORT, REQUESTS, UNTRACED, App, Bench, Run, served
from figures import Figure, alternating, options, show

from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources

COUNTED, UNCOUNTED = "counted", "not counted"
COPIES = 500_000
DD = ("bash", "-c", f"TIMEFORMAT='CPU %U %S'; time dd if=/dev/zero of=/dev/null bs=1 count={COPIES}")


def copied(run: Run, folder: Path) -> float:
    """The seconds of CPU time of dd: other processes of the machine do not count."""
    while (code := run.exit_code()) is None:
        run.wait(PATIENCE)
    found = re.search(r"CPU ([\d.]+) ([\d.]+)", run.last_log_lines())
    if code != 0 or not found:
        raise SystemExit(f"dd ended with exit code {code}: {run.last_log_lines()}")
    return float(found[1]) + float(found[2])


def served_cpu(run: Run, folder: Path) -> float:
    """The microseconds of CPU time of the container for each request, with the probe's own."""
    engine = connect()
    while PORT not in run.listening_ports():
        run.wait(PATIENCE)
    before = used(engine, run)
    served(run, folder)
    after = used(engine, run)
    engine.close()
    return (after - before) / 1000 / REQUESTS


def used(engine: Engine, run: Run) -> int:
    """The nanoseconds of CPU time of the container so far."""
    found: int = engine.api.stats(run.container_name(), stream=False)["cpu_stats"]["cpu_usage"]["total_usage"]
    return found


CHOICES = {
    "dd": App("flask", DD, "CPU time of a million calls", "s", copied),
    "nginx": App("nginx", None, "CPU time of a request", "µs", served_cpu),
}


def profile(folder: Path, *refused: str) -> str:
    """An option of the run: a seccomp profile that refuses these calls alone."""
    path = folder / f"{'-'.join(refused) or 'none'}.json"
    rules = [{"names": list(refused), "action": "SCMP_ACT_ERRNO", "errnoRet": 38}] if refused else []
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
    return f"seccomp={path}"


def once(bench: Bench, way: str, folder: Path) -> Mapping[str, float]:
    """One run; its figure."""
    option = profile(folder, "bpf") if way == UNCOUNTED else profile(folder)
    bench.options = replace(bench.options, security_opt=(option,))
    return bench.round(way if way == UNTRACED else "auto")


def compared(bench: Bench, name: str, folder: Path, rounds: int) -> list[Figure]:
    """The medians of all ways and their ratios to the run without the probe."""
    ways = {way: partial(once, bench, way, folder) for way in (UNTRACED, UNCOUNTED, COUNTED)}
    figure = bench.app.figure
    medians = {way: figures[figure] for way, figures in alternating(ways, rounds).items()}
    return [
        Figure(f"{name}: {figure}", way, value, bench.app.unit, value / medians[UNTRACED])
        for way, value in medians.items()
    ]


def main() -> None:
    """Parse the options, compile the load generator, run everything in turns, print."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("apps", nargs="*", default=list(CHOICES), help=f"of {', '.join(CHOICES)} (default: all)")
    chosen = parser.parse_args()
    engine = connect()
    with tempfile.TemporaryDirectory() as name, EngineResources(engine) as scope:
        folder = Path(name)
        source = Path(__file__).with_name("load.c")
        command = [*shlex.split("cc -O2"), "-o", str(folder / "load"), str(source)]
        subprocess.run(command, check=True)
        found = [
            figure
            for app in chosen.apps
            for figure in compared(Bench(scope, CHOICES[app], folder), app, folder, chosen.rounds)
        ]
    engine.close()
    show("apps whose system calls are counted", UNTRACED, found, as_json=chosen.json)


if __name__ == "__main__":
    main()
