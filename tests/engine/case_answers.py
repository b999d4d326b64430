"""What an image answers to the checks of a case. The original is the control: a check passes if the slim image answers as the original."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import httpx
import requests
import yaml
from docker.errors import APIError
from docker.models.containers import Container

from slimmer.compose.project import compose_program
from tests.engine import cli_runner
from tests.engine.case import Case, Check, Run
from tests.engine.names import OWN

DEADLINE = 120.0
"""Seconds for a server to listen, a command to end, or a text to be logged: a limit for hangs."""

PAUSE = 0.1
NO_ANSWER = -1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status or an exit code (NO_ANSWER: nothing did), and the body or the output."""

    status: int
    content_type: str = ""
    body: bytes = b""
    logged: bool = True

    def __str__(self) -> str:
        return f"{self.status} {self.content_type} {self.body[-300:].decode(errors='replace')}".strip()


def answers(client: docker.DockerClient, subject: Case, image: str) -> dict[str, Answer]:
    """What containers of the image give, by check. One that a check has ended is started again for the next check."""
    given: dict[str, Answer] = {}
    for run in subject.runs:
        try:
            with _running(client, subject, run, image) as container:
                _answer_run(client, subject, run, container, given)
        except APIError:  # it does not start: its command is not there
            given |= {check.name: Answer(NO_ANSWER) for check in run.checks if check.name not in given}
    return given


def _answer_run(
    client: docker.DockerClient, subject: Case, run: Run, container: Container, given: dict[str, Answer]
) -> None:
    for check in run.checks:
        if not (check.request or check.exec or check.client):
            given[check.name] = _end(container)
        elif _is_ready(container, run):
            answer = _ask(client, subject, run, container, check)
            if answer.status == check.status and not _is_logged(container, check.log):
                answer = replace(answer, logged=False)
            given[check.name] = answer
        else:
            given[check.name] = Answer(NO_ANSWER, body=container.logs(tail=5))


@contextmanager
def _running(client: docker.DockerClient, subject: Case, run: Run, image: str) -> Iterator[Container]:
    """A container of the image: by itself, or as compose runs it with what it depends on."""
    if subject.project is None:
        with cli_runner.running(client, image, **_options(subject, run)) as container:
            yield container
        return
    service = subject.project.service
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder, "image.yaml")
        other.write_text(yaml.safe_dump({"services": {service: {"image": image}}}))
        files = ["-f", str(subject.folder / subject.project.file), "-f", str(other)]
        compose = [*compose_program()[0], "--project-name", OWN, *files]
        try:
            subprocess.run([*compose, "up", "-d", service], check=True, capture_output=True, timeout=DEADLINE)
            found = subprocess.run([*compose, "ps", "-q", service], check=True, capture_output=True, text=True)
            yield client.containers.get(found.stdout.strip())
        finally:
            subprocess.run([*compose, "down", "--volumes"], check=True, capture_output=True, timeout=DEADLINE)


def _options(subject: Case, run: Run) -> dict[str, Any]:
    options: dict[str, Any] = {"environment": dict(run.environment), "volumes": _mounts(subject, run)}
    if run.command is not None:
        options["command"] = list(run.command)
    if run.entrypoint is not None:
        options["entrypoint"] = list(run.entrypoint)
    return options


def _mounts(subject: Case, run: Run) -> dict[str, dict[str, str]]:
    return {str(subject.folder / name): {"bind": path, "mode": "ro"} for name, path in run.files.items()}


def _is_ready(container: Container, run: Run) -> bool:
    """Wait for a container that is to listen; start it if it has ended. Returns False if it ends or never listens."""
    container.reload()
    if container.status != "running":
        container.start()
    port = run.port or _exposed(container)
    end = time.monotonic() + DEADLINE
    while port and not _listens(container, port):
        if container.status != "running" or time.monotonic() > end:
            return False
        time.sleep(PAUSE)
    return True


def _exposed(container: Container) -> int | None:
    exposed = container.attrs["Config"].get("ExposedPorts") or {}
    return min((int(port.split("/")[0]) for port in exposed if port.endswith("/tcp")), default=None)


def _listens(container: Container, port: int) -> bool:
    container.reload()
    with suppress(OSError), socket.create_connection((cli_runner.own_address(container), port), timeout=5):
        return True
    return False


def _ask(client: docker.DockerClient, subject: Case, run: Run, container: Container, check: Check) -> Answer:
    with suppress(httpx.HTTPError, requests.RequestException, APIError, AssertionError):  # ask asserts that it runs
        if check.request:
            return _requested(container, run, check.request)
        if check.exec:
            result = container.exec_run(list(check.exec))
            return Answer(result.exit_code, body=result.output or b"")
        options: dict[str, Any] = {"entrypoint": list(check.client[:1]), "command": list(check.client[1:])}
        options |= {"network_mode": f"container:{container.id}", "volumes": _mounts(subject, run)}
        with cli_runner.running(client, subject.image, **options) as user:
            return _end(user)
    return Answer(NO_ANSWER)


def _requested(container: Container, run: Run, request: Mapping[str, Any]) -> Answer:
    port = request.get("port") or run.port
    response = cli_runner.ask(container, cli_runner.address(container, port), dict(request))
    return Answer(response.status_code, response.headers.get("content-type", ""), response.content)


def _end(container: Container) -> Answer:
    """Wait for the container's end: its exit code and all that it has said."""
    try:
        status = int(container.wait(timeout=DEADLINE)["StatusCode"])
    except requests.RequestException:
        return Answer(NO_ANSWER, body=container.logs(tail=5))
    return Answer(status, body=container.logs())


def _is_logged(container: Container, text: str) -> bool:
    end = time.monotonic() + DEADLINE
    while text and text.encode() not in container.logs():
        container.reload()
        if container.status != "running" or time.monotonic() > end:
            return text.encode() in container.logs()
        time.sleep(PAUSE)
    return True


def unexpected(subject: Case, given: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers that are not what the case expects: of an original, they are faults of the case."""
    return {name: given[name] for name, check in subject.checks.items() if not _as_expected(given[name], check)}


def _as_expected(answer: Answer, check: Check) -> bool:
    return (
        answer.status == check.status
        and all(text.encode() in answer.body for text in check.contains)
        and answer.content_type.startswith(check.content_type)
        and answer.logged
    )


def passing(subject: Case, original: Mapping[str, Answer], slim: Mapping[str, Answer]) -> set[str]:
    """The checks that a slim image passes."""
    return set(_passing(subject, original, slim))


def _passing(subject: Case, original: Mapping[str, Answer], slim: Mapping[str, Answer]) -> Iterator[str]:
    for name, check in subject.checks.items():
        if _as_expected(slim[name], check) and (check.varies or slim[name] == original[name]):
            yield name
