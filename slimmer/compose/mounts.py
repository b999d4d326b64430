"""Turn the volumes, secrets and configs of a service into what `--volume` and `--tmpfs` say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slimmer.compose.project import Project


@dataclass(slots=True)
class Mounts:
    """The mounts of a service. `remarks` says what differs from what compose would do. `named` are its named volumes."""

    volumes: list[str] = field(default_factory=list)
    tmpfs: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def mounts(project: Project, name: str, service: Mapping[str, Any], *, share: bool) -> Mounts:
    """Return the mounts of a service. With `share`, bind mounts are as in the file; otherwise all are read-only."""
    made = Mounts()
    for entry in service.get("volumes") or ():
        _add(made, project, name, _long(entry), share)
    for kind, table, folder in (
        ("secrets", project.secrets, "/run/secrets/"),
        ("configs", project.configs, "/"),
    ):
        for entry in service.get(kind) or ():
            _add_file(made, f"{name}: {kind}", table, entry, folder)
    return made


def _long(entry: Any) -> Mapping[str, Any]:
    """Return a volume in the long form. Version 1 of compose prints `SOURCE:TARGET:MODE`."""
    if isinstance(entry, dict):
        return entry
    source, _, rest = str(entry).partition(":")
    if not rest:
        return {"type": "volume", "target": source}
    target, _, mode = rest.partition(":")
    kind = "bind" if source.startswith(("/", ".", "~")) else "volume"
    return {"type": kind, "source": source, "target": target, "read_only": "ro" in mode.split(",")}


def _add(made: Mounts, project: Project, name: str, entry: Mapping[str, Any], share: bool) -> None:
    source, target, read_only = entry.get("source") or "", str(entry.get("target")), bool(entry.get("read_only"))
    match entry.get("type"):
        case "tmpfs":
            made.tmpfs.append(":".join(filter(None, (target, ",".join(_tmpfs(entry.get("tmpfs") or {}))))))
        case "volume" if source:
            found = _volume_name(project, source)
            made.named.append(found)
            made.volumes.append(f"{found}:{target}{':ro' if read_only else ''}")
        case "volume":
            made.volumes.append(target)
        case "bind":
            if not (read_only or share):
                made.remarks.append(f"{name}: {source} is mounted read-only. --share-mounts mounts it as compose does")
            made.volumes.append(f"{source}:{target}{'' if share and not read_only else ':ro'}")
        case other:
            made.remarks.append(f"{name}: the {other} mount at {target} is left out")


def _tmpfs(given: Mapping[str, Any]) -> Iterator[str]:
    if given.get("size"):
        yield f"size={given['size']}"
    if given.get("mode"):
        yield f"mode={int(given['mode']):o}"


def _volume_name(project: Project, source: str) -> str:
    """Return the name of a volume in the engine."""
    about = project.volumes.get(source) or {}
    external = about.get("external")
    if about.get("name"):
        return str(about["name"])
    return source if external else f"{project.name}_{source}"


def _add_file(made: Mounts, where: str, table: Mapping[str, Any], entry: Any, folder: str) -> None:
    """Add a secret or a config as a file, mounted read-only."""
    source = str(entry["source"] if isinstance(entry, dict) else entry)
    target = str(entry.get("target") or source) if isinstance(entry, dict) else source
    file = (table.get(source) or {}).get("file")
    if file:
        made.volumes.append(f"{file}:{target if target.startswith('/') else folder + target}:ro")
    else:
        made.remarks.append(f"{where}: {source} is left out, because it does not come from a file")
