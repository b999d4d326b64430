"""Java in the access log: the runtimes that ran, and the files that they opened."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slimmer.keep.image_view import ImageView
from slimmer.observe.log import Operation

_MACHINE = re.compile(r"(/.{1,1000})/lib/(?:[a-z0-9_]{1,20}/)?(?:server|client|minimal|zero)/libjvm\.so", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JavaLog:
    """Runtimes that ran (`homes` maps real folders to the libjvm.so that was loaded), and the real paths of files that they opened."""

    homes: dict[str, str]
    opened: tuple[str, ...]

    @classmethod
    def of(cls, image: ImageView) -> JavaLog:
        """Read the log. Any program that loaded a libjvm.so counts as Java, and so does every file that it opened."""
        asked = [access for access in image.log.accesses if access.found and access.operation is Operation.OPEN]
        machines: dict[str, str] = {}
        programs: set[str] = set()
        for access in asked:
            entry = image.end(access.resolved or access.asked)
            match = _MACHINE.fullmatch(entry.path) if entry is not None else None
            if match is not None:
                machines.setdefault(match[1], match[0])
                programs.add(access.executable)
        if not machines:
            return cls({}, ())
        mine = {access.resolved or access.asked for access in asked if access.executable in programs}
        ends = (image.end(path) for path in sorted(mine))
        return cls(machines, tuple(dict.fromkeys(end.path for end in ends if end is not None)))
