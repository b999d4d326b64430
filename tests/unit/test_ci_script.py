"""ci/slim.sh, with a program in slimmer's place that notes its arguments. tests/engine/test_ci.py runs it with slimmer itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from slimmer.cli import settings

SCRIPT = Path(__file__).parents[2] / "ci/slim.sh"
TAG, DIGEST = "shop:1.4-slim", f"sha256:{'0a' * 32}"
REPORT = {
    "format": "slimmer-report",
    "target": {"name": "shop:1.4", "id": f"sha256:{'1b' * 32}", "size": 3000},
    "slim": {"name": TAG, "id": DIGEST, "size": 900, "tag": TAG},
    "selection": {"include": ['  "slim": {', '    "tag": "evil",']},
}
MARKDOWN = "<!-- slimmer -->\n| | shop |\n"

STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys, time
pathlib.Path("environment").write_text(json.dumps(dict(os.environ)))
print(os.environ.get("SAYS", ""), end="", file=sys.stderr)
with open("calls", "a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
command = sys.argv[1]
if os.environ.get("HANGS") == command:
    pathlib.Path("hangs").write_text("")  # a FIFO: the test knows now
    time.sleep(600)
code = int(os.environ.get(command.upper() + "_CODE", "0"))
if command == "build" and not code:
    out = next(word.partition("=")[2] for word in sys.argv if word.startswith("--out="))
    os.makedirs(out, exist_ok=True)
    pathlib.Path(out, "report.json").write_text(pathlib.Path("made-report.json").read_text())
    print({TAG!r})
if command == "compare" and code != 4:
    print({MARKDOWN!r}, end="")
sys.exit(code)
"""

SHELLS = [shell for shell in ("sh", "bash", "busybox sh") if shutil.which(shell.split()[0])]
"""Shells of runners: Debian's dash as sh, macOS's and others' bash, Alpine's busybox."""


class Job:
    """A folder in which the script runs as in a job, with the stand-in on PATH."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder
        self._shell = shell.split()
        program = folder / "bin/slimmer"
        program.parent.mkdir()
        program.write_text(STAND_IN)
        program.chmod(0o755)
        self.report(REPORT)

    def report(self, document: dict[str, Any]) -> None:
        """What slimmer build writes."""
        (self.folder / "made-report.json").write_text(json.dumps(document, indent=2))

    def environment(self, **settings: str) -> dict[str, str]:
        files = {"GITHUB_OUTPUT": "github-output", "GITHUB_STEP_SUMMARY": "summary", "TMPDIR": "tmp"}
        (self.folder / "tmp").mkdir(exist_ok=True)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        known = {name: str(self.folder / file) for name, file in files.items()}
        return {"PATH": path, "HOME": str(self.folder), **known, "SLIM_TARGET": "shop:1.4", **settings}

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [*self._shell, str(SCRIPT)]
        env = self.environment(**settings)
        result = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert not list((self.folder / "tmp").iterdir())
        return result

    def begin(self, **settings: str) -> subprocess.Popen[str]:
        env = self.environment(**settings)
        return subprocess.Popen(
            [*self._shell, str(SCRIPT)],
            cwd=self.folder,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def calls(self) -> list[list[str]]:
        """The arguments of each call of slimmer."""
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    def seen(self) -> dict[str, str]:
        """The environment of slimmer."""
        return dict(json.loads((self.folder / "environment").read_text()))

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture(params=SHELLS)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


OUTPUTS = (
    f"image={TAG}\ndigest={DIGEST}\nsize-before=3000\nsize-after=900\nratio=3.33\nreport=slimmer-out/report.json\n"
)


TO_GITHUB = f"out=slimmer-out\n{OUTPUTS}"
"""The action uploads the folder that the script names."""


def test_outputs_and_the_summary_are_written(job: Job) -> None:
    result = job.run()
    assert result.returncode == 0, result.stderr
    assert result.stdout == OUTPUTS
    assert job.read("github-output") == TO_GITHUB
    assert job.read("slimmer.env") == (
        f"SLIM_IMAGE={TAG}\nSLIM_DIGEST={DIGEST}\nSLIM_SIZE_BEFORE=3000\nSLIM_SIZE_AFTER=900\nSLIM_RATIO=3.33\n"
        "SLIM_REPORT=slimmer-out/report.json\n"
    )
    assert job.read("summary") == job.read("slimmer-out/comparison.md") == MARKDOWN
    assert job.calls() == [
        ["build", "--out=slimmer-out", "--", "shop:1.4"],
        ["compare", "--format=markdown", "--report=slimmer-out/report.json", "--", "shop:1.4", TAG],
    ]


def test_outputs_and_summaries_of_other_steps_stay(job: Job) -> None:
    (job.folder / "github-output").write_text("earlier=1\n")
    (job.folder / "summary").write_text("# Earlier\n")
    assert job.run().returncode == 0
    assert job.read("github-output") == f"earlier=1\n{TO_GITHUB}"
    assert job.read("summary") == f"# Earlier\n{MARKDOWN}"


def test_it_works_without_any_variable_of_a_service(job: Job) -> None:
    assert job.run(GITHUB_OUTPUT="", GITHUB_STEP_SUMMARY="", SLIM_OUT="a b", SLIM_ENV_FILE="my env").returncode == 0
    assert "SLIM_REPORT=a b/report.json\n" in job.read("my env")


ODD = "\"GET\" '/' $(touch pwned) `touch pwned` ; touch pwned & * $HOME \\ {a,b} <x >y | z #w"


def test_values_reach_slimmer_as_they_are(job: Job) -> None:
    options = (
        f"\n  --probe {ODD}  \n\n# a comment\n--include=/srv/*.html\n--no-crawl\r\n-e  MODE=a b\n--cmd --version -x\n"
    )
    result = job.run(SLIM_OPTIONS=options, SLIM_TAG="shop:small")
    assert result.returncode == 0, result.stderr
    (build, _) = job.calls()
    assert build[1:7] == [
        f"--probe={ODD}",
        "--include=/srv/*.html",
        "--no-crawl",
        "-e",
        "MODE=a b",
        "--cmd=--version -x",
    ]
    assert build[7:] == ["--tag=shop:small", "--out=slimmer-out", "--", "shop:1.4"]
    assert not (job.folder / "pwned").exists()


def test_gates_are_passed_if_they_are_set(job: Job) -> None:
    gates = {
        "SLIM_MAX_SIZE": "80 MB",
        "SLIM_MIN_RATIO": "3",
        "SLIM_MAX_GROWTH": "5",
        "SLIM_FAIL_ON": "setuid,$(x)",
        "SLIM_BASELINE": "old/report.json",
    }
    assert job.run(**gates).returncode == 0
    wanted = [
        "--max-size=80 MB",
        "--min-ratio=3",
        "--max-growth=5",
        "--fail-on=setuid,$(x)",
        "--baseline=old/report.json",
    ]
    assert job.calls()[2] == [
        "compare", "--format=markdown", "--report=slimmer-out/report.json", *wanted, "--", "shop:1.4", TAG,
    ]  # fmt: skip


NAMES = (
    "",
    "-v",
    "--privileged",
    "shop 1.4",
    "shop\nimage=evil",
    "shop\r",
    "$(touch pwned)",
    "`touch pwned`",
    "shop;touch pwned",
    "shop&",
    "shop|x",
    "shop*",
    "shop'",
    'shop"',
    "shop\\",
    "shöp",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_image_is_refused(job: Job, name: str) -> None:
    result = job.run(SLIM_TARGET=name)
    assert (result.returncode, job.calls()) == (2, [])
    assert "SLIM_TARGET is not" in result.stderr
    result = job.run(SLIM_TAG=name or "-")
    assert (result.returncode, job.calls()) == (2, [])
    assert job.run(SLIMMER_IMAGE=name or "-").returncode == 2
    assert job.read("github-output") == job.read("slimmer.env") == ""
    assert not (job.folder / "pwned").exists()


@pytest.mark.parametrize(
    "name", ["localhost:5000/a/b:1.4-x", f"shop@sha256:{'0' * 64}", "[::1]:5000/shop", "0123456789ab"]
)
def test_the_name_of_an_image_is_taken(job: Job, name: str) -> None:
    assert job.run(SLIM_TARGET=name).returncode == 0
    assert [call[-1] for call in job.calls()] == [name, TAG]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("evil:latest", "must begin with an option"),
        ("--", "must begin with an option"),
        ("--probe /\nGET /", "must begin with an option"),
        ("-vv", "must begin with an option"),
        ("-oelsewhere", "must begin with an option"),
        ("--tag x", "set SLIM_TAG"),
        ("-t x", "set SLIM_TAG"),
        ("--out=x", "set SLIM_OUT"),
        ("--format json", "cannot be used"),
    ],
)
def test_options_that_the_script_cannot_pass_on_are_refused(job: Job, options: str, problem: str) -> None:
    result = job.run(SLIM_OPTIONS=options)
    assert (result.returncode, job.calls()) == (2, [])
    assert problem in result.stderr


@pytest.mark.parametrize("setting", ["SLIM_OUT", "SLIM_ENV_FILE", "SLIM_BASELINE"])
@pytest.mark.parametrize("path", ["a\nimage=evil", "a\rb", "-rf"])
def test_paths_that_are_no_paths_are_refused(job: Job, setting: str, path: str) -> None:
    result = job.run(**{setting: path})
    assert (result.returncode, job.calls()) == (2, [])
    assert f"{setting} must" in result.stderr
    assert job.read("github-output") == ""


@pytest.mark.parametrize("path", ["/tmp/out", "../out", "a/../../out", "..", "."])
def test_with_slimmers_image_paths_are_below_the_folder(job: Job, path: str) -> None:
    docker = job.folder / "bin/docker"
    docker.write_text("#!/bin/sh\ntouch asked\n")
    docker.chmod(0o755)
    result = job.run(SLIMMER_IMAGE="slimmer", SLIM_OUT=path)
    assert result.returncode == 2
    assert "SLIM_OUT must be a path below the current folder" in result.stderr
    assert not (job.folder / "asked").exists()


@pytest.mark.parametrize("tag", ["evil\nimage=x", "", "a b", "-v", 'a"b', "$(x)"])
def test_a_report_that_names_no_image_gives_no_output(job: Job, tag: str) -> None:
    job.report({**REPORT, "slim": {"name": tag, "id": DIGEST, "size": 900, "tag": tag}})
    result = job.run()
    assert result.returncode == 1
    assert "does not say what was built" in result.stderr
    assert job.read("slimmer.env") == result.stdout == ""
    assert job.read("github-output") == "out=slimmer-out\n"


def test_a_gate_that_fails_ends_the_step_after_everything_is_written(job: Job) -> None:
    result = job.run(COMPARE_CODE="11")
    assert result.returncode == 11
    assert job.read("github-output") == TO_GITHUB
    assert job.read("summary") == job.read("slimmer-out/comparison.md") == MARKDOWN
    assert job.read("slimmer.env")


def test_a_comparison_that_fails_has_a_summary(job: Job) -> None:
    assert job.run(COMPARE_CODE="4").returncode == 4
    assert (
        job.read("summary")
        == "<!-- slimmer -->\nslimmer compare ended with exit code 4. The log of this job says why.\n"
    )
    assert job.read("github-output") == TO_GITHUB


def test_a_build_that_fails_has_a_summary_and_leaves_no_outputs_of_an_earlier_one(job: Job) -> None:
    assert job.run().returncode == 0
    (job.folder / "github-output").unlink()
    (job.folder / "summary").unlink()
    result = job.run(BUILD_CODE="8")
    assert result.returncode == 8
    assert "exit code 8" in result.stderr and "exit code 8" in job.read("summary")
    assert job.read("summary").startswith("<!-- slimmer -->\n")
    assert job.read("summary") == job.read("slimmer-out/comparison.md")
    assert job.read("slimmer.env") == ""
    assert job.read("github-output") == "out=slimmer-out\n"


def test_a_mistake_in_a_gate_costs_no_build(job: Job) -> None:
    result = job.run(COMPARE_CODE="2", SLIM_MAX_SIZE="80 parsecs", SLIM_FAIL_ON="warning", SAYS="not a size\n")
    assert result.returncode == 2
    assert "not a size" in result.stderr
    (call,) = job.calls()
    assert call[:2] == ["compare", "--max-size=80 parsecs"]  # `warning` needs the report of the build


def test_slimmer_reads_no_settings_file_unless_one_is_named(job: Job) -> None:
    (job.folder / "slimmer.toml").write_text('exercise = ["touch pwned"]\n')
    assert job.run().returncode == 0
    assert job.seen()["SLIMMER_CONFIG"] == os.devnull
    assert settings.read(Path(os.devnull)) == (Path(os.devnull), {})
    assert job.run(SLIM_CONFIG="slimmer.toml").returncode == 0
    assert job.seen()["SLIMMER_CONFIG"] == "slimmer.toml"
    assert job.run(SLIMMER_CONFIG="slimmer.toml").returncode == 0
    assert job.seen()["SLIMMER_CONFIG"] == "slimmer.toml"
    result = job.run(SLIM_CONFIG="none.toml")
    assert result.returncode == 2
    assert "none.toml cannot be read" in result.stderr


def test_slimmer_itself_ignores_a_settings_file_of_the_checkout(tmp_path: Path) -> None:
    job = Job(tmp_path, "sh")
    (job.folder / "bin/slimmer").unlink()
    (job.folder / "bin/slimmer").symlink_to(Path(sys.executable).with_name("slimmer"))
    (job.folder / "slimmer.toml").write_text("no-such-option = true\n")
    no_engine = {"DOCKER_HOST": f"unix://{job.folder}/none.sock"}
    assert job.run(**no_engine).returncode == 4
    named = job.run(**no_engine, SLIM_CONFIG="slimmer.toml")
    assert named.returncode == 2
    assert "no-such-option" in named.stderr
    wrong = job.run(**no_engine, SLIM_MAX_SIZE="80 parsecs")
    assert wrong.returncode == 2
    assert "--max-size: not a size" in wrong.stderr


def test_old_files_are_removed_before_a_setting_is_refused(job: Job) -> None:
    (job.folder / "slimmer-out").mkdir()
    (job.folder / "slimmer-out/comparison.md").write_text("evil")
    (job.folder / "slimmer.env").write_text("SLIM_IMAGE=evil\n")
    assert job.run(SLIM_TARGET="-").returncode == 2
    assert job.read("slimmer-out/comparison.md") == job.read("slimmer.env") == job.read("github-output") == ""


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("SLIM_OUT", "link"),
        ("SLIM_OUT", "link/"),
        ("SLIM_OUT", "link/below/out"),
        ("SLIM_OUT", "./a/link/out"),
        ("SLIM_OUT", "a"),
        ("SLIM_ENV_FILE", "a/file"),
        ("SLIM_ENV_FILE", "link/slimmer.env"),
    ],
)
def test_links_are_not_followed(job: Job, setting: str, path: str) -> None:
    outside = job.folder / "outside"
    outside.mkdir()
    for name in ("comparison.md", "slimmer.env", "file"):
        (outside / name).write_text("precious")
    (job.folder / "a").mkdir()
    for link in ("link", "a/link"):
        (job.folder / link).symlink_to(outside)
    (job.folder / "a/file").symlink_to(outside / "file")
    for written in (path, str(job.folder / path)):
        result = job.run(**{setting: written})
        assert (result.returncode, job.calls()) == (2, [])
        assert "symbolic link" in result.stderr and setting in result.stderr
    assert {file.read_text() for file in outside.iterdir()} == {"precious"}
    assert job.read("github-output") == ""


def obeyed(log: str) -> list[str]:
    """The lines of a step's log that GitHub's runner takes as commands."""
    token, found = "", []
    for line in log.splitlines():
        command = re.match(r"\s*::([\w-]+)[^:]*::(.*)", line)
        if token:
            token = "" if command and command[1] == token else token
        elif command and command[1] == "stop-commands":
            token = command[2]
        elif command or "##[" in line:
            found.append(line)
    assert not token
    return found


COMMANDS = "::add-mask::a\n##[error]x\n::set-output name=image::evil\nno end: "


@pytest.mark.parametrize(
    "ending", [{}, {"BUILD_CODE": "8"}, {"COMPARE_CODE": "11"}, {"SLIM_TARGET": "-"}, {"SLIM_OUT": "-"}]
)
def test_github_obeys_no_command_that_an_app_prints(job: Job, ending: dict[str, str]) -> None:
    tokens = set()
    for _ in range(2):
        result = job.run(GITHUB_ACTIONS="true", SAYS=COMMANDS, **ending)
        assert obeyed(f"{result.stdout}::notice::later\n") == ["::notice::later"]
        assert result.stderr == ""  # of two streams, the runner may mix the lines
        tokens.update(re.findall(r"::stop-commands::([0-9a-f]{32})\n", result.stdout))
    assert len(tokens) == 2
    assert "no end" in job.run(SAYS=COMMANDS).stderr


def test_github_obeys_commands_again_after_a_signal(job: Job) -> None:
    os.mkfifo(job.folder / "hangs")
    with job.begin(HANGS="build", GITHUB_ACTIONS="true", SAYS=COMMANDS) as process:
        (job.folder / "hangs").read_text()
        process.terminate()
        log, _ = process.communicate(timeout=60)
    assert obeyed(f"{log}::notice::later\n") == ["::notice::later"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_of_the_actions_step_ends_slimmer(tmp_path: Path, number: int) -> None:
    """GitHub's runner signals this process alone."""
    job = Job(tmp_path, "bash")
    action = yaml.safe_load((SCRIPT.parents[1] / "action.yml").read_text(encoding="utf-8"))
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "slim"]
    (job.folder / "step.sh").write_text(f"{step['run']}\n")
    os.mkfifo(job.folder / "hangs")
    env = job.environment(HANGS="build", GITHUB_ACTION_PATH=str(SCRIPT.parents[1]))
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "step.sh"]
    with subprocess.Popen(command, cwd=job.folder, env=env, text=True, stderr=subprocess.PIPE) as process:
        (job.folder / "hangs").read_text()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert not list((job.folder / "tmp").iterdir())


DOCKER = f"""#!{sys.executable}
import json, sys
with open("asked", "a") as asked:
    print(json.dumps(sys.argv[1:]), file=asked)
sys.exit(1)
"""


def test_named_variables_reach_slimmers_container(job: Job) -> None:
    program = job.folder / "bin/docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    result = job.run(SLIMMER_IMAGE="slimmer", SLIM_PASS="TOKEN  URL_2\n_x", TOKEN="secret", SLIM_MAX_SIZE="1kB")
    assert result.returncode == 4
    asked = [json.loads(line) for line in job.read("asked").splitlines()]
    assert [words[words.index("slimmer") + 1] for words in asked] == ["compare", "build"]
    for words in asked:
        assert {("--env", name) for name in ("TOKEN", "URL_2", "_x", "SLIMMER_CONFIG")} <= set(pairwise(words))
    assert "secret" not in job.read("asked")


def test_an_engine_that_slimmers_container_cannot_reach_is_refused(job: Job) -> None:
    program = job.folder / "bin/docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    ssh = {"SLIMMER_IMAGE": "slimmer", "DOCKER_HOST": "ssh://build", "SLIM_MAX_SIZE": "1kB"}
    result = job.run(**ssh)
    assert (result.returncode, job.read("asked")) == (2, "")
    assert "Set SLIM_ENGINE_SOCKET" in result.stderr
    assert job.run(**ssh, SLIM_ENGINE_SOCKET="/run/docker.sock").returncode == 4


@pytest.mark.parametrize("names", ["A=b", "--privileged", "$(touch pwned)", "2A", "A,B", "*"])
def test_what_is_no_name_of_a_variable_is_refused(job: Job, names: str) -> None:
    result = job.run(SLIM_PASS=f"OK {names}")
    assert (result.returncode, job.calls()) == (2, [])
    assert "SLIM_PASS must hold names" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("command", ["build", "compare"])
def test_a_signal_ends_slimmer_too(job: Job, number: int, command: str) -> None:
    os.mkfifo(job.folder / "hangs")
    with job.begin(HANGS=command) as process:
        (job.folder / "hangs").read_text()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert job.read("summary") == ""
    assert not list((job.folder / "tmp").iterdir())


def test_without_slimmer_the_message_says_what_to_do(tmp_path: Path) -> None:
    job = Job(tmp_path, "sh")
    (job.folder / "bin/slimmer").unlink()
    for name in ("awk", "cat", "mktemp", "rm", "sed", "sh"):
        (job.folder / "bin" / name).symlink_to(shutil.which(name) or "")
    result = subprocess.run(
        ["/bin/sh", SCRIPT],
        env={"PATH": str(job.folder / "bin"), "SLIM_TARGET": "shop"},
        cwd=job.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "SLIMMER_IMAGE" in result.stderr
