"""An image's history: the instructions that made it, and which of them made a layer.

The history of an image's configuration says of each entry if it has a layer (OCI image specification, config.md, `empty_layer`). The
engine's API leaves that out (`GET /images/{name}/history`), so it is found again here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from slimmer.formatting import printable

LONGEST = 200
"""The most characters of an instruction that is shown."""

WITHOUT_LAYER = frozenset(
    {
        *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL"),
        *("MAINTAINER", "ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME"),
    }
)
"""The instructions of a Dockerfile that only change the configuration (moby, builder/dockerfile/dispatchers.go)."""

CLASSIC = "/bin/sh -c #(nop)"
"""How docker's classic builder and Podman write an instruction that runs nothing."""

BUILDKIT_COMMENT, BUILDKIT_END = "buildkit.", " # buildkit"
"""How BuildKit marks its entries (buildkit, frontend/dockerfile/dockerfile2llb/convert.go)."""

_SHELL = "/bin/sh -c "
_ARGUMENTS = re.compile(r"\|[0-9]+ ")
"""The values of build arguments come before the command: `|1 VERSION=3 /bin/sh -c make`."""

_DIGEST = re.compile(r"((?:file|dir|multi|filedir):[0-9a-f]{12})[0-9a-f]{52}")
"""What the classic builder writes for the sources of ADD and COPY."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry of a history: what made it, the bytes that it added, and the builder's comment. The text comes from the image."""

    created_by: str
    size: int = 0
    comment: str = ""

    @property
    def instruction(self) -> str:
        """The instruction as a Dockerfile has it, in one printable line, without the values of build arguments."""
        text = self.created_by.removesuffix(BUILDKIT_END)
        if text.startswith(CLASSIC):
            text = text.removeprefix(CLASSIC)
        elif _ARGUMENTS.match(text) or text.startswith(_SHELL):
            text = f"RUN {text}"
        if text.startswith("RUN ") and (_ARGUMENTS.match(text, 4) or text.startswith(_SHELL, 4)):
            text = f"RUN {text.partition(_SHELL)[2]}"
        line = printable(_DIGEST.sub(r"\1", " ".join(text.split()) or self.comment))
        return shorten(line, LONGEST)

    @property
    def word(self) -> str:
        """The instruction's first word: CMD, COPY, RUN."""
        return self.instruction.partition(" ")[0]

    @property
    def is_buildkit(self) -> bool:
        """True if BuildKit certainly made this entry."""
        return self.comment.startswith(BUILDKIT_COMMENT) or self.created_by.endswith(BUILDKIT_END)

    @property
    def is_classic(self) -> bool:
        """True if docker's classic builder or Podman certainly made this entry."""
        return self.created_by.startswith(CLASSIC)


def shorten(text: str, most: int) -> str:
    """Return a text of at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def layer_entries(history: Sequence[HistoryEntry], layers: int) -> tuple[int, ...] | None:
    """Return the position in the history of each layer's entry, from the lowest layer on; None if they do not fit together.

    The history begins with the oldest entry. Entries that added bytes have a layer. An entry of 0 bytes may have one (WORKDIR makes a
    folder) or not (RUN true changed nothing). If the number of layers leaves a choice, the latest entries have it. Then no layer counts as
    one of an older entry than its own.
    """
    sure = [place for place, entry in enumerate(history) if entry.size > 0]
    maybe = [place for place, entry in enumerate(history) if entry.size <= 0 and entry.word not in WITHOUT_LAYER]
    missing = layers - len(sure)
    if not 0 <= missing <= len(maybe):
        return None
    return tuple(sorted([*sure, *maybe[len(maybe) - missing :]]))
