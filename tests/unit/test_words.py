"""Option values in words: the exercise that they ask for, and choices."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from slimmer.api import words
from slimmer.errors import UsageError
from slimmer.exercise.plan import DEFAULT_REQUESTS, Api, Crawl, ExercisePlan, GraphQl, Grpc, ImageCommand, Until
from slimmer.exercise.request import Request
from slimmer.image.layer_border import LayerChoice
from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.amount import NO_MARGIN, Margin
from slimmer.observe import log


def plan(**options: Any) -> ExercisePlan:
    defaults: dict[str, Any] = {
        "probes": [], "files": [], "http": True, "ports": [], "sockets": [], "host_commands": [], "exec_commands": [],
        "image_commands": [], "image_environment": [],
        "until": Until.PROBES, "seconds": 0.0, "ready_timeout": 60.0,
        "request_timeout": 30.0, "crawl": Crawl(), "api": Api(), "graphql": GraphQl(), "grpc": Grpc(), "protocols": False,
    }  # fmt: skip
    return words.plan(**{**defaults, **options})


def test_without_options_the_front_page_is_asked_for() -> None:
    assert plan() == ExercisePlan()
    assert plan().asks == DEFAULT_REQUESTS and not plan().explicit


def test_probes_come_before_files_and_replace_the_default(tmp_path: Path) -> None:
    file = tmp_path / "probes.yaml"
    file.write_text("requests: [{path: /c}]")
    made = plan(probes=["/a", "POST /b"], files=[file])
    assert made.explicit
    assert made.asks == (Request("GET", "/a"), Request("POST", "/b", body=b""), Request("GET", "/c"))


def test_a_file_without_requests_asks_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "probes.yaml"
    file.write_text("requests: []")
    assert plan(files=[file]).asks == ()


def test_no_http_asks_for_nothing() -> None:
    assert plan(http=False).asks == ()


def test_an_image_that_exercises_may_have_a_command() -> None:
    made = plan(image_commands=["tests:1", "tests:2 pytest -k 'a or b'", '["tests:3", "sh", "-c", "a | b"]'])
    assert made.image_commands == (
        ImageCommand("tests:1"),
        ImageCommand("tests:2", ("pytest", "-k", "a or b")),
        ImageCommand("tests:3", ("sh", "-c", "a | b")),
    )
    for empty in ("", "  ", "[]", '[""]'):
        with pytest.raises(UsageError, match="--exercise-image: no image is named"):
            plan(image_commands=[empty])


def test_images_that_exercise_share_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t=1")
    made = plan(image_commands=["tests:1", "tests:2 pytest"], image_environment=["CASES=smoke", "TOKEN", "NOT_SET"])
    assert [each.environment for each in made.image_commands] == [("CASES=smoke", "TOKEN=t=1")] * 2
    with pytest.raises(UsageError, match="--exercise-env needs --exercise-image"):
        plan(image_environment=["CASES=smoke"])
    with pytest.raises(UsageError, match="--exercise-env: a variable needs a name"):
        plan(image_commands=["tests:1"], image_environment=["=smoke"])


def test_commands_in_the_container_are_words_or_arrays() -> None:
    made = plan(exec_commands=["redis-cli set 'a b' 1", '["sh", "-c", "a | b"]'], host_commands=["a | b"])
    assert made.exec_commands == (("redis-cli", "set", "a b", "1"), ("sh", "-c", "a | b"))
    assert made.host_commands == ("a | b",)


@pytest.mark.parametrize("options", [{"exec_commands": [" "]}, {"host_commands": [""]}, {"exec_commands": ["[]"]}])
def test_an_empty_command_is_an_error(options: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError, match="the command is empty"):
        plan(**options)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_must_be_one(port: int) -> None:
    with pytest.raises(UsageError, match="--port"):
        plan(ports=[port])


@pytest.mark.parametrize("path", ["", "run/app.sock", "/", "@", f"/{'a' * 107}", "/a\0b"])
def test_a_unix_socket_must_have_a_name_that_one_can_have(path: str) -> None:
    with pytest.raises(UsageError, match="--unix-socket"):
        plan(sockets=[path])


def test_unix_sockets_count_once() -> None:
    longest = f"/{'a' * 106}"
    assert plan(sockets=["/run/app.sock", "@name", longest, "/run/app.sock"]).sockets == (
        "/run/app.sock",
        "@name",
        longest,
    )


def test_ports_count_once() -> None:
    assert plan(ports=[80, 81, 80]).ports == (80, 81)


def test_an_end_is_a_word_or_a_number_of_seconds() -> None:
    assert words.until("exit") == (Until.EXIT, 0.0)
    assert words.until("2.5") == (Until.SECONDS, 2.5)
    assert words.until("quiet:10") == (Until.QUIET, 10.0)
    assert words.until("quiet:2.5s") == (Until.QUIET, 2.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quiet", "--until: unknown value 'quiet'"),
        ("seconds", "--until: unknown value 'seconds'"),
        ("quiet:", "--until quiet: not a number of seconds: ''"),
        ("quiet:soon", "--until quiet: not a number of seconds: 'soon'"),
        ("quiet:-1", "--until quiet: not a number of seconds: '-1'"),
        ("quiet:0", "--until quiet: must be more than 0 and at most 600 seconds: '0'"),
        ("quiet:601", "--until quiet: must be more than 0 and at most 600 seconds: '601'"),
    ],
)
def test_an_end_that_makes_no_sense_is_a_usage_error(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        words.until(text)
    assert error.value.message == message


def test_enter_needs_a_terminal_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="terminal"):
        plan(until=Until.ENTER)


def test_a_choice_is_one_of_the_known_words() -> None:
    assert words.choice("--builder", "", ("", "load")) == ""
    assert words.choice("--builder", "load", ("", "load")) == "load"
    with pytest.raises(UsageError, match="--builder: unknown value 'lode'") as error:
        words.choice("--builder", "lode", ("", "dockerfile", "load"))
    assert error.value.hint == "Use one of: dockerfile, load."


@pytest.mark.parametrize("kind", ["device", "fifo"])
def test_an_access_log_in_a_folder_is_a_file(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "access.json"
    if kind == "device":
        place.symlink_to("/dev/zero")
    else:
        os.mkfifo(place)
    with pytest.raises(UsageError, match=r"access\.json is not a file"):
        words.access_log(tmp_path)


def test_an_access_log_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LOG_LIMIT", 1 << 20)
    with pytest.raises(UsageError, match="is larger than 1 MiB"):
        words.access_log(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("10%", Margin(Fraction(1, 10))), (" 2.5 %", Margin(Fraction(1, 40))), ("1000%", Margin(Fraction(10))),
        ("5MB", Margin(size=5 << 20)), ("512k", Margin(size=512 << 10)), ("1.5 g", Margin(size=3 << 29)),
        ("0", NO_MARGIN), ("0%", NO_MARGIN), ("0m", NO_MARGIN),
    ],
)  # fmt: skip
def test_a_margin_is_a_share_a_size_or_nothing(text: str, margin: Margin) -> None:
    assert words.margin(text, Policy.BALANCED) == margin


@pytest.mark.parametrize("text", ["10", "ten", "-5%", "%", "1e3%", "5 parsecs", "1001%", "10%%", "٣%", "0x10"])
def test_other_margins_are_refused_in_plain_words(text: str) -> None:
    with pytest.raises(UsageError, match="--margin") as caught:
        words.margin(text, Policy.BALANCED)
    assert "%" in caught.value.hint


@pytest.mark.parametrize("policy", [Policy.OBSERVED, Policy.GENEROUS])
def test_only_balanced_takes_a_margin(policy: Policy) -> None:
    assert words.margin("0", policy) == NO_MARGIN
    with pytest.raises(UsageError, match=f"--margin 5% cannot be used with --policy {policy}"):
        words.margin("5%", policy)


def test_the_margin_reads_as_it_is_given() -> None:
    assert [str(one) for one in (Margin(Fraction(1, 10)), Margin(Fraction(1, 40)), NO_MARGIN)] == ["10%", "2.5%", "0"]


@pytest.mark.parametrize(
    ("text", "base", "choice"),
    [
        ("auto", "", LayerChoice()),
        (" auto ", "debian:12", LayerChoice(base="debian:12")),
        ("3", "", LayerChoice(3)),
        ("0", "", None),
        ("0", "debian:12", None),
        ("", "", None),
    ],
)
def test_layers_to_keep_are_a_number_or_auto(text: str, base: str, choice: LayerChoice | None) -> None:
    assert words.layers(text, base) == choice


@pytest.mark.parametrize("text", ["-1", "all", "1.5", "three", "99999", "٣"])
def test_other_layers_are_refused_in_plain_words(text: str) -> None:
    with pytest.raises(UsageError, match="--keep-layers") as caught:
        words.layers(text, "")
    assert "--keep-layers auto" in caught.value.hint


@pytest.mark.parametrize("text", ["", "2"])
def test_a_base_needs_auto(text: str) -> None:
    with pytest.raises(UsageError, match="--base debian needs --keep-layers auto"):
        words.layers(text, "debian")
