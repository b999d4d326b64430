"""What was exercised and what was not: counted, in one line, in a report, and in `slimmer explain --unexercised`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import slimmer
from slimmer.artifacts import report_file
from slimmer.artifacts.build_output import BuildOutput
from slimmer.cli.main import app
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, ExerciseResult, Outcome
from slimmer.pipeline.unexercised import exercised
from slimmer.unexercised import (
    ITEMS,
    CodeKind,
    Exercised,
    ExercisedPort,
    PortUse,
    UntouchedCode,
    UntouchedFile,
    exercise_lines,
    line,
    untouched,
)
from tests.schemas import misfits
from tests.unit.test_explanation import output

__all__ = ["output"]  # a fixture
MORE = "slimmer explain --unexercised slimmer-out/shop"
GET = Request("GET", "/")


def files(kind: CodeKind, number: int, kept: int = 0) -> list[UntouchedFile]:
    return [UntouchedFile(f"/app/{kind}{n}", kind, n < kept, "margin" if n < kept else "") for n in range(number)]


def answer(port: int, status: int | None) -> Answer:
    return Answer(GET, port, status, "text/html", 0, "", 0.0)


def test_ports_requests_and_commands_of_all_runs_add_up() -> None:
    web = ExerciseResult(
        answers=(answer(80, 200), answer(80, 404), answer(8080, 204), answer(80, None)),
        http_ports=(80, 8080),
        ports=(80, 8080, 9000),
        udp_ports=(53,),
    )
    worker = ExerciseResult(outcomes=(Outcome(("true",), "container", 0, ""),), ports=(9000,))
    found = exercised([web, worker])
    assert [(port.port, port.protocol, port.use.value) for port in found.ports] == [
        (80, "tcp", "answered"), (8080, "tcp", "answered"), (9000, "tcp", "silent"), (53, "udp", "silent"),
    ]  # fmt: skip
    assert (found.requests, found.answers, found.unanswered, found.commands) == (4, {"2xx": 2, "4xx": 1}, 1, 1)
    assert exercised([]) == Exercised()


PORTS = tuple(
    ExercisedPort(port, "tcp", use)
    for port, use in ((80, PortUse.ANSWERED), (81, PortUse.ANSWERED), (82, PortUse.SILENT))
)


@pytest.mark.parametrize(
    ("asked", "found", "words"),
    [
        (
            Exercised(PORTS, 5, {"2xx": 5}), files(CodeKind.MODULE, 12, 11),
            "exercised 5 requests on 2 of 3 ports; 12 modules of your code never ran (11 are kept by the policy); ",
        ),
        (
            Exercised(PORTS[:1], 1, {"2xx": 1}, commands=2), files(CodeKind.MODULE, 1),
            "exercised 1 request on 1 of 1 port and ran 2 commands; 1 module of your code never ran (it is not kept by the policy); ",
        ),
        (
            Exercised(commands=1), [*files(CodeKind.MODULE, 2, 1), *files(CodeKind.EXECUTABLE, 1)],
            "ran 1 command; 2 modules and 1 executable of your code never ran (1 is kept by the policy); ",
        ),
        (
            Exercised(), [*files(CodeKind.MODULE, 2, 2), *files(CodeKind.TEMPLATE, 3, 3), *files(CodeKind.EXECUTABLE, 1, 1)],
            "2 modules, 3 templates and 1 executable of your code were never used (all are kept by the policy); ",
        ),
        (Exercised(), files(CodeKind.EXECUTABLE, 1, 1), "1 executable of your code never ran (it is kept by the policy); "),
        (Exercised(), files(CodeKind.MODULE, 2), "2 modules of your code never ran (none is kept by the policy); "),
    ],
)  # fmt: skip
def test_a_build_says_it_in_one_line(asked: Exercised, found: list[UntouchedFile], words: str) -> None:
    assert line(asked, untouched(found), MORE) == f"{words}list them: {MORE}"


def test_an_app_without_untouched_code_gets_no_line() -> None:
    assert line(Exercised(PORTS, 5, {"2xx": 5}), UntouchedCode(), MORE) == ""


def test_a_report_lists_a_bounded_number_and_counts_all() -> None:
    code = untouched(files(CodeKind.MODULE, ITEMS + 5, 3))
    assert (code.count, code.kept, len(code.items), code.kinds[CodeKind.MODULE]) == (ITEMS + 5, 3, ITEMS, ITEMS + 5)


def with_code(output: BuildOutput, asked: Exercised, code: UntouchedCode) -> Path:
    """The folder of a build whose report has this."""
    path = output.folder / report_file.NAME
    document = json.loads(path.read_text()) | {"exercised": asdict(asked), "unexercised": asdict(code)}
    path.write_text(json.dumps(document))
    assert misfits("report", json.loads(path.read_text())) == []
    return output.folder


def explained(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["explain", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_explain_lists_what_was_exercised_and_what_was_not(output: BuildOutput) -> None:
    asked = Exercised(PORTS[1:], 3, {"2xx": 1, "4xx": 1}, 1, 2)
    evil = UntouchedFile("/app/\udcff\x1b[31m.py", CodeKind.MODULE, False)
    folder = with_code(output, asked, untouched([*files(CodeKind.TEMPLATE, 1, 1), evil]))
    assert explained(folder, "--unexercised").splitlines() == [
        "port 81/tcp: answered requests",
        "port 82/tcp: no request was answered",
        "3 requests: 1 2xx, 1 4xx, 1 unanswered",
        "2 commands",
        "template /app/template0: kept because of margin",
        r"module /app/\udcff\x1b[31m.py: dropped",
    ]
    document = json.loads(explained(folder, "--unexercised", "--format", "json"))
    assert misfits("unexercised", document) == []
    assert [item["path"] for item in document["unexercised"]["items"]] == ["/app/template0", evil.path]
    assert document["exercised"]["answers"] == {"2xx": 1, "4xx": 1}
    found = slimmer.not_exercised(folder)
    assert (found.exercised, found.unexercised.items[1]) == (asked, evil)


def test_explain_says_how_many_more_there_are(output: BuildOutput) -> None:
    code = replace(untouched(files(CodeKind.MODULE, 3)), count=1500)
    assert explained(with_code(output, Exercised(), code), "--unexercised").splitlines()[-1] == "and 1,497 more"


def test_the_report_of_an_early_slimmer_says_nothing(output: BuildOutput) -> None:
    path = output.folder / report_file.NAME
    document = json.loads(path.read_text())
    document.pop("exercised", None), document.pop("unexercised", None)
    path.write_text(json.dumps(document | {"version": "1.1"}))
    assert slimmer.not_exercised(output.folder).unexercised.count == 0
    assert (
        explained(output.folder, "--unexercised")
        == "nothing: slimmer knows of no code of the app that nothing touched\n"
    )


def test_a_report_that_was_edited_is_refused(output: BuildOutput) -> None:
    path = output.folder / report_file.NAME
    code = asdict(untouched(files(CodeKind.MODULE, 1)))
    code["items"][0]["kind"] = "poem"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unexercised": code}))
    with pytest.raises(slimmer.UsageError, match=r"unexercised\.items\[0\]\.kind"):
        slimmer.not_exercised(output.folder)


def test_lines_of_an_app_that_was_asked_nothing() -> None:
    assert exercise_lines(Exercised()) == []
