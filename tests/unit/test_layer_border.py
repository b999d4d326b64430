"""The border between a base image and the app's own layers: histories of real builders, images on the engine, and a named base.

A file of `histories` is what `docker history --no-trunc --human=false` prints: bytes, comment, and what made the entry, the last one first.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.errors import UsageError
from slimmer.image.history import LONGEST, HistoryEntry, layer_entries
from slimmer.image.layer_border import Border, Found, based, by_history, nearest, numbered

FOLDER = Path(__file__).with_name("histories")
ONE, TWO, THREE, FOUR = (f"sha256:{digit * 64}" for digit in "1234")


def history(name: str) -> tuple[HistoryEntry, ...]:
    rows = (line.split("\t", 2) for line in (FOLDER / f"{name}.tsv").read_text().splitlines())
    return tuple(HistoryEntry(created_by, int(size), comment) for size, comment, created_by in reversed([*rows]))


def border(name: str, layers: int, *, has_system: bool = True) -> Border | None:
    return by_history(history(name), layers, has_system=has_system)


@pytest.mark.parametrize(
    ("name", "layers", "below", "why"),
    [
        ("classic-on-classic-python", 9, 5, 'CMD ["python3"] is the end of another Dockerfile'),
        ("buildkit-on-classic-python", 9, 5, "another builder made what is below, BuildKit what is above"),
        ("buildkit-on-buildkit-python", 8, 4, 'CMD ["python3"] is the end of another Dockerfile'),
        ("buildkit-on-classic-nginx-without-cmd", 4, 3, "another builder made what is below, BuildKit what is above"),
        ("buildkit-on-debian", 3, 1, "the first layer is a distribution's (# debian.sh --arch 'amd64' out/ 'bookworm'"),
        ("podman-on-fedora", 3, 1, "FROM docker.io/library/fedora:latest"),
        ("podman-on-ubuntu", 2, 1, "FROM docker.io/library/ubuntu:22.04"),
        ("podman-on-scratch-app", 3, 1, "FROM localhost/slimmer-sample-musl:latest"),
        ("buildkit-on-scratch-app", 4, 1, "another builder made what is below, BuildKit what is above"),
        ("multi-stage-on-alpine", 3, 1, "the first layer is a distribution's (ADD alpine-minirootfs"),
        ("classic-on-import", 8, 1, "the first layer is a distribution's (Imported from -)"),
    ],
)
def test_the_history_shows_where_the_base_ends(name: str, layers: int, below: int, why: str) -> None:
    found = border(name, layers)
    assert found is not None
    assert (found.below, found.found) == (below, Found.HISTORY)
    assert why in found.detail


def test_a_base_whose_cmd_the_app_inherits_counts_as_the_apps_own() -> None:
    found = border("buildkit-on-nginx-without-cmd", 5)
    assert found is not None and found.below == 1


def test_a_cmd_in_the_middle_of_the_apps_own_dockerfile_is_no_border() -> None:
    found = border("cmd-before-the-last-copy", 3)
    assert found is not None and found.below == 1


@pytest.mark.parametrize(("name", "layers"), [("scratch", 2), ("squashed", 1)])
def test_an_image_from_scratch_or_of_one_layer_shows_no_base(name: str, layers: int) -> None:
    assert border(name, layers) is None


@pytest.mark.parametrize("layers", [1, 99])
def test_a_history_that_does_not_fit_the_layers_is_not_believed(layers: int) -> None:
    assert border("buildkit-on-buildkit-python", layers) is None
    assert by_history((), 3, has_system=True) is None


def test_a_file_that_was_added_at_the_root_is_no_distribution_without_a_system() -> None:
    entries = (
        HistoryEntry(f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / ", 5),
        HistoryEntry("/bin/sh -c #(nop) COPY . /a", 3),
    )
    assert by_history(entries, 2, has_system=False) is None
    found = by_history(entries, 2, has_system=True)
    assert found is not None and found.below == 1


def test_entries_of_no_bytes_have_a_layer_if_the_number_of_layers_says_so() -> None:
    entries = history("classic-on-classic-python")
    places = layer_entries(entries, 9)
    assert places is not None
    assert [entries[place].instruction[:12] for place in places[5:]] == [
        "WORKDIR /app",
        "COPY file:a1",
        "RUN pip inst",
        "COPY dir:a1b",
    ]
    without = layer_entries(entries, 8)
    assert without is not None
    assert [entries[place].word for place in without[5:]] == ["COPY", "RUN", "COPY"]


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c apt-get update  &&\tapt-get install x", "RUN apt-get update && apt-get install x"),
        ("|2 TOKEN=s3cret B=two words /bin/sh -c make", "RUN make"),
        ("RUN |1 TOKEN=s3cret /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=s3cret /bin/bash -o pipefail -c make # buildkit", "RUN"),
        ("RUN /bin/bash -o pipefail -c make # buildkit", "RUN /bin/bash -o pipefail -c make"),
        ("COPY . /a\x1b[2J # buildkit", "COPY . /a\\x1b[2J"),
        (f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in . ", "COPY dir:abababababab in ."),
        ("RUN " + "x" * 500, "RUN " + "x" * (LONGEST - 5) + "…"),
    ],
)
def test_an_instruction_reads_as_in_a_dockerfile_and_has_no_build_arguments(created_by: str, instruction: str) -> None:
    assert HistoryEntry(created_by).instruction == instruction


def test_the_last_layers_are_counted_and_no_more_than_there_are() -> None:
    assert numbered(2, 5).below == 3
    assert numbered(5, 5).below == 0
    with pytest.raises(UsageError, match="--keep-layers 6: the image has only 5 layers") as caught:
        numbered(6, 5)
    assert "docker history" in caught.value.hint


def test_a_named_base_has_the_first_layers() -> None:
    found = based([ONE, TWO, THREE], "app", [ONE, TWO], "base:1")
    assert (found.below, found.found, found.base) == (2, Found.BASE, "base:1")


def test_an_image_that_is_not_the_base_is_refused_with_the_difference() -> None:
    with pytest.raises(UsageError) as caught:
        based([ONE, TWO, THREE], "app", [ONE, FOUR], "base:2")
    assert "Its layer 2 is sha256:222222222222, that of base:2 is sha256:444444444444" in caught.value.message
    assert "another version" in caught.value.hint


@pytest.mark.parametrize(
    ("base", "what"), [([ONE, TWO], "the same layers as"), ([ONE, TWO, THREE], "more layers than")]
)
def test_a_base_that_is_not_below_the_image_is_refused(base: list[str], what: str) -> None:
    with pytest.raises(UsageError, match=f"it has {what} app"):
        based([ONE, TWO], "app", base, "base")


def test_the_image_with_the_most_layers_in_common_is_the_base() -> None:
    others = [
        ("debian:12", (ONE,)),
        ("python:3", (ONE, TWO)),
        ("other:1", (ONE, FOUR)),
        ("empty:1", ()),
        ("same:1", (ONE, TWO, THREE)),
        ("larger:1", (ONE, TWO, THREE, FOUR)),
    ]
    found = nearest([ONE, TWO, THREE], ["app:1"], others)
    assert found is not None
    assert (found.below, found.found, found.base) == (2, Found.IMAGE, "python:3")


@pytest.mark.parametrize("tag", ["team/app:2", "docker.io/team/app:2", "localhost/team/app:2"])
def test_stages_and_versions_of_the_same_app_are_no_base(tag: str) -> None:
    others = [("team/app:deps", (ONE, TWO)), ("debian:12", (ONE,))]
    found = nearest([ONE, TWO, THREE], [tag], others)
    assert found is not None and found.base == "debian:12"


def test_a_repository_with_the_port_of_its_registry_is_another_one() -> None:
    found = nearest([ONE, TWO], ["localhost:5000/app:1"], [("localhost:5000/base:1", (ONE,))])
    assert found is not None and found.base == "localhost:5000/base:1"


def test_no_image_below_is_no_border() -> None:
    assert nearest([ONE, TWO], ["app:1"], [("other:1", (TWO,))]) is None
