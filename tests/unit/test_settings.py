"""Options from a settings file and from variables: their precedence, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from slimmer.cli import settings
from slimmer.cli.main import app
from slimmer.errors import UsageError

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; no variable of the user's counts."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith("SLIMMER_")]:
        monkeypatch.delenv(name)
    return place


def options(*arguments: str) -> dict[str, Any]:
    """The values of all options of `slimmer build`, as its function would get them."""
    with typer.main.get_command(app).make_context("slimmer", ["build", "image"]) as parent:
        context = COMMANDS["build"].make_context("build", ["image", *arguments], parent=parent)
        found: dict[str, Any] = context.params
        return found


def refusal(*arguments: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        options(*arguments)
    return caught.value


def test_the_command_line_beats_the_environment_and_that_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert options()["until"] == "probes"
    (folder / "slimmer.toml").write_text('until = "exit"\n')
    assert options()["until"] == "exit"
    (folder / "slimmer.toml").write_text('until = "exit"\n[build]\nuntil = 7\n')
    assert options()["until"] == "7"
    monkeypatch.setenv("SLIMMER_UNTIL", "8")
    assert options()["until"] == "8"
    monkeypatch.setenv("SLIMMER_BUILD_UNTIL", "9")
    assert options()["until"] == "9"
    monkeypatch.setenv("SLIMMER_BUILD_UNTIL", "")
    assert options()["until"] == "8"
    assert options("--until", "signal")["until"] == "signal"


def test_every_kind_of_value_comes_from_a_file(folder: Path) -> None:
    (folder / "slimmer.toml").write_text(
        'verify = false\nport = [80, 8080]\nprobe = ["GET /a b", "/c"]\ninclude = "/srv/*"\nkeep-file = "keep.txt"\n'
        'ready_timeout = 1.5\nformat = "json"\nexec = "ls /"\nout = "there"\n'
    )
    found = options()
    expected = {
        "verify": False, "port": [80, 8080], "probe": ["GET /a b", "/c"], "include": ["/srv/*"],
        "keep_file": [folder / "keep.txt"], "ready_timeout": "1.5", "output_format": "json", "exec": ["ls /"],
        "out": folder / "there",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_every_kind_of_value_comes_from_a_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "VERIFY": "no", "INCLUDE_SHELL": "1", "BUILD_PORT": "80\n8080\n", "PROBE": "GET /a b\n/c", "FORMAT": "json",
        "BUILD_EXEC": "ls /", "PROBE_FILE": "a b.yaml",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SLIMMER_{name}", value)
    found = options()
    expected = {
        "verify": False, "include_shell": True, "port": [80, 8080], "probe": ["GET /a b", "/c"], "output_format": "json",
        "exec": ["ls /"], "probe_file": [Path("a b.yaml")],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_what_slimmer_gives_to_host_commands_is_no_option(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLIMMER_PORT", "SLIMMER_EXEC", "SLIMMER_URL", "SLIMMER_HOST"):
        monkeypatch.setenv(name, "something")
    found = options()
    assert not found["port"]
    assert not found["exec"]
    assert not found["hostname"]


def test_the_first_file_upwards_counts_and_a_pyproject_only_with_a_table(folder: Path) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    os.chdir(inner)
    (folder / "slimmer.toml").write_text('tag = "outer:1"\n')
    (inner / "pyproject.toml").write_text('[project]\nname = "slimmer-user"\n')
    assert options()["tag"] == "outer:1"
    (folder / "a" / "pyproject.toml").write_text('[tool.slimmer]\ntag = "middle:1"\n')
    assert options()["tag"] == "middle:1"
    (inner / "slimmer.toml").write_text("")
    assert options()["tag"] == ""


def test_a_file_that_is_named_counts_instead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "slimmer.toml").write_text('tag = "here:1"\n')
    (folder / "other.toml").write_text('tag = "there:1"\n')
    assert options("--config", "other.toml")["tag"] == "there:1"
    monkeypatch.setenv("SLIMMER_CONFIG", "other.toml")
    assert options()["tag"] == "there:1"
    assert "nowhere.toml" in refusal("--config", "nowhere.toml").message


def test_a_current_folder_that_is_gone_has_no_settings(folder: Path) -> None:
    folder.rmdir()
    assert options()["until"] == "probes"


def test_options_that_begin_like_a_command_have_their_variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`keep`, `verify` and `observe` are commands, too."""
    monkeypatch.setenv("SLIMMER_KEEP_FILE", "patterns")
    monkeypatch.setenv("SLIMMER_VERIFY_AS", "1000")
    monkeypatch.setenv("SLIMMER_VERIFY_READ_ONLY", "1")
    found = options()
    assert (found["keep_file"], found["verify_as"], found["verify_read_only"]) == ([Path("patterns")], ["1000"], True)
    monkeypatch.setenv("SLIMMER_VERIFY_SOMEHOW", "1")
    assert "SLIMMER_VERIFY_SOMEHOW is not an option" in refusal().message


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("polcy = 'x'", "unknown setting polcy", "policy"),
        ("[build]\ninclud = 'x'", "unknown setting build.includ", "include"),
        ("[bild]\ninclude = 'x'", "unknown setting bild", "build"),
        (
            "[clean]\nall = true",
            "clean: `slimmer clean` takes its options from the command line only",
            "build, observe",
        ),
        ("dry-run = true", "unknown setting dry-run", "build --help"),
        ("[verify]\nquiet = 'x'", "verify.quiet must be true or false, not 'x'", "settings"),
        ("verify = 'no'", "verify must be true or false, not 'no'", "settings"),
        ("port = ['a']", "port must be a whole number, not 'a'", "settings"),
        ("port = true", "port must be a whole number, not True", "settings"),
        ("tag = ['a']", "tag must be text, not ['a']", "settings"),
        ("tag = true", "tag must be text, not True", "settings"),
        ("include = {a = 1}", "include must be text", "settings"),
        ("config = 'x'", "unknown setting config", "build --help"),
        ("tag = ", "Invalid value", "TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(folder: Path, text: str, message: str, hint: str) -> None:
    (folder / "slimmer.toml").write_text(text)
    error = refusal()
    assert error.message.startswith(str(folder / "slimmer.toml"))
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("SLIMMER_BUILD_POLCY", "x", "SLIMMER_BUILD_POLCY is not an option", "SLIMMER_BUILD_POLICY"),
        ("SLIMMER_CLEAN_ALL", "1", "SLIMMER_CLEAN_ALL: `slimmer clean` takes its options from the command", "compare"),
        ("SLIMMER_VERIFY", "maybe", "SLIMMER_VERIFY must be true or false, not 'maybe'", "off"),
        ("SLIMMER_BUILD_PORT", "80 81", "SLIMMER_BUILD_PORT must be a whole number", "one per line"),
    ],
)
def test_a_wrong_variable_is_refused_with_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str, hint: str
) -> None:
    monkeypatch.setenv(name, value)
    error = refusal()
    assert message in error.message
    assert hint in error.hint


def test_a_strangers_file_above_is_refused_unless_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "slimmer.toml").write_text('exercise = "something"\n')
    inner = folder / "inner"
    inner.mkdir()
    os.chdir(inner)
    monkeypatch.setattr(os, "geteuid", lambda: (folder / "slimmer.toml").stat().st_uid + 1)
    if (folder / "slimmer.toml").stat().st_uid == 0:
        os.chown(folder / "slimmer.toml", 12345, -1)
    assert "another user" in refusal().message
    assert options("--config", str(folder / "slimmer.toml"))["exercise"] == ["something"]
    os.chdir(folder)
    assert options()["exercise"] == ["something"]


def test_others_broken_projects_above_are_none_of_our_business(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[broken\n")
    assert options()["tag"] == ""


def compared(*arguments: str) -> dict[str, Any]:
    """The values of all options of `slimmer compare`."""
    with typer.main.get_command(app).make_context("slimmer", ["compare", "a", "b"]) as parent:
        found: dict[str, Any] = (
            COMMANDS["compare"].make_context("compare", ["a", "b", *arguments], parent=parent).params
        )
        return found


def test_the_gates_of_compare_are_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "slimmer.toml").write_text(
        'policy = "observed"\n[compare]\nmax-size = "80MB"\nmin-ratio = 2.5\nfail-on = ["setuid", "shell"]\nbaseline = "last.json"\n'
    )
    monkeypatch.setenv("SLIMMER_COMPARE_MAX_GROWTH", "5")
    found = compared()
    expected = {
        "max_size": "80MB", "min_ratio": "2.5", "fail_on": ["setuid", "shell"], "baseline": folder / "last.json", "max_growth": "5",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert compared("--max-size", "1MB")["max_size"] == "1MB"


def test_a_gate_of_the_settings_is_held(folder: Path) -> None:
    """Its value is checked before any engine is asked."""
    (folder / "slimmer.toml").write_text('[compare]\nmax-size = "big"\n')
    words = [sys.executable, "-m", "slimmer", "compare", "a", "b"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, "--max-size" in result.stderr) == (2, True), result.stderr


def test_a_command_without_settings_refuses_its_variables(folder: Path) -> None:
    environment = {**os.environ, "SLIMMER_BUILD_POLCY": "x", "SLIMMER_CLEAN_ALL": "1"}
    words = [sys.executable, "-m", "slimmer", "clean", "--dry-run"]
    result = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (result.returncode, "SLIMMER_CLEAN_ALL: `slimmer clean`" in result.stderr) == (2, True), result.stderr


def test_every_option_of_build_has_a_key_and_every_key_a_type() -> None:
    found = settings.options_of(COMMANDS["build"])
    assert {"policy", "include", "exclude", "include-bin", "no-http", "exec", "format", "licences", "keep-file"} <= set(
        found
    )
    assert {option.kind for option in found.values()} == {bool, int, str, Path}
    assert len(found) == sum(1 for parameter in COMMANDS["build"].params if parameter.opts[0].startswith("--")) - 1
