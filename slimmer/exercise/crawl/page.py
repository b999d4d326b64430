"""The links of an HTML page: of its elements, of its forms that GET, and of its inline styles and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser, LexborNode

from slimmer.exercise.crawl.text_links import script_links, style_links

ATTRIBUTES = ("href", "src", "poster", "background", "data-src", "data-href", "xlink:href")
SETS = ("srcset", "imagesrcset", "data-srcset")
OTHERS = ("object[data]", "form", "style", "script", "[style]", "meta[http-equiv]")
_NAMES = (f"[{name.replace(':', chr(92) + ':')}]:not(base)" for name in (*ATTRIBUTES, *SETS))
LINKING = ", ".join([*_NAMES, *OTHERS])
"""The elements that may link something."""

HINTS = frozenset(("dns-prefetch", "preconnect"))
"""Links that name hosts, and no documents."""

ASKING = ("data-confirm", "data-turbo-confirm", "hx-confirm")
"""Attributes of links that change something, so that they ask the user first."""

METHODS = ("data-method", "data-turbo-method")
"""Attributes that make a script send another method than GET."""

CHANGING = frozenset((*ASKING, *METHODS))

PRESSED = frozenset(("submit", "button", "reset", "image", "file"))
"""Inputs that a form sends only when they are pressed, or that have no default value."""

_CANDIDATE = re.compile(r"\s*,*\s*([^\s,][^\s]*)([^,]*)")
_REFRESH = re.compile(r"\A\s{0,9}[\d.]{1,9}\s{0,9}[;,]\s{0,9}(?:url\s{0,9}=\s{0,9})?[\"']?([^\"'\s]+)", re.IGNORECASE)


class Page:
    """A parsed page (WHATWG, "HTML Living Standard"). Broken pages are read as browsers read them."""

    def __init__(self, text: str) -> None:
        self._tree = LexborHTMLParser(text)

    @property
    def base(self) -> str:
        """The value of the first `<base href>`, or ""."""
        found = self._tree.css_first("base[href]")
        return (found.attributes.get("href") or "") if found is not None else ""

    def links(self) -> Iterator[str]:
        """Yield the links in the order of the page."""
        for node in self._tree.css(LINKING):
            attributes = node.attributes
            if not _changes(attributes):
                yield from _of_attributes(attributes)
                yield from _of_element(node, attributes)


def _changes(attributes: dict[str, str | None]) -> bool:
    if CHANGING.isdisjoint(attributes):
        return False
    methods = (attributes.get(name) or "get" for name in METHODS)
    return any(name in attributes for name in ASKING) or any(method.lower() != "get" for method in methods)


def _of_attributes(attributes: dict[str, str | None]) -> Iterator[str]:
    if "rel" in attributes and HINTS & {*(attributes["rel"] or "").lower().split()}:
        return
    for name, value in attributes.items():
        if value and name in ATTRIBUTES:
            yield value
        elif value and name in SETS:
            yield from _candidates(value)
        elif value and name == "style":
            yield from style_links(value)


def _of_element(node: LexborNode, attributes: dict[str, str | None]) -> Iterator[str]:
    tag = node.tag
    if tag == "object":
        yield attributes.get("data") or ""
    elif tag == "style":
        yield from style_links(node.text())
    elif tag == "script":
        yield from script_links(node.text())
    elif tag == "form":
        yield from _form(node, attributes)
    elif tag == "meta" and (attributes.get("http-equiv") or "").lower() == "refresh":
        yield from _REFRESH.findall(attributes.get("content") or "")[:1]


def _candidates(srcset: str) -> Iterator[str]:
    """Yield the URLs of a srcset, each of which may have a width or density behind it."""
    return (match[1].rstrip(",") for match in _CANDIDATE.finditer(srcset))


def _form(form: LexborNode, attributes: dict[str, str | None]) -> Iterator[str]:
    """Yield the URL that a form with GET leads to if nobody changes its fields."""
    if (attributes.get("method") or "get").strip().lower() != "get":
        return
    action = (attributes.get("action") or "").partition("#")[0].partition("?")[0]
    fields = [field for node in form.css("input, select, textarea") if (field := _field(node)) is not None]
    yield f"{action}?{urlencode(fields, errors='replace')}" if fields else action


def _field(node: LexborNode) -> tuple[str, str] | None:
    """Return the name and the default value of a field; None if the form does not send it."""
    attributes = node.attributes
    name, kind = attributes.get("name") or "", (attributes.get("type") or "text").lower()
    if not name or "disabled" in attributes:
        return None
    if node.tag == "select":
        return _chosen(name, node)
    if node.tag == "textarea":
        return name, node.text()
    if kind in PRESSED or (kind in ("checkbox", "radio") and "checked" not in attributes):
        return None
    return name, attributes.get("value") or ("on" if kind in ("checkbox", "radio") else "")


def _chosen(name: str, select: LexborNode) -> tuple[str, str] | None:
    option = select.css_first("option[selected]") or select.css_first("option:not([disabled])")
    if option is None:
        return None
    value = option.attributes.get("value")
    return name, option.text().strip() if value is None else value
