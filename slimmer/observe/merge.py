"""Join access logs of several runs, commands or machines. Pure functions.

A joined log still has its runs (`AccessLog.runs`), so that the keep rules see what happened in which run. For the joined log, they
keep at least what they would keep for each run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from slimmer.errors import UsageError
from slimmer.image.tree import Tree
from slimmer.observe.log import AccessLog, Recorder


def merge(logs: Sequence[AccessLog]) -> AccessLog:
    """Return one log with all runs of the logs, in order. It is complete if all logs are. Counters are added up.

    Raises UsageError if there is no log, or if the logs belong to different images.
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
        system_calls=all_calls(log.system_calls for log in logs),
    )


def all_calls(calls: Iterable[Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    """Join the system calls of several runs."""
    joined: dict[str, set[str]] = {}
    for architecture, names in (item for each in calls for item in each.items()):
        joined.setdefault(architecture, set()).update(names)
    return {architecture: tuple(sorted(names)) for architecture, names in sorted(joined.items())}


def check_image(log: AccessLog, image_id: str, name: str = "an access log") -> None:
    """Raise UsageError if the log belongs to another image than `image_id`."""
    if log.image_id != image_id:
        raise UsageError(
            f"{name} belongs to another image: {log.image_id or 'none'}, not {image_id}",
            hint="Observe this image. If it is a later build of the same app, --rebase accepts the log.",
        )


def check_complete(logs: Iterable[AccessLog]) -> None:
    """Raise UsageError for a log of a run that was cut short, or in which events were lost."""
    for number, log in enumerate(logs, 1):
        if not log.complete or log.lost:
            raise UsageError(
                f"access log {number} is incomplete: its run was cut short or lost events",
                hint="Observe that run again.",
            )


def rebased(log: AccessLog, image_id: str) -> AccessLog:
    """Return the log as if it belonged to another image, for example a later build of the same app."""
    return replace(log, image_id=image_id)


def moved(log: AccessLog, tree: Tree) -> tuple[str, ...]:
    """Return the paths that were found in the log's image but are missing in `tree`, sorted. A rebased log says nothing about them.

    Paths that a run made itself, and folders that are not part of an image (/proc, /tmp), are left out.
    """
    made = {access.asked for access in log.accesses if access.operation in _MAKING}
    gone = (path for path in found_paths(log) - made if tree.resolve(path).end is None)
    return tuple(sorted(path for path in gone if not (path + "/").startswith(_NO_PART)))


def unsteady(logs: Iterable[AccessLog], tree: Tree) -> tuple[str, ...]:
    """Return the paths of the image that were found in some of the logs' runs, but not in all; sorted."""
    runs = [_in_tree(found_paths(run), tree) for log in logs for run in log.runs]
    if len(runs) < 2:
        return ()
    counts = Counter(path for run in runs for path in run)
    return tuple(sorted(path for path, count in counts.items() if count < len(runs)))


def found_paths(log: AccessLog) -> set[str]:
    """Return the paths that were asked for and found."""
    return {access.asked for access in log.accesses if access.found}


_MAKING = frozenset(("create", "write", "change"))
_NO_PART = ("/proc/", "/sys/", "/dev/", "/run/", "/tmp/", "/var/run/")
"""Folders that a running container fills, whatever the image has there."""


def _in_tree(paths: set[str], tree: Tree) -> set[str]:
    ends = {tree.resolve(path).end for path in paths}
    return {end for end in ends if end is not None and end != "/" and not (end + "/").startswith(_NO_PART)}


def _recorders(logs: Sequence[AccessLog]) -> tuple[Recorder, ...]:
    """Join the recorders. One counts as active if it ran in every log. Otherwise its reason is from the first log in which it did not."""
    joined: dict[str, Recorder] = {}
    for recorder in (recorder for log in logs for recorder in log.recorders):
        before = joined.setdefault(recorder.name, recorder)
        if before.active and not recorder.active:
            joined[recorder.name] = recorder
    return tuple(joined.values())


def _starts(logs: Sequence[AccessLog]) -> tuple[int, ...]:
    """Return the positions in the joined accesses where each run after the first begins."""
    starts, offset = [], 0
    for log in logs:
        starts += [offset + start for start in (0, *log.starts)]
        offset += len(log.accesses)
    return tuple(starts[1:])
