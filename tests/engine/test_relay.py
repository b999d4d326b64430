"""Ports of containers that cannot be reached directly, through the probe's relay; with real servers and sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from slimmer.engine import description, relay
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import Ports
from slimmer.engine.resources import EngineResources
from slimmer.engine.streams import MultiplexedStream
from slimmer.image.config import ImageConfig
from slimmer.runs.relays import Relays

IMAGE = "debian:bookworm-slim"
CONFIG = ImageConfig(image_id="", architecture="", os="linux")
PORT = 7007
ECHO = """
use IO::Socket::IP;
$SIG{CHLD} = 'IGNORE';
my $server = IO::Socket::IP->new(LocalHost => $ARGV[0], LocalPort => 7007, Listen => 50, ReuseAddr => 1,
                                   GetAddrInfoFlags => 0) or die $@;
print "ready\\n"; STDOUT->flush;
while (my $client = $server->accept) {
    next if fork;
    syswrite $client, $ARGV[1];
    while (sysread $client, my $data, 65536) {
        for (my $sent = 0; $sent < length $data; ) { $sent += syswrite($client, $data, length($data) - $sent, $sent) }
    }
    exit;
}
"""
"""Says a greeting, echoes everything, and closes when the other side has nothing more to say."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def server(scope: EngineResources, address: str, greeting: str = "", options: RunOptions | None = None) -> Container:
    """A started echo server that listens on one address."""
    asked = description.native(CONFIG, options or RunOptions(), IMAGE)
    asked |= {"Entrypoint": ["perl", "-e", ECHO], "Cmd": [address, greeting]}
    asked["HostConfig"]["Sysctls"] = {"net.ipv6.conf.lo.disable_ipv6": "0"}
    container = scope.create(asked, "server")
    container.start()
    while "ready" not in container.last_log_lines():
        assert container.wait(0.02) is None, container.last_log_lines()
    return container


@contextmanager
def ports_of(
    scope: EngineResources, probe: Path, container: Container, *, local: bool = False, network: str = ""
) -> Iterator[Ports]:
    """The container's ports; without `local` they can be reached through a relay alone."""
    relays = Relays(scope, probe, container, network)
    with Ports(container, local=local, network=network, relays=relays) as ports:
        yield ports
    relays.close()


@contextmanager
def connected(endpoint: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(endpoint, timeout=30) as connection:
        yield connection


def echoed(endpoint: tuple[str, int], data: bytes) -> bytes:
    """What comes back for `data`, all of it, until the server closes."""
    with connected(endpoint) as connection:
        sender = threading.Thread(target=_send, args=(connection, data))
        sender.start()
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        sender.join()
    return answer


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_a_local_engines_containers_are_reached_directly(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "0.0.0.0")
    with ports_of(scope, probe, container, local=scope.engine.local) as ports:
        if scope.engine.local:
            assert ports.endpoint(PORT) == (container.address(), PORT)
        assert ports.accepts(PORT)
        assert not ports.accepts(PORT + 1)
        assert echoed(ports.endpoint(PORT), b"hello") == b"hello"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0"])
def test_what_cannot_be_reached_directly_is_relayed(scope: EngineResources, probe: Path, address: str) -> None:
    container = server(scope, address)
    with ports_of(scope, probe, container) as ports:
        assert ports.accepts(PORT)
        host, port = ports.endpoint(PORT)
        assert host == "127.0.0.1"
        assert ports.endpoint(PORT) == (host, port)
        data = os.urandom(3 << 20)
        assert echoed((host, port), data) == data
    with pytest.raises(OSError):
        socket.create_connection((host, port), timeout=5).close()


def test_a_service_on_the_containers_own_address_is_relayed(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "0.0.0.0", options=RunOptions(hostname="itself"))
    code, said = container.exec_run(("perl", "-e", ECHO.replace("7007", "7008"), container.address(), ""), 1.0, user="")
    assert code == 124, said
    with ports_of(scope, probe, container) as ports:
        assert echoed(ports.endpoint(7008), b"hello") == b"hello"


def test_a_service_that_listens_on_its_loopback_only_is_relayed_even_here(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "127.0.0.1")
    with ports_of(scope, probe, container, local=scope.engine.local) as ports:
        assert ports.endpoint(PORT)[0] == "127.0.0.1"
        assert echoed(ports.endpoint(PORT), b"hello") == b"hello"


def test_a_container_without_a_network_is_relayed(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "0.0.0.0", options=RunOptions(network="none"))
    with ports_of(scope, probe, container, local=scope.engine.local, network="none") as ports:
        assert echoed(ports.endpoint(PORT), b"hello") == b"hello"


def test_a_service_that_speaks_first_is_heard(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "127.0.0.1", greeting="220 welcome\r\n")
    with ports_of(scope, probe, container) as ports:
        assert ports.accepts(PORT)
        with connected(ports.endpoint(PORT)) as connection:
            assert connection.recv(100) == b"220 welcome\r\n"
            connection.sendall(b"EHLO")
            assert connection.recv(100) == b"EHLO"


def test_many_connections_at_once(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "127.0.0.1")
    sent = [b"%d" % number * 1000 for number in range(24)]
    with ports_of(scope, probe, container) as ports, ThreadPoolExecutor(8) as pool:
        endpoint = ports.endpoint(PORT)
        assert list(pool.map(lambda data: echoed(endpoint, data), sent)) == sent


def test_where_nobody_listens_nothing_is_accepted(scope: EngineResources, probe: Path) -> None:
    container = server(scope, "127.0.0.1")
    with ports_of(scope, probe, container) as ports:
        assert not ports.accepts(PORT + 1)
        with pytest.raises(OSError):
            socket.create_connection(ports.endpoint(1), timeout=5).close()


def test_many_ports_are_looked_for_with_one_command(
    scope: EngineResources, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = server(scope, "127.0.0.1")
    commands: list[tuple[str, ...]] = []
    started = Container.exec_stream

    def counted(through: Container, argv: tuple[str, ...], *, user: str) -> MultiplexedStream:
        commands.append(argv)
        return started(through, argv, user=user)

    monkeypatch.setattr(Container, "exec_stream", counted)
    monkeypatch.setattr(relay, "FRESH", 60.0)
    with ports_of(scope, probe, container) as ports:
        assert [port for port in range(PORT - 100, PORT + 100) if ports.accepts(port)] == [PORT]
        assert len(commands) == 1
        socket.create_connection(ports.endpoint(PORT), timeout=30).close()  # who asks no more than whether it accepts
        assert echoed(ports.endpoint(PORT), b"hello") == b"hello"
        assert len(commands) == 2


def test_hundreds_of_connections_at_once_are_carried_in_turn(
    scope: EngineResources, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "MOST_AT_ONCE", 4)
    container = server(scope, "127.0.0.1")
    with ports_of(scope, probe, container) as ports, ThreadPoolExecutor(20) as pool:
        endpoint = ports.endpoint(PORT)
        assert list(pool.map(lambda number: echoed(endpoint, b"%d" % number), range(20))) == [
            b"%d" % number for number in range(20)
        ]
