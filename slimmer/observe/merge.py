"""Joining access logs: of several runs of one image, several commands, several places. Pure functions.

A log is joined run by run (`AccessLog.runs`), so that the keep rules see who did what in which run: what is kept for the
whole is at least what is kept for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from slimmer.errors import UsageError
from slimmer.image.tree import Tree
from slimmer.observe.log import AccessLog, Recorder


def merge(logs: Sequence[AccessLog]) -> AccessLog:
    """One log of all runs in the logs, in their order. It is complete if each is; counters are added up.

    Raises UsageError for no log at all, and for logs of different images.
    """
    if not logs:
        raise UsageError("there is no access log to join")
    for number, log in enumerate(logs, 1):
        check_image(log, logs[0].image_id, f"access log {number}")
    if len(logs) == 1:
        return logs[0]
    return AccessLog(
        image_id=logs[0].image_id,
        accesses=tuple(access for log in logs for access in log.accesses),
        recorders=_recorders(logs),
        listeners=tuple(dict.fromkeys(listener for log in logs for listener in log.listeners)),
        counters=dict(sum((Counter(log.counters) for log in logs), Counter())),
        complete=all(log.complete for log in logs),
        probe=", ".join(dict.fromkeys(log.probe for log in logs if log.probe)),
        starts=_starts(logs),
    )


def check_image(log: AccessLog, image_id: str, name: str = "an access log") -> None:
    """Raise UsageError for a log of another image than `image_id`."""
    if log.image_id != image_id:
        raise UsageError(
            f"{name} belongs to another image: {log.image_id or 'none'}, not {image_id}",
            hint="Observe this image, or, if it is a later build of the same app, take the log over with --rebase.",
        )


def check_complete(logs: Iterable[AccessLog]) -> None:
    """Raise UsageError for the log of a run that was cut short, or whose recorder lost something."""
    for number, log in enumerate(logs, 1):
        if not log.complete or log.lost:
            raise UsageError(
                f"access log {number} is incomplete: its run was cut short", hint="Observe that run again."
            )


def rebased(log: AccessLog, image_id: str) -> AccessLog:
    """The log as if it were of another image, say a later build of the same app."""
    return replace(log, image_id=image_id)


def moved(log: AccessLog, tree: Tree) -> tuple[str, ...]:
    """Paths that were found in the log's image and that `tree` has no longer, sorted: where a rebased log says nothing.

    What a run made itself, and places that are no part of an image (/proc, /tmp), are left out.
    """
    made = {access.asked for access in log.accesses if access.operation in _MAKING}
    gone = (path for path in found_paths(log) - made if tree.resolve(path).end is None)
    return tuple(sorted(path for path in gone if not (path + "/").startswith(_NO_PART)))


def unsteady(logs: Iterable[AccessLog], tree: Tree) -> tuple[str, ...]:
    """Paths of the image that were found in some of the logs' runs, but not in every one; sorted."""
    runs = [_in_tree(found_paths(run), tree) for log in logs for run in log.runs]
    if len(runs) < 2:
        return ()
    counts = Counter(path for run in runs for path in run)
    return tuple(sorted(path for path, count in counts.items() if count < len(runs)))


def found_paths(log: AccessLog) -> set[str]:
    """What was asked for and was there."""
    return {access.asked for access in log.accesses if access.found}


_MAKING = frozenset(("create", "write", "change"))
_NO_PART = ("/proc/", "/sys/", "/dev/", "/run/", "/tmp/", "/var/run/")
"""Places that a running container fills, whatever the image holds there."""


def _in_tree(paths: set[str], tree: Tree) -> set[str]:
    ends = {tree.resolve(path).end for path in paths}
    return {end for end in ends if end is not None and end != "/" and not (end + "/").startswith(_NO_PART)}


def _recorders(logs: Sequence[AccessLog]) -> tuple[Recorder, ...]:
    """A recorder ran if it ran in every log; else the reason is that of the first in which it did not."""
    joined: dict[str, Recorder] = {}
    for recorder in (recorder for log in logs for recorder in log.recorders):
        before = joined.setdefault(recorder.name, recorder)
        if before.active and not recorder.active:
            joined[recorder.name] = recorder
    return tuple(joined.values())


def _starts(logs: Sequence[AccessLog]) -> tuple[int, ...]:
    """Where each run but the first begins in the joined accesses."""
    starts, offset = [], 0
    for log in logs:
        starts += [offset + start for start in (0, *log.starts)]
        offset += len(log.accesses)
    return tuple(starts[1:])
