"""cosign and a registry on this machine, for tests of attestations: from PATH, or where scripts/signing-tools.sh puts them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slimmer.artifacts.attestation import PREDICATE

FETCHED = Path(__file__).parents[2] / ".cache/signing/usr/bin"
DEADLINE = 60.0


def tool(name: str) -> str:
    """The program's path; "" if this machine has none."""
    return shutil.which(name) or shutil.which(name, path=str(FETCHED)) or ""


COSIGN, REGISTRY = tool("cosign"), tool("docker-registry")
LACKING = f"{'cosign' if not COSIGN else 'docker-registry'} is not here: run scripts/signing-tools.sh"


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry on a free loopback port with its data in `folder`; its address as names of images begin with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
        "log": {"level": "error"},
    }
    (folder / "registry.yml").write_text(json.dumps(settings))
    with subprocess.Popen([REGISTRY, "serve", folder / "registry.yml"], stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, address)
            yield address
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    """Return when it answers. A process that ended never will."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None:
        try:
            with opener.open(f"http://{address}/v2/", timeout=DEADLINE):
                return
        except OSError:
            continue
    raise AssertionError("the registry ended")


class Cosign:
    """cosign with a key pair of its own in a folder. It reaches nothing but this machine: all else would go to a proxy that is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        nowhere = "http://127.0.0.1:9"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "COSIGN_PASSWORD": "",
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
        }
        self.run("generate-key-pair")
        known = self.run("attest", "--help")
        self.offline = [
            "--tlog-upload=false",
            *(["--use-signing-config=false"] if "--use-signing-config" in known else []),
        ]
        self.new = "--use-signing-config" in known
        """Whether this is version 3 or newer."""

    def run(self, *arguments: str | Path) -> str:
        """Run it, which must succeed; what it prints to stdout."""
        result = subprocess.run(
            [COSIGN, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=DEADLINE,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def attest(self, image: str, predicate: Path) -> None:
        """Sign a predicate about an image, and attach it."""
        self.run(
            "attest",
            "--yes",
            *self.offline,
            "--key",
            "cosign.key",
            "--type",
            PREDICATE,
            "--predicate",
            predicate,
            image,
        )

    def attested(self, image: str, policy: str = "") -> dict[str, Any]:
        """The statement about an image, whose signature is good. It must fulfil the policy (CUE), if there is one."""
        (self.folder / "policy.cue").write_text(policy)
        check = ("verify-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", "--type", PREDICATE)
        printed = self.run(*check, *(("--policy", "policy.cue") if policy else ()), image)
        payload = json.loads(printed)["payload"]
        statement: dict[str, Any] = json.loads(base64.b64decode(payload))
        return statement


def pushed(address: str, repository: str, tag: str) -> str:
    """The digest that a registry gives for a tag."""
    request = urllib.request.Request(
        f"http://{address}/v2/{repository}/manifests/{tag}",
        method="HEAD",
        headers={
            "Accept": "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
        },
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=DEADLINE) as answer:
        return str(answer.headers["Docker-Content-Digest"])
