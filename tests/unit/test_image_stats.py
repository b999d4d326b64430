"""What is counted in an image's tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.image.config import ImageConfig
from slimmer.image.image_stats import ImageStats, stats_of
from slimmer.image.packages import Package
from slimmer.image.tree import Tree
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.tree_maker import record

CONFIG = ImageConfig(image_id="sha256:abc", architecture="amd64", os="linux", layers=("one", "two"))
CAPABLE = "73656375726974792e6361706162696c697479=0102"
RECORDS = [
    record("d", "/", mode=0o755),
    record("d", "/bin", mode=0o2755),
    record("f", "/bin/busybox", mode=0o755),
    record("l", "/bin/dangling", target="none"),
    record("f", "/bin/passwd", mode=0o4755),
    record("f", "/bin/ping", mode=0o755, xattrs=CAPABLE),
    record("l", "/bin/sh", mode=0o777, target="busybox"),
    record("f", "/bin/wall", mode=0o2755),
    record("l", "/bin/zsh", mode=0o777, target="none"),
    record("d", "/etc"),
    record("f", "/etc/bash", mode=0o644),
    record("d", "/etc/fish", mode=0o755),
    record("f", "/lib/python/flask-3.0.dist-info"),
    record("d", "/var/lib/dpkg/status.d", mode=0o755),
    record("f", "/var/lib/dpkg/status", mode=0o644),
    record("f", "/var/lib/dpkg/status.d/base", mode=0o644),
    record("f", "/var/lib/rpm/Packages", mode=0o644),
    *(
        record("d", path, mode=0o755)
        for path in ("/lib", "/lib/python", "/var", "/var/lib", "/var/lib/dpkg", "/var/lib/rpm")
    ),
]
CONTENTS = {"/var/lib/dpkg/status": b"Package: a\nStatus: install ok installed\nVersion: 1\n"}


def stream(paths: Sequence[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
    return ((path, iter((CONTENTS[path],)) if path in CONTENTS else None) for path in paths)


def facts() -> ImageStats:
    return stats_of(CONFIG, Tree(b"".join(RECORDS)), stream, Sandbox())


def test_paths_are_counted_by_kind() -> None:
    found = facts()
    assert (found.files, found.directories, found.links, found.layers) == (9, 11, 3, 2)


def test_programs_are_files_that_somebody_may_execute() -> None:
    assert facts().executables == 4


def test_dangerous_files_are_named_and_directories_are_not() -> None:
    found = facts()
    assert (found.setuid, found.setgid, found.capable) == (("/bin/passwd",), ("/bin/wall",), ("/bin/ping",))


def test_shells_are_what_can_be_run_under_a_shells_name() -> None:
    assert facts().shells == ("/bin/busybox", "/bin/sh")


def test_packages_are_read_and_what_cannot_be_read_is_named() -> None:
    found = facts()
    assert found.packages == (Package("deb", "a", "1"), Package("python", "flask", "3.0"))
    assert found.packages_by_manager == {"deb": 1, "python": 1}
    assert found.unread == ("/var/lib/dpkg/status.d/base", "/var/lib/rpm/Packages")


def test_package_managers_are_found_by_their_names_with_and_without_a_version() -> None:
    tree = Tree(
        b"".join(
            record(kind, path, mode=mode, target=target)
            for kind, path, mode, target in (
                ("d", "/", 0o755, ""),
                ("d", "/bin", 0o755, ""),
                ("f", "/bin/apk", 0o755, ""),
                ("f", "/bin/dpkg", 0o644, ""),
                ("l", "/bin/npm", 0o777, "npm-cli.js"),
                ("f", "/bin/npm-cli.js", 0o755, ""),
                ("f", "/bin/pip3.11", 0o755, ""),
                ("f", "/bin/pipeline", 0o755, ""),
                ("l", "/bin/yarn", 0o777, "none"),
                ("d", "/etc", 0o755, ""),
                ("d", "/etc/cron.daily", 0o755, ""),
                ("f", "/etc/cron.daily/dpkg", 0o755, ""),
            )
        )
    )
    found = stats_of(CONFIG, tree, stream, Sandbox())
    assert found.package_managers == ("/bin/apk", "/bin/npm", "/bin/pip3.11")
    assert found.paths == len(tree)
