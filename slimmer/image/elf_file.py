"""Read what the dynamic loader reads of an ELF file: its machine, its libraries, where it searches for them, what it imports.

This does not use pyelftools, for two reasons: an image is untrusted, so every count needs a bound; and an image has hundreds of
libraries, of which only what the loader itself reads matters (program headers and the dynamic segment, but no section headers).
The tests check it against pyelftools. Sources: elf(5); System V ABI, "Dynamic
Section"; glibc, elf/dl-load.c (DT_RPATH, DT_RUNPATH), elf/dl-lookup.c (DT_GNU_HASH).
"""

from __future__ import annotations

import os
import re
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

MAGIC = b"\x7fELF"
SMALLEST = 52
"""The size of the smaller file header in bytes. Nothing shorter is an ELF file."""

_SEGMENTS = 256
_TAGS = 1024
_SYMBOLS = 200_000
_NAMES = 256
_PATHS = 2000
_STRING = 1 << 16

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 4, 5, 6, 14, 15, 29
_DT_GNU_HASH, _DT_AUXILIARY, _DT_FILTER = 0x6FFFFEF5, 0x7FFFFFFD, 0x7FFFFFFF

_LIBRARY_NAME = re.compile(rb"\.so(?:\.[0-9]{1,6}){0,3}\0")
_VERSION = re.compile(r"\.so\.[0-9]|[0-9]\.so$")
_NAME_LENGTH = 128
_NAME_SHAPE = re.compile(r"(?:[\w./+$@{}-]*/)?[\w+@][\w.+@-]*", re.ASCII)
_OPENERS = frozenset(("dlopen", "dlmopen"))
_PROGRAM_PATH = re.compile(rb"\0(/(?:[\w+-][\w.+-]{0,63}/){1,8}[\w+-][\w.+-]{0,63})(?=[\0 ])")
_FOLDER_PATH = re.compile(
    rb"\0((?:/[\w+-][\w.+-]{0,63}){0,3}/lib(?:exec|x?32|64)?(?://?[\w+-][\w.+-]{0,63}){1,6}/?)(?=\0)"
)
_FOLDER_OPENERS = _OPENERS | {"lt_dlopen", "lt_dlopenext", "lt_dlopenadvise", "g_module_open", "g_module_open_full"}
"""dlopen(3), and what libltdl and GLib call it."""

_STARTERS = frozenset(
    [
        "execl",
        "execlp",
        "execle",
        "execv",
        "execvp",
        "execvpe",
        "execve",
        "fexecve",
        "posix_spawn",
        "posix_spawnp",
        "system",
        "popen",
        "g_spawn_async",
        "g_spawn_sync",
        "g_spawn_command_line_sync",
        "g_spawn_command_line_async",
    ]
)


@dataclass(frozen=True, slots=True)
class ElfFile:
    """One ELF file. `rpath` and `runpath` are folders as written, with their tokens. "" and () stand for none.

    `helpers` are the libraries of DT_AUXILIARY and DT_FILTER; `imports` are the names of undefined symbols.
    `library_names` are the strings that look like a library's file name or path ("libx.so.1", "plugins/y.so"). They are read only if
    the file imports dlopen, so that it can load libraries. `program_names` are the absolute paths with which its strings begin. They
    are read only if the file imports a function that starts programs. `folder_names` are the strings that are absolute paths in the
    folders of libraries ("/usr/lib/x/plugins"). They are read only if the file imports a function that opens libraries.
    """

    machine: int
    bits: int
    little: bool
    interpreter: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    library_names: tuple[str, ...] = ()
    program_names: tuple[str, ...] = ()
    folder_names: tuple[str, ...] = ()

    @property
    def is_program(self) -> bool:
        """True if the file is started, not loaded. The C library names a loader, too, and can be started to show its version."""
        return bool(self.interpreter) and not self.soname

    @property
    def is_plugin(self) -> bool:
        """True if programs may load it by its path: it is named as a plug-in, or its name has no version ("libvmod_std.so").

        Libraries that programs are linked with have a version in their names.
        """
        return self.is_named_as_plugin or not (self.is_program or self.is_shared_library)

    @property
    def is_named_as_plugin(self) -> bool:
        """True if it has no name that linkers look for: "mod_x.so", "back_x-2.5.so.0", or none.

        "libx.so" may be a plug-in, or a part of a program that is linked with it.
        """
        return not self.is_program and not self.soname.startswith("lib")

    @property
    def is_shared_library(self) -> bool:
        """True if it is surely meant for linking, since its name has a version ("libphp.so" may be a plug-in)."""
        return _VERSION.search(self.soname) is not None

    def fits(self, other: ElfFile) -> bool:
        """Return True if both files can be loaded into the same process."""
        return (self.machine, self.bits, self.little) == (other.machine, other.bits, other.little)


@dataclass(frozen=True, slots=True)
class _Format:
    """The layout for one class and byte order: struct formats, and the positions of fields in a program header."""

    header: struct.Struct
    segment: struct.Struct
    segment_fields: tuple[int, int, int, int]  # type, offset, address, size in the file
    tag: struct.Struct
    symbol: struct.Struct
    symbol_section: int  # the place of st_shndx among a symbol's fields
    word: int  # size in bytes of a word of DT_GNU_HASH's Bloom filter
    order: str


def _format(bits: int, order: str) -> _Format:
    if bits == 64:
        layouts = ("HHIQQQIHHHHHH", "IIQQQQQQ", "QQ", "IBBHQQ")
        fields, section = (0, 2, 3, 5), 3
    else:
        layouts = ("HHIIIIIHHHHHH", "IIIIIIII", "II", "IIIBBH")
        fields, section = (0, 1, 2, 4), 5
    header, segment, tag, symbol = (struct.Struct(order + layout) for layout in layouts)
    return _Format(header, segment, fields, tag, symbol, section, bits // 8, order)


_FORMATS = {(bits, order): _format(bits, order) for bits in (32, 64) for order in "<>"}


def parse_elf(content: bytes) -> ElfFile | None:
    """Read an ELF file. Return None if it is not one, or too broken for any loader. Never raises, and takes bounded time."""
    if len(content) < SMALLEST or content[:4] != MAGIC or content[4] not in (1, 2) or content[5] not in (1, 2):
        return None
    bits, order = 32 * content[4], "<" if content[5] == 1 else ">"
    try:
        return _Parser(content, _FORMATS[bits, order]).elf_file(bits, order == "<")
    except (struct.error, OverflowError):  # an address beyond the machine's range
        return None


class _Parser:
    """Reads one file. Its methods raise struct.error if the headers point beyond the file's end."""

    def __init__(self, content: bytes, layout: _Format) -> None:
        self._content, self._layout = content, layout
        header = layout.header.unpack_from(content, 16)
        self._machine: int = header[1]
        self._segments = list(self._read_segments(header[4], header[8], min(header[9], _SEGMENTS)))
        self._tags = self._read_tags()
        self._strings = self._offset(self._tags[_DT_STRTAB][0]) if _DT_STRTAB in self._tags else None

    def elf_file(self, bits: int, little: bool) -> ElfFile:
        """Return everything that was read."""
        runpath = tuple(self._folders(_DT_RUNPATH))
        imports = frozenset(self._imports())
        soname = next(self._texts(_DT_SONAME), "")
        needed = tuple(dict.fromkeys(self._texts(_DT_NEEDED)))
        loads = not imports.isdisjoint(_OPENERS)
        own = {soname, *needed}
        return ElfFile(
            machine=self._machine,
            bits=bits,
            little=little,
            interpreter=self._interpreter(),
            soname=soname,
            needed=needed,
            helpers=tuple(dict.fromkeys((*self._texts(_DT_AUXILIARY), *self._texts(_DT_FILTER)))),
            rpath=() if runpath else tuple(self._folders(_DT_RPATH)),
            runpath=runpath,
            imports=imports,
            library_names=tuple(name for name in _library_names(self._content) if name not in own) if loads else (),
            folder_names=() if imports.isdisjoint(_FOLDER_OPENERS) else tuple(_strings(_FOLDER_PATH, self._content)),
            program_names=() if imports.isdisjoint(_STARTERS) else tuple(_strings(_PROGRAM_PATH, self._content)),
        )

    def _read_segments(self, start: int, size: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield the type, offset, address and size in the file of each segment."""
        unpack, (kind, offset, address, length) = self._layout.segment.unpack_from, self._layout.segment_fields
        for number in range(count):
            fields = unpack(self._content, start + number * size)
            yield fields[kind], fields[offset], fields[address], fields[length]

    def _read_tags(self) -> Mapping[int, list[int]]:
        tags: dict[int, list[int]] = defaultdict(list)
        place = next(((offset, size) for kind, offset, _, size in self._segments if kind == _PT_DYNAMIC), None)
        if place is not None:
            self._check(place[0])
            piece = self._content[place[0] : place[0] + min(place[1], _TAGS * self._layout.tag.size)]
            whole = len(piece) - len(piece) % self._layout.tag.size
            for tag, value in self._layout.tag.iter_unpack(piece[:whole]):
                if tag == 0:
                    break
                tags[tag].append(value)
        return tags

    def _interpreter(self) -> str:
        for kind, offset, _, size in self._segments:
            if kind == _PT_INTERP:
                self._check(offset)
                return os.fsdecode(self._content[offset : offset + min(size, _STRING)].partition(b"\0")[0])
        return ""

    def _offset(self, address: int) -> int:
        """Return the offset in the file of a memory address."""
        for kind, offset, start, size in self._segments:
            if kind == _PT_LOAD and start <= address < start + size:
                return self._check(offset + address - start)
        raise struct.error("the address is in no segment")

    def _check(self, offset: int) -> int:
        if offset > len(self._content):
            raise struct.error("beyond the end")
        return offset

    def _texts(self, tag: int) -> Iterator[str]:
        """Yield the strings that the values of a tag point to, except empty ones."""
        texts = (self._text(value) for value in self._tags.get(tag, ()))
        return (text for text in texts if text)

    def _text(self, offset: int) -> str:
        if self._strings is None or self._strings + offset >= len(self._content):
            return ""
        start = self._strings + offset
        end = self._content.find(b"\0", start, start + _STRING)
        return os.fsdecode(self._content[start:end]) if end > start else ""

    def _folders(self, tag: int) -> Iterator[str]:
        return (folder for text in self._texts(tag) for folder in text.split(":") if folder)

    def _imports(self) -> Iterator[str]:
        """Yield the names of undefined symbols."""
        if _DT_SYMTAB not in self._tags:
            return
        start, layout = self._offset(self._tags[_DT_SYMTAB][0]), self._layout
        count = min(self._symbols(), _SYMBOLS, (len(self._content) - start) // layout.symbol.size)
        for fields in layout.symbol.iter_unpack(self._content[start : start + count * layout.symbol.size]):
            if fields[layout.symbol_section] == 0 and (name := self._text(fields[0])):
                yield name

    def _symbols(self) -> int:
        """Return the number of symbols. Only the hash tables of the dynamic segment tell it."""
        if _DT_HASH in self._tags:
            place = self._offset(self._tags[_DT_HASH][0])
            count: int = struct.unpack_from(self._layout.order + "II", self._content, place)[1]
            return count
        if _DT_GNU_HASH in self._tags:
            return self._hashed(self._offset(self._tags[_DT_GNU_HASH][0]))
        return self._before_strings()

    def _hashed(self, place: int) -> int:
        """Return the end of the last chain of DT_GNU_HASH. Without chains, only the position of the strings is a hint."""
        order = self._layout.order
        count, first, words, _ = struct.unpack_from(order + "IIII", self._content, place)
        if count > _SYMBOLS:
            raise struct.error("too many buckets")
        buckets = place + 16 + words * self._layout.word
        last: int = max(struct.unpack_from(f"{order}{count}I", self._content, buckets), default=0)
        if last < first:
            return max(int(first), self._before_strings())
        chains = buckets + 4 * count
        for symbol in range(last, _SYMBOLS):
            if struct.unpack_from(order + "I", self._content, chains + 4 * (symbol - first))[0] & 1:
                return symbol + 1
        return _SYMBOLS

    def _before_strings(self) -> int:
        """Return the number of symbols that fit between symbol and string table: linkers write one right after the other."""
        room: int = self._tags.get(_DT_STRTAB, [0])[0] - self._tags[_DT_SYMTAB][0]
        return max(0, room // self._layout.symbol.size)


def _strings(pattern: re.Pattern[bytes], content: bytes) -> Iterator[str]:
    """Yield the absolute paths that the pattern finds, each once: "/bin/ps axwo 'stat'" names the program /bin/ps."""
    found = (match[1] for match in islice(pattern.finditer(content), _PATHS))
    return map(os.fsdecode, dict.fromkeys(found))


def _library_names(content: bytes) -> Iterator[str]:
    """Yield NUL-terminated strings that end like a library's name, each once."""
    seen: set[bytes] = set()
    for match in islice(_LIBRARY_NAME.finditer(content), _NAMES):
        start = content.rfind(b"\0", max(0, match.start() - _NAME_LENGTH), match.start()) + 1
        name = content[start : match.end() - 1]
        if start and name not in seen:
            seen.add(name)
            text = os.fsdecode(name)
            if _NAME_SHAPE.fullmatch(text):
                yield text
