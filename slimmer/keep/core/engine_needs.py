"""Keep what the engine itself reads or needs, even if no process in the container looks at it.

Sources: runc (libcontainer/user: passwd and group for USER, HOME and the supplementary groups; chdir to WORKDIR), moby
(daemon/volumes: the contents of a VOLUME directory are copied into a new volume; daemon/health.go: the shell of
HEALTHCHECK CMD-SHELL), and the OCI runtime specification (mount points that every container gets).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

RULE = "engine"
MOUNT_POINTS = ("/proc", "/sys", "/dev", "/tmp", "/run", "/var/tmp", "/var/run")
ACCOUNTS = ("/etc/passwd", "/etc/group")
DEFAULT_SHELL = ("/bin/sh", "-c")


def engine_needs(image: ImageView) -> Iterator[Finding]:
    """Yield accounts, WORKDIR, HOME, mount points, VOLUME directories with their contents, and the shell of shell-form commands."""
    tree = image.tree
    yield Finding("/", Reason(RULE, "the root directory"))
    for path in ACCOUNTS:
        yield from reach(tree, path, Reason(RULE, "names users and groups, homes and memberships"))
    if image.config.working_dir:
        yield from reach(tree, image.config.working_dir, Reason(RULE, "WORKDIR"))
    if image.home:
        yield from reach(tree, image.home, Reason(RULE, "the user's HOME"))
    for path in MOUNT_POINTS:
        yield from reach(tree, path, Reason(RULE, "every container has it, with the image's mode and owner"))
    yield from _volumes(image)
    for path in _shells(image):
        yield from reach(tree, path, Reason(RULE, "the shell of a shell-form instruction"))


def _volumes(image: ImageView) -> Iterator[Finding]:
    for volume in image.config.volumes:
        yield from reach(image.tree, volume, Reason(RULE, "VOLUME"))
        folder = image.end(volume)
        if folder is not None:
            reason = Reason(RULE, f"a new volume at {volume} is filled with it")
            yield from (Finding(entry.path, reason) for entry in image.tree.below(folder.path))


def _shells(image: ImageView) -> Iterator[str]:
    """Yield the shells that the configuration names: in HEALTHCHECK CMD-SHELL, and in CMD or ENTRYPOINT `["sh", "-c", …]`."""
    config = image.config
    shell = config.shell or DEFAULT_SHELL
    if config.healthcheck and config.healthcheck.test[:1] == ("CMD-SHELL",):
        yield from _found(image, shell[0])
    for command in (config.entrypoint or (), config.cmd or ()):
        if len(command) > 1 and command[: len(shell)] == shell:
            yield from _found(image, command[0])


def _found(image: ImageView, command: str) -> Iterable[str]:
    return (command,) if "/" in command else image.which_all(command)


ANALYZER = FunctionAnalyzer("engine", EVERY_POLICY, {RULE: Evidence.ENGINE}, engine_needs)
