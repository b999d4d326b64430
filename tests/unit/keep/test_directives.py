"""Directives and paths in the configuration of web servers."""

from __future__ import annotations

import time

import pytest

from slimmer.keep.apps.web_server.directives import CONFIG_LIMIT, Directive, Role, read_configuration


def directives(text: str) -> list[tuple[str, ...]]:
    """Return each directive's name and arguments."""
    return [(one.name, *one.arguments) for one in read_configuration(text.encode()).directives]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root /srv;index a b;", [("root", "/srv"), ("index", "a", "b")]),
        ("server {\n  listen 80;\n}", [("server",), ("listen", "80")]),
        (
            "<VirtualHost *:80>\nDocumentRoot /srv\n",
            [("virtualhost", "*:80"), ("documentroot", "/srv")],
        ),
        ("a \"b c\" 'd e' # f\n", [("a", "b c", "d e")]),
        ('a "b\\"c;" d', [("a", 'b\\"c;', "d")]),
        ("a 'b\nc", [("a", "b"), ("c",)]),
        ("a b \\\n c", [("a", "b", "c")]),
        ('server.document-root = "/srv"', [("server.document-root", "/srv")]),
        ('x += ( "/a" => "/b",\n "/c" => "/d" )', [("x", "/a", "=>", "/b", ","), ("x", "/c", "=>", "/d")]),
        ("a " + "b" * 2000, [("a", "")]),
        ("\0 a b", []),
        ("# only a comment", []),
        ("", []),
    ],
)
def test_directives_and_their_arguments(text: str, expected: list[tuple[str, ...]]) -> None:
    assert directives(text) == expected


@pytest.mark.parametrize(
    ("words", "role", "paths"),
    [
        (("root", "/srv"), Role.ROOT, ("/srv",)),
        (("alias", "/x", "/srv"), Role.ROOT, ("/srv",)),
        (("alias.url", "/a", "=>", "/b"), Role.ROOT, ("/b",)),
        (("include", "a", "b"), Role.INCLUDE, ("a", "b")),
        (("serverroot", "/srv"), Role.BASE, ("/srv",)),
        (("authuserfile", "/etc/users"), Role.MENTION, ("/etc/users",)),
        (("location", "/etc/users"), Role.MENTION, ()),
        (("proxy_pass_header", "/etc/users"), Role.MENTION, ()),
    ],
)
def test_what_the_paths_of_a_directive_are(words: tuple[str, ...], role: Role, paths: tuple[str, ...]) -> None:
    directive = Directive(words[0], words[1:])
    assert (directive.role, directive.paths) == (role, paths)


def test_a_configuration_has_a_bounded_number_of_directives() -> None:
    assert len(directives("a b;" * 30_000)) == 20_000


@pytest.mark.parametrize(
    "text",
    [
        b'"' * CONFIG_LIMIT,
        b"{" * CONFIG_LIMIT,
        b"a " * (CONFIG_LIMIT // 2),
        b'"\\' * (CONFIG_LIMIT // 2),
        b"a;" * (CONFIG_LIMIT // 2),
        b"=>" * (CONFIG_LIMIT // 2),
        b"\xff\x01" * 1000,
        b"",
    ],
)
def test_hostile_configuration_takes_bounded_time(text: bytes) -> None:
    start = time.process_time()
    read_configuration(text)
    assert time.process_time() - start < 5
