"""Reads a Perl source for what it loads and names.

Only perl can parse Perl. This reader searches the lines for statements that load something (perlfunc(1): use, require, do), except in
documentation (perlpod(1)) and comments. A text that only looks like such a statement keeps one module too many, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from slimmer.keep.language import Origin, Source
from slimmer.keep.sources.named_paths import HOLE, Base, Command, Mention

LIMIT = 5000
"""The most modules, and the most texts, that are remembered for one source."""

SOURCE_LIMIT = 1 << 22
_LINE_LIMIT = 2000

_NAME = r"[A-Za-z_]\w{0,80}(?:::\w{1,80}){0,12}"
_USE = re.compile(
    rf"(?:^[^\S\n]{{0,200}}|[;{{}}]\s{{0,200}})(?:use|no)\s{{1,20}}({_NAME})\b([^;#]{{0,400}})", re.MULTILINE
)
_REQUIRE = re.compile(rf"\brequire\s{{1,20}}({_NAME})\b(?!\s{{0,9}}=>)")
_BEGIN = re.compile(r"^BEGIN\s{0,9}\{", re.MULTILINE)
_BEGINNINGS, _BEGINNING = 50, 4000
"""The most BEGIN blocks of a source that are read, and the most characters of one."""

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
_PACKAGE = re.compile(rf"^\s{{0,9}}package\s{{1,9}}({_NAME})", re.MULTILINE)
_FINDERS = re.compile(
    rf"""\b(?:useall|usesub|findallmod|findsubmod|find_modules|find_packages|load_app_namespaces)\b\s{{0,9}}\(?\s{{0,9}}["']?({_NAME})"""
)
"""Functions that load all modules of a namespace (Module::Find, Mojo::Loader)."""

_CHOSEN = re.compile(
    rf"""\b(?:load|require|use|find)_(?:class|module|package|plugin)\b\s{{0,9}}\(\s{{0,9}}
    (?:["']\+?({_NAME})["']|\$[^,"'\n]{{1,80}})\s{{0,9}},\s{{0,9}}["']({_NAME})["']""",
    re.VERBOSE,
)
"""A name and the namespace that it belongs to: `load_class($server, "Plack::Handler")`."""

_COMPONENTS = re.compile(r"->\s{0,9}load_\w{0,40}s\b\s{0,9}\(?([^;]{0,2000})")
"""Calls that load modules by the last parts of their names: `__PACKAGE__->load_components(qw(PK::Auto Row))`."""

_PARENTS, _COMPONENT_LIMIT = 20, 100
"""The most parents of a source's packages, and the most words of such calls, that are looked at."""

_UNSAID = {
    "File::Glob": re.compile(r"""\bglob\s{0,9}[($"'<]|<(?=[^<>\n;=]{0,200}[*?~{])[^<>\n;=]{1,200}>"""),
    "Errno": re.compile(r"%!|\$!\{"),
    "Tie::Hash::NamedCapture": re.compile(r"[$%][+-]\{|%\+(?=[\s);])"),
    "PerlIO::scalar": re.compile(r"\bopen\b[^;\n]{0,200},\s{0,9}\\\s{0,9}(?:my\b|\$)"),
    "PerlIO::encoding": re.compile(r":encoding\("),
}
"""Modules that perl itself loads, with signs of what needs them: perlfunc(1), "glob" and "open"; perlvar(1), "%!" and "%+"; perliol(1)."""

_FRAMEWORKS = (
    (
        re.compile(r"\buse\s{1,9}Catalyst\b|\bextends\s{0,9}\(?\s{0,9}['\"]Catalyst['\"]"),
        ("Controller", "Model", "View", "C", "M", "V"),
    ),
    (re.compile(r"\buse\s{1,9}Mojo::Base\s{1,9}['\"]Mojolicious['\"]"), ("Controller", "Command")),
    (re.compile(r"->\s{0,9}load_namespaces\b"), ("Result", "ResultSet")),
    (re.compile(r"->\s{0,9}load_classes\b"), ("",)),
)
"""Frameworks that load all modules of these namespaces below the package of an app: Catalyst, Mojolicious, DBIx::Class."""

_PACKAGES = 20
_HERE = re.compile(r"\$(?:FindBin::)?\{?(?:FindBin::)?(?:Real)?Bin\}?")
_MODULE = re.compile(_NAME)
_NAMESPACE = re.compile(rf"({_NAME}::)(?:[$@]\{{?\w[\w:]{{0,80}}\}}?)?")
_COMPONENT = re.compile(r"[A-Z]\w{0,80}(?:::\w{1,80}){0,8}")
"""A word of `use POE qw(Wheel::Run)` or `use Catalyst qw(Static::Simple)` that may be the end of a module's name."""

_PART = re.compile(r"[A-Z]\w{0,40}")
_VARIABLE = re.compile(r"[$@]\{?\w[\w:]{0,80}\}?(?:->)?(?:[\[{][^\]}]{0,80}[\]}])?")


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A module ("A::B") or a file that a source loads. `lazy` is true if it is loaded only when the code around it runs.

    `stated` is true if a `require` statement names it, and not just a text.

    A name with "::" at the beginning is a part of the source's own module, if there is such a part.
    A name with "::" at the end stands for all modules of that namespace: the rest of the name is computed.
    """

    name: str
    lazy: bool
    is_file: bool = False
    stated: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one source. `libraries` are folders that it adds to @INC. `traits` are keys of _TRAITS."""

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
"""Signs that a source uses Unicode's tables, or names large encodings (Encode::Supported)."""


def read(source: Source) -> Facts:
    """Return the facts of a source. For a library's source, these are only the modules that it loads, and its folders for @INC."""
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
    """Yield the lines that are neither documentation nor comments, up to `__END__` or `__DATA__`."""
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
        for word in islice(_list(rest), _COMPONENT_LIMIT):
            if _COMPONENT.fullmatch(word):
                yield from (ModuleRequest(f"{name}::{part}{word}", lazy=False) for part in ("", "Plugin::"))
        if name.startswith("Module::Pluggable") and "search_path" not in rest:
            yield from (ModuleRequest(f"{package}::Plugin::", lazy=True) for package in _packages(code))
    yield from (ModuleRequest(name, lazy=False) for name, sign in _UNSAID.items() if sign.search(code))
    yield from (ModuleRequest(f"{match[1]}::", lazy=True) for match in _FINDERS.finditer(code))
    yield from (ModuleRequest(f"{match[2]}::{match[1] or ''}", lazy=True) for match in _CHOSEN.finditer(code))
    yield from _components(code)
    for pattern, parts in _FRAMEWORKS if whole else ():
        if pattern.search(code):
            for package in _packages(code):
                yield from (
                    ModuleRequest(f"{package}::{part}::" if part else f"{package}::", lazy=True) for part in parts
                )
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


def _components(code: str) -> Iterator[ModuleRequest]:
    """Yield what calls load by the last parts of names: in each namespace above a package of the source or above one of its parents."""
    words = dict.fromkeys(word for match in _COMPONENTS.finditer(code) for word in _list(match[1]))
    if not words:
        return
    parents = (word for match in _USE.finditer(code) if match[1] in ("base", "parent") for word in _list(match[2]))
    names = dict.fromkeys((*_packages(code), *islice(parents, _PARENTS)))
    above = dict.fromkeys(
        "::".join(parts[:end]) for name in names for parts in [name.split("::")] for end in range(len(parts), 0, -1)
    )
    for word, namespace in product(islice(words, _COMPONENT_LIMIT), above):
        if _MODULE.fullmatch(word):
            yield ModuleRequest(f"{namespace}::{word}", lazy=True)


def _packages(code: str) -> list[str]:
    return list(dict.fromkeys(match[1] for match in _PACKAGE.finditer(code)))[:_PACKAGES]


def _beginnings(code: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of BEGIN blocks. A block ends at a brace in its first line, or else at one that begins a line."""
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
    """Yield the words of a list of texts: `qw(A B)`, `'A', "B"`."""
    for match in _WORDS.finditer(text):
        yield from match[1].split()
    yield from (match[1] or match[2] for match in _TEXT.finditer(text))


def _texts(code: str) -> list[str]:
    return list(dict.fromkeys(match[1] or match[2] for match in _TEXT.finditer(code)))


def _mention(text: str) -> Mention:
    """Read a text as a path. `$FindBin::Bin` is the source's folder; other variables are holes."""
    here = _HERE.match(text)
    base = Base.FOLDER if here is not None else Base.ANY
    rest = text[here.end() :].lstrip("/") if here is not None else text
    return Mention(_VARIABLE.sub(HOLE, rest), base, sure=base is Base.FOLDER or "/" in rest)
