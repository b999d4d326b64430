"""Keep the texts of other languages: an app that read its English texts reads its German ones for another user.

Texts lie in one folder for each language (`errors/en`, `errors/de`), or in one file for each (`en.json`, `de.json`). If a file of one of
them was opened, or of the texts for all other languages (`templates`, `default`), then the files of the same name of all languages stay,
up to FILES and BYTES. Beyond that, those of the root, of English and of the languages that the image's environment names stay.

If a text lies deeper (`locale/en/LC_MESSAGES/django.mo`), the few small files right in the language's folder count as opened: they say how
that language writes numbers and dates (`locale/en/formats.py`).

A folder counts if at least LANGUAGES of its entries are named like languages (ISO 639-1). The C library's own catalogues and locales are left to
slimmer.keep.native.locales.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import NO_TEXTS
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.records import FOR_ALL, is_main, languages_of
from slimmer.observe.log import PROBE, Operation

RULE = "language-folder"
FILES, BYTES = 5000, 8 << 20
"""The most files of all languages together that stay for one folder."""

BESIDE, BESIDE_BYTES = 8, 64 << 10
"""The most files right in a language's folder that count, and the bytes of each. If there are more, none counts."""

LANGUAGES = 3
_FOLDERS = 500
_ENTRIES = 1000
_GROUPS = 5000
_DEPTH = 4
_ISO_639_1 = (
    "ab aa af ak sq am ar an hy as av ae ay az bm ba eu be bn bi bs br bg my ca ch ce ny zh cu cv kw co cr hr cs da"
    " dv nl dz en eo et ee fo fj fi fr fy ff gd gl lg ka de el kl gn gu ht ha he hz hi ho hu is io ig id ia ie iu ik"
    " ga it ja jv kn kr ks kk km ki rw ky kv kg ko kj ku lo la lv li ln lt lu lb mk mg ms ml mt gv mi mr mh mn na nv"
    " nd nr ng ne no nb nn ii oc oj or om os pi ps fa pl pt pa qu ro rm rn ru se sm sg sa sc sr sn sd si sk sl so st"
    " es su sw ss sv tl ty tg ta tt te th bo ti to ts tn tr tk tw ug uk ur uz ve vi vo wa cy wo xh yi yo za zu"
)
_CODES = frozenset(_ISO_639_1.split())
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_]([A-Za-z]{2,8}|[0-9]{3}))*(?:\.[\w-]{1,20})?(?:@\w{1,20})?", re.IGNORECASE)


def language_folders(image: ImageView) -> Iterator[Finding] | None:
    """Yield the texts of other languages like those that were opened. None if there are none."""
    groups = _groups(image)
    return _findings(image, groups) if groups else None


def _findings(image: ImageView, groups: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    """Yield findings for groups: pairs of a folder and the rest of a path below each language, with a file that was opened."""
    folders: dict[str, dict[str, str]] = {}
    for (folder, rest), path in groups.items():
        folders.setdefault(folder, {})[rest] = path
    wanted = languages_of(image.env)
    for folder, rests in sorted(folders.items())[:_FOLDERS]:
        languages = _languages(image.tree, folder)
        found = _texts(image.tree, languages, rests)
        if found is None:
            main = [one for one in languages if is_main(posixpath.basename(one.path), wanted)]
            found = _texts(image.tree, main, rests) or {}
        for path, model in found.items():
            yield Finding(path, Reason(RULE, f"for another language, like {model}, which was opened", model))


def _texts(tree: Tree, languages: Sequence[Entry], rests: Mapping[str, str]) -> dict[str, str] | None:
    """Return the texts in these languages, each with the file that it is like; None if they exceed the bounds on a folder."""
    found: dict[str, str] = {}
    size = 0
    for rest, path in sorted(rests.items()):
        for entry in _translations(tree, languages, rest):
            size += entry.size if entry.path not in found else 0
            found[entry.path] = path
            if len(found) > FILES or size > BYTES:
                return None
    return found


def _groups(image: ImageView) -> dict[tuple[str, str], str]:
    """Return the folders of languages of which a file was opened, with the rest of its path, and that file."""
    languages: dict[str, bool] = {}
    groups: dict[tuple[str, str], str] = {}
    for access in image.log.accesses:
        path = access.resolved or access.asked
        if access.operation is not Operation.OPEN or not access.found or access.executable == PROBE or path in NO_TEXTS:
            continue
        parts = path.split("/")
        for place in range(max(2, len(parts) - _DEPTH), len(parts)):
            name, folder = parts[place], "/".join(parts[:place])
            if not _may_be_text(name, is_file=place == len(parts) - 1):
                continue
            if folder not in languages and len(languages) < _FOLDERS:
                languages[folder] = _has_languages(image.tree, folder)
            if languages.get(folder) and len(groups) < _GROUPS and image.tree.get(path) is not None:
                rest = "/".join(parts[place + 1 :]) or posixpath.splitext(name)[1]
                groups.setdefault((folder, rest), path)
                for beside in _beside(image.tree, f"{folder}/{name}") if "/" in rest else ():
                    groups.setdefault((folder, beside), path)
                break
    return groups


def _beside(tree: Tree, folder: str) -> list[str]:
    """Return the names of the few small files right in the folder of a language."""
    files = (entry for entry in tree.children(folder) if entry.is_file)
    found = [(posixpath.basename(entry.path), entry.size) for entry in islice(files, BESIDE + 1)]
    few = found if len(found) <= BESIDE else []
    return [name for name, size in few if size <= BESIDE_BYTES and not name.startswith(".")]


def _translations(tree: Tree, languages: Iterable[Entry], rest: str) -> Iterator[Entry]:
    """Yield the files of these entries for languages: with this path below their own folders, or with this suffix."""
    for entry in languages:
        if rest.startswith(".") and "/" not in rest:
            if entry.is_file and entry.path.endswith(rest):
                yield entry
        elif entry.is_directory:
            found = tree.get(f"{entry.path}/{rest}")
            if found is not None and found.is_file:
                yield found


def _languages(tree: Tree, folder: str) -> list[Entry]:
    """Return the entries of a folder that are named like languages, and those for all other languages: at most _ENTRIES."""
    return list(islice((entry for entry in tree.children(folder) if _is_one(_key(entry))), _ENTRIES))


def _key(entry: Entry) -> str:
    name = posixpath.basename(entry.path)
    return name if entry.is_directory else posixpath.splitext(name)[0]


def _has_languages(tree: Tree, folder: str) -> bool:
    """Return True if enough entries of a folder are named like languages."""
    count = 0
    for entry in tree.children(folder):
        name = posixpath.basename(entry.path)
        count += not entry.is_link and _is_language(name if entry.is_directory else name.partition(".")[0])
        if count >= LANGUAGES:
            return True
    return False


def _may_be_text(name: str, *, is_file: bool) -> bool:
    stem, suffix = posixpath.splitext(name)
    if is_file and not suffix:
        return False
    return _is_one(stem if is_file else name)


def _is_one(name: str) -> bool:
    """Return True if a name is that of a language, or stands for all other languages."""
    return _is_language(name) or name.lower() in FOR_ALL


def _is_language(name: str) -> bool:
    match = _LANGUAGE.fullmatch(name)
    return match is not None and match[1].lower() in _CODES


ANALYZER = FunctionAnalyzer("language-folder", BEYOND_OBSERVED, {RULE: Evidence.USED}, language_folders)
