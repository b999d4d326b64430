"""The docker-archive: the same for the same input, and its ID is the digest of its configuration."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.rebuild.archive import config_json, creation_time, image_id, write_archive
from slimmer.rebuild.rootfs import RootFs

CREATED = "2024-02-03T04:05:06.789012345Z"
LAYER = b"layer" * 1000


@pytest.fixture
def rootfs(tmp_path: Path) -> RootFs:
    path = tmp_path / "rootfs.tar"
    path.write_bytes(LAYER)
    return RootFs(path, len(LAYER), f"sha256:{hashlib.sha256(LAYER).hexdigest()}", {})


def config(**values: Any) -> ImageConfig:
    return ImageConfig(image_id="", architecture="arm64", os="linux", created=CREATED, **values)


def read(configuration: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(configuration)
    return loaded


def test_the_archive_holds_a_manifest_a_configuration_and_the_layer(rootfs: RootFs) -> None:
    configuration = config_json(config(), rootfs, CREATED)
    archive = io.BytesIO()
    write_archive(archive, configuration, rootfs, "app:slim")
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        files = {member.name: b"".join(tar.extractfile(member) or ()) for member in tar}
        assert {(member.mtime, member.uid, member.mode) for member in tar} == {(0, 0, 0o444)}
    [image] = json.loads(files["manifest.json"])
    assert image["RepoTags"] == ["app:slim"]
    assert [files[name] for name in image["Layers"]] == [LAYER]
    assert files[image["Config"]] == configuration
    assert image_id(configuration) == f"sha256:{hashlib.sha256(configuration).hexdigest()}"
    again = io.BytesIO()
    write_archive(again, config_json(config(), rootfs, CREATED), rootfs, "app:slim")
    assert again.getvalue() == archive.getvalue()


def test_absent_and_empty_commands_differ(rootfs: RootFs) -> None:
    absent = read(config_json(config(), rootfs, CREATED))["config"]
    empty = read(config_json(config(entrypoint=(), cmd=()), rootfs, CREATED))["config"]
    assert ("Entrypoint" in absent, "Cmd" in absent) == (False, False)
    assert (empty["Entrypoint"], empty["Cmd"]) == ([], [])


def test_the_image_says_what_it_is(rootfs: RootFs) -> None:
    made = read(config_json(config(variant="v8", author="Jo"), rootfs, CREATED))
    assert {key: made[key] for key in ("architecture", "variant", "os", "author", "created")} == {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "author": "Jo",
        "created": CREATED,
    }
    assert made["rootfs"] == {"type": "layers", "diff_ids": [rootfs.diff_id]}
    assert made["history"] == [{"created": CREATED, "created_by": "slimmer build"}]


def test_values_come_through_whatever_they_hold(rootfs: RootFs) -> None:
    check = Healthcheck(("CMD-SHELL", "a\nb"), interval=1, start_interval=5, retries=2)
    made = read(config_json(config(env=("A=\n\0é$",), stop_timeout=0, healthcheck=check), rootfs, CREATED))["config"]
    assert made["Env"] == ["A=\n\0é$"]
    assert made["StopTimeout"] == 0
    assert made["Healthcheck"] == {"Test": ["CMD-SHELL", "a\nb"], "Interval": 1, "StartInterval": 5, "Retries": 2}


def test_the_creation_time_is_the_originals_or_what_the_environment_says(rootfs: RootFs) -> None:
    assert creation_time(config(), None) == CREATED
    assert creation_time(config(), "") == CREATED
    assert creation_time(config(), "1700000000") == "2023-11-14T22:13:20Z"
    assert "created" not in read(config_json(config(), rootfs, ""))
    for text in ("yesterday", "9" * 30, "1.5"):
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            creation_time(config(), text)
