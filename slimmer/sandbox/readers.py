"""The readers that children know, by name. Nothing else can be asked of a child."""

from __future__ import annotations

import encodings
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

READERS: Mapping[str, str] = {
    "class": "slimmer.keep.languages.java.class_file:read_class",
    "code": "slimmer.keep.native.code_file:read_code",
    "command": "slimmer.keep.languages.shell.source:read_command",
    "composer": "slimmer.keep.languages.php.composer:read_map",
    "crontab": "slimmer.keep.languages.shell.source:read_crontab",
    "javascript": "slimmer.keep.languages.node.source:read_source",
    "jar": "slimmer.keep.languages.java.jar:read_jar",
    "ld.so.cache": "slimmer.image.ld_cache:read_ld_cache",
    "package.json": "slimmer.keep.languages.node.manifest:read_manifest",
    "perl": "slimmer.keep.languages.perl.source:read_source",
    "php": "slimmer.keep.languages.php.source:read_source",
    "phpab": "slimmer.keep.languages.php.composer:read_list",
    "python": "slimmer.keep.languages.python.source:read_source",
    "rpm": "slimmer.image.rpm_database:read_rpm",
    "ruby": "slimmer.keep.languages.ruby.source:read_source",
    "ruby-extension": "slimmer.keep.languages.ruby.source:read_extension",
    "shell": "slimmer.keep.languages.shell.source:read_script",
    "web-server": "slimmer.keep.apps.web_server.directives:read_configuration",
}
"""Where each reader is: "module:function". See slimmer.sandbox for how to add one."""

Read = Callable[..., Any]
"""Takes a file's content and plain arguments, returns a frozen dataclass."""


TABLE = f"{__name__}:READERS"
"""The place of this table."""


LIBRARIES = (
    "tree_sitter",
    "tree_sitter_bash",
    "tree_sitter_javascript",
    "tree_sitter_php",
    "tree_sitter_python",
    "tree_sitter_ruby",
    "tree_sitter_typescript",
)
"""What readers import when they are called; it has to be there before."""


def load_readers(table: str) -> dict[str, Read]:
    """All readers of a table, with all that they use: once a child is confined it can open no file.

    That includes the encodings in which a source may be written (PEP 263).
    """
    for library in LIBRARIES:
        importlib.import_module(library)
    for module in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{module.name}")
    return {name: _load(place) for name, place in _load(table).items()}


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
