"""Follow the configuration of web servers and proxies: document roots, included files, modules, and other files that it names.

It starts from the configuration that a server opened. The files that it names stay (password files, error pages, parameters,
certificates), because servers open many of them only when a request needs them. Folders for logs, caches and temporary files
stay empty, while document roots stay with their contents (slimmer.keep.apps.web_server.roots). A `<Directory>` is not a document
root: it sets permissions, often for all of /usr/share.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from fnmatch import translate

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.apps.web_server.directives import CONFIG_LIMIT, Configuration, Directive, Role, read_configuration
from slimmer.keep.apps.web_server.roots import Roots
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.language_analyzer import opened_by
from slimmer.keep.sources.reading import read_files

RULE = "web-server"
SERVERS = re.compile(r"nginx(?:-debug)?|openresty|tengine|angie|httpd|apache2|lighttpd(?:-angel)?|haproxy|caddy|h2o")
"""Names of the executables of servers whose configuration is read."""

_CONFIG_NAMES = re.compile(
    r".{1,200}\.(?:conf|cfg|vhost|load|inc|caddyfile|map|types|template)|Caddyfile|\.htaccess|(?:mime\.types|envvars|default)"
    r"|(?:fastcgi|scgi|uwsgi|proxy)_params",
    re.IGNORECASE,
)
_CONFIG_FOLDER = re.compile(r"/(?:usr/local/)?etc/.{1,1000}")
_NO_CONFIG = re.compile(
    r"/etc/(?:passwd|group|hosts|host\.conf|nsswitch\.conf|resolv\.conf|ld\.so\..{1,40}|localtime|ssl/.{1,1000})"
)
_PREFIXES = (
    "/etc/nginx",
    "/usr/share/nginx",
    "/usr/local/nginx",
    "/usr/local/openresty/nginx",
    "/usr/local/apache2",
    "/etc/httpd",
)
"""Folders that relative paths start from in servers as they are usually built (`--prefix`, HTTPD_ROOT)."""

_WILDCARDS = "*?["
_CONFIGS = 500
_INCLUDED = 1000
_ARGUMENTS = 200_000
"""Bounds for one image: files that are read, paths that match one pattern, arguments that are looked at."""


def web_server(image: ImageView) -> Follow | None:
    """Follow the configuration that servers opened. Return None if no server opened any file."""
    opened = opened_by(image, SERVERS)
    return _Servers(image, opened).follow if opened else None


class _Servers:
    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree, self._opened = image, image.tree, opened
        self._roots = Roots(image)
        self._bases: dict[str, None] = dict.fromkeys(_PREFIXES)
        self._configs: set[str] = set()
        self._budget = _ARGUMENTS

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield findings for everything that new configurations name. Each layer of included files costs one round trip."""
        layer = [path for path in added if self._is_config(path) and self._is_new(path)]
        while layer:
            read = list(read_files(self._image, read_configuration, Configuration, layer, CONFIG_LIMIT))
            layer = []
            for path, configuration in read:
                for finding in self._named(path, configuration):
                    yield finding
                    if finding.follow and self._is_new(finding.path):
                        layer.append(finding.path)

    def _is_config(self, path: str) -> bool:
        """Return True if a server opened this path as its configuration, and not as a page."""
        if path not in self._opened or _NO_CONFIG.fullmatch(path):
            return False
        named = _CONFIG_NAMES.fullmatch(posixpath.basename(path)) or _CONFIG_FOLDER.fullmatch(path)
        return named is not None or path in self._image.config.command

    def _is_new(self, path: str) -> bool:
        """Return True if a file may be configuration and has not been read yet. Notes it as read."""
        entry = self._tree.get(path)
        if path in self._configs or len(self._configs) >= _CONFIGS or entry is None or not entry.is_file:
            return False
        if entry.size > CONFIG_LIMIT or path.endswith((".so", ".pem", ".crt", ".key")):
            return False
        self._configs.add(path)
        return True

    def _named(self, path: str, configuration: Configuration) -> Iterator[Finding]:
        self._bases.setdefault(posixpath.dirname(path))
        for directive in configuration.directives:
            if directive.role is Role.BASE:
                self._bases.update((argument, None) for argument in directive.arguments if argument.startswith("/"))
            for argument in directive.paths:
                if self._budget > 0:
                    self._budget -= 1
                    yield from self._argument(path, directive, argument)

    def _argument(self, path: str, directive: Directive, argument: str) -> Iterator[Finding]:
        """Yield findings for an argument: for the first of its possible paths that exists."""
        role = directive.role
        detail = f"{role} of {path}" if role is Role.ROOT else f"{role} by {path}, {directive.name}"
        reason = Reason(RULE, detail, path)
        for place in self._places(directive, argument):
            is_pattern = role is Role.INCLUDE and any(mark in place for mark in _WILDCARDS)
            found = [one for one in (_glob(self._tree, place) if is_pattern else [place]) if self._image.end(one)]
            for one in found:
                if role is Role.ROOT:
                    yield from self._roots.findings(one, reason)
                else:
                    yield from reach(self._tree, one, reason, follow=role is Role.INCLUDE)
            if found:
                return

    def _places(self, directive: Directive, argument: str) -> Iterator[str]:
        """Yield the paths that an argument may stand for. A text with variables does not count as a path."""
        if not argument.strip("/.") or any(mark in argument for mark in "$%\0\n") or ":" in argument:
            return
        if argument.startswith("/"):
            yield posixpath.normpath(argument)
        elif directive.role in (Role.ROOT, Role.INCLUDE) or "." in argument or "/" in argument:
            yield from (posixpath.normpath(f"{base}/{argument}") for base in tuple(self._bases))


def _glob(tree: Tree, pattern: str) -> list[str]:
    """Return the paths that match a pattern, links unresolved: at most _INCLUDED. Wildcards may stand for folders, too.

    If the pattern's last part has no wildcard, the paths need not exist.
    """
    found = [""]
    for part in pattern.strip("/").split("/"):
        if not any(mark in part for mark in _WILDCARDS):
            found = [f"{folder}/{part}" for folder in found]
            continue
        fits = re.compile(translate(part)).match
        ends = [(folder, tree.resolve(folder or "/").end) for folder in found]
        names = (
            f"{folder}/{name}"
            for folder, end in ends
            if end is not None
            for entry in tree.children(end)
            if fits(name := posixpath.basename(entry.path)) and not name.startswith(".")
        )
        found = [name for name, _ in zip(names, range(_INCLUDED), strict=False)]
    return found


ANALYZER = FunctionAnalyzer("web-server", BEYOND_OBSERVED, {RULE: Evidence.USED}, follower=web_server)
