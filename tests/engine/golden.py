"""Writes what slimmer keeps of every sample and every app with routes: manifests and image IDs, to compare before and after a change.

    make golden                     # writes .cache/golden
    make golden GOLDEN=/tmp/before  # writes another folder

Each image is observed once, and its access log stays in the folder `logs`; later runs start from it. So what differs between two runs
comes from slimmer alone. Give --logs the folder of an earlier run to compare two versions of slimmer.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import yaml

from tests.engine import case, case_images, samples
from tests.engine.command import slimmer
from tests.engine.names import OWN

POLICIES = ("observed", "balanced", "generous")
TAG = f"{OWN}-golden:latest"
LOG = "access.json"
MANIFEST = "manifest.jsonl"


def images(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, image and the arguments with which slimmer observes it."""
    for name in samples.NAMES:
        yield name, f"slimmer-sample-{name}:latest", samples.build_arguments(name)
    for name in case.APP_NAMES:
        app = case.load_app(name)
        probes = folder / f"{name}-probes.yaml"
        probes.write_text(yaml.safe_dump({"requests": list(map(dict, app.probed))}), encoding="utf-8")
        yield f"routes-{name}", app.image, ["--probe-file", str(probes)]


def run(*arguments: str | Path) -> None:
    """Run slimmer. Raises RuntimeError with what it said if it fails."""
    result = slimmer(*arguments)
    if result.returncode:
        raise RuntimeError(f"slimmer {' '.join(map(str, arguments))}:\n{result.stderr}")


def observe(client: docker.DockerClient, name: str, image: str, arguments: list[str], logs: Path) -> Path:
    """The access log of an image: an earlier one if there is one."""
    log = logs / f"{name}.json"
    if not log.exists():
        with tempfile.TemporaryDirectory() as folder:
            run("build", image, *arguments, "--no-verify", "--tag", TAG, "--out", folder)
            shutil.copy(Path(folder) / LOG, log)
        case_images.remove(client, TAG)
    return log


def write(client: docker.DockerClient, name: str, image: str, log: Path, folder: Path) -> Iterator[str]:
    """Write the manifests of one image; yields a line for each policy."""
    for policy in POLICIES:
        with tempfile.TemporaryDirectory() as out:
            common = ("--policy", policy, "--out", out)
            run(
                "build",
                image,
                "--no-observe",
                "--access",
                log,
                "--no-verify",
                "--builder",
                "load",
                "--tag",
                TAG,
                *common,
            )
            manifest = folder / f"{name}-{policy}.jsonl"
            shutil.copy(Path(out) / MANIFEST, manifest)
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
        image_id = client.images.get(TAG).id
        case_images.remove(client, TAG)  # the next image would leave it behind without a name
        yield f"{name} {policy} {image_id} {digest}"


def main() -> None:
    """Write all manifests, and `images.txt` with the image IDs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logs", type=Path, help="access logs of an earlier run (default: FOLDER/logs)")
    options = parser.parse_args()
    folder: Path = options.folder
    logs: Path = options.logs or folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    client = docker.from_env(timeout=120)
    lines: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as probes:
            for name, image, arguments in images(Path(probes)):
                log = observe(client, name, image, arguments, logs)
                for line in write(client, name, image, log, folder):
                    print(line, file=sys.stderr)
                    lines.append(line)
    finally:
        case_images.remove(client, TAG)
        client.close()
    (folder / "images.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
