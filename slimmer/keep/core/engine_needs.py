"""Keep what the engine itself reads or needs, though no process in the container ever looks at it.

Sources: runc (libcontainer/user: passwd and group for USER, HOME and the supplementary groups; chdir to WORKDIR), moby
(daemon/volumes: the contents of a VOLUME directory are copied into a new volume; daemon/health.go: the shell of
HEALTHCHECK CMD-SHELL), and the OCI runtime specification (mount points that every container gets).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

MOUNT_POINTS = ("/proc", "/sys", "/dev", "/tmp", "/run", "/var/tmp", "/var/run")
ACCOUNTS = ("/etc/passwd", "/etc/group")
DEFAULT_SHELL = ("/bin/sh", "-c")


def engine_needs(image: ImageView) -> Iterator[Finding]:
    """Accounts, WORKDIR, HOME, mount points, VOLUME directories with their contents, the shell of shell-form commands."""
    tree = image.tree
    yield Finding("/", Reason("engine", "the root directory"))
    for path in ACCOUNTS:
        yield from reach(tree, path, Reason("engine", "names users and groups, homes and memberships"))
    if image.config.working_dir:
        yield from reach(tree, image.config.working_dir, Reason("engine", "WORKDIR"))
    if image.home:
        yield from reach(tree, image.home, Reason("engine", "the user's HOME"))
    for path in MOUNT_POINTS:
        yield from reach(tree, path, Reason("engine", "every container has it, with the image's mode and owner"))
    yield from _volumes(image)
    for path in _shells(image):
        yield from reach(tree, path, Reason("engine", "the shell of a shell-form instruction"))


def _volumes(image: ImageView) -> Iterator[Finding]:
    for volume in image.config.volumes:
        yield from reach(image.tree, volume, Reason("engine", "VOLUME"))
        end = image.tree.resolve(volume).end
        if end is not None:
            reason = Reason("engine", f"a new volume at {volume} is filled with it")
            yield from (Finding(entry.path, reason) for entry in image.tree.below(end))


def _shells(image: ImageView) -> Iterator[str]:
    """The shells that the configuration names: of HEALTHCHECK CMD-SHELL, and of CMD or ENTRYPOINT `["sh", "-c", …]`."""
    config = image.config
    shell = config.shell or DEFAULT_SHELL
    if config.healthcheck and config.healthcheck.test[:1] == ("CMD-SHELL",):
        yield from _found(image, shell[0])
    for command in (config.entrypoint or (), config.cmd or ()):
        if len(command) > 1 and command[: len(shell)] == shell:
            yield from _found(image, command[0])


def _found(image: ImageView, command: str) -> Iterator[str]:
    if "/" in command:
        yield command
        return
    candidates = (posixpath.join(folder, command) for folder in image.config.search_path)
    yield from (path for path in candidates if image.tree.resolve(path).end is not None)
