"""Finding the image that the user means, in a real engine."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import tarfile
from collections.abc import Iterator

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.errors import TargetNotFound, UnsupportedEngine, UsageError
from tests.engine.command import slimmer
from tests.engine.names import LABEL, OWN, identifier_of, untag

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


def empty_image(architecture: str, **labels: str) -> dict[str, bytes]:
    """The files of an image of one empty layer, as `docker load` takes them. Its ID is the digest of its config.json."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w"):
        pass
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]}
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": labels}, "rootfs": rootfs}
    return {"config.json": json.dumps(config).encode(), "layer.tar": layer.getvalue()}


def identifier(files: dict[str, bytes]) -> str:
    """The ID that the engine will give to an image of `empty_image`, without the algorithm."""
    return hashlib.sha256(files["config.json"]).hexdigest()


def load(engine: Engine, tag: str, files: dict[str, bytes]) -> None:
    """Load an image of `empty_image` under a tag."""
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in {**files, "manifest.json": manifest}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    list(engine.api.load_image(archive.getvalue()))


def alike(architecture: str, digits: int) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Two images whose IDs begin with the same digits. No other image of the engine is likely to begin with them, too."""
    made: dict[str, dict[str, bytes]] = {}
    for number in itertools.count():
        files = empty_image(architecture, **{LABEL: OWN, "number": str(number)})
        other = made.setdefault(identifier(files)[:digits], files)
        if other is not files:
            return files, other
    raise AssertionError("unreachable")


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
    pair = dict(zip((f"{NAME}:first", f"{NAME}:second"), alike(engine.architecture, 6), strict=True))
    try:
        for tag, files in pair.items():
            load(engine, tag, files)
        first, second = map(identifier, pair.values())
        with pytest.raises(TargetNotFound) as caught:
            images.resolve(engine, first[:6])
        for candidate, tag in ((first, f"{NAME}:first"), (second, f"{NAME}:second")):
            assert f"{candidate[:12]}  {tag}" in caught.value.message
        assert caught.value.exit_code == 3
        common = next(n for n in range(64) if first[n] != second[n])
        assert images.resolve(engine, first[: common + 1]).image_id == f"sha256:{first}"
    finally:
        for tag in pair:
            untag(engine, tag)


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
    load(engine, f"{NAME}:foreign", empty_image(foreign))
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


def test_the_history_names_what_made_the_layers(engine: Engine, image: str) -> None:
    made = images.history(engine, image)
    assert [entry.size for entry in made] == [3]
