"""The probe's stream as it is read: over real sockets, with this test in the place of the probe."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.observe import probe_stream
from slimmer.observe.probe_stream import ProbeStream, Stream
from slimmer.observe.records import RecordReader

COUNTERS = b"events=1 records=1 lost=%d unreadable=0 interrupted=0 io_uring=0 own_filters=0"
OPEN = b"open found 1 0\0/etc/passwd\0\0"
DEADLINE = 30.0


class Peer:
    """Both ends of a stream: the probe's, and the one that is read."""

    def __init__(self) -> None:
        self.probe, self._ours = socket.socketpair()
        self.probe.settimeout(DEADLINE)
        self.reader = RecordReader()
        self.stream = ProbeStream(_Socket(self._ours), self.reader, hint="Do something.")

    def answer_ping(self, after: int = 1) -> None:
        """Answer this ping, in another thread."""

        def answer() -> None:
            for _ in range(after):
                assert self.probe.recv(5) == b"ping\n"
            self.probe.sendall(b"pong\0\0\0")

        threading.Thread(target=answer, daemon=True).start()

    def answer_drain(self, lost: int = 0) -> None:
        """Answer one order to drain, in another thread."""

        def answer() -> None:
            assert self.probe.recv(100) == b"drain\n"
            self.probe.sendall(OPEN + b"drained\0" + COUNTERS % lost + b"\0\0")

        threading.Thread(target=answer, daemon=True).start()


class _Socket(Stream):
    """A socket whose closing wakes who waits in recv."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def recv(self, size: int) -> bytes:
        return self._end.recv(size)

    def sendall(self, data: bytes) -> None:
        self._end.sendall(data)

    def close(self) -> None:
        self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.stream.close()
    peer.probe.close()


def test_what_was_drained_is_in_the_log(peer: Peer) -> None:
    peer.answer_drain()
    drained = peer.stream.drain()
    log = peer.stream.log("sha256:1", drained=drained)
    assert (drained, log.complete, log.image_id) == (True, True, "sha256:1")
    assert [access.asked for access in log.accesses] == ["/etc/passwd"]
    assert not peer.stream.over


def test_a_probe_that_has_ended_has_told_all(peer: Peer) -> None:
    """Its end may be on the way yet when it can take no order any more."""
    peer.probe.shutdown(socket.SHUT_RD)
    threading.Timer(0.1, peer.probe.sendall, (OPEN + b"end\0" + COUNTERS % 0 + b"\0\0",)).start()
    assert peer.stream.drain()
    assert peer.stream.over
    assert peer.stream.log("", drained=False).complete


def test_a_stream_that_breaks_off_makes_no_log(peer: Peer) -> None:
    peer.probe.sendall(OPEN)
    peer.probe.shutdown(socket.SHUT_RDWR)
    assert not peer.stream.wait_for(lambda: False, DEADLINE)
    with pytest.raises(ObservationIncomplete, match="gone") as caught:
        peer.stream.drain()
    assert caught.value.hint == "Do something."
    with pytest.raises(ObservationIncomplete, match="trailer"):
        peer.stream.log("", drained=False)


def test_a_loss_is_an_error_with_the_counters(peer: Peer) -> None:
    peer.answer_drain(lost=3)
    drained = peer.stream.drain()
    with pytest.raises(ObservationIncomplete, match=r"3 events were lost: .*lost 3") as caught:
        peer.stream.log("", drained=drained)
    assert caught.value.hint == "Do something."


@pytest.mark.parametrize(
    ("record", "words"), [(b"fatal\0no room\0\0", "gave up: no room"), (b"nonsense\0\0\0", "unknown or invalid record")]
)
def test_a_probe_that_gives_up_or_makes_no_sense_is_an_error(peer: Peer, record: bytes, words: str) -> None:
    peer.probe.sendall(record)
    peer.stream.wait_for(lambda: bool(peer.reader.fatal), DEADLINE if b"fatal" in record else 0.0)
    peer.probe.shutdown(socket.SHUT_RDWR)
    peer.stream.wait_for(lambda: False, DEADLINE)
    with pytest.raises(ObservationIncomplete, match=words):
        peer.stream.wait(0.0)


@pytest.mark.parametrize("after", [1, 2])
def test_a_probe_that_answers_the_first_or_the_second_question_is_alive(
    peer: Peer, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_stream, "PATIENCE", (0.1 if after == 2 else DEADLINE, DEADLINE))
    peer.answer_ping(after)
    peer.stream.check_alive()


def test_a_probe_that_has_ended_is_not_asked(peer: Peer) -> None:
    peer.probe.sendall(b"end\0" + COUNTERS % 0 + b"\0\0")
    peer.probe.shutdown(socket.SHUT_RDWR)
    peer.stream.check_alive()


def test_a_probe_that_does_not_answer_is_named(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_stream, "PATIENCE", (0.05, 0.05))
    monkeypatch.setattr(probe_stream, "DRAIN_TIMEOUT", 0.05)
    for ask in (peer.stream.check_alive, peer.stream.drain):
        with pytest.raises(ObservationIncomplete, match="does not answer") as caught:
            ask()
        assert "--user" in caught.value.hint


def test_waiting_notices_a_silent_probe_and_a_word_of_it_is_enough(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_stream, "QUIET", 0.01)
    monkeypatch.setattr(probe_stream, "PATIENCE", (0.1, 0.1))
    with pytest.raises(ObservationIncomplete, match="does not answer"):
        wait_long(peer)
    monkeypatch.setattr(probe_stream, "PATIENCE", (DEADLINE, DEADLINE))
    peer.probe.sendall(OPEN)
    wait_long(peer)


def wait_long(peer: Peer) -> None:
    for _ in range(50):
        peer.stream.wait(0.02)


def test_what_was_opened_is_counted_when_the_own_ping_is_answered(peer: Peer) -> None:
    """The answer to an earlier ping says nothing about what came after it."""

    def answer() -> None:
        assert peer.probe.recv(5) == b"ping\n"
        assert peer.probe.recv(5) == b"ping\n"
        peer.probe.sendall(OPEN + b"pong\0\0\0")
        peer.probe.sendall(b"open found 2 0\0/etc/passwd\0\0" + b"open found 1 0\0/etc/group\0\0" + b"pong\0\0\0")

    thread = threading.Thread(target=answer, daemon=True)
    peer.stream._ping()
    thread.start()
    assert peer.stream.opened() == 2, "a file counts once"
    thread.join()


def test_files_that_the_app_made_or_the_kernel_has_are_not_opened_ones(peer: Peer) -> None:
    peer.probe.sendall(
        b"create missing 1 0\0/tmp/new\0\0" + b"open found 1 0\0/tmp/new\0\0" + b"open found 1 0\0/proc/stat\0\0"
    )
    peer.answer_ping()
    assert peer.stream.opened() == 0


def test_nobody_counts_for_a_probe_that_does_not_answer(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_stream, "PATIENCE", (0.05, 0.05))
    with pytest.raises(ObservationIncomplete, match="does not answer"):
        peer.stream.opened()


def test_after_the_end_of_the_app_the_count_stays(peer: Peer) -> None:
    peer.probe.sendall(OPEN + b"end\0" + COUNTERS % 0 + b"\0\0")
    peer.stream.wait_for(lambda: peer.reader.ended, DEADLINE)
    assert peer.stream.opened() == 1
