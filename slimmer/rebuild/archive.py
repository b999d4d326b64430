"""Write a docker-archive: the slim image for `docker load`, with the whole configuration and one layer.

The SHA-256 of the configuration's JSON is the image's ID, so the same files and configuration always give the same ID. Sources: moby, image/spec/spec.md ("Combined Image JSON + Filesystem Changeset Format"); OCI image specification,
config.md; for the Docker extensions, see slimmer.image.config.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any

from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.rebuild.rootfs import PIECE, RootFs

CREATED_BY = "slimmer build"


def creation_time(config: ImageConfig, source_date_epoch: str | None) -> str:
    """Return the slim image's creation time as RFC 3339: the original's, or SOURCE_DATE_EPOCH if that is set.

    Raises UsageError if it is not a number of seconds. Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    """
    return _epoch_time(source_date_epoch) if source_date_epoch else config.created


def build_time(source_date_epoch: str | None) -> str:
    """Return the time of a build as RFC 3339: now, or SOURCE_DATE_EPOCH if that is set. Raise UsageError as above."""
    return _epoch_time(source_date_epoch) if source_date_epoch else _text(datetime.now(UTC).replace(microsecond=0))


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _epoch_time(source_date_epoch: str) -> str:
    return _text(epoch_time(source_date_epoch))


def epoch_time(source_date_epoch: str) -> datetime:
    """Return the time that SOURCE_DATE_EPOCH means, in UTC. Raises UsageError if it is not a number of seconds."""
    try:
        return datetime.fromtimestamp(int(source_date_epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is not a time: {source_date_epoch!r}",
            hint="Set it to seconds since 1970, as `date +%s` prints them, or unset it.",
        ) from error


def config_json(config: ImageConfig, rootfs: RootFs, created: str) -> bytes:
    """Return the image's configuration, byte for byte the same for the same values. `created` is RFC 3339, or "" for none."""
    image = {
        "architecture": config.architecture,
        "author": config.author,
        "created": created,
        "history": [_present({"created": created, **entry}) for entry in _history(config)],
        "os": config.os,
        "rootfs": {"type": "layers", "diff_ids": [rootfs.diff_id]},
        "variant": config.variant,
    }
    complete = _present(image) | {"config": _process(config)}
    return json.dumps(complete, sort_keys=True, separators=(",", ":")).encode("ascii")


def _history(config: ImageConfig) -> Iterator[dict[str, Any]]:
    """Yield how the image was made. Podman has no other place to tell cheaply that there is a SHELL or an ONBUILD."""
    yield {"created_by": CREATED_BY}
    if config.shell is not None:
        yield {"created_by": f"SHELL {json.dumps(config.shell)}", "empty_layer": True}
    for instruction in config.on_build:
        yield {"created_by": f"ONBUILD {instruction}", "empty_layer": True}


def image_id(configuration: bytes) -> str:
    """Return the ID of the image with this configuration (config_json)."""
    return f"sha256:{hashlib.sha256(configuration).hexdigest()}"


def write_archive(file: IO[bytes], configuration: bytes, rootfs: RootFs, tag: str) -> None:
    """Write the archive as a stream. The image is loaded as `tag` (NAME:TAG)."""
    name = f"{image_id(configuration).removeprefix('sha256:')}.json"
    layer = f"{rootfs.diff_id.removeprefix('sha256:')}/layer.tar"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [layer]}]
    with tarfile.open(fileobj=file, mode="w|", bufsize=PIECE) as tar, rootfs.path.open("rb") as files:
        tar.copybufsize = PIECE  # type: ignore[attr-defined]  # instead of 16 kB
        _add(tar, name, io.BytesIO(configuration), len(configuration))
        _add(tar, layer, files, rootfs.size)
        text = json.dumps(manifest).encode("ascii")
        _add(tar, "manifest.json", io.BytesIO(text), len(text))


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o444
    tar.addfile(member, content)


def _process(config: ImageConfig) -> dict[str, Any]:
    """Return the part that containers inherit. Absent values are left out; an empty ENTRYPOINT or CMD is an empty list."""
    values: dict[str, Any] = {
        "User": config.user,
        "ExposedPorts": {port: {} for port in config.exposed_ports},
        "Env": list(config.env),
        "Volumes": {volume: {} for volume in config.volumes},
        "WorkingDir": config.working_dir,
        "Labels": dict(config.labels),
        "StopSignal": config.stop_signal,
        "OnBuild": list(config.on_build),
        "Healthcheck": _healthcheck(config.healthcheck) if config.healthcheck else {},
    }
    optional = {
        "Entrypoint": config.entrypoint,
        "Cmd": config.cmd,
        "Shell": config.shell,
        "StopTimeout": config.stop_timeout,
    }
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in optional.items()}
    return _present(values) | {name: value for name, value in given.items() if value is not None}


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    times = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
        "Retries": check.retries,
    }
    return {"Test": list(check.test)} | _present(times)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
