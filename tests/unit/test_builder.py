"""The choice of the builder, its reason, and a Dockerfile that never says what the image's values want it to say."""

from __future__ import annotations

import dataclasses

import pytest

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.image.tree import Entry, Tree
from slimmer.rebuild.dockerfile import render
from slimmer.rebuild.image import choose_builder
from tests.unit.tree_maker import record

CONFIG = ImageConfig(image_id="", architecture="amd64", os="linux", env=("PATH=/bin",), cmd=("/x",))
TWO_LINES = dataclasses.replace(CONFIG, env=("PATH=/bin\nRUN evil", "B=1"), user="7")


def entries(xattrs: str) -> list[Entry]:
    return list(Tree(record("d", "/") + record("f", "/file", xattrs=xattrs)))


def hexed(name: str) -> str:
    return f"{name.encode().hex()}=00"


def test_docker_build_is_the_default() -> None:
    builder = choose_builder("", CONFIG, entries(""), "amd64")
    assert (builder.name, builder.beyond, builder.whole_seconds) == ("dockerfile", (), True)


def test_loading_is_done_when_it_is_asked_for() -> None:
    builder = choose_builder("load", CONFIG, entries(""), "amd64")
    assert (builder.name, builder.reason, builder.whole_seconds) == ("load", "as asked", False)


@pytest.mark.parametrize("name", ["user.note", "system.posix_acl_access", "security.ima"])
def test_extended_attributes_are_loaded(name: str) -> None:
    builder = choose_builder("", CONFIG, entries(hexed(name)), "amd64")
    assert builder.name == "load"
    assert name in builder.reason


def test_file_capabilities_are_built() -> None:
    assert choose_builder("", CONFIG, entries(hexed("security.capability")), "amd64").name == "dockerfile"


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(CONFIG, architecture="arm64"),
        dataclasses.replace(CONFIG, variant="v8"),
        dataclasses.replace(CONFIG, os="freebsd"),
        TWO_LINES,
        dataclasses.replace(CONFIG, on_build=("RUN id",) * 10_000),
    ],
)
def test_what_a_dockerfile_cannot_say_is_loaded_and_cannot_be_forced(config: ImageConfig) -> None:
    builder = choose_builder("", config, [], "amd64")
    assert builder.name == "load"
    assert builder.beyond
    with pytest.raises(UsageError, match="would change"):
        choose_builder("dockerfile", config, [], "amd64")


def test_podman_loads_since_its_builds_add_a_label() -> None:
    builder = choose_builder("", CONFIG, [], "amd64", is_podman=True)
    assert (builder.name, builder.beyond) == ("load", ())
    assert "podman" in builder.reason


def test_a_given_time_of_creation_is_loaded_unless_a_build_was_asked_for() -> None:
    builder = choose_builder("", CONFIG, [], "amd64", dated=True)
    assert (builder.name, builder.beyond) == ("load", ())
    assert "SOURCE_DATE_EPOCH" in builder.reason
    assert choose_builder("dockerfile", CONFIG, [], "amd64", dated=True).name == "dockerfile"


def test_a_value_cannot_become_an_instruction() -> None:
    beyond = choose_builder("", TWO_LINES, [], "amd64").beyond
    text = render(TWO_LINES, [*beyond, "a name\nRUN evil"])
    assert not any(line.startswith("RUN") for line in text.splitlines())
    assert "USER 7\n" in text
    assert 'ENV B="1"\n' in text
    assert "UNSAID ENV\n" in text
    assert "# A build would change a line break in ENV." in text


def test_a_dockerfile_that_says_everything_has_no_excuse() -> None:
    assert "would change" not in render(CONFIG)
