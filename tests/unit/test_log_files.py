"""Where an app logs, and what is read of an archive of such a folder. The app chooses the contents of the archive."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from slimmer.engine.error_lines import ErrorLines
from slimmer.engine.log_files import MOST_BYTES, add_errors
from slimmer.image.layer_archive import BLOCK
from slimmer.observe.log import Access, Operation
from slimmer.observe.log_files import MOST_PLACES, log_places


def wrote(path: str, operation: Operation = Operation.WRITE) -> Access:
    is_new = operation is Operation.CREATE
    return Access(operation, path, "" if is_new else path, not is_new, 1, "/bin/app")


def test_folders_for_logs_and_log_files_elsewhere_are_read() -> None:
    accesses = [
        wrote("/var/log/rabbitmq/rabbit@b0f30b2c12a1.log"), wrote("/opt/tomcat/logs/catalina.2024-05-01"), wrote("/srv/app/debug.log"),
        wrote("/var/lib/mysql/0dc5b2.err", Operation.CREATE), wrote("/srv/data/blog/post.html"), wrote("/proc/1/logs/x"),
        wrote("/dev/log"), wrote("/var/log/wtmp", Operation.OPEN),
    ]  # fmt: skip
    assert log_places(accesses) == (
        "/opt/tomcat/logs", "/srv/app/debug.log", "/var/lib/mysql/0dc5b2.err", "/var/log/rabbitmq",
    )  # fmt: skip
    assert len(log_places(wrote(f"/srv/{number}.log") for number in range(1000))) == MOST_PLACES


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folder = tarfile.TarInfo("log")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        link = tarfile.TarInfo("log/error.log")
        link.type, link.linkname = tarfile.SYMTYPE, "/dev/stdout"
        tar.addfile(link)
        for name, content in files.items():
            entry = tarfile.TarInfo("log/" + name * 40)  # so long that it needs a header of its own
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def errors_of(data: bytes, size: int = 1000) -> tuple[str, ...]:
    errors = ErrorLines()
    add_errors((data[start : start + size] for start in range(0, len(data), size)), errors)
    return errors.lines()


def test_lines_of_all_text_files_are_read() -> None:
    data = archive(
        first=b"2024-05-01 10:00:00 started\n2024-05-01 10:00:01 [error] no such file x.beam", journal=b"error\0\1\2" * 400,
        second=b"fine\n" * 5000 + b"warning: slow\n",
    )  # fmt: skip
    for size in (100, 511, 512, 100_000):
        assert errors_of(data, size) == ("# [error] no such file x.beam", "warning: slow")


def test_a_false_or_endless_archive_is_read_within_bounds() -> None:
    data = archive(a=b"error one\n")
    assert errors_of(data[:-1024]) == errors_of(data[: len(data) // BLOCK * BLOCK - BLOCK]) == ("error one",)
    assert errors_of(b"x" * 5000) == errors_of(b"") == ()
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        header = bytearray(BLOCK)
        header[124:136], header[156:157] = b"\x80" + b"\xff" * 11, b"0"
        yield bytes(header)
        while True:
            read += BLOCK
            yield b"error two\n".ljust(BLOCK, b" ")

    errors = ErrorLines()
    add_errors(endless(), errors)
    assert errors.lines() == ("error two",) and read <= MOST_BYTES
