"""How long each stage of `slimmer build` takes for the samples, beside what the engine needs for similar work.

Every round runs the command as a user would, from the start of the interpreter to its end. Ratios are to the stage
"observe" alone: what slimmer adds to running and asking the app. `docker save` writes the original image, `docker build`
makes an image of the same slim files from the artifacts, as anybody can repeat it.

"processor: …" is processor time: of slimmer with its children; of the engine's own processes; and of the whole machine, which also
has the app, the probe and what starts containers. The last two include what else runs meanwhile.

    python benchmarks/bench_build.py nginx flask express --rounds 3
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from figures import Figure, alternating, options, seconds, show
from slimming import slim

from slimmer.engine import builds
from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources

SAMPLES = ("nginx", "flask", "express")
MEMORY = "memory at its largest"


def built(engine: Engine, sample: str, scope: EngineResources, builder: str) -> Mapping[str, float]:
    """One build with its verification; figures of the stages, of the whole, and of the engine's own work."""
    image = f"slimmer-sample-{sample}:latest"
    with tempfile.TemporaryDirectory() as folder:
        slimmed = slim(engine, image, Path(folder), *(["--builder", builder] if builder else []))
        artifacts = [Path(folder, "Dockerfile"), Path(folder, "rootfs.tar")]
        rebuilt = seconds(lambda: builds.build(engine, artifacts, scope.temporary_tag(f"{sample}-rebuilt")))
    saved = seconds(lambda: sum(map(len, engine.api.get_image(image))))
    stages = {stage["name"]: stage["seconds"] for stage in slimmed.report["stages"]}
    return {
        **stages,
        "whole command": slimmed.seconds,
        **{f"processor: {name}": value for name, value in slimmed.processor.items()},
        "docker save": saved,
        "docker build": rebuilt,
        MEMORY: slimmed.megabytes,
    }


def main() -> None:
    """Parse the options, build in turns, print."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("samples", nargs="*", default=SAMPLES, help="names of samples (default: nginx flask express)")
    parser.add_argument("--builder", default="", choices=("", "dockerfile", "load"), help="as in slimmer build")
    chosen = parser.parse_args()
    engine = connect()
    with EngineResources(engine) as scope:
        works = {name: partial(built, engine, name, scope, chosen.builder) for name in chosen.samples}
        medians = alternating(works, chosen.rounds)
    engine.close()
    found = [
        Figure(sample, name, value, *(("MB", None) if name == MEMORY else ("s", value / figures["observe"])))
        for sample, figures in medians.items()
        for name, value in figures.items()
    ]
    show("slimmer build", "observe", found, as_json=chosen.json)


if __name__ == "__main__":
    main()
