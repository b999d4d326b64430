"""Writes slimmer/observe/system_calls.txt, the names and numbers of Linux's system calls, from the kernel's headers: system_calls.py [FOLDER].

FOLDER holds ARCHITECTURE-linux-any/asm. By default, it is that of the package ziglang, which has the headers of all architectures.
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

TARGET = Path(__file__).parents[1] / "slimmer/observe/system_calls.txt"
HEADERS = {
    "x86_64": "x86-linux-any/asm/unistd_64.h",
    "x86": "x86-linux-any/asm/unistd_32.h",
    "x32": "x86-linux-any/asm/unistd_x32.h",
    "aarch64": "aarch64-linux-any/asm/unistd_64.h",
    "arm": "arm-linux-any/asm/unistd-eabi.h",
}
DEFINITION = re.compile(r"^#define __NR_(\w+)\s+(?:\(\w+ \+ )?(\d+)\)?\s*$", re.MULTILINE)


def main() -> None:
    """Write the table."""
    spec = find_spec("ziglang")
    if len(sys.argv) < 2 and (spec is None or not spec.origin):
        sys.exit("system_calls.py: install ziglang, or name a folder with kernel headers")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(spec.origin).parent / "lib/libc/include"  # type: ignore[union-attr,arg-type]
    numbers: dict[str, dict[str, str]] = {}
    for architecture, header in HEADERS.items():
        for name, number in DEFINITION.findall((folder / header).read_text(encoding="ascii")):
            numbers.setdefault(name, {})[architecture] = number
    lines = (" ".join((name, *(row.get(one, "-") for one in HEADERS))) for name, row in sorted(numbers.items()))
    TARGET.write_text("\n".join(("name " + " ".join(HEADERS), *lines)) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
