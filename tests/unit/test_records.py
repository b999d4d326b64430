"""The record stream's reader, and the log's file format."""

from __future__ import annotations

import io
import sys

import pytest

from slimmer.errors import ObservationIncomplete, UsageError
from slimmer.observe import records
from slimmer.observe.log import Access, AccessLog, Listener, Operation, Recorder, read_log, write_log
from slimmer.observe.records import AppState, CommandResult, RecordReader
from slimmer.probe_mount import ProbeMount

STREAM = b"".join(
    field + b"\0"
    for field in (
        b"hello 1 0.1.0", b"amd64", b"",
        b"recorder notify on", b"the kernel has it", b"",
        b"recorder fanotify off", b"EPERM", b"",
        b"attached 1", b"/app", b"",
        b"exe 1", b"/usr/bin/caf\xe9", b"",
        b"exec found 1 1", b"/bin/app\nx", b"/usr/bin/app\nx",
        b"look-up missing 7 0", b"/etc/none", b"",
        b"open found 7 1", b"/etc/some", b"",
        b"listen tcp 8080", b"0.0.0.0", b"",
        b"calls native", b"0 1 435", b"",
        b"drained", b"events=5 lost=0", b"signals=4002 listening=2 ticks=31",
        b"calls native", b"0 1 435 999", b"",
        b"calls compat", b"1", b"",
        b"end", b"events=6 lost=1", b"",
    )
)  # fmt: skip
CAFE = b"/usr/bin/caf\xe9".decode(errors="surrogateescape")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_the_stream_may_arrive_in_any_pieces(size: int) -> None:
    reader = RecordReader()
    for position in range(0, len(STREAM), size):
        reader.feed(STREAM[position : position + size])
    assert reader.accesses == [
        Access(Operation.EXEC, "/bin/app\nx", "/usr/bin/app\nx", True, 1, CAFE),
        Access(Operation.LOOK_UP, "/etc/none", "", False, 7, ""),
        Access(Operation.OPEN, "/etc/some", "/etc/some", True, 7, CAFE),
    ]
    assert reader.recorders == [
        Recorder("notify", True, "the kernel has it"),
        Recorder("fanotify", False, "EPERM"),
    ]
    assert reader.listeners == [Listener("0.0.0.0", 8080)]
    assert reader.system_calls == {"x86_64": ("call-999", "clone3", "read", "write"), "x86": ("exit",)}
    assert reader.state == AppState(1 << 14 | 1 << 1, listening=2, ticks=31, events=5)
    assert (reader.drained, reader.ended, reader.counters) == (1, True, {"events": 6, "lost": 1})


@pytest.mark.parametrize(
    "record",
    [
        b"hello 2 9.9\0amd64\0\0",
        b"dance found 1 0\0/x\0\0",
        b"drained\0\0signals=4002 listening\0",
        b"drained\0\0signals=4002 ticks=-1\0",
        b"open maybe 1 0\0/x\0\0",
        b"calls arm 1\0001\0\0",
        b"calls native\0read\0\0",
        b"open found 1 9\0/x\0\0",
    ],
)
def test_what_does_not_fit_the_protocol_is_an_error(record: bytes) -> None:
    with pytest.raises(ObservationIncomplete):
        RecordReader().feed(record)


def test_a_record_without_an_end_is_an_error_before_it_fills_the_memory() -> None:
    reader = RecordReader()
    with pytest.raises(ObservationIncomplete):
        for _ in range(1000):
            reader.feed(b"x" * 4096)


def test_a_log_survives_its_file_with_names_that_are_not_utf8() -> None:
    reader = RecordReader()
    reader.feed(STREAM)
    log = reader.log("sha256:abc", complete=True)
    file = io.StringIO()
    write_log(log, file)
    assert file.getvalue().isascii()
    assert read_log(io.StringIO(file.getvalue())) == log


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "slimmer-access-log", "version": 99}'])
def test_a_file_that_is_no_log_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_log(io.StringIO(text))


def test_what_the_probe_changed_for_the_app_is_told() -> None:
    quiet = AccessLog("", (), counters={"events": 9, "interrupted": 0, "own_filters": 0, "io_uring": 2})
    assert quiet.disturbances == ()
    first, second = AccessLog("", (), counters={"interrupted": 3, "own_filters": 1}).disturbances
    assert first.startswith("3 system calls") and "EINTR" in first and "--recorder ptrace" in first
    assert second.startswith("1 seccomp filters") and "--recorder ptrace" in second


def test_many_long_names_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app can ask for as many paths as it likes, each as long as the kernel takes."""
    monkeypatch.setattr(records, "TEXT_LIMIT", 1 << 20)
    reader = RecordReader()
    with pytest.raises(ObservationIncomplete, match="names"):
        for number in range(1000):
            reader.feed(b"look-up missing 1 0\0/%d/%s\0\0" % (number, b"x" * 4000))
    assert 200 < len(reader.accesses) < 300


def test_names_that_are_no_utf8_count_with_the_memory_that_they_take() -> None:
    """The limit itself, not a smaller one: what is held stays below 300 MB, with an app that asks for nothing but odd names."""
    reader = RecordReader()
    name = b"\xff" * 60_000
    with pytest.raises(ObservationIncomplete, match="names"):
        for number in range(20_000):
            reader.feed(b"look-up missing 1 0\0/%d/%s\0\0" % (number, name))
    assert sum(sys.getsizeof(access.asked) for access in reader.accesses) < 300_000_000


def test_many_programs_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app may start a copy of itself under ever new names."""
    monkeypatch.setattr(records, "TEXT_LIMIT", 1 << 20)
    reader = RecordReader()
    with pytest.raises(ObservationIncomplete, match="names"):
        for number in range(1000):
            reader.feed(b"exe %d\0/%d/%s\0\0" % (number + 1, number, b"x" * 4000))


@pytest.mark.timeout(60)
def test_an_app_that_listens_everywhere_costs_no_more_than_a_record_for_each() -> None:
    """Each address below 127.0.0.0/8 has all the ports."""
    reader = RecordReader()
    stream = b"".join(b"listen tcp %d\x00127.0.0.%d\0\0" % (port, last) for last in (1, 2) for port in range(1, 50_001))
    reader.feed(stream + stream)
    assert len(reader.listeners) == 100_000


def test_udp_ports_are_read_beside_tcp_ports() -> None:
    reader = RecordReader()
    reader.feed(b"listen udp 53\x00::\0\0listen tcp 53\x00::\0\0listen udp 53\x000.0.0.0\0\0")
    log = reader.log("sha256:1", complete=True)
    assert (log.tcp_ports, log.udp_ports, len(log.listeners)) == ((53,), (53,), 3)
    with pytest.raises(ObservationIncomplete):
        reader.feed(b"listen tcp 0\x00::\0\0")
    with pytest.raises(ObservationIncomplete):
        reader.feed(b"listen unix 1\x00/a\0\0")
    with pytest.raises(ObservationIncomplete):
        reader.feed(b"listen sctp 53\x00::\0\0")


def test_only_files_of_the_image_that_are_opened_for_the_first_time_are_news() -> None:
    """So an app that writes and reads its own files, or looks at /proc repeatedly, still counts as started."""
    reader = RecordReader()
    news = []
    for record in (
        b"open found 1 0\0/etc/a\0\0", b"exec found 1 0\0/bin/a\0\0", b"listen tcp 80\x00::\0\0", b"listen tcp 80\x00::\0\0",
        b"look-up found 1 0\0/etc/b\0\0", b"open missing 1 0\0/etc/c\0\0", b"open found 1 0\0/proc/9/stat\0\0",
        b"processes 1\0\0\0", b"create missing 1 0\0/tmp/new\0\0", b"open found 1 0\0/tmp/new\0\0", b"open found 1 0\0/tmp/link\0/tmp/new\0",
    ):  # fmt: skip
        reader.feed(record)
        news.append(reader.news)
    assert news == [1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3]
    reader.feed(b"processes 4\0\0\0")
    assert reader.news == 4


def test_records_of_all_kinds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RECORD_LIMIT", 100)
    reader = RecordReader()
    with pytest.raises(ObservationIncomplete, match="100"):
        for number in range(1, 102):
            reader.feed(b"listen tcp %d\x00127.0.0.1\0\0" % number)


MOUNT = ProbeMount("helper", "/.slimmer-abc", "n" * 32)
HELLO = b"hello 1 0.1.0\0amd64\0" + b"n" * 32 + b"\0"


def test_what_the_app_does_with_the_probes_own_files_is_no_part_of_the_log() -> None:
    """Their names differ from run to run; what the probe starts is told apart by a name that no file has."""
    reader = RecordReader()
    reader.expect(MOUNT)
    reader.feed(HELLO + b"exe 1\0/.slimmer-abc/slimmer-probe\0\0" + b"exec found 1 1\0/bin/app\0\0")
    for path in (b"/.slimmer-abc", b"/.slimmer-abc/slimmer-probe", b"/way/in\0/.slimmer-abc/slimmer-probe"):
        reader.feed(b"open found 1 0\0" + path + (b"\0" if b"\0" in path else b"\0\0"))
    reader.feed(b"open found 1 0\0/.slimmer-abcd\0\0" + b"open found 1 0\0/.slimmer\0\0")
    assert [access.asked for access in reader.accesses] == ["/bin/app", "/.slimmer-abcd", "/.slimmer"]
    assert reader.accesses[0].by == "the engine"


@pytest.mark.parametrize(
    "stream",
    [
        b"hello 1 0.1.0\0amd64\0\0",
        b"hello 1 0.1.0\0amd64\0" + b"m" * 32 + b"\0",
        b"open found 1 0\0/etc/passwd\0\0",
        b"end\0events=1\0" + b"n" * 32 + b"\0",
    ],
)
def test_what_does_not_say_the_nonce_first_is_not_listened_to(stream: bytes) -> None:
    reader = RecordReader()
    reader.expect(MOUNT)
    with pytest.raises(ObservationIncomplete, match="not slimmer's probe"):
        reader.feed(stream)
    assert not reader.accesses and not reader.ended


def test_results_of_commands_are_read() -> None:
    reader = RecordReader()
    reader.feed(b"result 1 0\x006f6b0a00ff\0\0" + b"result 2 running\0\0\0" + b"result 3 137\0\0\0")
    assert reader.results == {
        1: CommandResult(0, "ok\n\0\udcff"),
        2: CommandResult(None, ""),
        3: CommandResult(137, ""),
    }
    for broken in (b"result 1 x\0\0\0", b"result 1 0\0zz\0\0", b"result 1\0\0\0"):
        with pytest.raises(ObservationIncomplete):
            reader.feed(broken)
