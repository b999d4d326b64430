"""Find out what became of the vulnerabilities of one image in another, by the files of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slimmer.engine.resources import EngineResources
from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.observe.pristine import PristineImage, within
from slimmer.probe_binary import probe_path
from slimmer.report.contents import Contents, Pair
from slimmer.report.vulnerabilities import Vulnerabilities, vulnerabilities
from slimmer.runs.image_mount import image_tree, open_pristine
from slimmer.sandbox.sandbox import Sandbox
from slimmer.scans.scan import Scan, check_image, digest_of

MOST = 16 << 30
"""The most bytes that are read to tell copies. Of further files, nobody knows whether they are copies."""


def check_scan(scan: Scan, name: str, before: ImageConfig, after: ImageConfig) -> None:
    """Raise UsageError unless a scan is of the first image, which the user called by `name`."""
    own = {digest_of(digest) for digest in _digests(before)}
    if scan.image.digests & {digest_of(digest) for digest in _digests(after)} - own - {""}:
        raise UsageError(
            "--vulnerabilities: the scan is of the second image, not of the first one",
            hint=f"Scan {name}: what is gone can only be seen in its findings.",
        )
    check_image(scan.image, [name, *before.tags, *before.digests], _digests(before))


def judge_images(scope: EngineResources, scan: Scan, before: ImageConfig, after: ImageConfig) -> Vulnerabilities:
    """Return the verdicts on a scan of `before` for `after`, whatever made it.

    A path of `before` that `after` has counts as kept, even if its content differs. Possible copies are compared by content.
    Raises EngineError, or ObservationIncomplete if an image has more paths than slimmer can index.
    """
    probe = probe_path(scope.engine.architecture)
    with (
        open_pristine(scope, before, before.image_id, probe, "scanned") as first,
        open_pristine(scope, after, after.image_id, probe, "compared") as second,
    ):
        tree, other = image_tree(first, before), image_tree(second, after)
        packages = PackageFiles(tree, within(tree, first.stream), Sandbox())
        packages.know_all()
        kept = {entry.path: entry.size if entry.is_file else -1 for entry in other if not entry.is_directory}

        def compare(possible: Sequence[Pair]) -> Mapping[Pair, bool]:
            pairs = _affordable(possible, kept)
            copies = _hashes(other, second, [copy for copy, _ in pairs])
            files = _hashes(tree, first, [path for _, path in pairs])
            return {(copy, path): copies[copy] == files[path] for copy, path in pairs if copies[copy] and files[path]}

        return vulnerabilities(scan, Contents(tree, packages.entries, kept, packages.unreadable, compare))


def _affordable(pairs: Sequence[Pair], sizes: Mapping[str, int]) -> list[Pair]:
    """Return the first pairs, as long as their files have at most MOST bytes in all. A sparse file of terabytes takes no space in an image."""
    left, found = MOST, list[Pair]()
    for pair in pairs:
        left -= 2 * sizes[pair[0]]
        if left < 0:
            break
        found.append(pair)
    return found


def _digests(config: ImageConfig) -> list[str]:
    return [config.image_id, *config.digests]


def _hashes(tree: Tree, image: PristineImage, paths: Sequence[str]) -> dict[str, str | None]:
    """Return the SHA-256 of each path; None for one that cannot be read or is very large."""
    return dict(within(tree, image.hash)(list(dict.fromkeys(paths))))
