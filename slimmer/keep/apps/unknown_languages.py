"""Keep the sources of languages that no analyzer follows: all of a kind below the app's folder, if a program opened several of them.

What such a program loads later is unknown, so its other sources stay, up to FOLDER_FILES and FOLDER_BYTES a folder, and the build says so
(slimmer.unproven). A suffix counts as one of a language if it is in CODE, or if the image's command names a file with it. The languages that
analyzers know are those of slimmer.keep.ecosystems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.ecosystems import code_suffixes, dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import SYSTEM_AND_ROOT
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.word_tables import words
from slimmer.observe.log import PROBE, Operation
from slimmer.unproven import Kind

RULE = "unknown-language"
FOLDER_FILES, FOLDER_BYTES = 10_000, 50 << 20
"""The most files of one suffix that stay below an app's folder."""

LIBRARY_BYTES = 10 << 20
"""The most bytes of files of one suffix that stay below a folder of the system's, where a language has its own library."""

LOOKED_AT = 300_000
"""The most paths that are looked at for all folders together."""

_SEVERAL = 2
_FOLDERS = 32
_WORDS = (
    ".tcl .tm .itcl .erl .beam .ex .exs .eex .heex .jl .scm .ss .sls .sld .rkt .zo .lisp .lsp .cl .fasl .el .elc .clj .cljs .cljc "
    " .hs .lhs .ml .cmo .cma .fs .fsx .csx .cs .dll .vb .dart .dill .swift .groovy .gvy .kts .kt .scala .nim .cr .raku .rakumod .pm6 .p6 .pl6"
    " .awk .gawk .pike .coffee .litcoffee .hx .fnl .janet .jimage .wren .nut .cfm .cfc .ijs .apl .dyalog .factor .forth .4th"
    " .rexx .rex .hrb .m .oct .mata .bal .pony .r3 .reb .sml .pro .prolog .plt .qlf .lfe .gleam"
    " .sibilant .hy .mojo .vim .au3 .ahk .ps1 .psm1 .psd1 .fish .nu .elv .xsh .tengo .starlark .star .bzl .jsonnet .libsonnet .rego .dhall "
)
CODE = frozenset(_WORDS.split())
"""Suffixes of sources and of compiled code of languages, in lower case."""

_NO_CODE = words(
    ".conf .cfg .cnf .ini .json .yml .yaml .toml .xml .txt .md .log .env .properties .db .sqlite",
    ".pem .crt .key .html .htm .css .svg .png .so .sock .pid .lock .list .r .sql .csv .acl .vcl",
) | {""}
"""Suffixes of files that a command may name as its configuration or data. R has a rule of its own."""

_KIND = re.compile(r"\.[a-z][a-z0-9_]{0,9}")
_LIBRARY = re.compile(r"(/usr/(?:local/)?(?:lib|share)/(?!\w{1,20}-linux-)[^/]+)/.*", re.DOTALL)


@dataclass(slots=True)
class UnknownLanguage:
    """A suffix, the program that opened files with it, and these files."""

    suffix: str
    program: str
    files: list[str] = field(default_factory=list)


def languages(image: ImageView) -> list[UnknownLanguage]:
    """Return the languages that no analyzer knows and of which several files were opened by one program, sorted."""
    words = (word for word in image.config.command if (end := image.end(image.absolute(word))) and end.is_file)
    named = {suffix for word in words if _KIND.fullmatch(suffix := suffix_of(word))} - _NO_CODE
    suffixes = (CODE | named) - code_suffixes()
    found: dict[tuple[str, str], UnknownLanguage] = {}
    for access in image.log.accesses:
        suffix = suffix_of(access.asked) if access.found and access.operation is Operation.OPEN else ""
        if suffix not in suffixes or access.executable == PROBE:
            continue
        entry = image.end(access.resolved or access.asked)
        if entry is not None and entry.is_file and entry.path != access.executable:
            files = found.setdefault((suffix, access.by), UnknownLanguage(suffix, access.by)).files
            if entry.path not in files[-1:]:
                files.append(entry.path)
    several = [found[key] for key in sorted(found)]
    return [language for language in several if len(set(language.files)) >= _SEVERAL]


def note_unproven(image: ImageView, found: list[UnknownLanguage]) -> None:
    """Note for each program that what it loads later than in this run is unknown."""
    programs: dict[str, dict[str, None]] = {}
    for language in found:
        programs.setdefault(language.program, {})[language.suffix] = None
    for program, suffixes in programs.items():
        what = (
            f"slimmer has no rule for its {', '.join(suffixes)} files. It keeps those of the app, "
            "but does not know what they load later"
        )
        image.unproven.note(
            Kind.LANGUAGE, program, what, "exercise more with --probe and --exec, or keep folders with --include"
        )


def unknown_languages(image: ImageView) -> Iterator[Finding] | None:
    """Yield the other sources of languages that no analyzer knows. None if there are no such languages."""
    found = languages(image)
    note_unproven(image, found)
    return _findings(image, found) if found else None


def _findings(image: ImageView, found: list[UnknownLanguage]) -> Iterator[Finding]:
    left = LOOKED_AT
    for language in found:
        for folder, example in sorted(_folders(image, language).items())[:_FOLDERS]:
            limit = LIBRARY_BYTES if _LIBRARY.fullmatch(folder + "/") else FOLDER_BYTES
            chosen, looked_at = [], 0
            for looked_at, entry in enumerate(image.tree.below(folder), 1):  # the count is needed after the loop
                if looked_at > left:
                    break
                if entry.is_file and suffix_of(entry.path) == language.suffix:
                    chosen.append(entry)
            left -= looked_at
            reason = Reason(RULE, f"a {language.suffix} file like {example}, which {language.program} opened", example)
            if left >= 0:
                yield from (Finding(entry.path, reason) for entry in within_limits(chosen, FOLDER_FILES, limit) or ())


def _folders(image: ImageView, language: UnknownLanguage) -> Mapping[str, str]:
    """Return the folders of the app, and those of libraries, in which files were opened, each with one of these files."""
    working = image.absolute()
    folders: dict[str, str] = {}
    for path in language.files:
        library = _LIBRARY.fullmatch(path)
        if working != "/" and path.startswith(working + "/") and working not in SYSTEM_AND_ROOT:
            folder = working
        elif library is not None:
            folder = "" if not dependency_folders().isdisjoint(path.split("/")) else library[1]
        else:
            folder = "" if path in SYSTEM_AND_ROOT else _top(path)
        if folder:
            folders.setdefault(folder, path)
    return folders


def _top(path: str) -> str:
    """Return the folder of the app that a path outside of the system's folders belongs to: /srv/shop for /srv/shop/lib/x.tcl."""
    folders = path.split("/")[1:-1]
    return "/" + "/".join(folders[:2]) if folders else ""


ANALYZER = FunctionAnalyzer("unknown-language", BEYOND_OBSERVED, {RULE: Evidence.SEEN}, unknown_languages)
