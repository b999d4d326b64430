"""Reads a Perl source for what it loads and names.

Only perl can parse Perl. This reads line by line for statements that load something (perlfunc(1): use, require, do), leaving out
documentation (perlpod(1)) and comments; a text that only looks like one leads to a module more, or to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from slimmer.keep.language import Origin, Source
from slimmer.keep.sources.named_paths import HOLE, Base, Command, Mention

LIMIT = 5000
"""How many modules, and how many texts, of one source are remembered."""

SOURCE_LIMIT = 1 << 22
_LINE_LIMIT = 2000

_NAME = r"[A-Za-z_]\w{0,80}(?:::\w{1,80}){0,12}"
_USE = re.compile(
    rf"(?:^[^\S\n]{{0,200}}|[;{{}}]\s{{0,200}})(?:use|no)\s{{1,20}}({_NAME})\b([^;#]{{0,400}})", re.MULTILINE
)
_REQUIRE = re.compile(rf"\brequire\s{{1,20}}({_NAME})\b(?!\s{{0,9}}=>)")
_BEGIN = re.compile(r"^BEGIN\s{0,9}\{", re.MULTILINE)
_BEGINNINGS, _BEGINNING = 50, 4000
"""How many blocks of code that runs when the source is loaded are looked into, and characters of one."""

_FILE = re.compile(r"""\b(?:require|do)\s{0,20}\(?\s{0,9}(?:["']([^"'\n]{1,200})["'])""")
_LOADED = re.compile(
    rf"""\b(?:use_module|require_module|load_class|use_package_optimistically|load|autouse|plugin|with|extends|if)
    \b[^"'\n]{{0,80}}["']\+?({_NAME})["']""",
    re.VERBOSE,
)
_CALLED = re.compile(rf"\b({_NAME}::\w{{1,80}})\s{{0,9}}->")
_DATABASE = re.compile(r"\bdbi:(\w{1,40})[:(]", re.IGNORECASE)
_TEXT = re.compile(r"""'([^'\n\\]{1,200})'|"([^"\n\\]{1,200})\"""")
_WORDS = re.compile(r"\bqw\s{0,9}[(\[{/<|]([^)\]}/>|]{0,1000})")
_COMMAND = re.compile(
    r"""(?:\b(?:system|exec)\s{0,9}\(?\s{0,9}|\bqx\s{0,9}|["'][|+-]{1,2}["'],\s{0,9})["'{(/|]([^"'})|\n]{1,200})|`([^`\n]{1,200})`"""
)
_HERE = re.compile(r"\$(?:FindBin::)?\{?(?:FindBin::)?(?:Real)?Bin\}?")
_MODULE = re.compile(_NAME)
_NAMESPACE = re.compile(rf"({_NAME}::)(?:[$@]\{{?\w[\w:]{{0,80}}\}}?)?")
_PART = re.compile(r"[A-Z]\w{0,40}")
_VARIABLE = re.compile(r"[$@]\{?\w[\w:]{0,80}\}?(?:->)?(?:[\[{][^\]}]{0,80}[\]}])?")


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A module ("A::B") or a file that is loaded; `lazy` when that happens only where the program gets there.

    `stated` when a statement names it, and not merely a text.

    A name with "::" before it is that of a part of the source's own module, if there is such a part.
    A name with "::" at its end stands for all modules of that namespace: the rest is computed.
    """

    name: str
    lazy: bool
    is_file: bool = False
    stated: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one source says. `libraries` are folders that it adds to @INC, `traits` what it does with texts."""

    requests: tuple[ModuleRequest, ...] = ()
    libraries: tuple[Mention, ...] = ()
    mentions: tuple[Mention, ...] = ()
    commands: tuple[Command, ...] = ()
    traits: frozenset[str] = frozenset()


_TRAITS = {
    "tables": re.compile(r"Unicode::UCD"),
    "properties": re.compile(r"\\[pP]\{|\\X"),
    "names": re.compile(r"\\N\{|charnames"),
    "case": re.compile(r"\buse\s{1,9}(?:utf8|open|Encode)\b|\b(?:en|de)code\b|:encoding\(|:utf8"),
    "Encode::TW": re.compile(r"big5", re.IGNORECASE),
    "Encode::CN": re.compile(r"\bgb(?:k|2312|18030)|euc-cn|cp936|\bhz\b|iso-ir-165", re.IGNORECASE),
    "Encode::JP": re.compile(r"shift_?-?jis|sjis|euc-?jp|cp932|iso-2022-jp|jis0201|7bit-jis", re.IGNORECASE),
    "Encode::KR": re.compile(r"euc-?kr|cp949|johab|iso-2022-kr|ks_c_5601", re.IGNORECASE),
}
"""What a source's code may say of character sets: uses of Unicode's tables, and names of large encodings (Encode::Supported)."""


def read(source: Source) -> Facts:
    """The facts of a source; of a library's, only the modules that it loads."""
    content, whole = source.content, source.origin is Origin.APP
    if len(content) > SOURCE_LIMIT or b"\0" in content:
        return Facts()
    code = "\n".join(_code_lines(content.decode("utf-8", "surrogateescape")))
    requests = dict.fromkeys(_requests(code, whole=whole))
    libraries = dict.fromkeys(_libraries(code))
    texts = [text for text in _texts(code) if text not in libraries] if whole else []
    return Facts(
        requests=tuple(requests)[:LIMIT],
        libraries=tuple(_mention(library) for library in libraries),
        mentions=tuple(_mention(text) for text in texts[:LIMIT]),
        commands=tuple(Command(match[1] or match[2]) for match in _COMMAND.finditer(code)) if whole else (),
        traits=frozenset(name for name, pattern in _TRAITS.items() if pattern.search(code)) if whole else frozenset(),
    )


def _code_lines(text: str) -> Iterator[str]:
    """The lines that are neither documentation nor comments, up to the end that the source itself declares."""
    in_pod = False
    for line in text.splitlines():
        if line.startswith("=") and line[1:2].isalpha():
            in_pod = not line.startswith("=cut")
        elif line in ("__END__", "__DATA__"):
            return
        elif not in_pod and not line.lstrip().startswith("#"):
            yield line[:_LINE_LIMIT]


def _requests(code: str, *, whole: bool) -> Iterator[ModuleRequest]:
    for match in _USE.finditer(code):
        name, rest = match[1], match[2]
        yield ModuleRequest(name, lazy=False)
        if name in ("parent", "base", "if", "autouse", "fields"):
            for word in (*_list(rest), *(found[1] for found in re.finditer(rf"\b({_NAME}::\w{{1,80}})", rest))):
                yield ModuleRequest(word, lazy=False)
    at_once = {match.start() for start, end in _beginnings(code) for match in _REQUIRE.finditer(code, start, end)}
    yield from (
        ModuleRequest(match[1], lazy=match.start() not in at_once, stated=True) for match in _REQUIRE.finditer(code)
    )
    for match in _FILE.finditer(code):
        yield ModuleRequest(_VARIABLE.sub(HOLE, match[1]), lazy=True, is_file=True)
    for match in _LOADED.finditer(code):
        yield ModuleRequest(match[1], lazy=True)
        yield ModuleRequest(f"Mojolicious::Plugin::{match[1]}", lazy=True)
    yield from (ModuleRequest(text, lazy=True) for text in _texts(code) if "::" in text and _MODULE.fullmatch(text))
    for text in _texts(code):
        if (computed := _NAMESPACE.fullmatch(text)) is not None:
            yield ModuleRequest(computed[1], lazy=True)
        elif _PART.fullmatch(text):
            yield ModuleRequest(f"::{text}", lazy=True)
    if whole:
        yield from (ModuleRequest(match[1], lazy=True) for match in _CALLED.finditer(code))
        yield from (ModuleRequest(f"DBD::{match[1]}", lazy=True) for match in _DATABASE.finditer(code))


def _beginnings(code: str) -> Iterator[tuple[int, int]]:
    """Where BEGIN blocks start and end: at a brace in the first line, or at the beginning of one."""
    for match in islice(_BEGIN.finditer(code), _BEGINNINGS):
        start = match.end()
        line = code.find("\n", start, start + _BEGINNING)
        end = code.find("}", start, line) if line >= 0 else -1
        if end < 0:
            end = code.find("\n}", start, start + _BEGINNING)
        if end >= 0:
            yield start, end


def _libraries(code: str) -> Iterator[str]:
    for match in _USE.finditer(code):
        if match[1] == "lib":
            yield from _list(match[2])


def _list(text: str) -> Iterator[str]:
    """The words of a list of texts: `qw(A B)`, `'A', "B"`."""
    for match in _WORDS.finditer(text):
        yield from match[1].split()
    yield from (match[1] or match[2] for match in _TEXT.finditer(text))


def _texts(code: str) -> list[str]:
    return list(dict.fromkeys(match[1] or match[2] for match in _TEXT.finditer(code)))


def _mention(text: str) -> Mention:
    """A text as a path: `$FindBin::Bin` is the source's folder, other variables are holes."""
    here = _HERE.match(text)
    base = Base.FOLDER if here is not None else Base.ANY
    rest = text[here.end() :].lstrip("/") if here is not None else text
    return Mention(_VARIABLE.sub(HOLE, rest), base, sure=base is Base.FOLDER or "/" in rest)
