"""Find the description of an app's API: at the usual places, or where a page of documentation says that it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.exercise.crawl.page import Page
from slimmer.sandbox.readers import reader

PLACES = (
    "/openapi.json",
    "/swagger.json",
    "/v3/api-docs",
    "/v2/api-docs",
    "/openapi.yaml",
    "/openapi.yml",
    "/swagger.yaml",
    "/api/openapi.json",
    "/api/openapi.yaml",
    "/api/swagger.json",
    "/api/v1/openapi.json",
    "/api/v3/openapi.json",
    "/v1/openapi.json",
    "/swagger/v1/swagger.json",
    "/swagger/doc.json",
    "/docs/openapi.json",
    "/docs/json",
    "/docs-json",
    "/api-json",
    "/api/docs-json",
    "/api-docs",
    "/api-docs.json",
    "/api/schema/",
    "/openapi",
    "/q/openapi",
    "/apispec_1.json",
    "/documentation/json",
)
"""Where frameworks and their plug-ins put a description by default: FastAPI, Spring (springdoc, springfox), NestJS, ASP.NET, swaggo,
Fastify, Django REST framework (drf-spectacular), MicroProfile, flasgger."""

PAGES = (
    "/",
    "/docs",
    "/api/docs",
    "/swagger-ui/",
    "/swagger-ui.html",
    "/swagger/",
    "/redoc",
    "/api-docs/",
    "/apidocs/",
    "/documentation",
)
"""Where pages are that show a description."""

MENTIONS = 10
"""The most URLs of a page that are tried."""

PARSED = 1 << 19
"""The bytes of a page that are read."""

_QUOTED = re.compile(r"""["'`]([^"'`\s<>{}]{2,300})["'`]""")
_TELLING = re.compile(r"openapi|swagger|api-?docs?\b|apispec|[/-]schema|docs-json|\.ya?ml$", re.IGNORECASE)
_OTHER = re.compile(
    r"\.(?:css|png|svg|ico|html?|map|woff2?)(?:\?|$)|bundle|preset|standalone|oauth2-redirect|\.min\.js", re.IGNORECASE
)
_LINKED = re.compile(r"""<([^<>]{1,300})>\s*;[^,]{0,200}\brel="?service-desc\b""")
_SIGN = re.compile(rb"""["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]\.""")


@dataclass(frozen=True, slots=True)
class Mentions:
    """The URLs of a page that may be a description, or a script that names one, as they are written."""

    links: tuple[str, ...] = ()


def is_likely(content: bytes, content_type: str) -> bool:
    """Return True if an answer looks like a description."""
    return not content_type.startswith("text/html") and bool(_SIGN.search(content))


def linked(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the URLs that an answer's Link header calls its description (RFC 8631)."""
    return tuple(link for name, value in headers if name == "link" for link in _LINKED.findall(value[:2000]))


@reader
def read_mentions(content: bytes) -> Mentions:
    """Return what a page, a script or a configuration names. It runs in the sandbox."""
    text = content[:PARSED].decode("utf-8", "replace")
    found = [*_from_configuration(text), *_from_page(text), *_QUOTED.findall(text.replace("\\/", "/"))]
    likely = [one for one in found if _TELLING.search(one) and not _OTHER.search(one)]
    return Mentions(tuple(dict.fromkeys(likely))[:MENTIONS])


def _from_page(text: str) -> Iterator[str]:
    """Yield the links of a page to a description, and its scripts."""
    return Page(text).links() if "<" in text[:1000] else iter(())


def _from_configuration(text: str) -> Iterator[str]:
    """Yield the URLs of a configuration of Swagger UI."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for one in (
        [value, *(value.get("urls") or [])]
        if isinstance(value, dict) and isinstance(value.get("urls", []), list)
        else []
    ):
        if isinstance(one, dict) and isinstance(one.get("url"), str):
            yield one["url"]
