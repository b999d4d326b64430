"""Lines that look like errors: which they are, when two are of one kind, and that no app fills the memory with them."""

from __future__ import annotations

import tracemalloc

import pytest

from slimmer.engine.error_lines import LONGEST_LINE, MOST_LINES, ErrorLines, kind_of
from tests.work import work_of_at_most


def of(*pieces: bytes) -> tuple[str, ...]:
    errors = ErrorLines()
    for piece in pieces:
        errors.add(piece)
    errors.end()
    return errors.lines()


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: out of luck",
        "java.lang.NullPointerException",
        "Traceback (most recent call last):",
        "panic: runtime error",
        "/bin/x: error while loading shared libraries: libz.so.1: cannot open shared object file",
        "sh: line 1: convert: not found",
        "cat: /x: Permission denied",
        "No such file or directory",
        "symbol lookup error: undefined symbol: foo",
        "Can't locate Foo.pm",
        "nginx: [emerg] open() failed",
        "Segmentation fault (core dumped)",
        "ModuleNotFoundError: No module named 'x'",
        "catalog unavailable, running without",
        "perl: warning: Setting locale failed.",
        "no GPU, falling back to CPU",
        "PDF export disabled",
    ],
)
def test_lines_that_look_like_errors(line: str) -> None:
    assert of(b"starting\n", line.encode() + b"\n", b"ready\n") == (kind_of(line),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-01-01 10:00:00,123 [7] ERROR x", "2026-11-30 23:59:59,9 [12345] ERROR x"),
        ("Mon, 01 Jan 2026 10:00:00 GMT error", "Tue, 12 Feb 2026 10:00:00 GMT error"),
        ("[Thu May 1 10:00:00.000001 2026] error", "[Fri Jun 30 1:2:3.4 2026] error"),
        ("error at 0x7ffe12ab in 10.0.0.7:8080", "error at 0x55 in 10.0.17.1:40123"),
        ("error id 123e4567-e89b-12d3-a456-426614174000", "error id 00000000-0000-4000-8000-abcdefabcdef"),
        ("error in 3f2a9b7c", "error in 00c0ffee1"),
        ("error session eyJhbGciOiJIUzI1NiJ9abc", "error session Zm9vYmFyYmF6cXV4MTIzNDU2"),
        ("invalid login: user=<>, session=<fgnMoXFhvLGsEQAB>", "invalid login: user=<>, session=<kq+Mo/XFhvLGsEQA>"),
        ('{"error": "x", "request_id": "abcDEFghiJKL"}', '{"error": "x", "request_id": "MnoPqrStuVwx"}'),
        ("\x1b[31merror\x1b[0m: x", "error: x"),
        ("error\t x\r", "error x"),
    ],
)
def test_two_lines_of_one_kind(one: str, other: str) -> None:
    assert kind_of(one) == kind_of(other)
    assert of(f"{one}\n{other}\n{one}\n".encode()) == (kind_of(one),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("error: no font", "error: no fonts"),
        ("fatal: libssl.so.3", "fatal: libcrypto.so.3"),
        ("error a", "error b"),
        ("error: unexpected token: identifier", "error: unexpected token: semicolon"),
    ],
)
def test_two_kinds(one: str, other: str) -> None:
    assert kind_of(one) != kind_of(other)


def test_lines_that_come_in_pieces() -> None:
    assert of(b"all w", b"ell\nerr", b"or: a", b"\n", b"\n\nfatal: b") == ("error: a", "fatal: b")


def test_half_a_line_is_of_no_kind_yet() -> None:
    errors = ErrorLines()
    errors.add(b"error: cannot op")
    assert errors.lines() == ()
    errors.add(b"en x\n")
    assert errors.lines() == ("error: cannot open x",)


def test_bytes_that_are_no_text() -> None:
    assert of(b"error \xff\xfe\0\n") == ("error \ufffd\ufffd\0",)


def test_memory_is_bounded_whatever_an_app_writes() -> None:
    errors = ErrorLines()
    tracemalloc.start()
    for number in range(2000):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        errors.add(f"error {word} {'x ' * 2000}\n".encode())
    for _ in range(100):
        errors.add(b"error" * 20_000)
    errors.end()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(errors.lines()) == MOST_LINES and max(map(len, errors.lines())) == LONGEST_LINE
    assert peak < 2_000_000


def test_long_lines_cost_no_more_than_their_length() -> None:
    """An app that logs fast must not wait for slimmer."""
    lines, line = ErrorLines(), b"error " + b"a-f-" * 500 + b"\n"
    with work_of_at_most(400):
        for _ in range(200):
            lines.add(line)
    assert len(lines.lines()) == 1
