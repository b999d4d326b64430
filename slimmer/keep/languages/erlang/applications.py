"""Keep applications of Erlang and Elixir whole if a module of theirs was loaded, and those that they need.

Erlang's code server loads a module when a function in it is first called, unless a release was started in embedded mode. A folder of an
application holds modules (`ebin`), its description (`ebin/NAME.app`, which lists the applications that must run before it), and files and
native code that it reads by name (`priv`). A description that was read says nothing: brokers list all plug-ins in this way. An escript
that stays needs the program `escript`, and the applications that those in its archive need. Sources: code(3erl), "Code Path"; app(4);
"Releases" in OTP's design principles.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, Kept, Policy
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.erlang.descriptions import (
    APPLICATIONS,
    DESCRIPTION_BYTES,
    Description,
    read_description,
)
from slimmer.keep.languages.erlang.escripts import ESCRIPT_BYTES, Escript, read_escript
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.reading import read_files

RULE = "erlang"
PART_FILES, PART_BYTES = 3000, 16 << 20
"""The largest part of an application (its modules, its other files) that is kept. From a larger one, only what was seen in use stays."""

_MODULE = re.compile(r"(/.{1,3000})/([a-z][\w@]{0,200}(?:-[\w.+-]{1,80})?)/ebin/[^/]{1,255}\.beam", re.DOTALL)
_RELEASE = re.compile(r"(/.{0,3000}/releases)/[^/]{1,200}/[^/]{1,255}\.(?:boot|config|args)", re.DOTALL)
_HELPERS = ("inet_gethost", "epmd", "heart", "erl_child_setup")
"""Programs beside the virtual machine that it starts: they look up hosts, let nodes find each other, restart it, and start other programs."""


class Applications:
    """The applications in use in one image: an Analysis."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self.in_use: dict[str, Reason] = {}
        self._libraries: dict[str, None] = {}
        self._listings: dict[str, Mapping[str, Sequence[str]]] = {}
        self._releases: dict[str, str] = {}
        self._machines: dict[str, None] = {}
        for access in image.log.accesses:
            path = access.resolved or access.asked
            if access.found and (match := _MODULE.fullmatch(path)):
                self._note(f"{match[1]}/{match[2]}", Reason(RULE, f"an application of which {path} was loaded", path))
                self._machines[access.executable] = None
            elif access.found and (match := _RELEASE.fullmatch(path)):
                self._releases.setdefault(match[1], path)

    def seeds(self) -> Iterator[Finding]:
        """Yield the applications in use and those that they need, then releases and helpers."""
        yield from self._with_needs(dict(self.in_use))
        for folder, path in self._releases.items():
            entries = within_limits(self._tree.below(folder), PART_FILES, PART_BYTES)
            yield from (Finding(entry.path, Reason(RULE, f"the release of {path}", path)) for entry in entries or ())
        for machine in self._machines:
            for name in _HELPERS:
                helper = posixpath.join(posixpath.dirname(machine), name)
                yield from reach(self._tree, helper, Reason(RULE, f"started by {machine}", machine))

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield what the escripts among these paths need. Costs a round trip if there are executable files that are no libraries."""
        paths = [path for path in added if self._may_be_escript(path)]
        for path, escript in read_files(self._image, read_escript, Escript, paths, ESCRIPT_BYTES):
            if escript.is_escript:
                for program in self._image.which_all("escript"):
                    yield from reach(self._tree, program, Reason(RULE, f"runs {path}", path))
                reason = Reason(RULE, f"an application that {path} needs", path)
                yield from self._with_needs(self._noted(escript.needed, reason))

    def _may_be_escript(self, path: str) -> bool:
        entry = self._tree.get(path)
        is_program = entry is not None and entry.is_file and bool(entry.mode & 0o111) and entry.size > 2
        return is_program and ".so" not in posixpath.basename(path)

    def _with_needs(self, layer: Mapping[str, Reason]) -> Iterator[Finding]:
        """Yield applications and those that they need, breadth first, with one round trip for each layer of descriptions."""
        while layer:
            for folder, reason in layer.items():
                yield from self._whole(folder, reason)
            layer = self._needed_by(layer)

    def _note(self, folder: str, reason: Reason) -> bool:
        """Note an application by its folder. Return False if it is known, or there are too many."""
        if folder in self.in_use or len(self.in_use) >= APPLICATIONS:
            return False
        self.in_use[folder] = reason
        self._libraries[posixpath.dirname(folder)] = None
        return True

    def _whole(self, folder: str, reason: Reason) -> Iterator[Finding]:
        for part in ("ebin", "priv"):
            entries = within_limits(self._tree.below(f"{folder}/{part}"), PART_FILES, PART_BYTES)
            for entry in entries or ():
                yield from reach(self._tree, entry.path, reason)

    def _needed_by(self, layer: Mapping[str, Reason]) -> dict[str, Reason]:
        """Return the applications that those of a layer need and that are not known yet."""
        described = [
            entry.path for folder in layer for entry in self._tree.children(f"{folder}/ebin") if _is_description(entry)
        ]
        found: dict[str, Reason] = {}
        for path, description in read_files(self._image, read_description, Description, described, DESCRIPTION_BYTES):
            found |= self._noted(description.needed, Reason(RULE, f"an application that {path} needs", path))
        return found

    def _noted(self, names: Iterable[str], reason: Reason) -> dict[str, Reason]:
        """Note applications by their names. Return the folders of those that were not known."""
        return {folder: reason for name in names for folder in self._folders(name) if self._note(folder, reason)}

    def _folders(self, name: str) -> list[str]:
        """Return the folders of an application: NAME, or NAME-VERSION. Most images have one version of each."""
        return [folder for library in list(self._libraries) for folder in self._listed(library).get(name, ())]

    def _listed(self, library: str) -> Mapping[str, Sequence[str]]:
        """Return the folders in a library by the names of their applications, which have no dash. Each library is read once."""
        if library not in self._listings:
            found: dict[str, list[str]] = {}
            for entry in self._tree.children(library):
                if entry.is_directory:
                    found.setdefault(posixpath.basename(entry.path).partition("-")[0], []).append(entry.path)
            self._listings[library] = found
        return self._listings[library]


def _is_description(entry: Entry) -> bool:
    return entry.is_file and entry.path.endswith(".app")


@dataclass(frozen=True, slots=True)
class ErlangAnalyzer:
    """The analyzer of Erlang and Elixir."""

    id: str = RULE
    policies: frozenset[Policy] = BEYOND_OBSERVED
    rules: Mapping[str, Evidence] = field(default_factory=lambda: {RULE: Evidence.USED})

    def start(self, image: ImageView) -> Applications | None:
        """Start an analysis of an image. Return None if no module was loaded in it."""
        found = Applications(image)
        return found if found.in_use else None


ANALYZER = ErlangAnalyzer()
