"""Watches a run for ever, as a process of its own that a test can kill: `python -m tests.engine.probe.driver IMAGE RECORDER`.

Prints the run's id and the container's name once the app is ready.
"""

from __future__ import annotations

import sys

from slimmer.engine import images
from slimmer.engine.connection import connect
from slimmer.engine.options import RunOptions
from tests.engine.prompt import PromptResources
from tests.engine.watching import bench


def main(image: str, recorder: str) -> None:
    engine = connect()
    config = images.resolve(engine, image)
    with PromptResources(engine) as scope:
        options = RunOptions(cmd=("/bin/life", "stay"))
        with bench(engine).watched(scope, config, options, recorder) as watched:
            watched.wait_for_output("ready")
            print(scope.run, watched.container.name, flush=True)
            watched.wait_for_end()


if __name__ == "__main__":
    main(*sys.argv[1:])
