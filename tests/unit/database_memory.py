"""Reads large databases of packages and prints by how many MB that made this process larger: run by test_hostile_databases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from slimmer.image.package_files import PackageFiles
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.tree_maker import make_tree

SITE = "/usr/lib/python3/dist-packages"
PIECE = 1 << 18
LINE = b"x" * 4000
PATH = b"/usr/bin/app"
TEXTS = {
    "/var/lib/dpkg/status": b"Package: app\nStatus: install ok installed\nDescription: %s\n %s\n\n" % (LINE, LINE),
    "/var/lib/dpkg/info/app.list": PATH + b"\n/usr/" + LINE + b"\n",
    "/lib/apk/db/installed": b"P:app\nV:1\nD:%s\nF:usr/bin\nR:app\nR:%s\n\n" % (LINE, LINE),
    f"{SITE}/app-1.dist-info/RECORD": b"app.py,%s,\n%s,,\n" % (LINE, LINE),
}
"""What each database says again and again."""


def stream(paths: Iterable[str], megabytes: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each text repeated to so many megabytes."""
    for path in paths:
        piece = TEXTS[path] * (PIECE // len(TEXTS[path]))
        yield path, (piece for _ in range(4 * megabytes))


def largest() -> float:
    """Megabytes of this process at its largest. Unlike getrusage(2), this begins anew with the program (proc(5), VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Read one megabyte of each, then a hundred, and print the difference."""
    tree = make_tree("\n".join(f"f {path}" for path in (*TEXTS, PATH.decode(), f"{SITE}/app.py")))
    for megabytes in (1, 100):
        before = largest()
        packages = PackageFiles(tree, lambda paths, size=megabytes: stream(paths, size), Sandbox())  # type: ignore[misc]
        packages.know_all()
        owners = packages.owners([PATH.decode(), f"{SITE}/app.py"])
        assert all(owners.values()), owners
        assert not packages.unreadable
    print(largest() - before)


if __name__ == "__main__":
    main()
