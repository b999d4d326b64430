"""Finding the image that the user means, in a real engine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.errors import TargetNotFound, UnsupportedEngine, UsageError
from tests.engine.command import slimmer
from tests.engine.names import OWN, identifier_of, untag

NAME = f"{OWN}-images"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def make(engine: Engine, tag: str, content: bytes, changes: tuple[str, ...] = ()) -> str:
    """An image of one small file; its ID without the algorithm."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    engine.api.import_image_from_data(archive.getvalue(), repository=tag, changes=list(changes))
    return str(engine.api.inspect_image(tag)["Id"]).removeprefix("sha256:")


def load_foreign(engine: Engine, tag: str, architecture: str) -> None:
    """An image of another architecture, as `docker load` takes it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w"):
        pass
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]}
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}
    files = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer.getvalue(),
        "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    list(engine.api.load_image(archive.getvalue()))


@pytest.fixture(scope="module")
def image(engine: Engine) -> Iterator[str]:
    yield make(engine, f"{NAME}:one", b"one", ("ENV A=b", "USER 5"))
    engine.api.remove_image(f"{NAME}:one", force=True)


def test_an_image_is_found_by_name_tag_identifier_and_prefix(engine: Engine, image: str) -> None:
    for target in (f"{NAME}:one", image, f"sha256:{image}", image[:20], f"sha256:{image[:20]}"):
        config = images.resolve(engine, target)
        assert config.image_id == f"sha256:{image}", target
        assert config.user == "5"
        assert f"{NAME}:one" in config.tags


def test_a_name_without_tag_means_latest(engine: Engine, image: str) -> None:
    with pytest.raises(TargetNotFound):
        images.resolve(engine, NAME)
    images.tag(engine, image, f"{NAME}:latest")
    try:
        assert images.resolve(engine, NAME).image_id == f"sha256:{image}"
    finally:
        untag(engine, f"{NAME}:latest")


def test_an_ambiguous_prefix_lists_its_candidates(engine: Engine) -> None:
    made: dict[str, tuple[str, str]] = {}
    tags: list[str] = []
    try:
        for number in range(40):  # 16 first digits: two of 17 images share one
            tag = f"{NAME}:many-{number}"
            digits = make(engine, tag, b"%d" % number)
            tags.append(tag)
            if digits[0] in made:
                break
            made[digits[0]] = (digits, tag)
        with pytest.raises(TargetNotFound) as caught:
            images.resolve(engine, digits[0])
        for candidate, name in ((digits, tag), made[digits[0]]):
            assert f"{candidate[:12]}  {name}" in caught.value.message
        assert caught.value.exit_code == 3
        common = next(n for n in range(64) if digits[n] != made[digits[0]][0][n])
        assert images.resolve(engine, digits[: common + 20]).image_id == f"sha256:{digits}"
    finally:
        for tag in tags:
            engine.api.remove_image(tag, force=True)


def test_a_name_goes_before_an_identifier(engine: Engine, image: str) -> None:
    other = make(engine, f"{image[:12]}:latest", b"other")
    try:
        assert images.resolve(engine, image[:12]).image_id == f"sha256:{other}"
        assert images.resolve(engine, image[:13]).image_id == f"sha256:{image}"
    finally:
        engine.api.remove_image(f"{image[:12]}:latest", force=True)


def test_a_digest_of_an_unpushed_image_is_not_found(engine: Engine, image: str) -> None:
    with pytest.raises(TargetNotFound):
        images.resolve(engine, f"{NAME}@sha256:{image}")


def test_a_misspelt_name_gets_a_proposal(engine: Engine, image: str) -> None:
    with pytest.raises(TargetNotFound) as caught:
        images.resolve(engine, "slimer-test-imagse:one")
    assert f"{NAME}:one" in caught.value.hint
    assert "--pull" in caught.value.hint


def test_a_command_that_cannot_pull_does_not_advise_it(engine: Engine) -> None:
    result = slimmer("compare", "nosuch/image", "nosuch/other")
    assert result.returncode == 3 and "no such image: nosuch/image" in result.stderr
    assert "--pull" not in result.stderr


def test_an_unknown_identifier_cannot_be_pulled(engine: Engine) -> None:
    with pytest.raises(TargetNotFound) as caught:
        images.resolve(engine, "0" * 64)
    assert "--pull" not in caught.value.hint


def test_what_is_no_reference_is_a_usage_error(engine: Engine) -> None:
    with pytest.raises(UsageError):
        images.resolve(engine, "No Such Thing")


def test_an_image_of_another_platform_is_refused(engine: Engine, image: str) -> None:
    foreign = "arm64" if engine.architecture == "amd64" else "amd64"
    with pytest.raises(TargetNotFound) as caught:
        images.resolve(engine, f"{NAME}:one", platform=f"linux/{foreign}")
    assert f"not for linux/{foreign}" in caught.value.message
    assert images.resolve(engine, f"{NAME}:one", platform=f"linux/{engine.architecture}").image_id.endswith(image)
    load_foreign(engine, f"{NAME}:foreign", foreign)
    try:
        with pytest.raises(UnsupportedEngine) as unsupported:
            images.resolve(engine, f"{NAME}:foreign")
        assert foreign in unsupported.value.message
    finally:
        engine.api.remove_image(f"{NAME}:foreign", force=True)


def test_a_pull_that_fails_says_why(engine: Engine) -> None:
    with pytest.raises(TargetNotFound) as caught:
        images.resolve(engine, "127.0.0.1:9/slimmer-test/nothing:1", pull=True)
    assert "cannot be pulled" in caught.value.message


def test_tagging(engine: Engine, image: str) -> None:
    name = f"{NAME}:two"
    assert identifier_of(engine, name) is None
    images.tag(engine, image, name)
    assert identifier_of(engine, name) == f"sha256:{image}"
    untag(engine, name)
    assert identifier_of(engine, f"{NAME}:one") == f"sha256:{image}"


def test_layers_name_what_made_them(engine: Engine, image: str) -> None:
    made = images.layers(engine, image)
    assert [layer.size for layer in made] == [3]
