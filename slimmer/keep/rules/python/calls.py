"""Calls that import by a string, and calls that start a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.keep.rules.python.facts import Dynamic
from slimmer.keep.rules.python.grammar import head, text
from slimmer.keep.rules.python.scopes import Scopes
from slimmer.keep.rules.syntax import Grammar, find

if TYPE_CHECKING:
    from tree_sitter import Node

_GRAMMAR = Grammar(
    module="tree_sitter_python",
    functions=frozenset(),
    wanted=frozenset({"call"}),
    leaves=frozenset({"string", "import_statement", "import_from_statement", "comment", "parameters"}),
)
"""Calls are walked to, since they may nest beyond what a query follows in good time."""

_IMPORTS = re.compile(rb"import\w{0,40}\(|find_spec\(")
_COMMANDS = re.compile(rb"subprocess|\bos\b|shutil|popen|pexpect")
_STARTERS = frozenset(
    {
        "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell", "execlp",
        "execvp", "getoutput", "getstatusoutput", "popen", "run", "spawn", "system", "which",
    }
)  # fmt: skip
_SHELLS = frozenset({"create_subprocess_shell", "getoutput", "getstatusoutput", "popen", "system"})
"""Of these, those that give a command line to the shell; others do when they are told `shell=True`."""

_SHELL = "/bin/sh"
_OWN_PACKAGE = frozenset({"__name__", "__package__", "__spec__.parent", "__spec__.name"})
_OWN_NAME = re.compile(
    rb"^[ \t]{0,99}(\w{1,80})[ \t]{0,9}=[ \t]{0,9}__(?:name|package)__(?:\.r?(?:partition|split)\([^()\n]{0,20}\)\[0\])?[ \t\r]{0,99}$",
    re.MULTILINE,
)
"""A variable that holds the module's own package."""

_NAME = re.compile(r"\.{0,9}\w{1,80}(?:\.\w{1,80}){0,19}")
_PREFIX = re.compile(r"\.{1,9}|\.{0,9}\w{1,80}(?:\.\w{1,80}){0,19}\.")
LINE = 4096
"""Characters of a command line that are looked at."""

_COMMAND = re.compile(r"\s{0,9}(?:exec\s{1,9})?([\w./+@-]{1,200})")
_IN_A_LINE = re.compile(r"(?:^|[|;&(`])\s{0,9}(?:exec\s{1,9}|\w{1,40}=\S{0,100}\s{1,9})?([\w./+@-]{1,200})")


@dataclass(frozen=True, slots=True)
class Calls:
    """What was found, each once."""

    dynamic: tuple[Dynamic, ...] = ()
    commands: tuple[str, ...] = ()


def read_calls(source: bytes, scopes: Scopes, *, commands: bool) -> Calls:
    """The calls of a source; nothing is looked for where no word of it speaks of such calls."""
    commands = commands and _COMMANDS.search(source) is not None
    if not commands and not _IMPORTS.search(source):
        return Calls()
    own = _OWN_PACKAGE | {match[1].decode() for match in _OWN_NAME.finditer(source)}
    dynamic: dict[Dynamic, None] = {}
    started: dict[str, None] = {}
    for call, scope in scopes.locate(found.node for found in find(_GRAMMAR, source)):
        name = _name(source, call)
        if scope.skipped or not ("import" in name or name == "find_spec" or (commands and name in _STARTERS)):
            continue
        argument = _argument(call)
        if argument is None:
            continue
        if name not in _STARTERS:
            if read := _imported(argument, scope.where, own):
                dynamic[read] = None
        else:
            started.update(dict.fromkeys(_commands(call, name, argument)))
    return Calls(tuple(dynamic), tuple(started))


def _name(source: bytes, call: Node) -> str:
    """What is called, without what it belongs to."""
    function = call.child_by_field_name("function")
    attribute = function.child_by_field_name("attribute") if function is not None else None
    return head(source, attribute or function, 80)


def _argument(call: Node) -> Node | None:
    """The first argument of a call, without its keyword."""
    arguments = call.child_by_field_name("arguments")
    node = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
    return node.child_by_field_name("value") if node is not None and node.type == "keyword_argument" else node


def _imported(argument: Node, where: str, own: Set[str]) -> Dynamic | None:
    """A literal name, or the known beginning of one that is computed: f"a.{x}", "a." + x, "a.%s" % x, "a.{}".format(x)."""
    known, computed = _beginning(argument, own)
    if not computed:
        return Dynamic(known, where=where) if _NAME.fullmatch(known) else None
    known = known.partition("%")[0].partition("{")[0]
    return Dynamic(known, prefix=True, where=where) if _PREFIX.fullmatch(known) else None


def _beginning(node: Node, own: Set[str]) -> tuple[str, bool]:
    """The text that a string expression begins with, "." for the module's own package; and whether more follows."""
    if node.type == "string":
        return _string(node, own)
    if node.type == "binary_operator":
        return _own(node.child_by_field_name("left"), own), True
    if node.type == "call":
        function = node.child_by_field_name("function")
        if function is not None and text(function.child_by_field_name("attribute")) == "format":
            return _own(function.child_by_field_name("object"), own), True
    return "", True


def _own(node: Node | None, own: Set[str]) -> str:
    """A literal at the left end of an expression; `__name__ + ".x."` counts as ".x."."""
    if node is None:
        return ""
    if node.type == "string":
        return _string(node, own)[0]
    if node.type == "binary_operator":
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None and text(left) in own and right.type == "string":
            return _string(right, own)[0]
    return ""


def _string(node: Node, own: Set[str]) -> tuple[str, bool]:
    parts = [child for child in node.named_children if child.type in ("string_content", "interpolation")]
    if parts and parts[0].type == "interpolation" and text(parts[0]).strip("{}") in own:
        parts = parts[1:]
        return (text(parts[0]) if parts and parts[0].type == "string_content" else "."), len(parts) > 1
    known = text(parts[0]) if parts and parts[0].type == "string_content" else ""
    return known, any(part.type == "interpolation" for part in parts)


def _commands(call: Node, name: str, argument: Node) -> Iterator[str]:
    """The program of `["program", …]` or of a command line; of a line for the shell, all programs, and the shell."""
    if name in _SHELLS or _is_for_the_shell(call):
        yield _SHELL
        line = _line(argument) if argument.type == "string" else ""
        yield from (match[1] for match in _IN_A_LINE.finditer(line))
        return
    if argument.type in ("list", "tuple"):
        argument = next(iter(argument.named_children), argument)
    if argument.type == "string" and (match := _COMMAND.match(_string(argument, _OWN_PACKAGE)[0])):
        yield match[1]


def _is_for_the_shell(call: Node) -> bool:
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else ()
    return any(text(node) == "shell=True" for node in given if node.type == "keyword_argument")


def _line(node: Node) -> str:
    """The text of a string, with a space for each part that is computed."""
    return "".join(text(part) if part.type == "string_content" else " " for part in node.named_children[1:-1])[:LINE]
