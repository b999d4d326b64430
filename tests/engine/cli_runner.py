"""Runs an image as a user would and holds it against its probe file: a sample, or its slim twin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import httpx
from docker.models.containers import Container

from tests.engine import samples

READY_DEADLINE = 60.0
REQUEST_DEADLINE = 120.0
PAUSE = 0.05
PUBLISHED = "http://127.0.0.1:"
BODIES = {"json": "json", "data": "form", "content": "body"}
"""httpx's names for what a probe file calls json, form and body."""


@contextmanager
def running(client: docker.DockerClient, image: str, **options: Any) -> Iterator[Container]:
    """A container of that image, removed with its volumes at the end, also when it does not start."""
    container = client.containers.create(image, **options)
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True, v=True)


def ports(published: bool) -> dict[str, Any]:
    """Options for `running`: publish all ports, for engines whose containers cannot be reached at their own addresses."""
    return {"publish_all_ports": True} if published else {}


def address(container: Container, port: int | None = None) -> str:
    """The URL of a port of the container, at its own address (default: the first one that its image EXPOSEs), or where it is published."""
    container.reload()
    port = port or min(int(port.split("/")[0]) for port in container.attrs["Config"]["ExposedPorts"])
    for place in container.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp") or ():
        return f"{PUBLISHED}{place['HostPort']}"
    return f"http://{own_address(container)}:{port}"


def own_address(container: Container) -> str:
    """The container's address in the engine's default network, or in the first of its networks."""
    networks = container.attrs["NetworkSettings"]["Networks"]
    return next((str(one["IPAddress"]) for one in networks.values() if one["IPAddress"]), "")


def ask(container: Container, url: str, request: dict[str, Any]) -> httpx.Response:
    """Send one request of a probe file; until the server listens, again. In front of a published port, the engine accepts and resets before."""
    unready = (httpx.ReadError, httpx.RemoteProtocolError) if url.startswith(PUBLISHED) else ()
    body: dict[str, Any] = {key: request[name] for key, name in BODIES.items() if name in request}
    end = time.monotonic() + READY_DEADLINE
    while True:
        try:
            return httpx.request(
                request["method"],
                url + request["path"],
                headers=request.get("headers"),
                timeout=REQUEST_DEADLINE,
                **body,
            )
        except (httpx.ConnectError, *unready):
            container.reload()
            assert container.status == "running", container.logs(tail=20).decode()
            assert time.monotonic() < end, "nothing listens"
            time.sleep(PAUSE)


def check(answer: httpx.Response, request: dict[str, Any]) -> None:
    """Hold an answer against the request's `expect`."""
    expect, asked = request["expect"], f"{request['method']} {request['path']}"
    assert answer.status_code == expect["status"], asked
    assert expect.get("contains", "") in answer.text, asked
    assert answer.headers.get("content-type", "").startswith(expect.get("content_type", "")), asked


def check_image(client: docker.DockerClient, name: str, image: str, *, published: bool = False) -> None:
    """Everything that the sample's image, or its slim twin, must do. `published`: ask at published ports."""
    if name in samples.AS_TOOL:
        for command in samples.AS_TOOL[name]:
            with running(client, image, command=list(command.words) or None) as container:
                assert container.wait(timeout=READY_DEADLINE)["StatusCode"] == 0, command.words
                assert command.contains in container.logs().decode(), command.words
        return
    with running(client, image, **ports(published)) as container:
        for request in samples.requests(name):
            check(ask(container, address(container), request), request)
        for command in samples.IN_CONTAINER.get(name, ()):
            check_command(container, command)
        container.reload()
        assert container.status == "running"


def check_command(container: Container, command: samples.Command) -> None:
    """Run a command in the container; until the server is up, again."""
    end = time.monotonic() + READY_DEADLINE
    while True:
        result = container.exec_run(list(command.words))
        if result.exit_code == 0 or time.monotonic() > end:
            break
        time.sleep(PAUSE)
    output = b"".join([result.output] if isinstance(result.output, bytes) else result.output).decode()
    assert result.exit_code == 0, output
    assert command.contains in output, command.words
