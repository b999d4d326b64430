"""From the pristine image to the slim one, by both builders: every kind of file is what it was, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from slimmer.engine import builds, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources
from slimmer.errors import EngineError
from slimmer.image.config import ImageConfig
from slimmer.image.engine_artifacts import ImageTree, overrides, read_image_tree
from slimmer.output_folder import OutputFolder
from slimmer.probe_binary import probe_path
from slimmer.rebuild.archive import config_json, image_id
from slimmer.rebuild.image import Builder, choose_builder, make_image
from slimmer.rebuild.rootfs import RootFs, write_rootfs
from slimmer.runs.image_mount import open_pristine
from slimmer.verify.check import Side, check_structure
from tests.engine.names import OWN, untag
from tests.engine.odd_image import CAFE, LONG, odd_image
from tests.engine.prompt import PromptResources

SLIM = f"{OWN}-rebuild:slim"
UNWANTED = {"/srv/unwanted", "/etc/hosts"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture
def scope(engine: Engine, leftovers: None) -> Iterator[EngineResources]:
    with PromptResources(engine) as scope:
        yield scope


@pytest.fixture(params=["dockerfile", "load"])
def original(request: pytest.FixtureRequest, engine: Engine, scope: EngineResources) -> Iterator[ImageConfig]:
    """An image that this builder is chosen for."""
    with odd_image(engine, f"{OWN}-rebuild:odd", user_xattrs=request.param == "load") as tag:
        yield images.inspect(engine, tag)


def packed(
    scope: EngineResources, config: ImageConfig, folder: OutputFolder, purpose: str = "original"
) -> tuple[RootFs, ImageTree, list[str], Builder]:
    """All of the image but the unwanted, packed."""
    probe = probe_path(scope.engine.architecture)
    with open_pristine(scope, config, config.image_id, probe, purpose) as pristine:
        own = read_image_tree(pristine.index(), pristine.probe_folder, config.created, config.volumes)
        paths = [entry.path for entry in own.tree if entry.path not in UNWANTED]
        builder = choose_builder("", config, own.tree, scope.engine.architecture)
        return write_rootfs(pristine, overrides(paths, own), folder), own, paths, builder


def made(engine: Engine, config: ImageConfig, rootfs: RootFs, builder: Builder, folder: OutputFolder) -> str:
    def build(files: list[Path], tag: str) -> str:
        return builds.build(engine, files, tag)

    def load(write: Callable[[IO[bytes]], None], tag: str) -> str:
        return builds.load(engine, write, tag)

    return make_image(config, rootfs, builder, folder, SLIM, config.created, build, load)


def test_nothing_of_what_is_kept_changes(
    request: pytest.FixtureRequest, engine: Engine, scope: EngineResources, original: ImageConfig, tmp_path: Path
) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        rootfs, own, kept, builder = packed(scope, original, folder)
        assert builder.name == request.node.callspec.params["original"], builder.reason
        assert {"/" + CAFE, "/" + LONG, "/data/seed", "/srv/hard-2", "/"} <= set(kept)
        assert rootfs.digests["/srv/hard-1"] == rootfs.digests["/srv/hard-2"]
        try:
            made(engine, original, rootfs, builder, folder)
            slim = images.inspect(engine, SLIM)
            probe = probe_path(engine.architecture)
            with open_pristine(scope, slim, slim.image_id, probe, "slim") as pristine:
                side = Side(
                    read_image_tree(pristine.index(), pristine.probe_folder, original.created, slim.volumes), slim
                )
                found = check_structure(
                    Side(own, original), side, kept, rootfs.digests, pristine.hash, whole_seconds=builder.whole_seconds
                )
            assert [str(difference) for difference in found] == []
            assert len(slim.layers) == 1
            if builder.name == "load":
                assert slim.layers == (rootfs.diff_id,)
                assert slim.image_id == image_id(config_json(original, rootfs, original.created))
        finally:
            untag(engine, SLIM)


def test_the_same_input_gives_the_same_image(scope: EngineResources, original: ImageConfig, tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "one") as one, OutputFolder(tmp_path / "two") as two:
        first, second = packed(scope, original, one, "one")[0], packed(scope, original, two, "two")[0]
        assert first.diff_id == second.diff_id
        identifiers = {image_id(config_json(original, rootfs, original.created)) for rootfs in (first, second)}
        assert len(identifiers) == 1


def test_docker_build_on_the_folder_gives_the_image_again(
    engine: Engine, scope: EngineResources, tmp_path: Path
) -> None:
    with odd_image(engine, f"{OWN}-rebuild:odd", user_xattrs=False) as tag:
        config = images.inspect(engine, tag)
        with OutputFolder(tmp_path / "out") as folder:
            rootfs, _, _, builder = packed(scope, config, folder)
            try:
                made(engine, config, rootfs, builder, folder)
                first = images.inspect(engine, SLIM).layers
                folder.publish()
                again = engine.api.build(path=str(folder.path), tag=SLIM, rm=True, decode=True)
                assert any("Successfully built" in answer.get("stream", "") for answer in again)
                assert images.inspect(engine, SLIM).layers == first
            finally:
                untag(engine, SLIM)


def test_a_path_that_is_not_there_fails_and_leaves_no_archive(
    scope: EngineResources, original: ImageConfig, tmp_path: Path
) -> None:
    probe = probe_path(scope.engine.architecture)
    with (
        OutputFolder(tmp_path / "out") as folder,
        open_pristine(scope, original, original.image_id, probe, "original") as pristine,
        pytest.raises(EngineError, match="cannot read"),
    ):
        write_rootfs(pristine, [("/", ""), ("/nowhere", "")], folder)
    assert not (tmp_path / "out").exists()
