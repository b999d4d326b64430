"""The fingerprint of an observation. Two builds with the same fingerprint would observe the same, as far as slimmer can know.

It covers the image, how it is run and how it is exercised, including secrets. It is made with scrypt (RFC 7914), which is slow, and
salted with the image's ID, so that nobody can find a short secret by trying.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slimmer.observe.log import AccessLog, write_log
from slimmer.pipeline.request import BuildRequest
from slimmer.version import __version__

_COST = 1 << 14
"""scrypt's n, with r=8: about 50 ms and 16 MB."""


def fingerprint(request: BuildRequest, image_id: str, probe: Path) -> str:
    """Return `scrypt:` and 64 hex digits for how this version of slimmer and of the probe would observe an image."""
    how = {
        "slimmer": __version__,
        "probe": hashlib.sha256(probe.read_bytes()).hexdigest(),
        "image": image_id,
        "options": asdict(request.options),
        "commands": request.commands,
        "plan": asdict(replace(request.plan, probe_files=())),  # their requests count, not their comments
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
    """Return the hash of bytes, which are bodies of requests."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"a fingerprint cannot have {type(value).__name__}")
