"""The structural check of a slim image as one question: trees, contents and configuration, against the original's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.image.config import DEFAULT_PATH, INSTRUCTIONS, ImageConfig
from slimmer.image.engine_made import OwnTree
from slimmer.verify.structure import Difference, compare_contents, compare_structure

HashContents = Callable[[Sequence[str]], Iterable[tuple[str, str | None]]]
"""SHA-256 (hex) of regular files of the slim image by path; None for what cannot be read."""

COMPARED = {
    **{name: instruction for name, instruction in INSTRUCTIONS.items() if name != "env"},
    "stop_timeout": "StopTimeout",
    "architecture": "architecture",
    "variant": "variant",
    "os": "OS",
}
"""Parts of a configuration that must be equal as they are, and what people call them."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images: its tree and its configuration."""

    own: OwnTree
    config: ImageConfig


def check_structure(
    original: Side,
    slim: Side,
    kept: Sequence[str],
    digests: Mapping[str, str],
    hash_contents: HashContents,
    *,
    whole_seconds: bool,
) -> tuple[Difference, ...]:
    """Every difference between the kept part of the original and the slim image.

    `digests` are the SHA-256 of the pristine files by path. `whole_seconds`: the route there could carry no nanoseconds.
    """
    before, after = original.own, slim.own
    found = list(
        compare_structure(
            before.tree, after.tree, kept, before.mtime, slim_mtime=after.mtime, whole_seconds=whole_seconds
        )
    )
    present = [path for path in digests if path in after.tree]  # what is missing was named already
    found.extend(compare_contents(digests, hash_contents(present)))
    found.extend(compare_configs(original.config, slim.config))
    return tuple(found)


def compare_configs(original: ImageConfig, slim: ImageConfig) -> Iterator[Difference]:
    """Every part of the configuration that differs, by the name of its Dockerfile instruction."""
    for attribute, name in COMPARED.items():
        before, after = getattr(original, attribute), getattr(slim, attribute)
        if before != after:
            yield Difference("the configuration", name, _shown(before), _shown(after))
    before, after = set(original.env), set(slim.env)
    if not any(entry.startswith("PATH=") for entry in before):
        after.discard(f"PATH={DEFAULT_PATH}")  # the classic builder adds it (moby, builder/dockerfile/dispatchers.go)
    for entry in sorted(before ^ after):
        # The name alone: values of variables may be secrets.
        yield Difference("the configuration", f"ENV {entry.partition('=')[0]}", *_presence(entry in before))


def _presence(before: bool) -> tuple[str, str]:
    return ("set to one value", "not set to it") if before else ("not set to this value", "set to it")


def _shown(value: object) -> str:
    return repr(value) if value not in (None, "", ()) else "not set"
