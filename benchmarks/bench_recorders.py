"""What watching costs an app, by recorder, in times of the same run without the probe.

Three apps out of the samples: Node that loads every package of Debian's npm, Python that imports the whole standard library
and what is installed, nginx that answers one page over connections that stay open. The first two tell themselves how long
they took, from the start of their interpreter's work: what making a container takes is in bench_build.py. All ways take
turns. nginx is asked from this machine, at the container's own address, a bounded number of times.

    python benchmarks/bench_recorders.py node python nginx --rounds 3
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from figures import Figure, alternating, options, show

from slimmer.engine import images
from slimmer.engine.connection import connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from slimmer.runs.native import NativeRun
from slimmer.runs.start import ask_identity, native_run, watched_run
from slimmer.runs.watched import WatchedRun

UNTRACED = "untraced"
RECORDERS = ("auto", "notify", "bpf", "fanotify", "ptrace")
PORT, CONNECTIONS, REQUESTS = 80, 8, 20_000
FEWEST_MODULES = 300
PATIENCE = 1.0
"""Seconds after which a run that tells nothing is looked at again."""

NODE = """
const fs = require('fs'), path = require('path');
for (const folder of ['/usr/share/nodejs', '/usr/share/nodejs/npm/node_modules', '/srv/app/node_modules'])
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : [])
    try { if (!/^(npm|node-gyp|corepack)$/.test(name)) require(path.join(folder, name)); } catch (error) {}
fs.writeSync(1, Object.keys(require.cache).length + ' modules, seconds: ' + performance.now() / 1000 + '\\n');
process.exit(0);
"""
PYTHON = """
import time; start = time.perf_counter()
import contextlib, importlib, io, os, pkgutil, sys, warnings
warnings.simplefilter('ignore')
names = sorted({*sys.stdlib_module_names, *(module.name for module in pkgutil.iter_modules())})
for name in names:
    if name not in ('antigravity', 'this', 'idlelib', 'app', '__main__'):
        with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name)
os.write(1, f'{len(sys.modules)} modules, seconds: {time.perf_counter() - start}\\n'.encode())
os._exit(0)
"""

Run = WatchedRun | NativeRun


@dataclass(frozen=True)
class App:
    """What runs in which sample, what is measured of it, and in which unit; None as command is the image's own."""

    sample: str
    command: tuple[str, ...] | None
    figure: str
    unit: str
    measure: Callable[[Run, Path], float]


def told(run: Run, folder: Path) -> float:
    """The seconds that the app tells; it must have loaded enough for them to mean something."""
    while (code := run.exit_code()) is None:
        run.wait(PATIENCE)
    words = run.last_log_lines()
    found = re.search(r"(\d+) modules, seconds: ([\d.]+)", words)
    if code != 0 or not found or int(found[1]) < FEWEST_MODULES:
        raise SystemExit(f"the app ended with exit code {code}: {words}")
    return float(found[2])


def served(run: Run, folder: Path) -> float:
    """Requests per second."""
    while PORT not in run.listening_ports():
        run.wait(PATIENCE)
    address, port = run.endpoint(PORT)
    command = [str(folder / "load"), address, str(port), str(CONNECTIONS), str(REQUESTS)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


APPS = {
    "node": App("express", ("node", "-e", NODE), "start", "s", told),
    "python": App("flask", ("python3", "-c", PYTHON), "imports", "s", told),
    "nginx": App("nginx", None, "requests per second", "", served),
}


class Bench:
    """Runs one app, watched or not, in one scope."""

    def __init__(self, scope: EngineResources, app: App, folder: Path) -> None:
        self.scope, self.app, self.folder = scope, app, folder
        self.config: ImageConfig = images.resolve(scope.engine, f"slimmer-sample-{app.sample}:latest")
        self.probe = probe_path(scope.engine.architecture)
        self.options = RunOptions(entrypoint=app.command)
        self.identity = ""
        self.numbers = itertools.count()

    def round(self, recorder: str) -> Mapping[str, float]:
        """One run; its figure."""
        with self.run(recorder) as run:
            return {self.app.figure: self.app.measure(run, self.folder)}

    @contextmanager
    def run(self, recorder: str) -> Iterator[Run]:
        """The app in a container of its own, with a recorder, or as a user would run it."""
        purpose = f"{self.app.sample}-{recorder}-{next(self.numbers)}"
        if recorder == UNTRACED:
            image = self.config.image_id
            with native_run(self.scope, self.config, self.options, image, (PORT,), None, purpose) as native:
                yield native
            return
        self.identity = self.identity or ask_identity(self.scope, self.config, self.options, self.probe)
        with watched_run(self.scope, self.config, self.options, self.probe, self.identity, recorder, purpose) as (
            watched,
            _,
        ):
            yield watched


def compared(bench: Bench, name: str, recorders: tuple[str, ...], rounds: int) -> list[Figure]:
    """The medians of all recorders and their ratios to the untraced run."""
    app = bench.app
    ways = {recorder: partial(bench.round, recorder) for recorder in (UNTRACED, *recorders)}
    medians = {way: figures[app.figure] for way, figures in alternating(ways, rounds).items()}
    return [
        Figure(f"{name}: {app.figure}", way, value, app.unit, value / medians[UNTRACED])
        for way, value in medians.items()
    ]


def main() -> None:
    """Parse the options, compile the load generator, run everything in turns, print."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("apps", nargs="*", default=list(APPS), help=f"of {', '.join(APPS)} (default: all)")
    parser.add_argument("--recorder", action="append", choices=RECORDERS, help="repeatable (default: all)")
    chosen = parser.parse_args()
    engine = connect()
    with tempfile.TemporaryDirectory() as name, EngineResources(engine) as scope:
        folder = Path(name)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        source = Path(__file__).with_name("load.c")
        subprocess.run([*compiler, "-O2", "-Wall", "-Werror", "-o", folder / "load", source], check=True)
        recorders = tuple(chosen.recorder or RECORDERS)
        found = [
            figure
            for app in chosen.apps
            for figure in compared(Bench(scope, APPS[app], folder), app, recorders, chosen.rounds)
        ]
    engine.close()
    show("apps under the probe", UNTRACED, found, as_json=chosen.json)


if __name__ == "__main__":
    main()
