"""What is fuzzed in Python: functions that take any bytes, and raise nothing when all is well.

A target gives the bytes to one reader of slimmer's. It lets pass the errors that the reader documents, and checks what must
hold of any input: what was read can be written and read again, a path that is kept is one of the image, work and result are bounded.
Each has a folder of its name in tests/fuzz/corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.fuzz.targets import artifacts, comparing, databases, engine, exercise, image, observation, scans, sources

Target = Callable[[bytes], None]

TARGETS: Mapping[str, Target] = {
    **observation.TARGETS,
    **engine.TARGETS,
    **image.TARGETS,
    **databases.TARGETS,
    **exercise.TARGETS,
    **comparing.TARGETS,
    **artifacts.TARGETS,
    **scans.TARGETS,
    **sources.TARGETS,
}
