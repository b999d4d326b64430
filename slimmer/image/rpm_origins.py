"""Read what rpm's database says about its packages besides their files: architectures, sources and licences.

A child process reads it, as it reads the files (slimmer.image.rpm_database).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from slimmer.image.declared_licences import bounded
from slimmer.image.installed import Installed
from slimmer.image.lines import Unreadable
from slimmer.image.packages import NAME_LIMIT
from slimmer.image.purl import Origin
from slimmer.image.rpm_database import PART, headers, joined
from slimmer.image.rpm_header import RpmHeader
from slimmer.image.text_databases import package_of
from slimmer.sandbox.readers import reader
from slimmer.sandbox.sandbox import Job, Sandbox


@dataclass(frozen=True, slots=True)
class RpmOrigin:
    """What a package's header says besides its files. The epoch may be ""."""

    name: str
    version: str
    epoch: str
    architecture: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class RpmOrigins:
    """The packages of a database. `problem` says why reading stopped; "" if nothing went wrong."""

    packages: tuple[RpmOrigin, ...] = ()
    problem: str = ""


def rpm_installed(sandbox: Sandbox, path: str, pieces: Iterator[bytes]) -> Iterator[Installed]:
    """Yield each package without its files. Raises Unreadable."""
    [found] = sandbox.facts(read_rpm_origins, RpmOrigins, [Job(path, joined(pieces))])
    if found is None:
        raise Unreadable("its reader failed")
    for one in found.packages:
        package = package_of("rpm", os.fsencode(one.name), os.fsencode(one.version))
        origin = Origin(architecture=one.architecture, epoch=one.epoch, source=one.source)
        yield Installed(package, origin=origin, licences=bounded([one.licence]))
    if found.problem:
        raise Unreadable(found.problem)


@reader
def read_rpm_origins(content: bytes) -> RpmOrigins:
    """Read the packages of the database without their files. Runs in a child process."""
    found: list[RpmOrigin] = []
    left = PART
    try:
        for _, header in headers(content, 0):
            one = _origin(header)
            left -= sum(map(len, asdict(one).values()))
            if left < 0:
                return RpmOrigins(tuple(found), "it has too many packages")
            found.append(one)
    except ValueError as error:
        return RpmOrigins(tuple(found), str(error))
    return RpmOrigins(tuple(found))


def _origin(header: RpmHeader) -> RpmOrigin:
    """Return what is known besides the files. Long texts are cut."""
    texts = [text[:NAME_LIMIT] for text in (header.architecture, header.source, header.licence)]
    return RpmOrigin(header.name, header.version, header.epoch, *texts)
