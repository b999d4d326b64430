"""The error if the beginning of an ID fits several images."""

from __future__ import annotations

from typing import Any

import pytest

from slimmer.engine import images
from slimmer.errors import TargetNotFound
from slimmer.image.reference import parse


def image(number: int, *names: str) -> dict[str, Any]:
    """An entry of the engine's list of images. Its ID begins with `abc`."""
    return {"Id": f"sha256:abc{number:061x}", "RepoTags": list(names)}


def message(*entries: dict[str, Any]) -> str:
    with pytest.raises(TargetNotFound) as caught:
        raise images._ambiguous(parse("abc"), list(entries))
    return caught.value.message


def test_named_candidates_come_first_in_the_order_of_their_ids() -> None:
    lines = message(image(1), image(2, "<none>:<none>"), image(4, "b:1"), image(3, "c:1", "c:2")).splitlines()
    assert [line.split("  ")[-1] for line in lines] == [lines[0], "c:1, c:2", "b:1", "<none>", "<none>"]


def test_a_named_candidate_is_listed_among_many_nameless_ones() -> None:
    lines = message(*map(image, range(images.CANDIDATES + 5)), image(99, "mine:1")).splitlines()
    assert lines[1].endswith("  mine:1")
    assert len(lines) == 1 + images.CANDIDATES + 1
    assert lines[-1].strip() == "and 6 more"
