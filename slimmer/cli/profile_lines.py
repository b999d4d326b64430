"""The lines at the end of a build about the security profiles that it made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def show_profiles(report: Mapping[str, Any], folder: Path, *, quiet: bool) -> None:
    """Print how much the seccomp profile allows and how to use it to stderr, if there is one."""
    import shlex

    from slimmer.cli.console import talk, told

    seccomp = report.get("seccomp")
    if quiet or seccomp is None:
        return
    allowed = f"{seccomp['allowed']} of the {seccomp['default']} system calls that Docker allows by default"
    talk.print(
        told(f"seccomp.json ({seccomp['level']}) allows {allowed}; the slim image works with it:"), highlight=False
    )
    option = shlex.quote(f"seccomp={folder / 'seccomp.json'}")
    talk.print(told(f"  docker run --security-opt {option} {report['slim']['tag']}"), highlight=False, soft_wrap=True)
