"""The fingerprint of an observation: two builds with the same one would observe the same, as far as slimmer can know.

It covers the image, how it is run and what is asked of it, secrets included. So that nobody can find a short secret by
trying, it is made with scrypt (RFC 7914), which takes its time, and salted with the image's ID.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slimmer.observe.log import AccessLog, write_log
from slimmer.pipeline.request import BuildRequest
from slimmer.version import __version__

_COST = 1 << 14
"""scrypt's n, with r=8: about 50 ms and 16 MB."""


def fingerprint(request: BuildRequest, image_id: str, probe: Path) -> str:
    """`scrypt:` and 64 hex digits for how an image is observed, by this version of slimmer and of the probe."""
    how = {
        "slimmer": __version__,
        "probe": hashlib.sha256(probe.read_bytes()).hexdigest(),
        "image": image_id,
        "options": asdict(request.options),
        "commands": request.commands,
        "plan": asdict(request.plan),
        "recorder": request.recorder,
        "runs": request.runs,
        "joined": [_digest(log) for log in request.access],
        "observe": request.observe,
    }
    text = json.dumps(how, sort_keys=True, default=_plain).encode()
    digest = hashlib.scrypt(text, salt=image_id.encode(), n=_COST, r=8, p=1, dklen=32)
    return f"scrypt:{digest.hex()}"


def _digest(log: AccessLog) -> str:
    text = io.StringIO()
    write_log(log, text)
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


def _plain(value: Any) -> str:
    """Bodies of requests are bytes."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"no part of a fingerprint: {type(value).__name__}")
