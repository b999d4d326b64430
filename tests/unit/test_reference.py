"""What an image is called, and what its slim twin is called."""

from __future__ import annotations

import pytest

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.image.reference import Reference, checked_tag, familiar, parse, slim_tag

ID = "3f2a9c01d4e5" + "0" * 52
DIGEST = "sha256:" + "ab" * 32


def image(*tags: str) -> ImageConfig:
    return ImageConfig(image_id="sha256:" + ID, architecture="amd64", os="linux", tags=tags)


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("app", "app", "", ""),
        ("app:1.4", "app", "1.4", ""),
        ("team/app:V1_x-y", "team/app", "V1_x-y", ""),
        ("localhost:5000/app", "localhost:5000/app", "", ""),
        ("registry.example:5000/team/sub/app:1", "registry.example:5000/team/sub/app", "1", ""),
        ("Registry.Example/app", "Registry.Example/app", "", ""),
        ("[::1]:5000/app:1", "[::1]:5000/app", "1", ""),
        ("a__b/c---d.e", "a__b/c---d.e", "", ""),
        (f"app@{DIGEST}", "app", "", DIGEST),
        (f"app:1@{DIGEST}", "app", "1", DIGEST),
    ],
)
def test_names_are_taken_apart(text: str, name: str, tag: str, digest: str) -> None:
    assert parse(text) == Reference(text, name, tag, digest)


@pytest.mark.parametrize("text", ["3f2a9c", "cafe", "1"])
def test_a_short_hex_word_may_be_a_name_or_an_identifier(text: str) -> None:
    assert parse(text) == Reference(text, name=text, identifier=text)


@pytest.mark.parametrize("text", [ID, "sha256:" + ID, "sha256:3f2a"])
def test_a_whole_identifier_is_no_name(text: str) -> None:
    reference = parse(text)
    assert not reference.is_name
    assert ID.startswith(reference.identifier)


@pytest.mark.parametrize(
    "text",
    ["", " ", "App", "app:", "app:-x", "app name", "app:" + "t" * 129, "-app", "app@sha256:12",
     "a/" * 128 + "a", "http://registry/app", "app\n", "app:tag\n", "a_-b", "ünï", "app:ä", "../app", "app:1:2"],
)  # fmt: skip
def test_what_docker_would_refuse_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.hint


def test_the_hint_names_the_likely_cause() -> None:
    with pytest.raises(UsageError) as caught:
        parse("MyApp:1")
    assert "myapp:1" in caught.value.hint


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("app", "app:slim"),
        ("app:latest", "app:slim"),
        ("app:1.4", "app:1.4-slim"),
        ("app:slim", "app:slim-slim"),
        ("localhost:5000/app", "localhost:5000/app:slim"),
        ("localhost:5000/team/app:2", "localhost:5000/team/app:2-slim"),
        (f"app:2@{DIGEST}", "app:2-slim"),
    ],
)
def test_the_slim_twin_follows_the_targets_name(target: str, expected: str) -> None:
    assert slim_tag(parse(target), image("other:9")) == expected


@pytest.mark.parametrize("target", [ID, "sha256:" + ID, "3f2a9c", f"app@{DIGEST}"])
def test_an_identifier_or_digest_follows_the_images_first_tag(target: str) -> None:
    assert slim_tag(parse(target), image("<none>:<none>", "slimmer.local/tmp:x", "web:3", "web:4")) == "web:3-slim"


def test_a_name_of_hex_digits_is_a_name_where_the_image_bears_it() -> None:
    assert slim_tag(parse("3f2a"), image("3f2a:latest", "web:3")) == "3f2a:slim"


@pytest.mark.parametrize("target", [ID, f"app@{DIGEST}"])
def test_an_image_without_a_name_needs_a_tag(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        slim_tag(parse(target), image())
    assert "--tag" in caught.value.hint


def test_a_tag_that_grows_too_long_needs_another() -> None:
    with pytest.raises(UsageError) as caught:
        slim_tag(parse("app:" + "t" * 126), image())
    assert "--tag" in caught.value.hint


def test_a_users_tag_is_completed() -> None:
    assert checked_tag("team/app") == "team/app:latest"
    assert checked_tag("localhost:5000/app:small") == "localhost:5000/app:small"


@pytest.mark.parametrize("text", ["", "App:1", f"app@{DIGEST}", ID, "sha256:" + ID, "slimmer.local/tmp:x", "a b"])
def test_a_users_tag_that_cannot_be_given_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        checked_tag(text)


def test_the_default_registry_is_not_worth_saying() -> None:
    assert familiar("docker.io/library/nginx") == "nginx"
    assert familiar("docker.io/team/app") == "team/app"
    assert familiar("quay.example/library/app") == "quay.example/library/app"
