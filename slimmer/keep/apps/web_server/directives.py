"""Reads the configuration of nginx, Apache, lighttpd, Caddy and HAProxy for directives that name paths.

In all of them, a directive's name comes first. Its arguments follow on the same line, or up to a `;` or brace. `#` starts a comment,
and quotes surround words with spaces. lighttpd has `name = value` and `key => value`. One reader handles all of this without
knowing which server it is for.
Sources: nginx.org/en/docs/dirindex.html; httpd.apache.org/docs/2.4/mod/directives.html; redmine.lighttpd.net, Docs;
caddyserver.com/docs/caddyfile/directives; docs.haproxy.org, "Proxy keywords matrix".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from slimmer.keep.sources.syntax import is_source
from slimmer.sandbox.readers import reader

CONFIG_LIMIT = 1 << 19
"""The largest configuration that is read, in bytes."""

_DIRECTIVES = 20_000
_ARGUMENT = 1024
_TOKEN = re.compile(
    r"""#[^\n]*|"((?:[^"\\]|\\(?:.|\Z))*+)(?:"|\Z)|'([^'\n]*+)(?:'|\Z|(?=\n))|=>|[;{}()\n]|[^\s;{}()"'=]++|=""",
    re.DOTALL,
)
_ENDS = frozenset(";{}\n")


class Role(StrEnum):
    """The purpose for which a directive names a path. The values are texts of reasons."""

    ROOT = "a document root"
    INCLUDE = "included"
    MENTION = "named"
    BASE = "what relative paths begin at"


_ROLES = {
    **dict.fromkeys(
        (
            "root",
            "alias",
            "documentroot",
            "virtualdocumentroot",
            "aliasmatch",
            "scriptalias",
            "scriptaliasmatch",
            "wsgiscriptalias",
            "server.document-root",
            "simple-vhost.server-root",
            "evhost.path-pattern",
            "alias.url",
            "errorfiles",
            "server.errorfile-prefix",
        ),
        Role.ROOT,
    ),
    **dict.fromkeys(("include", "includeoptional", "import", "loadmodule", "load_module"), Role.INCLUDE),
    "serverroot": Role.BASE,
}


_OF_ADDRESSES = frozenset(
    [
        "location",
        "locationmatch",
        "handle",
        "handle_path",
        "handle_errors",
        "uri",
        "path",
        "error_page",
        "errordocument",
        "return",
        "try_files",
        "if",
        "server_name",
        "servername",
        "serveralias",
        "listen",
        "upstream",
        "server",
        "acl",
        "use_backend",
        "sethandler",
        "index",
        "directoryindex",
        "add_header",
        "header",
    ]
)
_ABOUT_ADDRESSES = (
    "proxy_pass",
    "proxypass",
    "rewrite",
    "redirect",
    "reverse_proxy",
    "http-request",
    "setenvif",
    "log_format",
)
"""Directives whose arguments are URLs or texts, even if they look like paths. These are beginnings of names, the ones above whole names."""


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive. Its arguments have no quotes. Its name is in lower case, without the `<` of a section."""

    name: str
    arguments: tuple[str, ...]

    @property
    def role(self) -> Role:
        """The purpose for which it names paths."""
        return _ROLES.get(self.name, Role.MENTION)

    @property
    def paths(self) -> tuple[str, ...]:
        """The arguments that may be paths of files, without URLs."""
        if self.name in _OF_ADDRESSES or self.name.startswith(_ABOUT_ADDRESSES):
            return ()
        if "=>" in self.arguments:
            return tuple(value for arrow, value in pairwise(self.arguments) if arrow == "=>")
        return self.arguments[-1:] if self.role is Role.ROOT else self.arguments


@dataclass(frozen=True, slots=True)
class Configuration:
    """The directives of one file, in order."""

    directives: tuple[Directive, ...] = ()


@reader
def read_configuration(content: bytes) -> Configuration:
    """Read the configuration of a server. Never raises an error: nonsense gives directives that name nothing."""
    return Configuration(tuple(_directives(content)) if is_source(content) else ())


def _directives(content: bytes) -> Iterator[Directive]:
    words: list[str] = []
    count = 0
    name = ""
    for token in _tokens(content[:CONFIG_LIMIT].decode(errors="surrogateescape")):
        if token not in _ENDS:
            words.append(token)
            continue
        if words:
            count += 1
            if count > _DIRECTIVES:
                return
            listed = words[1:2] == ["=>"]  # a line of a list that began above
            name = name if listed else words[0].lstrip("<").lower()
            arguments = words if listed else words[1:]
            yield Directive(
                name, tuple(word if word == "=>" else word.rstrip(">") for word in arguments if word not in ("=", "+"))
            )
            words = []


def _tokens(text: str) -> Iterator[str]:
    """Yield words without their quotes, and the marks that end a directive. A backslash at the end of a line joins it to the next one."""
    for match in _TOKEN.finditer(text.replace("\\\n", " ")):
        piece = match[0]
        if piece.startswith("#") or piece in "()":
            continue
        quoted = match[1] if match[1] is not None else match[2]
        word = piece if quoted is None else quoted
        if quoted is None or quoted not in _ENDS:
            yield word[:_ARGUMENT] if len(word) <= _ARGUMENT else ""
    yield "\n"
