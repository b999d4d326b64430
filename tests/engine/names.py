"""Names of things in the engine: those of this worker's tests, and whose image a name is."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress

from docker.errors import ImageNotFound

from slimmer.engine.connection import Engine

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)[:8]
"""This run of pytest: all its workers share it, and no other run has it."""

OWN = f"slimmer-test-{RUN}-{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
"""How names begin that this worker gives to images, volumes, networks and containers.

So workers and runs that share an engine do not take each other's names, and `leftovers` knows whose a thing is.
"""

MARK = re.compile(r"slimmer-test-[0-9a-f]{8}-gw[0-9]+")
"""What finds the OWN of any worker in a text."""

LABEL = "slimmer-test"
"""The label with OWN of what tests make themselves."""

WORKER_VARIABLE = "SLIMMER_TEST_WORKER"
"""The environment variable with OWN, for all processes that this worker starts."""

os.environ[WORKER_VARIABLE] = OWN


def identifier_of(engine: Engine, name: str) -> str | None:
    """The ID of the image that bears this name; None when there is none."""
    with suppress(ImageNotFound):
        return str(engine.api.inspect_image(name)["Id"])
    return None


def untag(engine: Engine, name: str) -> None:
    """Take a name away, and the image too when it has no other; no name is no error."""
    with suppress(ImageNotFound):
        engine.api.remove_image(name)
