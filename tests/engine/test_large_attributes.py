"""Extended attributes as large as the kernel takes, of all kinds and with odd names, on a disk that takes them (ext4 does not)."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError

from tests.engine.command import slimmer
from tests.engine.layers import layer_entries
from tests.engine.names import OWN
from tests.engine.own_engine import POSSIBLE, engine_in_memory
from tests.engine.probe.image import Programs

DISK = 64
CAPABILITY = "\x01\0\0\x02\0\x20" + 14 * "\0"
"""cap_net_raw=ep (linux/capability.h, struct vfs_cap_data, revision 2)."""

ATTRIBUTES = {
    "large": {"user.large": "v" * 65_536},
    "many": {f"user.number-{number:03}": "value" for number in range(200)},
    "kinds": {"user.a b": "x=y\nz", "trusted.mine": "t", "security.mine": "s", "security.capability": CAPABILITY},
}

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="needs root and dockerd")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The engine's, as DOCKER_HOST takes it."""
    with engine_in_memory(DISK) as address:
        yield address


def files(program: bytes) -> bytes:
    """The program, and a file with each set of attributes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data, attributes in (("bin/touch", program, {}), *((n, b"x\n", a) for n, a in ATTRIBUTES.items())):
            member = tarfile.TarInfo(name if attributes == {} else f"srv/{name}")
            member.size, member.mode = len(data), 0o755
            member.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in attributes.items()}
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def attributes(client: docker.DockerClient, image: str) -> dict[str, dict[str, str]]:
    """What each file below /srv has, as `docker save` gives it."""
    entries = [entry for layer in layer_entries(client, image) for entry in layer]
    return {entry.name: dict(entry.xattrs) for entry in entries if entry.name.startswith("srv/") and entry.xattrs}


def test_large_attributes_of_all_kinds_survive(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = docker.DockerClient(address, timeout=120)
    monkeypatch.setenv("DOCKER_HOST", address)
    image, slim = f"{OWN}-attributes:latest", f"{OWN}-attributes:slim"
    command = json.dumps(["/bin/touch", *(f"/srv/{name}" for name in ATTRIBUTES)])
    try:
        content = files(Programs(tmp_path)("touch", "-static"))
        client.api.import_image_from_data(content, repository=image, changes=[f"CMD {command}"])
    except APIError as error:  # tmpfs takes attributes of users from Linux 6.6 on
        pytest.skip(f"no such attributes here: {error.explanation}")
    result = slimmer("build", image, "--no-http", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "builder load: " in result.stderr
    assert len(result.stderr) < 5000
    before = attributes(client, image)
    assert len(before["srv/large"]["SCHILY.xattr.user.large"]) == 65_536
    assert attributes(client, slim) == before
    client.close()
