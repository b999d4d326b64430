"""One container: start it, talk to it, stop it. slimmer.engine.description describes containers to the engine."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound

from slimmer.engine.connection import Engine
from slimmer.engine.error_lines import ErrorLines
from slimmer.engine.log_files import add_errors
from slimmer.engine.streams import MultiplexedStream, OpenStreams
from slimmer.errors import AppFailed, EngineError, EngineUnreachable, UsageError
from slimmer.exit_codes import KILLED, TIMED_OUT
from slimmer.formatting import OUTPUT_TAIL, output_text

logger = logging.getLogger(__name__)

LAST_WORDS_TIMEOUT = 2.0
PIECE = 1 << 16
OPTION_PROBLEMS = (
    "unable to find user", "unable to find group", "sethostname", "environment variable", "device information", "network ",
)  # fmt: skip
"""Parts of the engine's message if the options, or the image's USER, turn out to be wrong only when the container starts."""

ENGINE_FAULTS = (
    "failed to create endpoint", "could not find bridge", "failed to set up container networking", "iptables failed",
    "external connectivity on endpoint", "failed to start userland proxy", "failed to start shim", "no available ipv4 addresses",
    "could not find an available", "failed to retrieve oci runtime", "context deadline exceeded", "containerd.sock",
)  # fmt: skip
"""Parts of the engine's message if it cannot make any container, whatever the image and the options are (moby, libnetwork: endpoints,
bridges and firewall rules; containerd: the process that holds the container)."""

ENGINE_HINT = "The image is not to blame: `docker run` fails in the same way for every image. Restart the engine, and look at its log."

START_PROBLEMS = ("executable file not found", "no such file or directory", "permission denied", "exec format error")

NO_ADDRESSES = (
    "The engine has no addresses for another network. `docker network prune` removes those that nothing uses."
)
FULL_DISK = "The engine's disk is full. `docker system df` shows what takes the space; `docker system prune` and `slimmer clean` free some."


@contextmanager
def engine_calls(doing: str) -> Iterator[None]:
    """Turn whatever the SDK raises into EngineError or EngineUnreachable. `doing` completes "the engine could not …"."""
    try:
        yield
    except APIError as error:
        words = str(error.explanation or error)
        raise EngineError(f"the engine could not {doing}: {words}", hint=_hint(words)) from error
    except (requests.RequestException, DockerException) as error:
        raise EngineUnreachable(f"the engine stopped answering (to {doing}): {error}") from error


def is_full(words: str) -> bool:
    """Return True if a message of the engine says that its disk is full (ENOSPC)."""
    return "no space left on device" in words.lower()


def is_own_fault(words: str) -> bool:
    """Return True if a message says that the engine itself is broken, not that the image or the options are wrong."""
    return any(fault in words.lower() for fault in ENGINE_FAULTS)


def is_not_found(error: EngineError) -> bool:
    """Return True if the engine reported "not found" (status 404, as engine_calls raises it)."""
    return isinstance(error.__cause__, APIError) and error.__cause__.status_code == 404


class Tail:
    """Keeps the last bytes of a stream."""

    def __init__(self, limit: int = OUTPUT_TAIL) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Add the next piece."""
        self._pieces.append(data[-self._limit :])
        self._size += len(self._pieces[-1])
        while self._size - len(self._pieces[0]) >= self._limit:
            self._size -= len(self._pieces.popleft())

    def text(self) -> str:
        """Return the last bytes as text (slimmer.formatting.output_text)."""
        return output_text(b"".join(self._pieces)[-self._limit :])


class Container:
    """A container of one run. Its output is read as it comes, and a thread waits for its end."""

    def __init__(self, engine: Engine, identifier: str, name: str, streams: OpenStreams | None = None) -> None:
        """`streams` are the open streams of the run, which closes them at its end."""
        self.id = identifier
        self.name = name
        self._engine = engine
        self._streams = streams or OpenStreams()
        self._tail = Tail()
        self._errors = ErrorLines()
        self._collector: threading.Thread | None = None
        self._ended = threading.Event()
        self._code = KILLED
        self._lost = ""
        self._address: str | None = None

    def start(self, *, collect_output: bool = True) -> None:
        """Start it. Raise AppFailed if its command cannot be run at all, EngineError for anything else."""
        api = self._engine.api
        logger.info("start %s", self.name)
        with engine_calls(f"attach to {self.name}"):
            output = (
                self._stream(api.attach_socket(self.id, params={"stdout": 1, "stderr": 1, "stream": 1}), merge=True)
                if collect_output
                else None
            )
        if output is not None:
            self._collector = threading.Thread(target=self._collect, args=(output,), daemon=True)
            self._collector.start()
        try:
            api.start(self.id)
        except APIError as error:
            raise start_problem(error) from error
        except (requests.RequestException, DockerException) as error:
            raise EngineUnreachable(f"the engine stopped answering (to start {self.name}): {error}") from error
        threading.Thread(target=self._await_end, daemon=True).start()

    def attach(self) -> MultiplexedStream:
        """Return stdin and stdout of the container's main process. Call this before start(collect_output=False)."""
        with engine_calls(f"attach to {self.name}"):
            params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            return self._stream(self._engine.api.attach_socket(self.id, params=params))

    def exec_stream(self, argv: tuple[str, ...], *, user: str) -> MultiplexedStream:
        """Run a command in the container, and return its stdin and stdout."""
        api = self._engine.api
        with engine_calls(f"run a command in {self.name}"):
            created = api.exec_create(self.id, list(argv), stdin=True, user=user)
            return self._stream(api.exec_start(created["Id"], socket=True))

    def exec_run(self, argv: tuple[str, ...], timeout: float, *, user: str) -> tuple[int, str]:
        """Run a command to its end, and return its exit code and the last 4 kB of its output.

        If it does not end in time, the exit code is 124, as with timeout(1), and the command ends with the container.
        """
        api = self._engine.api
        with engine_calls(f"run a command in {self.name}"):
            created = api.exec_create(self.id, list(argv), user=user)
            stream = self._stream(api.exec_start(created["Id"], socket=True), merge=True)
        tail = Tail()
        if not _read_until(stream, tail, time.monotonic() + timeout):
            return TIMED_OUT, tail.text() + f"\n(no end within {timeout:g} s)"
        with engine_calls(f"ask for a command's exit code in {self.name}"):
            code = api.exec_inspect(created["Id"])["ExitCode"]
        return (KILLED if code is None else int(code)), tail.text()

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs. Raise EngineUnreachable if the engine is gone, so that it is unknown."""
        if self._lost:
            raise EngineUnreachable(f"the engine stopped answering while {self.name} ran: {self._lost}")
        return self._code if self._ended.is_set() else None

    @property
    def has_ended(self) -> bool:
        """True if it is known to have ended, so that it holds no port, address or device any more."""
        return self._ended.is_set() and not self._lost

    def wait(self, seconds: float) -> int | None:
        """Wait for the end, at most this many seconds. Return the exit code, or None if it still runs."""
        self._ended.wait(seconds)
        return self.exit_code()

    def kill(self, signal: str) -> None:
        """Send a signal to PID 1. It is no error if the container has already ended."""
        logger.info("send %s to %s", signal, self.name)
        try:
            self._engine.api.kill(self.id, signal)
        except APIError as error:
            if self._ended.wait(1.0) or error.status_code in (404, 409):
                return
            raise UsageError(f"the engine cannot send {signal} to the app: {error.explanation}") from error

    def health(self) -> str:
        """Return the engine's health status: "healthy", "unhealthy", "starting", or "none" without a HEALTHCHECK."""
        with engine_calls(f"inspect {self.name}"):
            state: dict[str, Any] = self._engine.api.inspect_container(self.id)["State"]
            status = str((state.get("Health") or {}).get("Status") or "none")
            return self._checked(status) if status == "starting" and self._engine.is_podman else status

    def _checked(self, status: str) -> str:
        """Let Podman check the health now, and return what comes of it. By itself, it does so only where systemd runs."""
        api = self._engine.api
        answer = api._get(api._url("/libpod/containers/{0}/healthcheck", self.id))
        return str(answer.json().get("Status") or status) if answer.ok else status

    def address(self) -> str:
        """Return its first IP address, or "" if its network gives it none (none, host, another container's)."""
        if self._address is None:
            with engine_calls(f"inspect {self.name}"):
                networks = self._engine.api.inspect_container(self.id)["NetworkSettings"]["Networks"] or {}
            found = [n.get("IPAddress") or n.get("GlobalIPv6Address") or "" for n in networks.values()]
            self._address = next((address for address in found if address), "")
        return self._address

    def last_log_lines(self) -> str:
        """Return the last lines of its output. They are complete once it has ended."""
        self._await_output()
        return self._tail.text()

    def error_lines(self) -> tuple[str, ...]:
        """Return the lines of its output that look like errors, each kind once (slimmer.engine.error_lines)."""
        self._await_output()
        return self._errors.lines()

    def file_errors(self, places: tuple[str, ...]) -> tuple[str, ...]:
        """Return the lines of its log files that look like errors, each kind once. `places` are folders and files that may not exist.

        It may have ended, but not be removed. Raises EngineError if the engine does not answer.
        """
        errors = ErrorLines()
        for place in places:
            with engine_calls(f"read the logs of {self.name}"), contextlib.suppress(APIError):  # there is no such path
                pieces, _ = self._engine.api.get_archive(self.id, place, chunk_size=PIECE)
                with contextlib.closing(pieces):
                    add_errors(pieces, errors)
        return errors.lines()

    def _stream(self, connection: Any, *, merge: bool = False) -> MultiplexedStream:
        return self._streams.add(MultiplexedStream(connection, merge=merge))

    def _await_output(self) -> None:
        if self._collector is not None and self._ended.is_set():
            self._collector.join(LAST_WORDS_TIMEOUT)

    def _collect(self, stream: MultiplexedStream) -> None:
        with contextlib.closing(stream), contextlib.suppress(OSError, ValueError):
            while data := stream.recv():
                self._tail.add(data)
                self._errors.add(data)
        self._errors.end()

    def _await_end(self) -> None:
        """Wait in the engine until the container ends. Removing it also ends it."""
        try:
            self._code = int(self._engine.api.wait(self.id, timeout=None)["StatusCode"])
            logger.info("%s ended with code %d", self.name, self._code)
        except APIError:
            pass  # it was removed
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            self._lost = str(error) or type(error).__name__
        self._ended.set()


def _read_until(stream: MultiplexedStream, tail: Tail, deadline: float) -> bool:
    """Read a command's output to its end. Return False if the deadline comes first."""
    try:
        while True:
            stream.set_timeout(max(0.001, deadline - time.monotonic()))
            data = stream.recv()
            if not data:
                return True
            tail.add(data)
    except TimeoutError:
        return False
    finally:
        stream.close()


def start_problem(error: APIError) -> Exception:
    """Return the error for a container that the engine did not start: AppFailed for the image or the options, else EngineError."""
    explanation = str(error.explanation or error)
    if is_own_fault(explanation):
        return EngineError(f"the engine could not start the container: {explanation}", hint=ENGINE_HINT)
    if any(words in explanation.lower() for words in OPTION_PROBLEMS):
        return AppFailed(
            f"the engine cannot start the container with these options: {explanation}",
            hint="`docker run` with the same options fails, too. Check --user, --network, --env and so on, and the image's USER.",
        )
    if any(words in explanation for words in START_PROBLEMS):
        return AppFailed(f"the container's command cannot be run: {explanation}", hint="Check --entrypoint and --cmd.")
    if isinstance(error, NotFound):
        return EngineError(f"the container is gone: {explanation}")
    return EngineError(f"the engine could not start the container: {explanation}", hint=_hint(explanation))


def _hint(words: str) -> str | None:
    if is_full(words):
        return FULL_DISK
    if "non-overlapping" in words.lower():
        return NO_ADDRESSES
    return ENGINE_HINT if is_own_fault(words) else None
