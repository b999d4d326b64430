"""What a Python source says about other modules and files: an immutable value.

Facts depend on nothing but the source's bytes, so that they can be cached by its hash.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLE = "*"
"""What stands in the name of a module for what is computed."""

BY_NAME = "<string>"
"""The place of what is only named in a string: like a function's import, it may or may not happen."""

MAIN = "__main__"
"""The place of what runs only when the file is executed as a script."""


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement. `level` counts the leading dots; `names` are what `from` asks for, ("*",) for all.

    `where` is the function it stands in, "" when importing the module runs it; `instead` are the modules whose absence
    the statement makes up for (`except ImportError`).
    """

    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    where: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A call that imports by a string. `prefix`: only the beginning is known, the rest is computed.

    A leading dot means the module's own package. A beginning need not end with a whole part ("plugins.load_"), and may itself
    begin with HOLE, for some package ("*.commands.").
    """

    name: str
    prefix: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one source.

    `words` are its short string literals (or those of several dotted parts, where no more was asked for), `attributes` the
    dotted names that start at something imported, where they were asked for; `groups` may name entry point groups;
    `exports` is `__all__`; `commands` are what it starts; `reads_data`: it looks for files beside itself; `lazy`: it makes
    attributes on demand (PEP 562); `any_encoding`: it encodes or decodes by a name that is computed.
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
