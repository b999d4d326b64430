"""Documents of scanners, which may come from anywhere, about images that were made to do harm."""

from __future__ import annotations

import posixpath
from contextlib import suppress

from slimmer.report.verdict import Judged, Verdict
from slimmer.report.vex import statements
from slimmer.scans.coordinates import from_purl, plain_purl
from slimmer.scans.scan_file import parse_scan


def scan(data: bytes) -> None:
    """A path stays in the image; a package can be named again by its coordinates, or not at all; statements are unique."""
    with suppress(ValueError, RecursionError):
        found = parse_scan(data)
        for one in found.findings:
            assert all(path.startswith("/") and posixpath.normpath(path) == path for path in one.locations)
            assert one.locations or not one.whole
            again = from_purl(plain_purl(one.package, one.purl))
            assert again is None or again[:3] == one.package[:3]
        stated = statements(Judged(one, Verdict.GONE, absent=True) for one in found.findings)
        assert len({one.vulnerability for one in stated}) == len(stated)
        assert not any(one.elsewhere for one in stated)


TARGETS = {"scan": scan}
