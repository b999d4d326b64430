"""Read options from a settings file and from the environment. The command line overrides the environment, which overrides the file.

The file is slimmer.toml, or the table [tool.slimmer] in pyproject.toml: the one that --config names, or else the first one found from
the current folder upwards. Keys are the long names of options without the leading dashes. A table with the name of a command sets
options for that command only. The environment variable of an option is SLIMMER_COMMAND_OPTION, or SLIMMER_OPTION for all commands
that have it. docs/settings.md shows both.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from slimmer.errors import UsageError

FILE, PROJECT, TABLE = "slimmer.toml", "pyproject.toml", "slimmer"
PREFIX = "SLIMMER"
GIVEN_TO_COMMANDS = frozenset(("SLIMMER_HOST", "SLIMMER_PORT", "SLIMMER_URL", "SLIMMER_CONTAINER", "SLIMMER_EXEC"))
"""Variables that slimmer sets for the commands of --exercise. If such a command runs slimmer, they are not options."""

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_NO_SETTING = frozenset(("config", "help"))
_NO_READER = "`slimmer {}` takes its options from the command line only"


class Option(NamedTuple):
    """An option of a command. `name` is its parameter; `kind` is the type of a value: bool, int, str or Path."""

    name: str
    kind: type
    repeatable: bool


class Found(NamedTuple):
    """A settings file and slimmer's settings in it."""

    path: Path
    values: Mapping[str, Any]


def load(context: Any, config: Path | None) -> Path | None:
    """Make the settings the defaults of the command's options. This is the callback of --config.

    Raises UsageError, with the file or variable, for unknown keys and values of the wrong type.
    """
    if not context.resilient_parsing:
        commands = _commands(context.find_root())
        found = read(config) if config is not None else _nearest()
        values = _from_file(found, context.info_name, commands) if found is not None else {}
        context.default_map = values | _from_environment(os.environ, context.info_name, commands)
    return config


def refuse_variables(context: Any) -> None:
    """Raise UsageError for a variable of the command that is about to run, if that command reads no settings. `context` is the root's."""
    name = context.invoked_subcommand
    commands = _commands(context)
    if name in commands and not _reads(commands[name]):
        _refuse_unknown(os.environ, commands, (name,))


def _commands(root: Any) -> dict[str, Any]:
    """Return all commands by name. Groups among them have no options of their own."""
    return {name: command for name, command in root.command.commands.items() if command.callback}


def _reads(command: Any) -> bool:
    """Return True if the command reads settings: if it has --config."""
    return any("--config" in parameter.opts for parameter in command.params)


def _nearest() -> Found | None:
    try:
        return search(Path.cwd())
    except FileNotFoundError:  # the current folder was removed
        return None


def search(folder: Path) -> Found | None:
    """Return the first settings file from `folder` upwards, or None.

    Raises UsageError if it is in a folder above and belongs to another user, because it may name commands to run.
    """
    for place in (folder, *folder.parents):
        for name in (FILE, PROJECT):
            path = place / name
            found = read(path) if path.is_file() and (name == FILE or _mentions_slimmer(path)) else None
            if found is not None:
                if place != folder and path.stat().st_uid not in (0, os.geteuid()):
                    raise UsageError(f"{path} belongs to another user", hint=f"If you trust it: --config {path}")
                return found
    return None


def read(path: Path) -> Found | None:
    """Return the settings in a file, or None for a pyproject.toml without any. Raise UsageError if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: {error}", hint="The settings file must be TOML. docs/settings.md has examples."
        ) from error
    if path.name != PROJECT:
        return Found(path, data)
    tool = data.get("tool", {})
    values = tool.get(TABLE) if isinstance(tool, dict) else None
    if values is not None and not isinstance(values, dict):
        raise UsageError(f"{path}: tool.{TABLE} must be a table", hint=f"[tool.{TABLE}]")
    return None if values is None else Found(path, values)


def options_of(command: Any) -> dict[str, Option]:
    """Return a command's options by key: `probe-file` for --probe-file. The types come from the command's function."""
    hints = get_type_hints(command.callback)
    found = {}
    for parameter in command.params:
        names = [name[2:] for name in parameter.opts if name.startswith("--")]
        if names and names[0] not in _NO_SETTING:
            found[names[0]] = _option(parameter.name, hints[parameter.name])
    return found


def _option(name: str, hint: Any) -> Option:
    """Return the option of a parameter with a type hint such as `bool`, `Path | None` or `list[int] | None`."""
    hint = (
        next((part for part in get_args(hint) if part is not NoneType), hint) if get_origin(hint) is UnionType else hint
    )
    repeatable = get_origin(hint) is list
    return Option(name, get_args(hint)[0] if repeatable else hint, repeatable)


def _from_file(found: Found, command: str, commands: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file's values for this command, by parameter name. Its own table overrides the general keys."""
    own = options_of(commands[command])
    everywhere = {key for other in commands.values() if _reads(other) for key in options_of(other)}
    general = {key: value for key, value in found.values.items() if key not in commands or not isinstance(value, dict)}
    result = {}
    for key, value in _known(found.path, "", general, everywhere):
        if key in own:
            result[own[key].name] = _of_file(own[key], value, f"{found.path}: {key}", found.path.parent)
    for name, table in found.values.items():
        if name in commands and isinstance(table, dict):
            if not _reads(commands[name]):
                raise UsageError(f"{found.path}: {name}: {_NO_READER.format(name)}", hint=_readers(commands))
            keys = options_of(commands[name])
            for key, value in _known(found.path, f"{name}.", table, keys):
                checked = _of_file(keys[key], value, f"{found.path}: {name}.{key}", found.path.parent)
                if name == command:
                    result[keys[key].name] = checked
    return result


def _known(path: Path, table: str, values: Mapping[str, Any], keys: Any) -> Iterator[tuple[str, Any]]:
    for written, value in values.items():
        key = written.replace("_", "-")
        if key not in keys:
            raise UsageError(f"{path}: unknown setting {table}{written}", hint=_suggestion(key, keys))
        yield key, value


def _of_file(option: Option, value: Any, where: str, folder: Path) -> Any:
    """Return a value in the form that typer expects. Paths are relative to the file's folder."""
    if not option.repeatable:
        return _single(option, value, where, folder)
    return [_single(option, entry, where, folder) for entry in (value if isinstance(value, list) else [value])]


def _single(option: Option, value: Any, where: str, folder: Path) -> Any:
    if option.kind in (bool, int):
        return _checked(value, option.kind, where, "true or false" if option.kind is bool else "a whole number")
    if option.kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = _checked(value, str, where, "text")
    return str(folder / text) if option.kind is Path else text


def _checked(value: Any, kind: type, where: str, words: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"{where} must be {words}, not {value!r}", hint="docs/settings.md has examples.")
    return value


def _from_environment(environment: Mapping[str, str], command: str, commands: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment's values for this command, by parameter name. Empty variables are ignored."""
    own = options_of(commands[command])
    _refuse_unknown(environment, commands, commands)
    result = {}
    for key, option in own.items():
        for variable in (_variable(command, key), _variable("", key)):
            text = environment.get(variable, "")
            if text and variable not in GIVEN_TO_COMMANDS:
                result[option.name] = _of_words(option, text, variable)
                break
    return result


def _refuse_unknown(environment: Mapping[str, str], commands: Mapping[str, Any], checked: Iterable[str]) -> None:
    """Raise UsageError for a variable that has the name of a checked command but sets nothing, unless it is an option of all commands."""
    general = {_variable("", key) for other in commands.values() if _reads(other) for key in options_of(other)}
    for command in checked:
        other = commands[command]
        known = {_variable(command, key) for key in options_of(other)} if _reads(other) else set()
        for variable in environment:
            if variable.startswith(_variable(command, "")) and variable not in known | general:
                if not _reads(other):
                    raise UsageError(f"{variable}: {_NO_READER.format(command)}", hint=_readers(commands))
                raise UsageError(
                    f"{variable} is not an option of `slimmer {command}`", hint=_suggestion(variable, known)
                )


def _of_words(option: Option, text: str, variable: str) -> Any:
    """Return the value of a variable's text. Repeatable options take one value per line."""
    if option.repeatable:
        return [_word(option, line.strip(), variable) for line in text.splitlines() if line.strip()]
    return _word(option, text, variable)


def _word(option: Option, text: str, variable: str) -> Any:
    if option.kind is bool:
        if text.lower() not in _WORDS:
            raise UsageError(f"{variable} must be true or false, not {text!r}", hint="Also: 1, yes, on; 0, no, off.")
        return _WORDS[text.lower()]
    if option.kind is not int:
        return text
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(
            f"{variable} must be a whole number, not {text!r}", hint="To give several numbers, write one per line."
        ) from error


def _variable(command: str, key: str) -> str:
    """Return a variable's name: SLIMMER_BUILD_PROBE_FILE, without a command SLIMMER_PROBE_FILE, without a key SLIMMER_BUILD_."""
    words = [PREFIX, command, key.replace("-", "_")] if command else [PREFIX, key.replace("-", "_")]
    return "_".join(words).upper()


def _mentions_slimmer(path: Path) -> bool:
    """Return True if a pyproject.toml may have settings for slimmer. Errors in other files do not concern slimmer."""
    try:
        return b"slimmer" in path.read_bytes()
    except OSError:
        return False


def _readers(commands: Mapping[str, Any]) -> str:
    return f"Commands with settings: {', '.join(name for name, command in commands.items() if _reads(command))}."


def _suggestion(key: str, keys: Any) -> str:
    from slimmer.image.suggestions import did_you_mean, near_names

    return did_you_mean(
        near_names(key, keys),
        "`slimmer build --help` lists the options. A key is an option without the leading dashes.",
    )
