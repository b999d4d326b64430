"""Access logs that are joined: nothing of any is lost, other images' are refused, and what varies is told."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slimmer.errors import UsageError
from slimmer.keep.core.listed import listed
from slimmer.keep.image_view import ImageView
from slimmer.observe.log import Access, AccessLog, Listener, Operation, Recorder, read_log, write_log
from slimmer.observe.merge import check_complete, merge, moved, rebased, unsteady
from slimmer.testing import LocalImage, opened

IMAGE = "sha256:1"


@pytest.fixture
def local_image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def log(*accesses: Access, **more: object) -> AccessLog:
    return dataclasses.replace(AccessLog(IMAGE, accesses, complete=True), **more)  # type: ignore[arg-type]


def test_a_joined_log_has_all_of_each_and_knows_whose_it_is() -> None:
    first = log(opened("/a"), listeners=(Listener("0.0.0.0", 80),), counters={"events": 2}, probe="p 1")
    second = log(opened("/b"), opened("/c"), listeners=(Listener("0.0.0.0", 81),), counters={"events": 3}, probe="p 1")
    joined = merge([first, second])
    assert [run.accesses for run in joined.runs] == [first.accesses, second.accesses]
    assert [listener.port for listener in joined.listeners] == [80, 81]
    assert (joined.counters, joined.probe, joined.complete) == ({"events": 5}, "p 1", True)


def test_a_joined_log_has_the_system_calls_of_all() -> None:
    first = log(system_calls={"x86_64": ("read",)})
    second = log(system_calls={"x86_64": ("close", "read"), "x86": ("exit",)})
    assert merge([first, second]).system_calls == {"x86": ("exit",), "x86_64": ("close", "read")}


def test_a_joined_log_tells_that_one_of_its_runs_saw_no_calls() -> None:
    calls = log(opened("/a"), recorders=(Recorder("notify", True, "why"), Recorder("fanotify", True, "why")))
    events = log(opened("/b"), recorders=(Recorder("notify", False, "why"), Recorder("fanotify", True, "why")))
    assert calls.unseen == ""
    assert merge([calls, calls]).unseen == ""
    assert "stat" in events.unseen
    assert merge([calls, events]).unseen == events.unseen


def test_joining_in_steps_is_joining_at_once() -> None:
    logs = [log(opened(path)) for path in ("/a", "/b", "/c", "/d")]
    assert merge([merge(logs[:2]), merge(logs[2:])]) == merge(logs)
    assert merge([log(), *logs]).runs[1].accesses == logs[0].accesses


def test_a_recorder_that_failed_once_is_not_said_to_have_run() -> None:
    ran, failed = Recorder("fanotify", True, ""), Recorder("fanotify", False, "no CAP_SYS_ADMIN")
    assert merge([log(recorders=(ran,)), log(recorders=(failed,))]).recorders == (failed,)
    assert not merge([log(), log(complete=False)]).complete


def test_a_log_of_another_image_is_refused_unless_it_is_taken_over() -> None:
    other = log(opened("/a"), image_id="sha256:2")
    with pytest.raises(UsageError, match="another image: sha256:2") as caught:
        merge([log(), other])
    assert "--rebase" in caught.value.hint
    assert merge([log(), rebased(other, IMAGE)]).image_id == IMAGE


@pytest.mark.parametrize("fault", [{"complete": False}, {"counters": {"lost": 1}}])
def test_a_log_that_lacks_something_is_refused(fault: dict[str, Any]) -> None:
    whole = dataclasses.replace(log(), complete=True)
    check_complete([whole])
    with pytest.raises(UsageError, match="incomplete"):
        check_complete([whole, dataclasses.replace(whole, **fault)])


def test_a_joined_log_survives_its_file() -> None:
    joined = dataclasses.replace(merge([log(opened("/a")), log(opened("/\udcff"))]), fingerprint="scrypt:1")
    file = io.StringIO()
    write_log(joined, file)
    assert read_log(io.StringIO(file.getvalue())) == joined


@pytest.mark.parametrize("starts", ["[5]", "[-1]", "[1, 0]"])
def test_runs_that_begin_nowhere_are_refused(starts: str) -> None:
    file = io.StringIO()
    write_log(merge([log(opened("/a")), log(opened("/b"))]), file)
    with pytest.raises(UsageError, match="a run begins"):
        read_log(io.StringIO(file.getvalue().replace('"starts": [\n  1\n ]', f'"starts": {starts}')))


def test_what_was_not_in_every_run_is_named(local_image: LocalImage) -> None:
    for path in ("/always", "/once", "/never"):
        local_image.add(path)
    missing = msgspec.structs.replace(opened("/never"), found=False)
    runs = [log(opened("/always"), opened("/once"), opened("/proc/1/stat")), log(opened("/always"), missing)]
    assert unsteady([merge(runs)], local_image.tree()) == ("/once",)
    assert unsteady(runs[:1], local_image.tree()) == ()


def test_what_a_later_build_lacks_is_named(local_image: LocalImage) -> None:
    local_image.add("/app/new")
    made = Access(Operation.CREATE, "/app/cache", "", False, 1, "/app")
    old = log(opened("/app/old"), opened("/app/new"), made, opened("/app/cache"), opened("/proc/self/maps"))
    assert moved(old, local_image.tree()) == ("/app/old",)


def test_who_opens_an_entry_in_one_run_may_have_wanted_the_names_in_another(local_image: LocalImage) -> None:
    for name in ("/plugins/a", "/plugins/b"):
        local_image.add(name)
    names = log(opened("/plugins", operation="read-dir"))
    both = merge([names, log(opened("/plugins", operation="read-dir"), opened("/plugins/a"))])
    context = local_image.view()
    assert {found.path for found in listed(with_log(context, both))} == {"/plugins/a", "/plugins/b"}


def with_log(context: ImageView, joined: AccessLog) -> ImageView:
    return dataclasses.replace(context, log=joined)
