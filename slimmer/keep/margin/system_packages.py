"""The packages of the system, with what they declare.

That is what they need, the source that they were built from, and which of them the author asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from slimmer.image.packages import APK_INSTALLED, DPKG_PARTS, DPKG_STATUS, SYSTEM_MANAGERS, Package
from slimmer.keep.image_view import ImageView
from slimmer.keep.margin.declarations_reader import Declaration, Declared, Form, read_declaration
from slimmer.keep.sources.reading import read_files

LARGEST = 1 << 24
"""The largest file that is read, in bytes."""

FILES = 3_000
"""The most files that are read."""

KIN = 100
"""The most packages of one source that are looked at."""


class SystemPackages:
    """The packages of dpkg and apk in one image. Costs a round trip.

    `declared` has what each of them declares. `basic` are those that every image of the distribution has. `asked` are those that the
    author asked for by name, without basic packages and tools that build software.
    """

    def __init__(self, image: ImageView) -> None:
        self._by_name = {one.name: one for one in image.packages.known() if one.manager in SYSTEM_MANAGERS}
        places = dict(islice(_places(image), FILES))
        read = list(
            read_files(image, read_declaration, Declaration, places, LARGEST, lambda path: (places[path].value,))
        )
        found = [(places[path], one) for path, file in read for one in file.packages]
        listed = [one for form, one in found if form in (Form.DPKG, Form.APK) and one.name in self._by_name]
        automatic = {one.name for _, one in found if one.automatic}
        has_states = any(form is Form.STATES for form in places.values())
        self.declared: dict[Package, Declared] = {}
        for one in listed:
            self.declared.setdefault(self._by_name[one.name], one)
        self.basic = frozenset(self._named(_with_needs([one for form, one in found if form is Form.DPKG])))
        manual = [one.name for one in listed if has_states and one.name not in automatic and not one.tool]
        world = [name for form, one in found if form is Form.WORLD for name in one.needs]
        asked = (one for one in self._named(manual) if one not in self.basic)
        self.asked = tuple(dict.fromkeys((*asked, *self._named(world))))

    def needs(self, package: Package) -> Iterator[Package]:
        """Yield the packages that a package declares as needed, and that are in the image."""
        one = self.declared.get(package)
        return self._named(one.needs if one is not None else ())

    def kin(self, package: Package) -> list[Package]:
        """Return the packages of the same source that a package needs, or that a package which needs it needs, and so on.

        Basic packages and tools to build software with are left out. At most KIN packages are looked at.
        """
        source = self.declared[package].source if package in self.declared else ""
        if not source or package in self.basic:
            return []
        same = dict.fromkeys(one for one, declared in self.declared.items() if declared.source == source)
        users = {package, *(one for one in same if package in self.needs(one))}
        found = dict.fromkeys(islice((one for one in same if one in users), KIN))
        waiting = deque(found)
        while waiting and len(found) < KIN:
            more = [one for one in self.needs(waiting.popleft()) if one in same and one not in found]
            found.update(dict.fromkeys(more))
            waiting += more
        return [one for one in found if one not in users | self.basic and not self.declared[one].tool]

    def parts(self, package: Package) -> list[Package]:
        """Return the packages of the same source that a package needs, directly or not, and those that have its name and one more word.

        The latter count if it needs them, or if the author asked for them (tesseract-ocr-deu). Basic packages and tools to build software
        with are left out. At most KIN packages are looked at.
        """
        declared = self.declared.get(package)
        if declared is None or package in self.basic:
            return []
        found, waiting = {package: None}, deque([package])
        while waiting and len(found) < KIN:
            same = (one for one in self.needs(waiting.popleft()) if one in self.declared)
            more = [one for one in same if self.declared[one].source == declared.source and one not in found]
            found.update(dict.fromkeys(more))
            waiting += more
        named = (*self.needs(package), *self.asked)
        found.update(dict.fromkeys(one for one in named if one.name.startswith(f"{package.name}-")))
        kin = (one for one in found if one is not package and one in self.declared)
        return [one for one in kin if one not in self.basic and not self.declared[one].tool]

    def extensions(self, package: Package) -> list[Package]:
        """Return the packages of the same source that need a package: its modules and programs (dovecot-imapd for dovecot-core).

        Basic packages and tools to build software with are left out.
        """
        source = self.declared[package].source if package in self.declared else ""
        same = (one for one, declared in self.declared.items() if source and declared.source == source)
        found = (one for one in same if one is not package and package in self.needs(one))
        return [one for one in islice(found, KIN) if one not in self.basic and not self.declared[one].tool]

    def _named(self, names: Iterable[str]) -> Iterator[Package]:
        return (self._by_name[name] for name in names if name in self._by_name)


def _places(image: ImageView) -> Iterator[tuple[str, Form]]:
    paths = [(DPKG_STATUS, Form.DPKG), *((entry.path, Form.DPKG) for entry in image.tree.children(DPKG_PARTS))]
    paths += [(path, Form.APK) for path in APK_INSTALLED]
    paths += [("/var/lib/apt/extended_states", Form.STATES), ("/etc/apk/world", Form.WORLD)]
    for path, form in paths:
        entry = image.end(path)
        if entry is not None and entry.is_file:
            yield entry.path, form


def _with_needs(packages: Sequence[Declared]) -> list[str]:
    """Return the names of the basic packages, and of all that these need."""
    needs = {one.name: one.needs for one in packages}
    waiting = [one.name for one in packages if one.basic]
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting.extend(needs.get(name, ()))
    return list(found)
