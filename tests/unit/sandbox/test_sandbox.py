"""The sandbox: whatever a file does to the child that reads it, the caller learns of it, and the other files are read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from slimmer.errors import SandboxFailed
from slimmer.sandbox.pool import Pool
from slimmer.sandbox.sandbox import Job, Sandbox
from tests.unit.sandbox import hostile_readers
from tests.unit.sandbox.hostile_readers import Said
from tests.work import work_of_at_most

SAY = "tests.unit.sandbox.hostile_readers:say"


def hostile_pool() -> Pool:
    return Pool(lambda: hostile_readers.PLACES)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = hostile_pool()
    yield pool
    pool.close()


def read(sandbox: Sandbox, name: str, *contents: bytes, arguments: tuple[object, ...] = ()) -> list[str | None]:
    """What a hostile reader of this name says of each content."""
    reader = getattr(hostile_readers, name)
    jobs = [Job(f"/{number}", content, arguments) for number, content in enumerate(contents)]
    return [said.text if said is not None else None for said in sandbox.facts(reader, Said, jobs)]


def test_files_are_read_in_order(pool: Pool) -> None:
    sandbox = Sandbox(pool=pool)
    contents = [b"%d" % number for number in range(5000)]
    assert read(sandbox, "say", *contents, arguments=("!",)) == [f"{number}!" for number in range(5000)]
    assert read(sandbox, "say") == []
    assert not sandbox.unreadable


def test_names_that_are_not_utf8_survive_both_ways(pool: Pool) -> None:
    assert read(Sandbox(pool=pool), "say", b"\xff\0", arguments=("\udcfe",)) == ["\udcff\0\udcfe"]


def test_large_files_are_shared_out(pool: Pool) -> None:
    contents = [bytes([65 + number]) * (3 << 19) for number in range(4)]
    assert [(text or "")[:1] for text in read(Sandbox(pool=pool), "say", *contents)] == ["A", "B", "C", "D"]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM, signal.SIGBUS])
def test_a_file_that_kills_its_child_is_named(pool: Pool, number: signal.Signals) -> None:
    sandbox = Sandbox(pool=pool)
    assert read(sandbox, "die", b"a", b"hostile", b"b", arguments=(int(number),)) == ["a", None, "b"]
    assert sandbox.unreadable == {"/1": f"its reader was killed by {number.name}"}
    (note,) = sandbox.notes()
    assert note.startswith("/1 could not be read: its reader was killed by")
    assert not sandbox.notes(), "it is told once"


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        ("spin", "it takes more than 2 s of CPU time"),
        ("fill", "it takes too much memory"),
        ("fault", "its reader was killed by SIGSEGV"),
        ("fail", "its reader failed (OSError)"),
        ("long", "its facts are too large"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_its_neighbours(pool: Pool, reader: str, why: str) -> None:
    sandbox = Sandbox(pool=pool)
    first, hostile, last = read(sandbox, reader, b"a", b"hostile", b"b")
    assert (bool(first), hostile, bool(last)) == (True, None, True)
    assert sandbox.unreadable == {"/1": why}


def test_a_child_that_hangs_without_using_its_time_is_ended(pool: Pool) -> None:
    sandbox = Sandbox(patience=5.0, pool=pool)  # long enough for the child that takes over on a busy machine
    assert read(sandbox, "sleep", b"a", b"hostile", b"b") == ["a", None, "b"]
    assert "/1" in sandbox.unreadable


def test_a_file_is_not_tried_twice(pool: Pool) -> None:
    sandbox = Sandbox(pool=pool)
    with work_of_at_most(2000):
        for _ in range(50):
            assert read(sandbox, "spin", b"hostile") == [None]


def test_some_of_many_unreadable_files_are_named_and_all_are_counted(pool: Pool) -> None:
    sandbox = Sandbox(pool=pool)
    jobs = [Job(f"/{number}", b"hostile", (number,)) for number in range(1020)]
    assert sandbox.facts(hostile_readers.fail, Said, jobs) == [None] * 1020
    assert len(sandbox.unreadable) == 1000, "an image may have millions"
    *named, rest = sandbox.notes()
    assert [note.partition(" ")[0] for note in named] == ["/0", "/1", "/2", "/3", "/4"]
    assert rest == "1015 more files could not be read"
    assert not sandbox.notes(), "they are told once"


def test_the_time_for_all_files_has_an_end_which_is_told(pool: Pool) -> None:
    sandbox = Sandbox(seconds=1.0, pool=pool)
    found = read(sandbox, "spin", b"a", b"hostile", *(b"%d" % number for number in range(3)))
    assert found[1] is None
    assert read(sandbox, "say", b"c", b"d") == [None, None]
    assert any("of CPU time for reading the image's files are used up" in note for note in sandbox.notes())


def test_a_child_has_nothing_to_steal_and_nowhere_to_take_it(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "password")
    fresh = hostile_pool()
    (said,) = Sandbox(pool=fresh).facts(hostile_readers.look, Said, [Job("/a", b"")])
    fresh.close()
    assert said is not None
    assert said.text == ""
    assert said.numbers == (0, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_child_may_make_few_calls() -> None:
    """Where slimmer is not run by root, a child has its user, who might trace it, write into its memory and signal it."""
    fresh = hostile_pool()
    before = set(psutil.Process().children())
    assert read(Sandbox(pool=fresh), "say", b"a") == ["a"]
    (child,) = set(psutil.Process().children()) - before
    status = Path(f"/proc/{child.pid}/status").read_text()
    fresh.close()
    assert "\nNoNewPrivs:\t1\n" in status
    assert "\nSeccomp:\t2\n" in status


def test_several_threads_may_ask(pool: Pool) -> None:
    sandbox, found = Sandbox(pool=pool), []
    threads = [
        threading.Thread(target=lambda: found.append(read(sandbox, "die", b"a", b"hostile", arguments=(9,))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["a", None]] * 4


def test_a_child_that_died_while_it_had_nothing_to_do_is_replaced() -> None:
    pool = hostile_pool()
    sandbox = Sandbox(pool=pool)
    assert read(sandbox, "say", b"a") == ["a"]
    for child in psutil.Process().children():
        if SAY in child.cmdline()[-1]:
            child.kill()
    assert read(sandbox, "say", b"b") == ["b"]
    assert not sandbox.unreadable
    pool.close()


def test_a_reader_that_does_not_load_is_an_error_when_it_is_asked_and_leaves_the_others() -> None:
    module = "tests.unit.sandbox.hostile_readers"
    pool = Pool(lambda: ("no.such.module:read", SAY, f"{module}:absent"))
    assert read(Sandbox(pool=pool), "say", b"a") == ["a"]

    def absent(content: bytes) -> Said:
        raise NotImplementedError

    absent.__module__, absent.__qualname__ = "no.such.module", "read"
    with pytest.raises(
        SandboxFailed, match=r"no\.such\.module:read cannot be imported in the child process: ModuleNotFoundError"
    ) as caught:
        list(Sandbox(pool=pool).read(absent, [Job("/a", b"a")]))
    assert "editable" in caught.value.hint
    assert read(Sandbox(pool=pool), "say", b"b") == ["b"]
    pool.close()


def test_a_reader_that_is_declared_later_is_known_to_the_children_that_are_lent_then() -> None:
    places = [SAY]
    pool = Pool(lambda: tuple(places))
    assert read(Sandbox(pool=pool), "say", b"a") == ["a"]
    assert read(Sandbox(pool=pool), "long", b"a") == [None], "nothing but what is declared can be asked of a child"
    places.append("tests.unit.sandbox.hostile_readers:long")
    assert read(Sandbox(pool=pool), "long", b"a") == ["x"]
    pool.close()


def test_a_function_without_a_place_is_no_reader() -> None:
    with pytest.raises(ValueError, match="no child can import it"):
        Sandbox().facts(lambda content: Said(), Said, [])


def test_an_answer_of_another_kind_is_no_answer(pool: Pool) -> None:
    from slimmer.keep.languages.java.class_file import ClassFile

    sandbox = Sandbox(pool=pool)
    assert sandbox.facts(hostile_readers.say, ClassFile, [Job("/a", b"a")]) == [None]
    assert sandbox.unreadable == {"/a": "its reader gave an invalid answer"}


_ASKING = """
import sys
from slimmer.sandbox.pool import Pool
from slimmer.sandbox.sandbox import Job, Sandbox
from tests.unit.sandbox import hostile_readers
sandbox = Sandbox(pool=Pool(lambda: hostile_readers.PLACES))
sandbox.read(hostile_readers.say, [Job("/a", b"a")])
print("ready", flush=True)
sandbox.read(hostile_readers.{reader}, [Job("/b", b"hostile")])
print("over", flush=True)
"""


@pytest.mark.parametrize(
    ("number", "reader"), [(signal.SIGINT, "sleep"), (signal.SIGKILL, "sleep"), (signal.SIGKILL, "spin")]
)
def test_no_child_outlives_its_parent(number: signal.Signals, reader: str) -> None:
    root = str(Path(__file__).parents[3])
    asking = subprocess.Popen(
        [sys.executable, "-c", _ASKING.format(reader=reader)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
    )
    assert asking.stdout is not None and asking.stdout.readline() == b"ready\n"
    children = psutil.Process(asking.pid).children()
    assert children
    time.sleep(0.2)
    os.kill(asking.pid, number)
    assert asking.stdout.read() == b""
    asking.wait(10)
    asking.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=1.5)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]  # whose new parent need not care
