"""The facts of a Python source about other modules and files: an immutable value.

Facts depend only on the source's bytes and on the way it was read, so they can be cached.
"""

from __future__ import annotations

from dataclasses import dataclass

BY_NAME = "<string>"
"""The place of a module that is only named in a string. Like a module that a function imports, it may never be imported."""

MAIN = "__main__"
"""The place of code that runs only if the file is executed as a script."""

LIST_LIMIT = 20_000
"""The most entries that any list in the facts of one source may have."""


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement.

    `level` counts the leading dots. `names` are the names that `from … import` lists, ("*",) for everything. `where` is the function with the
    statement, BY_NAME or MAIN; "" if importing the module runs it. If the statement is in a handler of ImportError, `instead` are the modules
    that were tried first.
    """

    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    where: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A call that imports by a string, in the function `where`.

    A leading dot in `name` stands for the module's own package. If `prefix` is true, `name` is only the beginning, and the rest is
    computed. Such a beginning may end in the middle of a part ("plugins.load_"), or start with HOLE for an unknown package (HOLE +
    ".commands.").
    """

    name: str
    prefix: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """A package of which a source loads the modules that it finds.

    `package` is a full name, one that starts with a dot (in the source's own package; a dot alone is that package itself), or one that
    starts with HOLE (below any package in use). HOLE alone is any package of the app: a caller says which. If `stem` is not "", only
    modules whose names begin with it are loaded; then `package` is "" for the folders of sys.path. `named` is true if only a string of
    the source says so, and `deep` if packages in the package are walked, too.
    """

    package: str
    stem: str = ""
    named: bool = False
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """An attribute that a source makes on demand, according to one of its tables.

    `names` are the names beside it, without their order: a module, which may start with a dot (in the source's own package) or be a
    module beside the source, perhaps with the attribute after it.
    """

    attribute: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A dotted name that starts with an imported one, written out: "a.b.c" for `c.c` after `import a.b as c`.

    A leading dot stands for the module's own package. `where` is the function, as in Import.
    """

    name: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one source.

    - `words` are the short strings of an app's source. For a library's source, they are only the strings of three dotted parts or more, and the
      names of scripts. For a compiled module, they are the names between two zero bytes, and the names in
      Cython's table of strings.
    - `attributes` are dotted names that begin with an imported module, and `commands` the programs that the source starts. Only an app's source
      has them.
    - `groups` may name groups of entry points. `exports` is `__all__`.
    - `reads_data` is true if the source looks for files beside itself, `lazy` if it makes attributes on demand (PEP 562), and
      `any_encoding` if it encodes or decodes by a computed name (a library's: decodes by a name from outside, such as the charset of a
      mail).
    - `walks` are the packages of which the source loads every module that it finds.
    - `libraries` are the native libraries that the source opens: names of files, and short names ("magic").
    - `offers` are attributes that the source makes on demand from a table, and `uses` the attributes of imported modules that it uses.
      A source of the standard library has neither. `stub` is true if the table is the stub beside the source (a .pyi file).
    """

    imports: tuple[Import, ...] = ()
    dynamic: tuple[Dynamic, ...] = ()
    words: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    reads_data: bool = False
    lazy: bool = False
    any_encoding: bool = False
    walks: tuple[Walk, ...] = ()
    libraries: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    uses: tuple[Use, ...] = ()
    stub: bool = False
