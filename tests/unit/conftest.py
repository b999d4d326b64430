"""How many examples hypothesis makes: few and the same ones each time, unless SLIMMER_EXAMPLES asks for more, which then differ."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = int(os.environ.get("SLIMMER_EXAMPLES", "0"))

# No deadline: a test is never judged by how long it takes on a machine that does other work, too.
settings.register_profile(
    "slimmer",
    max_examples=_EXAMPLES or 25,
    derandomize=not _EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("slimmer")
