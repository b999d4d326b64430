"""Measure what --keep-layers costs: builds each sample app with it and without, and verifies each image.

python benchmarks/own_layers.py flask nginx
python benchmarks/own_layers.py --markdown       # all samples: writes the table into docs/policies.md
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import docker

import slimmer
from slimmer.errors import UsageError
from slimmer.formatting import human_size
from slimmer.pipeline.result import BuildResult
from tests.engine.samples import NAMES, build_arguments

DOCUMENT = Path(__file__).parent.parent / "docs/policies.md"
BEGIN, END = "<!-- table: written by benchmarks/own_layers.py --markdown -->", "<!-- end of the table -->"

ABOVE_THE_RUNTIME = {"flask": 5, "express": 4, "nginx": 2, "java": 3, "cli": 4, "entrypoint": 3}
"""The layers of each sample above the one that installs the language's runtime or the server, as if that were in a base image."""


def main() -> None:
    """Print the table, or write it into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", default=NAMES, help="names of sample apps; all by default")
    parser.add_argument("--markdown", action="store_true", help=f"write the table into {DOCUMENT.name}")
    options = parser.parse_args()
    lines = [
        "| sample | before | `--keep-layers auto` | `--keep-layers N` | default |",
        "|---|---:|---:|---:|---:|",
    ]
    for line in rows(options.samples):
        lines.append(line)
        print(line, flush=True)
    if options.markdown:
        write("\n".join(lines))


def rows(samples: Sequence[str]) -> Iterator[str]:
    """Yield a row for each sample."""
    for name in samples:
        number = ABOVE_THE_RUNTIME.get(name)
        default = built(name)
        assert default is not None
        auto = built(name, "auto")
        counted = built(name, number) if number else None
        cells = [
            human_size(default.original_size),
            human_size(auto.size) if auto else "no base",
            f"{human_size(counted.size)} (N = {number})" if counted else "",
            human_size(default.size),
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def built(name: str, keep_layers: str | int = 0) -> BuildResult | None:
    """Return the result of a build, whose image is removed again; None if slimmer finds no base."""
    words = build_arguments(name)
    exercise = {"no_http": True} if "--no-http" in words else {"probe_file": words[words.index("--probe-file") + 1]}
    commands = [word for option, word in pairwise(words) if option == "--exec"]
    tag = f"slimmer-own-layers-{name}:{keep_layers}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = slimmer.build(
                f"slimmer-sample-{name}:latest",
                tag=tag,
                out=Path(folder, "out"),
                keep_layers=keep_layers,
                exec=commands,
                **exercise,
            )
        except UsageError as error:
            if "cannot tell which" not in error.message:
                raise
            return None
    with closing(docker.from_env()) as client:
        client.images.remove(tag, force=True)
    return result


def write(table: str) -> None:
    """Put the table between its marks in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
