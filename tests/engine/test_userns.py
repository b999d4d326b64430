"""An engine with userns-remap: the container's IDs are others than the host's, and an image is slimmed and verified all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import built
from tests.engine.integration_app import road_image
from tests.engine.layers import LayerEntry, layer_entries
from tests.engine.names import OWN
from tests.engine.odd_image import archive
from tests.engine.own_engine import POSSIBLE, own_engine

pytestmark = pytest.mark.skipif(
    not POSSIBLE, reason="an engine of its own needs root and Docker's daemon on this machine"
)
ODD = f"{OWN}-userns:latest"
SLIM = f"{OWN}-userns:slim"


@pytest.fixture(scope="module")
def remapped() -> Iterator[str]:
    """The address of an engine whose containers have a user namespace; dockerd makes the user "dockremap" for that."""
    with own_engine("--userns-remap=default") as url:
        yield url


def files(client: docker.DockerClient, image: str) -> dict[str, LayerEntry]:
    """The files of an image by name, as `docker save` gives them; those of `/srv` and the programs."""
    entries = {entry.name.strip("/"): entry for layer in layer_entries(client, image) for entry in layer}
    return {name: entry for name, entry in entries.items() if name.startswith(("srv", "bin"))}


def traits(entry: LayerEntry) -> object:
    return (
        entry.kind,
        entry.mode & 0o7777,
        entry.owner,
        entry.size,
        entry.mtime.split(".")[0],
        entry.digest,
        entry.xattrs,
    )


def test_owners_modes_and_capabilities_survive(remapped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`built` insists on the verification; the image's archive shows it without slimmer's probe."""
    monkeypatch.setenv("DOCKER_HOST", remapped)
    client = docker.DockerClient(base_url=remapped)
    assert any("userns" in option for option in client.info()["SecurityOptions"])
    with road_image(client, tmp_path) as road:
        context = tmp_path / "odd"
        context.mkdir()
        (context / "odd.tar").write_bytes(archive(user_xattrs=False))
        (context / "Dockerfile").write_text(
            f"FROM {road}\nADD odd.tar /\nVOLUME /data /made/by/the/engine\nUSER 1000:1001\n"
        )
        client.images.build(path=str(context), tag=ODD, rm=True)
        built(ODD, "--include", "/srv", "--tag", SLIM, "--out", tmp_path / "out")
        before, after = files(client, ODD), files(client, SLIM)
        assert {"srv/capable", "srv/owned", "srv/setuid", "srv/null", "srv/pipe", "bin/road"} <= set(after)
        assert {name: traits(entry) for name, entry in after.items()} == {name: traits(before[name]) for name in after}
        assert after["srv/capable"].xattrs
        assert after["srv/owned"].owner == (1234, 4321)
        assert client.containers.list(all=True) == []
    client.close()
