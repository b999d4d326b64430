"""What each recorder sees, case by case, held against the table of `cases`; each recorder runs all cases once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from slimmer.engine.connection import Engine
from slimmer.engine.options import RunOptions
from slimmer.image.config import ImageConfig
from slimmer.observe.log import Access, AccessLog, Operation
from tests.engine.leftovers import left
from tests.engine.probe.cases import CASES, TABLE, Case
from tests.engine.probe.image import BUILDS
from tests.engine.prompt import PromptResources
from tests.engine.watching import RECORDERS, Bench, Watched

COMMAND = ("/bin/look", "/native", *(("/bin/look-i386", "/i386") if "i386" in BUILDS else ()))
OPENS = (Operation.OPEN, Operation.EXEC, Operation.CREATE, Operation.WRITE)


@dataclass(frozen=True, slots=True)
class Everything:
    """What came of one run of all cases."""

    recorder: str
    log: AccessLog
    output: str
    code: int | None
    beside: tuple[int, int]

    @property
    def calls(self) -> bool:
        """Whether system calls were recorded."""
        return self.recorder != "fanotify"

    @property
    def events(self) -> bool:
        """Whether fanotify ran (it needs more of the kernel than the others)."""
        return any(recorder.name == "fanotify" and recorder.active for recorder in self.log.recorders)


@pytest.fixture(scope="module", params=RECORDERS)
def everything(
    request: pytest.FixtureRequest, engine: Engine, probes: Bench, image: ImageConfig
) -> Iterator[Everything]:
    with PromptResources(engine) as scope:
        options = RunOptions(cmd=COMMAND, security_opt=("seccomp=unconfined",))
        with probes.watched(scope, image, options, request.param) as watched:
            watched.wait_for_output("done\n")
            beside = run_beside(watched)
            log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
            code = watched.container.wait(10.0)
            output = watched.container.last_log_lines()
        yield Everything(request.param, log, output, code, beside)
    assert left(engine, scope.run) == []


def run_beside(watched: Watched) -> tuple[int, int]:
    """Two commands in the running container: one through the probe, one as anybody might start it."""
    adopted, _ = watched.run.execute(("/bin/touch", "/native/adopted/file"), 30.0)
    plain, _ = watched.container.exec_run(("/bin/touch", "/native/plain/file", "/native/plain/missing"), 30.0, user="")
    return adopted, plain


# ---------------------------------------------------------------------- the cases


def seen_below(log: AccessLog, folder: str) -> set[str]:
    """The accesses in a case's folder, in the words of `cases`."""
    below = folder + "/"
    found = [a for a in log.accesses if a.asked.startswith(below) or a.resolved.startswith(below)]
    # A static program of glibc looks at that when it starts, also in another root.
    return {in_words(access, folder) for access in found if not access.asked.endswith("/proc/self/exe")}


def in_words(access: Access, folder: str) -> str:
    asked, resolved = (path.removeprefix(folder + "/") for path in (access.asked, access.resolved))
    words = f"{access.operation}{'' if access.found else '!'} {asked}"
    return words if resolved in ("", asked) else f"{words} => {resolved}"


def expected(case: Case, everything: Everything, folder: str) -> set[str]:
    """What the table says; beside another recorder, fanotify tells only of opens that the other did not see."""
    calls = {line.replace("{folder}", folder) for line in case.calls}
    if not everything.calls:
        calls = {line for line in calls if operation_and_path(line)[0] == Operation.EXEC}
    events = set(case.events) if everything.events and not (case.alone and everything.calls) else set()
    opened = {path for operation, path in map(operation_and_path, calls) if operation in OPENS}
    return calls | {line for line in events if operation_and_path(line)[1] not in opened}


def operation_and_path(line: str) -> tuple[str, str]:
    """The operation, and what the path leads to."""
    operation, _, path = line.partition(" ")
    return operation.rstrip("!"), path.rpartition(" => ")[2]


def without_programs_as_files(lines: set[str]) -> set[str]:
    """fanotify need not tell that a program is opened for reading as well: it is known already."""
    return lines - {f"open {operation_and_path(line)[1]}" for line in lines if line.startswith("exec ")}


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_seen_as_the_table_says(everything: Everything, case: Case, build: str) -> None:
    if case.only and case.only != build:
        return
    folder = f"/{build}/{case.name}"
    seen, wanted = seen_below(everything.log, folder), expected(case, everything, folder)
    if not everything.calls:
        seen, wanted = without_programs_as_files(seen), without_programs_as_files(wanted)
    assert seen == wanted


def test_the_app_noticed_nothing(everything: Everything) -> None:
    """Every case checks its own results, and prints what is not as it should be."""
    assert everything.output == "done\n"
    assert everything.code == 0


# ---------------------------------------------------------------------- beside and around them


def test_what_slimmer_runs_beside_the_app_is_seen(everything: Everything) -> None:
    assert everything.beside[0] == 0
    assert seen_below(everything.log, "/native/adopted") == {"open file"}
    assert "/bin/touch" in {access.asked for access in everything.log.accesses if access.operation == Operation.EXEC}


def test_what_others_run_in_the_container_is_seen_by_fanotify_and_bpf_alone(everything: Everything) -> None:
    assert everything.beside[1] == 1, "one file is missing"
    opens = {"open file"} if everything.events or everything.recorder == "bpf" else set()
    missing = {"open! missing"} if everything.recorder == "bpf" else set()
    assert seen_below(everything.log, "/native/plain") == opens | missing


def test_what_is_opened_at_the_end_is_seen(everything: Everything) -> None:
    assert seen_below(everything.log, "/native/shutdown") == {"open file"}
    assert everything.log.complete


def test_the_recorders_say_why_they_run_or_not(everything: Everything) -> None:
    said = {recorder.name: (recorder.active, recorder.reason) for recorder in everything.log.recorders}
    assert list(said) == ["notify", "ptrace", "fanotify", "bpf"]
    assert said[everything.recorder] == (True, "it was asked for")
    for name in {"notify", "ptrace"} - {everything.recorder}:
        active, reason = said[name]
        assert not active
        assert {"notify": "user notification"}.get(everything.recorder, everything.recorder) in reason
    assert said["fanotify"][1]


def test_nothing_is_told_twice(everything: Everything) -> None:
    told = [(a.operation, a.asked, a.resolved, a.found, a.executable) for a in everything.log.accesses]
    assert len(told) == len(set(told))


def test_only_paths_are_told(everything: Everything) -> None:
    """Nothing of kernel files, of files without a name, of the engine, or of the probe itself."""
    for access in everything.log.accesses:
        paths = {access.asked, access.resolved} - {""}
        assert not all(path.startswith(("/proc/", "/sys/", "/.slimmer")) for path in paths), access
        assert all(path.startswith("/") and not path.startswith("/memfd:") for path in paths), access
        assert not any(path.endswith(" (deleted)") for path in paths), access


def test_the_first_record_is_the_start_of_the_app(everything: Everything) -> None:
    first = everything.log.accesses[0]
    assert (first.operation, first.asked) == (Operation.EXEC, "/bin/look")


def test_an_access_is_told_with_its_program(everything: Everything) -> None:
    """A setuid program keeps its rights: it alone could open the file."""
    programs = {a.executable for a in everything.log.accesses if a.asked == "/native/setuid/secret" and a.found}
    assert "/native/setuid/program" in programs
    programs = {a.executable for a in everything.log.accesses if a.asked == "/native/exec-chain/file"}
    assert programs == {"/native/exec-chain/second"}


def test_nothing_is_lost_and_everything_is_counted(everything: Everything) -> None:
    counters = everything.log.counters
    assert (counters["lost"], counters["unreadable"], counters["own_filters"]) == (0, 0, 0)
    assert counters["io_uring"] == (len(BUILDS) if everything.calls else 0)
    assert counters["records"] == len(everything.log.accesses)
    assert counters["events"] >= counters["records"]


def test_a_case_stands_in_the_line_that_is_true_of_it() -> None:
    """The words of the docs' table follow from what the cases expect."""
    for line in TABLE:
        for case in line.cases:
            assert line.notify.startswith("no") == line.bpf.startswith("no") == (not case.calls), case.name
            seen = [wanted for wanted in case.calls if wanted.startswith("exec")] + list(case.events)
            assert (line.fanotify == "no") == (not seen), case.name
