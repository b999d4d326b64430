"""The structural check of a slim image: its tree, contents and configuration against the original's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from slimmer.image.added_file import AddedFile
from slimmer.image.config import INSTRUCTIONS, Healthcheck, ImageConfig, without_builders_additions
from slimmer.image.engine_artifacts import ImageTree
from slimmer.verify.structure import Difference, compare_digests, compare_structure

HashContents = Callable[[Sequence[str]], Iterable[tuple[str, str | None]]]
"""Returns the SHA-256 (hex) of regular files of the slim image by path; None for files that cannot be read."""

COMPARED = {
    **{name: instruction for name, instruction in INSTRUCTIONS.items() if name != "env"},
    "stop_timeout": "StopTimeout",
    "architecture": "architecture",
    "variant": "variant",
    "os": "OS",
}
"""Parts of a configuration that must be equal, and what people call them."""

SHOWN = 1000
"""The number of characters of a value that are shown: a label may have a megabyte."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images: its tree and its configuration."""

    own: ImageTree
    config: ImageConfig


def check_structure(
    original: Side,
    slim: Side,
    kept: Sequence[str],
    digests: Mapping[str, str],
    hash_contents: HashContents,
    *,
    whole_seconds: bool,
    added: Sequence[AddedFile] = (),
) -> tuple[Difference, ...]:
    """Return every difference between the kept part of the original and the slim image.

    `digests`: the SHA-256 of the files by path. `whole_seconds`: compare times without nanoseconds, since the builder could not carry
    them. `added` are the files that slimmer added to the slim image.
    """
    before, after = original.own, slim.own
    found = list(
        compare_structure(
            before.tree,
            after.tree,
            kept,
            before.mtime,
            slim_mtime=after.mtime,
            whole_seconds=whole_seconds,
            added={one.path: one.entry for one in added},
        )
    )
    present = [path for path in digests if path in after.tree]  # missing paths are reported already
    found.extend(compare_digests(digests, hash_contents(present)))
    found.extend(compare_configs(original.config, slim.config))
    return tuple(found)


def compare_configs(original: ImageConfig, slim: ImageConfig) -> Iterator[Difference]:
    """Yield every part of the configuration that differs, by the name of its Dockerfile instruction."""
    slim = without_builders_additions(original, slim)
    for attribute, name in COMPARED.items():
        before, after = getattr(original, attribute), getattr(slim, attribute)
        if before != after:
            yield Difference("the configuration", name, _shown(before), _shown(after))
    before, after = _variables(original.env), _variables(slim.env)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):  # the values are not shown: they may be secrets
            sides = ("one value" if name in before else "not set"), ("a different one" if name in before else "set")
            yield Difference("the configuration", f"ENV {name}", sides[0], sides[1] if name in after else "not set")


def _variables(env: Iterable[str]) -> dict[str, list[str]]:
    """Return the values of ENV by name. An image made by hand may set a variable twice."""
    variables: dict[str, list[str]] = {}
    for entry in env:
        name, _, value = entry.partition("=")
        variables.setdefault(name, []).append(value)
    return variables


def _shown(value: object) -> str:
    """Return a part of a configuration as in a Dockerfile: lists as JSON, and of a HEALTHCHECK the parts that are set."""
    if not value:
        return "empty" if value == () else "not set"
    if isinstance(value, Healthcheck):
        value = {key: part for key, part in asdict(value).items() if part}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"
