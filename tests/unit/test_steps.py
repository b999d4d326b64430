"""What stays of a build's steps, in stores that keep each step as an image of its own and in those that need them.

The engine here is a stand-in with the answers of Docker 28.5 (containerd image store) and 20.10 (overlay2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import requests
from docker.errors import APIError

from slimmer.engine.connection import Engine
from slimmer.engine.steps import Steps

FIRST, SECOND, FINAL, OTHER = (f"{digit}" * 64 for digit in "1234")


class Store:
    """Images by ID, with their parents and names. With `keeps_parents`, it refuses to remove what another image is made from."""

    def __init__(
        self, parents: Mapping[str, str], *, keeps_parents: bool, names: Mapping[str, str] | None = None
    ) -> None:
        self.parents, self.keeps_parents, self.names = dict(parents), keeps_parents, names or {}
        self.api = self

    def inspect_image(self, image: str) -> dict[str, Any]:
        whole = next(one for one in self.parents if one.startswith(image.removeprefix("sha256:")))
        parent = self.parents[whole]
        names = [self.names[whole]] if whole in self.names else []
        return {"Id": f"sha256:{whole}", "Parent": f"sha256:{parent}" if parent else "", "RepoTags": names}

    def remove_image(self, image: str, noprune: bool) -> None:
        whole = self.inspect_image(image)["Id"].removeprefix("sha256:")
        if self.keeps_parents and whole in self.parents.values():
            answer = requests.Response()
            answer.status_code = 409
            raise APIError("conflict", response=answer, explanation="image has dependent child images")
        while whole and not noprune:
            whole = self.parents.pop(whole)


def after_a_build(store: Store) -> set[str]:
    """Build an image in two steps, and return what is in the store then."""
    steps = Steps()
    said = [f"Step {number}\n" for number in "123"]
    for image in (FIRST, SECOND, FINAL):
        said.append(f" ---> {image[:12]}\n")
    assert len(list(steps.watch({"stream": line} for line in said))) == len(said)
    steps.remove_behind(cast(Engine, store), FINAL)
    return set(store.parents)


def test_steps_that_are_images_of_their_own_go() -> None:
    assert after_a_build(Store({FIRST: "", SECOND: FIRST, FINAL: SECOND}, keeps_parents=False)) == {FINAL}


def test_steps_that_the_image_needs_stay() -> None:
    everything = {FIRST: "", SECOND: FIRST, FINAL: SECOND}
    assert after_a_build(Store(everything, keeps_parents=True)) == set(everything)


def test_what_this_build_did_not_make_stays() -> None:
    everything = {OTHER: "", FINAL: OTHER}
    assert after_a_build(Store(everything, keeps_parents=False)) == set(everything)


def test_a_step_with_a_name_stays() -> None:
    everything = {FIRST: "", SECOND: FIRST, FINAL: SECOND}
    assert after_a_build(Store(everything, keeps_parents=False, names={SECOND: "mine:1"})) == set(everything)
