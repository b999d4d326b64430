"""Files of an untrusted image that slimmer itself reads: programs, libraries, classes."""

from __future__ import annotations

from slimmer.image.elf_file import parse_elf
from slimmer.image.layer_archive import entry_names
from slimmer.image.ld_cache import read_ld_cache
from slimmer.keep.languages.erlang.descriptions import APPLICATIONS
from slimmer.keep.languages.erlang.escripts import read_escript
from slimmer.keep.languages.java.class_file import read_class
from slimmer.keep.languages.java.class_path import _local
from slimmer.keep.languages.java.jar import read_jar
from slimmer.keep.native.name_service import parse_switch


def elf(data: bytes) -> None:
    """Never raises; what is found are texts of the file."""
    found = parse_elf(data)
    if found is not None:
        assert all(len(name) <= len(data) for name in (*found.needed, *found.imports, found.interpreter, found.soname))
        assert found.fits(found)


def ld_cache(data: bytes) -> None:
    """Never raises; every path is absolute."""
    assert all(library.path.startswith("/") for library in read_ld_cache(data).libraries)


def class_file(data: bytes) -> None:
    """Never raises; a name is a text of the file."""
    assert len(read_class(data).name) <= len(data)


def jar(data: bytes) -> None:
    """Never raises; every path is absolute and without parts that lead up."""
    for path in (_local("/srv/app.jar", url) for url in read_jar(data).class_path):
        assert path == "" or path.startswith("/")
        assert ".." not in path.split("/")
        assert "\0" not in path


def escript(data: bytes) -> None:
    """Never raises; what is needed are the names of some applications."""
    found = read_escript(data)
    assert len(found.needed) <= APPLICATIONS and all(name.isascii() for name in found.needed)


def name_service(data: bytes) -> None:
    """Never raises; services are words."""
    assert all(word.isascii() for services in parse_switch(data).values() for word in services)


def layer_archive(data: bytes) -> None:
    """In pieces of any size, the same names or a ValueError."""
    assert len({_names(data, size) for size in (1, 100, 1 << 16)}) == 1


def _names(data: bytes, size: int) -> tuple[bytes, ...] | None:
    try:
        return tuple(entry_names(data[start : start + size] for start in range(0, len(data), size)))
    except ValueError:
        return None


TARGETS = {
    "elf": elf,
    "ld_cache": ld_cache,
    "class_file": class_file,
    "jar": jar,
    "escript": escript,
    "name_service": name_service,
    "layer_archive": layer_archive,
}
