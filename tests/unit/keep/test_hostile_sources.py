"""Sources that crash a parser or never let it finish, through the whole keep stage.

Each time the stage ends, the source is named as one that cannot be read, and its neighbours are understood.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.analyzer import Policy
from slimmer.keep.image_view import ImageView
from slimmer.keep.keeper import keep
from slimmer.sandbox.readers import Read
from slimmer.sandbox.round import Answer, Work
from slimmer.sandbox.sandbox import Job, Sandbox
from tests.unit.elf_maker import make_elf
from tests.unit.local_image import LocalImage, opened

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Language:
    """A language: its interpreter, the statement that loads another source, and what else the image needs."""

    program: str
    suffix: str
    load: str
    first: str = ""
    files: tuple[str, ...] = ()

    def app(self, *names: str) -> str:
        return self.first + "".join(self.load.format(name=name) for name in names)


PYTHON = Language(
    "/usr/bin/python3.11",
    "py",
    "import {name}\n",
    files=("/usr/lib/python3.11/os.py", "/usr/lib/python3.11/encodings/__init__.py"),
)
NODE = Language("/usr/bin/node", "js", "require('./{name}');\n")
PHP = Language("/usr/bin/php", "php", "include __DIR__ . '/{name}.php';\n", "<?php\n")
RUBY = Language("/usr/bin/ruby", "rb", "require_relative '{name}'\n")
LUA = Language("/usr/bin/lua", "lua", "dofile('/srv/app/{name}.lua')\n")
SHELL = Language("/bin/sh", "sh", ". /srv/app/{name}.sh\n", "#!/bin/sh\n")


def repeated(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


CRASHING = {
    "lua: assignments without an end": (LUA, repeated(b"a=", MEBIBYTE)),
    "php: nested substitutions overflow the stack": (PHP, b"<?php " + repeated(b"$(", 1 << 18)),
    "ruby: documentation in documentation": (RUBY, repeated(b"=pod\n\n", MEBIBYTE)),
    "ruby: backticks": (RUBY, repeated(b"`", MEBIBYTE)),
}
LINEAR = {
    "javascript: functions in functions": (NODE, b"a=>f(" * 40_000 + b")" * 40_000),
    "lua: functions in functions": (LUA, b"f(function() " * 20_000 + b"end) " * 20_000),
    "lua: texts without an end": (LUA, repeated(b"[[", MEBIBYTE)),
    "python: a chain of attributes": (PYTHON, b"a" + repeated(b".b", 1 << 18)),
    "python: a chain of calls": (PYTHON, b"import a\na" + repeated(b".b()", 1 << 18)),
    "python: a chain of attributes, and more of them": (
        PYTHON,
        repeated(b"import a\na" + b".b" * 9000 + b"\n", 1 << 18),
    ),
}


def image_with(root: Path, language: Language, content: bytes) -> ImageView:
    """Return an app that loads a friendly source, a hostile one and another friendly one. Each friendly one loads one more."""
    image = LocalImage(root)
    suffix = language.suffix
    image.add(f"/srv/app/app.{suffix}", language.app("before", "hostile", "after"), mode=0o755)
    image.add(f"/srv/app/hostile.{suffix}", content)
    for name in ("before", "after"):
        image.add(f"/srv/app/{name}.{suffix}", language.app(f"behind_{name}"))
        image.add(f"/srv/app/behind_{name}.{suffix}", language.first)
    for path in (*language.files, language.program):
        image.add(path, mode=0o755)
    seen = [opened(path, by=language.program) for path in (*language.files, f"/srv/app/app.{suffix}")]
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin",))
    return image.context(opened(language.program, operation="exec"), *seen, config=config)


def understood(context: ImageView, language: Language) -> bool:
    kept = keep(context, Policy.BALANCED)
    return all(f"/srv/app/{name}.{language.suffix}" in kept for name in ("behind_before", "hostile", "behind_after"))


@pytest.mark.parametrize("name", CRASHING)
def test_a_source_that_no_parser_survives_is_named(tmp_path: Path, name: str) -> None:
    language, content = CRASHING[name]
    context = image_with(tmp_path, language, content)
    assert understood(context, language)
    assert list(context.sandbox.unreadable) == [f"/srv/app/hostile.{language.suffix}"]
    (note,) = context.sandbox.notes()
    assert note.startswith(f"/srv/app/hostile.{language.suffix} could not be read: ")


@pytest.mark.parametrize("name", LINEAR)
def test_a_source_that_nests_deep_is_read_in_linear_time(tmp_path: Path, name: str) -> None:
    language, content = LINEAR[name]
    context = image_with(tmp_path, language, content)
    assert understood(context, language)
    assert not context.sandbox.unreadable


def test_what_could_not_be_read_is_tried_once_in_a_run_and_again_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language, content = CRASHING["php: nested substitutions overflow the stack"]
    context = image_with(tmp_path, language, content)
    assert understood(context, language)
    asked: list[str] = []
    tried: list[bytes] = []
    read, run = Sandbox.read, Sandbox._run

    def reading(sandbox: Sandbox, reader: Read, jobs: Sequence[Job], *more: int) -> list[bytes | None]:
        asked.extend(job.path for job in jobs)
        return read(sandbox, reader, jobs, *more)

    def running(sandbox: Sandbox, works: Sequence[Work], share: int) -> Sequence[Answer | None]:
        tried.extend(content for _, content in works)
        return run(sandbox, works, share)

    monkeypatch.setattr(Sandbox, "read", reading)
    monkeypatch.setattr(Sandbox, "_run", running)
    assert understood(context, language), "as a repair does, which decides again what to keep"
    assert "/srv/app/hostile.php" in asked, "it is not in the cache"
    assert content not in tried
    assert len(context.sandbox.notes()) == 1
    assert context.sandbox.notes() == []


_KEEPING = """
import sys
from pathlib import Path
from slimmer.cli import main
from slimmer.keep.analyzer import Policy
from slimmer.keep.keeper import keep
from tests.unit.keep.test_hostile_sources import CRASHING, image_with
main._handle_signals()
language, content = CRASHING["ruby: backticks"]
context = image_with(Path({root!r}), language, content)
print("ready", flush=True)
try:
    keep(context, Policy.BALANCED)
    print("over")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_user_need_not_wait_for_a_parser(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", _KEEPING.format(root=str(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as keeping:
        assert keeping.stdout is not None and keeping.stdout.readline() == "ready\n"
        reading_child(keeping.pid)
        os.kill(keeping.pid, number)
        assert keeping.stdout.read() == "interrupted\n", "it did not wait until the parser gave up"


def is_reading(child: psutil.Process) -> bool:
    """Return True if the child of a sandbox has given up its rights, which ends its start, and so reads or waits for work."""
    try:
        return "NoNewPrivs:\t1\n" in Path(f"/proc/{child.pid}/status").read_text()
    except OSError:
        return False


def reading_child(parent: int) -> psutil.Process:
    """Wait until a child of the process `parent` reads, and return it."""
    for _ in range(600):
        for child in filter(is_reading, psutil.Process(parent).children()):
            return child
        time.sleep(0.1)
    raise AssertionError("no child is at work")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGILL, signal.SIGBUS])
def test_a_source_that_kills_its_reader_leaves_its_neighbours(tmp_path: Path, number: signal.Signals) -> None:
    """While the child parses, the test sends the signal that a bug in the parser would raise."""
    language, content = CRASHING["ruby: backticks"]
    context = image_with(tmp_path, language, content)
    started: dict[int, float] = {}
    found: list[bool] = []
    keeping = threading.Thread(target=lambda: found.append(understood(context, language)))
    keeping.start()
    while keeping.is_alive():
        for child in filter(is_reading, psutil.Process().children()):
            with suppress(psutil.NoSuchProcess):
                used = sum(child.cpu_times()[:2])
                if used > started.setdefault(child.pid, used) + 0.5:
                    child.send_signal(number)
        time.sleep(0.05)
    keeping.join()
    assert found == [True]
    assert context.sandbox.unreadable == {"/srv/app/hostile.rb": f"its reader was killed by {number.name}"}


def test_settings_of_python_that_are_code_are_read_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run = f"import os; open({str(mark)!r}, 'w').close()\n"
    image = LocalImage(tmp_path / "image")
    site = "/usr/lib/python3.11/site-packages"
    for path in PYTHON.files:
        image.add(path)
    for name in ("a.pth", "b.pth"):
        image.add(f"{site}/{name}", run + "/srv/more\n")
    image.add(f"{site}/sitecustomize.py", run)
    image.add("/usr/lib/python3.11/encodings/hostile.py", run)
    image.add("/srv/more/late.py")
    image.add("/srv/app/app.py", "# coding: hostile\ndef f():\n    import late\n")
    seen = [opened(path, by="/usr/bin/python3.11") for path in (*PYTHON.files, "/srv/app/app.py")]
    context = image.context(*seen)
    kept = keep(context, Policy.BALANCED)
    assert not context.sandbox.unreadable
    assert "/srv/more/late.py" in kept, "the folder that the .pth file names is searched"
    assert not mark.exists()


@pytest.mark.parametrize(
    "content", [b"[" * 8_000_000, b'{"a":' * 2_000_000, b'{"exports":' + b"[" * 500 + b"]" * 500 + b"}"]
)
def test_a_manifest_that_nests_deep_leaves_its_neighbours(tmp_path: Path, content: bytes) -> None:
    image = LocalImage(tmp_path)
    image.add("/srv/app/app.js", "require('hostile'); require('friendly')")
    image.add("/srv/app/package.json", "{}")
    for name, manifest in (("hostile", content), ("friendly", b'{"main": "lib/main"}')):
        image.add(f"/srv/app/node_modules/{name}/package.json", manifest)
        image.add(f"/srv/app/node_modules/{name}/index.js")
    image.add("/srv/app/node_modules/friendly/lib/main.js")
    kept = keep(image.context(opened("/srv/app/app.js", by="/usr/bin/node")), Policy.BALANCED)
    assert "/srv/app/node_modules/friendly/lib/main.js" in kept
    assert "/srv/app/node_modules/hostile/index.js" in kept


def test_sources_of_50_mb_are_kept_and_not_parsed(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for language in (PYTHON, NODE, PHP, RUBY, LUA, SHELL):
        image.add(f"/srv/app/app.{language.suffix}", language.app("large"), mode=0o755)
        image.add(f"/srv/app/large.{language.suffix}")
        with (tmp_path / f"srv/app/large.{language.suffix}").open("wb") as file:
            file.write(language.first.encode())
            for _ in range(50):
                file.write(repeated(language.load.format(name="x").encode(), MEBIBYTE))
        for path in language.files:
            image.add(path)
    seen = [opened(f"/srv/app/app.{one.suffix}", by=one.program) for one in (PYTHON, NODE, PHP, RUBY, LUA, SHELL)]
    context = image.context(*seen, *(opened(path, by=PYTHON.program) for path in PYTHON.files))
    kept = keep(context, Policy.BALANCED)
    assert all(f"/srv/app/large.{one.suffix}" in kept for one in (PYTHON, NODE, PHP, RUBY, LUA, SHELL))
    assert not context.sandbox.unreadable


def test_a_loaders_cache_that_repeats_its_names_fills_no_memory(tmp_path: Path) -> None:
    """100,000 entries that all name the same long text: 800 MB, if somebody took them at their word."""
    entries, text = 40_000, b"/" + b"x" * 4000 + b"\0"
    start = 48 + entries * 24
    head = b"glibc-ld.so.cache1.1" + struct.pack("<I", entries) + bytes(24)
    cache = head + struct.pack("<iIIIQ", 1, start, start, 0, 0) * entries + text
    image = LocalImage(tmp_path)
    image.add("/etc/ld.so.cache", cache)
    image.add("/lib/libneeded.so.1", make_elf())
    image.add("/app", make_elf(needed=["libneeded.so.1"]), mode=0o755)
    context = image.context(opened("/app", operation="exec"))
    assert "/lib/libneeded.so.1" in keep(context, Policy.BALANCED)
    assert list(context.sandbox.unreadable) == ["/etc/ld.so.cache"]
