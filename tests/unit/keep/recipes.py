"""A small language from another package: recipes (`.rcp`), which load others beside them by `use NAME` and `lazily use NAME`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Reason
from slimmer.keep.language import Language, Lead, Origin, Resolver, Source


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a recipe. `read_as` holds the suffix, origin and dialect that the reader got."""

    used: tuple[str, ...] = ()
    read_as: str = ""


def read(source: Source) -> Facts:
    if source.content == b"hostile":
        raise OSError(5, "no")
    text = source.content.decode(errors="replace")
    word = r"(?:lazily )?use" if source.origin is Origin.APP else "use"
    how = f"{source.suffix} {source.origin} {source.dialect}".strip()
    return Facts(tuple(re.findall(rf"^{word} (\w+)$", text, re.MULTILINE)), how)


class RecipeResolver(Resolver[Facts]):
    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self.layers: list[dict[str, Facts]] = []
        RESOLVERS.append(self)

    def accepts(self, path: str) -> bool:
        return path.endswith((".rcp", ".card"))

    def origin(self, path: str) -> Origin:
        return Origin.LIBRARY if "/pantry/" in path else Origin.APP

    def dialect(self, path: str) -> str:
        return "card" if path.endswith(".card") else ""

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead]:
        self.layers.append(dict(layer))
        for path, facts in layer.items():
            for name in facts.used:
                for suffix in (".rcp", ".card"):
                    place = posixpath.join(posixpath.dirname(path), name + suffix)
                    yield Lead(place, Reason("recipes", f"used by {path}", path), code=True)


RESOLVERS: list[RecipeResolver] = []
"""The resolvers that were made, in order."""

RECIPES = Language(
    id="recipes",
    version=1,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"cook[0-9]?"),
    sources=lambda opened: frozenset(path for path in opened if path.endswith(".rcp")),
    resolver=RecipeResolver,
    suffixes=frozenset((".rcp",)),
    compiled_suffixes=frozenset((".card",)),
    dependency_folders=frozenset(("pantry",)),
    manifests=frozenset(("menu.toml",)),
    extension_folders=r"spoons\d?",
)
