"""Keep files near to what is in use, up to a budget: a safety margin for requests that the exercise does not send.

Risk is a matter of files, and size a matter of bytes: most of the files that the other rules drop are small. The margin takes them in an
order (slimmer.keep.margin.order), follows them as all analyzers follow code, and keeps those that fit into the budget with all that they
lead to. It runs last, and asks nothing of the analyzers but to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason, SpentMargin
from slimmer.keep.margin.amount import Margin
from slimmer.keep.margin.candidates import find_candidates
from slimmer.keep.margin.order import Candidate, Kind, Tier, ordered
from slimmer.keep.margin.purse import Purse
from slimmer.keep.margin.trial import Trial

RULE = "margin"

BATCHES = 2
"""The most times that candidates are followed. Each time costs as many round trips as there are layers of code."""

SOURCES, SOURCE_BYTES, NATIVE_BYTES = 300, 2 << 20, 32 << 20
"""The most candidates that are code, and the bytes of scripts and of native code among them: following them takes time.
The rest of the budget goes to scripts near to what is in use that were not followed: what they load most likely lies near, too."""

PACKAGE_FILES, PACKAGE_BYTES = 2000, 8 << 20
"""The most files and bytes of packages of languages of which nothing is in use. Such a package is followed whole."""

COMMANDS = 100
"""The most commands that are followed besides. A command that is not followed cannot be added, so many tiny sources must not crowd it out."""

FILES = 30_000
"""The most candidates that are tried."""

Close = Callable[[KeepSetBuilder], None]
"""Follows what was added to a builder until nothing is new."""


def add_margin(image: ImageView, kept: KeepSetBuilder, margin: Margin, close: Close) -> SpentMargin:
    """Add files to a closed set, and close it again."""
    budget = margin.budget(_bytes(image, kept))
    if budget <= 0:
        return SpentMargin(str(margin), 0, 0, 0, 0, 0)
    purse = Purse(image.tree, kept, budget)
    candidates = ordered(find_candidates(image, kept, purse.cost_of), margin.order)
    queue = _Queue(candidates, purse, image.tree)
    trial = Trial(kept, image.tree)
    for _ in range(BATCHES):
        batch = queue.take()
        if not batch:
            break
        trial.start(finding for one in batch for finding in _findings(one))
        close(trial)
        purse.choose(trial, batch, margin.order)
    kept.add(trial.findings(purse.chosen))
    kept.add(finding for one in queue.rest() if purse.buy(one.path) for finding in _findings(one))
    kept.take_added()  # what they lead to was followed in the trial, or is not followed
    files = sum(entry is not None and entry.is_file for entry in map(image.tree.get, purse.chosen))
    paths = [path for one in candidates for path in one.paths]
    left_out = sum(path not in purse.chosen for path in paths)
    return SpentMargin(str(margin), budget, budget - purse.left, files, len(paths), left_out)


class _Queue:
    """The candidates that were not tried yet, in their order."""

    def __init__(self, candidates: Iterable[Candidate], purse: Purse, tree: Tree) -> None:
        self._waiting = list(candidates)
        self._purse = purse
        self._tree = tree
        self._sources, self._commands, self._files = SOURCES, COMMANDS, FILES
        self._bytes = {False: SOURCE_BYTES, True: NATIVE_BYTES}
        self._package_files, self._package_bytes = PACKAGE_FILES, PACKAGE_BYTES

    def take(self) -> list[Candidate]:
        """Return the next candidates that fit into what is left of the budget together, as long as nothing that they lead to counts."""
        left = self._purse.left
        batch, waiting = [], []
        for one in self._waiting:
            cost = 0 if one.path in self._purse.chosen else one.size
            if cost > left or not self._may_follow(one):
                waiting.append(one)
                continue
            left -= cost
            batch.append(one)
        self._waiting = waiting
        return batch

    def rest(self) -> list[Candidate]:
        """Return the candidates that were not tried, without native code and packages of which nothing is in use."""
        return [
            one for one in self._waiting if one.tier <= Tier.USED and one.kind is not Kind.COMMAND and not one.is_native
        ]

    def _may_follow(self, one: Candidate) -> bool:
        """Return True if a candidate is within the bounds. Counts it."""
        if one.others:
            return self._may_follow_package(one)
        if one.kind is not Kind.DATA:
            entry = self._tree.get(one.path)
            size = entry.size if entry is not None else 0  # a hard link costs nothing, but it is read
            is_command = one.kind is Kind.COMMAND and self._commands > 0
            if not (is_command or self._sources) or size > self._bytes[one.is_native]:
                return False
            self._commands -= is_command
            self._sources -= not is_command
            self._bytes[one.is_native] -= size
        self._files -= 1
        return self._files >= 0

    def _may_follow_package(self, one: Candidate) -> bool:
        if len(one.paths) > self._package_files or one.size > self._package_bytes:
            return False
        self._package_files -= len(one.paths)
        self._package_bytes -= one.size
        return True


def _findings(one: Candidate) -> Iterator[Finding]:
    reason = Reason(RULE, one.detail, one.cause)
    return (Finding(path, reason) for path in one.paths)


def _bytes(image: ImageView, kept: KeepSetBuilder) -> int:
    """Return the bytes of the files that are kept. Of hard links, one counts."""
    entries = (image.tree.get(path) for path in kept)
    files = (entry for entry in entries if entry is not None and entry.is_file)
    return sum({entry.inode if entry.links > 1 else entry.path: entry.size for entry in files}.values())
