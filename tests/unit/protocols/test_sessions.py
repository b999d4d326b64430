"""Sessions with what real servers answered: Redis 7.0, PostgreSQL 15, MariaDB 10.11, memcached 1.6, mosquitto 2.0, RabbitMQ 3.10, OpenLDAP 2.5, dnsmasq 2.90, aiosmtpd.

The recorded client's bytes are checked, too: a session that sends something else gets no answer.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest

from slimmer.exercise.protocols.mysql import CACHING, proof
from slimmer.exercise.protocols.protocol import Session
from slimmer.exercise.protocols.recognition import recognise
from slimmer.exercise.protocols.scram import Client
from slimmer.exercise.protocols.source import converse, converse_again
from slimmer.exercise.protocols.table import PROTOCOLS, named
from tests.exchanges import Exchange, playing, read
from tests.unit.local_app import CERTIFICATE
from tests.unit.protocols.place import Place, context

EXCHANGES = Path(__file__).with_name("exchanges")
ENVIRONMENT = {
    "redis": {"REDIS_PASSWORD": "geheim"},
    "mysql": {"MARIADB_ROOT_PASSWORD": "geheim"},
    "ldap": {"SLAPD_DOMAIN": "other.test", "SLAPD_PASSWORD": "secret"},
}
READ = {
    "redis": "a value of slimmer's",
    "postgresql": "1|a value of slimmer's\nSELECT 1",
    "mysql": "1|a value of slimmer's",
    "memcached": "VALUE slimmer_throwaway 0 20\na value of slimmer's",
    "mqtt": "a value of slimmer's",
    "amqp": "a value of slimmer's",
    "ldap": "description: a value of slimmer's",
}
LENGTHS = {"memcached": 5, "smtp": 5, "dns": 3}


def exchange(protocol: type[Session]) -> Exchange:
    return read(EXCHANGES / f"{protocol.name}.txt")


def first_answer(protocol: type[Session]) -> bytes:
    return next(data for side, data in exchange(protocol) if side == "<")


def names(protocol: type[Session]) -> str:
    return protocol.name


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=names)
def test_a_session_with_a_real_server_has_all_its_steps(protocol: type[Session]) -> None:
    said: list[str] = []
    port = protocol.ports[0]
    with playing(exchange(protocol)) as other:
        place = context(Place({port: other}), said, ENVIRONMENT.get(protocol.name))
        answers = list(converse_again(place, [(port, protocol.name)]))
    length = LENGTHS.get(protocol.name, 6)
    assert said == [f"spoke {protocol.title} on {port}: {length} of {length} steps"]
    bodies = {answer.request.path: (answer.body or b"").decode() for answer in answers}
    assert bodies.get("read") == READ.get(protocol.name)
    assert "geheim" not in str(bodies) and "secret" not in str(bodies)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=names)
def test_a_protocol_is_recognised_on_any_port(protocol: type[Session]) -> None:
    greets = not protocol.hello
    played = exchange(protocol) if greets else [(">", protocol.hello), ("<", first_answer(protocol))]
    with playing(played) as port:
        assert recognise(Place(), port) is protocol


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=names)
def test_no_two_protocols_know_the_same_answer(protocol: type[Session]) -> None:
    assert [one.name for one in PROTOCOLS if one.knows(first_answer(protocol))] == [protocol.name]


def test_without_a_known_number_nothing_is_asked_if_the_port_may_speak_http() -> None:
    with playing(exchange(named("redis"))) as port:
        assert recognise(Place(), port, known_alone=True) is None
        assert recognise(Place({6379: port}), 6379, known_alone=True) is named("redis")


def test_a_server_that_greets_in_another_protocol_gets_no_guess() -> None:
    with playing([("<", b"220 FTP server ready\r\n"), (">", b"EHLO localhost\r\n"), ("<", b"530 no\r\n")]) as port:
        assert recognise(Place(), port) is None
    with playing([("<", b"SSH-2.0-OpenSSH_9.2\r\n")]) as port:
        assert recognise(Place(), port) is None


def test_a_missing_password_is_told_with_its_variable() -> None:
    said: list[str] = []
    asked = exchange(named("redis"))[:4]
    asked[3] = ("<", b"-NOAUTH Authentication required.\r\n")
    with playing(asked[:2]) as other:
        told, answers = converse(context(Place({6379: other}), said), [6379], lambda port: True)
    assert said == [
        "spoke Redis on 6379: 1 of 6 steps; authenticate: the server refused it: NOAUTH Authentication required. "
        "(--env REDIS_PASSWORD=…)"
    ]
    assert (told.found, told.asked) == (6, 2)
    assert told.limits == ("REDIS authenticate on port 6379: the server refused it: NOAUTH Authentication required.",)
    assert [answer.body for answer in answers] == [b"connected", b"NOAUTH"]


def test_a_server_that_is_starting_is_asked_again() -> None:
    said: list[str] = []
    fatal = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    error = b"E" + (len(fatal) + 4).to_bytes(4, "big") + fatal
    played = exchange(named("postgresql"))
    with playing([*played[:3], ("<", error)]) as other:
        place = context(Place({5432: other}), said, ready_timeout=0.5)
        answers = list(converse_again(place, [(5432, "postgresql")]))
    assert place.elapsed >= 0.5
    assert [answer.request.path for answer in answers] == ["connect", "authenticate"]
    assert "the database system is starting up" in said[0]


def test_a_password_that_a_server_repeats_is_hidden() -> None:
    said: list[str] = []
    played = [
        (">", b"*1\r\n$4\r\nPING\r\n"),
        ("<", b"-NOAUTH\r\n"),
        (">", b"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n"),
        ("<", b"-WRONGPASS geheim is wrong\r\n"),
    ]
    with playing(played) as other:
        answers = list(
            converse_again(context(Place({6379: other}), said, {"REDIS_PASSWORD": "geheim"}), [(6379, "redis")])
        )
    assert "geheim" not in repr(answers) + str(said)
    assert "WRONGPASS … is wrong" in said[0]


def test_scram_gives_the_proof_of_the_rfc() -> None:
    """RFC 7677, section 3."""
    client = Client("pencil", "user", b"rOprNGfwEbeRWgbNEkqO")
    challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert client.final(challenge).endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")


def test_the_proof_of_caching_sha2_password_is_that_of_other_clients() -> None:
    """The values are those of the tests of go-sql-driver/mysql."""
    salt = bytes((10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 2, 23, 21))
    assert proof(CACHING, "secret", salt).hex() == "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c"
    assert proof(CACHING, "secret2", salt).hex() == "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6"


@pytest.mark.parametrize("full", [False, True], ids=["known to the server", "in full over TLS"])
def test_mysql_logs_in_with_caching_sha2_password_over_tls(full: bool) -> None:
    """A server as MySQL 8.4: its greeting, TLS, and a log-in that is fast or asks for the whole password."""
    salt = bytes(range(1, 21))
    greeting = b"\x0a8.4.3\0" + struct.pack("<I8sxHBHHB10x", 8, salt[:8], 0xFFFF, 255, 2, 0xDFFF, 21) + salt[8:] + b"\0"
    greeting += b"caching_sha2_password\0"
    heard: list[bytes] = []

    def packet(number: int, body: bytes) -> bytes:
        return struct.pack("<I", len(body))[:3] + bytes([number]) + body

    def talk(listener: socket.socket) -> None:
        client, _ = listener.accept()
        client.sendall(packet(0, greeting))
        heard.append(client.recv(36))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATE)
        with tls.wrap_socket(client, server_side=True) as secure:
            heard.append(secure.recv(4096))
            secure.sendall(packet(3, b"\x01\x04" if full else b"\x01\x03"))
            if full:
                heard.append(secure.recv(4096))
            secure.sendall(packet(5 if full else 4, b"\0\0\0\2\0\0\0"))
            secure.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=talk, args=(listener,), daemon=True)
        server.start()
        place = context(Place({3306: listener.getsockname()[1]}), [], {"MYSQL_ROOT_PASSWORD": "secret"})
        answers = list(converse_again(place, [(3306, "mysql")]))
        server.join()
    assert [(answer.request.path, answer.problem) for answer in answers][:2] == [("connect", ""), ("authenticate", "")]
    assert len(heard[0]) == 36 and heard[0][3] == 1 and heard[0][5] & 0x08
    assert heard[1][3] == 2 and b"root\0\x20" + proof(CACHING, "secret", salt) + b"caching_sha2_password\0" in heard[1]
    assert heard[2:] == ([packet(4, b"secret\0")] if full else [])
