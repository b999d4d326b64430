"""What a CI job has: which CI it is, how it would reach an engine, whether it runs in a container, and what its output is.

These checks only look at the environment and at files. slimmer.runs.ci_trial tries out the engine.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from slimmer.engine.endpoints import ROOT, USUAL, Endpoint, below, endpoints
from slimmer.engine.refusals import without_credentials
from slimmer.errors import EngineUnreachable
from slimmer.formatting import human_size
from slimmer.runs.check import Check

LEAST_SPACE = 2_000_000_000
"""Bytes that an ordinary build needs: the files of the slim image twice, and some logs."""

CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")
NETWORK = ("tcp://", "https://", "http://")
TLS_PORT = 2376
"""The port at which Docker speaks TLS. It speaks plain HTTP at 2375 (IANA's registry)."""


@dataclass(frozen=True, slots=True)
class Ci:
    """A CI that sets a variable of its own, or has a folder of its own; and where its jobs get an engine from."""

    name: str
    variable: str
    advice: str
    folder: str = ""


KNOWN = (
    Ci(
        "GitHub Actions",  # its "Default environment variables"
        "GITHUB_ACTIONS",
        "Runners of GitHub with Ubuntu have an engine. A job with `container:` has its socket, too; your own runner needs Docker.",
    ),
    Ci(
        "GitLab CI",  # its "Predefined CI/CD variables reference" and "Use Docker-in-Docker"
        "GITLAB_CI",
        "With `services: [docker:dind]`, set DOCKER_HOST=tcp://docker:2376, DOCKER_TLS_CERTDIR=/certs, DOCKER_TLS_VERIFY=1 and "
        "DOCKER_CERT_PATH=/certs/client. The runner must be privileged, and share /certs/client.",
    ),
    Ci(
        "Jenkins",  # its "Using environment variables"
        "JENKINS_URL",
        "The user of the agent must be in the group docker. For an agent in a container, add "
        "`-v /var/run/docker.sock:/var/run/docker.sock --group-add GID` with the GID of the socket.",
    ),
    Ci(
        "Tekton",  # sets no variable, but reserves the folder (tektoncd/pipeline, docs/tasks.md, "Reserved directories")
        "",
        "Add a sidecar `docker:dind` to the Task that shares /certs by an emptyDir volume, and set DOCKER_HOST=tcp://localhost:2376, "
        "DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH=/certs/client.",
        folder="tekton/steps",
    ),
    Ci("CircleCI", "CIRCLECI", "Use the machine executor, or `setup_remote_docker`."),
    Ci("Azure Pipelines", "TF_BUILD", "Agents of Microsoft with Ubuntu have an engine. Your own agent needs Docker."),
    Ci("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "Its engine refuses SYS_ADMIN. Use a runner of your own."),
    Ci("Buildkite", "BUILDKITE", "The user of the agent must be in the group docker."),
)


def runner_checks(environ: Mapping[str, str], docker_host: str = "", root: Path = ROOT) -> Iterator[Check]:
    """Yield what can be known without an engine. `docker_host` replaces DOCKER_HOST; `root` is where this machine's files are."""
    yield _ci(environ, root)
    yield _address(environ, docker_host or environ.get("DOCKER_HOST", ""), root)
    yield _container(environ, root)
    yield _output(environ, terminal=sys.stdout.isatty())
    yield _space(Path.cwd())


def _ci(environ: Mapping[str, str], root: Path) -> Check:
    for known in KNOWN:
        if environ.get(known.variable) if known.variable else (root / known.folder).is_dir():
            return Check("ci", True, f"{known.name}. {known.advice}")
    name = "a CI that slimmer does not know" if environ.get("CI") else "none that slimmer knows"
    return Check("ci", True, f"{name}. slimmer needs DOCKER_HOST, or the socket of an engine.")


def _address(environ: Mapping[str, str], host: str, root: Path) -> Check:
    """Say how the engine would be reached. Whether it answers is another check."""
    if host:
        return _socket(host.removeprefix("unix://"), root) if host.startswith("unix://") else _network(environ, host)
    try:
        tried = endpoints("", environ, root)
    except EngineUnreachable as error:  # of the context that DOCKER_CONTEXT names
        return Check("address", False, error.message, error.hint or "", needed=False)
    usable = [_endpoint(one, root) for one in tried]
    nothing_found = tried == [{"base_url": USUAL}] and not environ.get("DOCKER_CONTEXT")
    if nothing_found and not below(root, Path(USUAL.removeprefix("unix://"))).exists():
        what = "DOCKER_HOST is not set, and there is no socket at the usual places"
        return Check("address", False, what, "Set DOCKER_HOST, or mount the socket of the engine.", needed=False)
    return next((check for check in usable if check.ok), usable[0])


def _endpoint(one: Endpoint, root: Path) -> Check:
    """Say what a context or a usual socket leads to. A context has its own certificates."""
    url = str(one["base_url"])
    if url.startswith("unix://"):
        return _socket(url.removeprefix("unix://"), root)
    shown = f"{without_credentials(url)} of the docker context"
    if url.startswith("https://") or one.get("tls"):
        return Check("address", True, f"{shown} with TLS")
    return _plain(shown) if url.startswith(NETWORK) else Check("address", True, shown)


def _socket(path: str, root: Path) -> Check:
    place = below(root, Path("/", path))
    if not place.exists():
        return Check("address", False, f"there is no socket {path}", "Mount it into the job's container.", needed=False)
    if not os.access(place, os.R_OK | os.W_OK):
        owner = f"its group has the ID {place.stat().st_gid}"
        hint = f"Add the job's user to that group: {owner}."
        return Check("address", False, f"this user may not use the socket {path}", hint, needed=False)
    return Check("address", True, f"the socket {path}")


def _network(environ: Mapping[str, str], host: str) -> Check:
    """Say how DOCKER_HOST is reached: with TLS if DOCKER_TLS_VERIFY or the address say so."""
    shown = without_credentials(host)
    if not host.startswith(NETWORK):
        return Check("address", True, shown)
    folder = Path(environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    try:
        port = urlsplit(host).port
    except ValueError:
        return Check("address", False, f"{shown} is not an address", "For example: tcp://docker:2376", needed=False)
    if environ.get("DOCKER_TLS_VERIFY") and not host.startswith("http://"):
        missing = [name for name in CERTIFICATES if not (folder / name).is_file()]
        if missing:
            what = f"{shown} with TLS, but {folder} has no {', '.join(missing)}"
            hint = "Set DOCKER_CERT_PATH to the folder of the client's certificates; it must be shared with the engine."
            return Check("address", False, what, hint, needed=False)
        return Check("address", True, f"{shown} with TLS (certificates in {folder})")
    if host.startswith("https://"):
        return Check("address", True, f"{shown} with TLS, without a certificate of the client's")
    if port == TLS_PORT:
        hint = "Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH."
        return Check("address", False, f"{shown} speaks TLS, but DOCKER_TLS_VERIFY is not set", hint, needed=False)
    return _plain(shown)


def _plain(shown: str) -> Check:
    hint = "Who reaches that port is root on the engine's machine. Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or keep it in the job's own network."
    return Check("address", False, f"{shown} without TLS", hint, needed=False)


def container_of(environ: Mapping[str, str], root: Path = ROOT) -> str:
    """Return what kind of container this process runs in, or ""."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "a pod of Kubernetes"
    if (root / ".dockerenv").exists():
        return "a container of Docker"
    if (root / "run/.containerenv").exists():
        return "a container of Podman"
    return "a container" if environ.get("container") or (root / "run/systemd/container").exists() else ""


def _container(environ: Mapping[str, str], root: Path) -> Check:
    kind = container_of(environ, root)
    return Check("container", True, f"slimmer runs in {kind}" if kind else "slimmer runs in no container")


def _output(environ: Mapping[str, str], *, terminal: bool) -> Check:
    if environ.get("NO_COLOR"):
        colour = "without colour (NO_COLOR)"
    elif environ.get("FORCE_COLOR"):
        colour = "with colour (FORCE_COLOR)"
    else:
        colour = "with colour" if terminal else "without colour"
    kind = "a terminal" if terminal else "not a terminal, so progress is one line for each stage"
    return Check("output", True, f"stdout is {kind}; {colour}")


def _space(folder: Path) -> Check:
    """Say how much space is left for the output folder, which is made in the current folder, and for temporary files."""
    places = dict.fromkeys((str(folder), os.environ.get("TMPDIR") or "/tmp"))
    free = {place: shutil.disk_usage(place).free for place in places if Path(place).is_dir()}
    detail = ", ".join(f"{human_size(size)} free in {place}" for place, size in free.items())
    hint = "The output folder has the files of the slim image. Choose a larger disk with --out and TMPDIR."
    return Check("disk", all(size >= LEAST_SPACE for size in free.values()), detail, hint, needed=False)
