"""Read a description into operations. This runs in the sandbox, because descriptions come from an app that is not trusted.

Sources: the OpenAPI Specification 3.0.4 and 3.1.1, and Swagger 2.0.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from slimmer.exercise.api.body import bodies
from slimmer.exercise.api.example import Examples
from slimmer.exercise.api.operation import Description, Operation, Parameter
from slimmer.exercise.api.parameter import parameters
from slimmer.exercise.api.schema import Document, Endless, Node, node, nodes
from slimmer.exercise.yaml_document import YamlFault, load_yaml
from slimmer.formatting import counted
from slimmer.sandbox.readers import reader

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
"""The methods that are called. TRACE repeats the request, which no app does itself."""

MOST_OPERATIONS = 2_000
LONGEST_PATH = 1_024
MOST_DEPTH = 200
ROOM = 6 << 20
"""The characters of all examples of a document."""

SHOWN = 3
"""The number of names that a line shows."""

_VARIABLE = re.compile(r"\{([^{}/]*)\}")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@reader
def read_description(content: bytes, place: str) -> Description:
    """Read a description in JSON or YAML. `place` is the path at which the app has it, from which its servers' paths count."""
    try:
        root = _parsed(content)
    except ValueError as error:
        return Description(str(error))
    version = root.get("openapi", root.get("swagger"))
    if not isinstance(version, str) or not re.match(r"[23]\.", version):
        return Description("it is neither OpenAPI 3 nor Swagger 2")
    return _Reader(Document(root), place, old="openapi" not in root).description()


def _parsed(content: bytes) -> Node:
    """Return a document. Raise ValueError that says why there is none."""
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        value = json.loads(text, parse_constant=_refuse) if text[:1] in (b"{", b"[") else load_yaml(text)
    except YamlFault as error:
        raise ValueError(f"it is {error}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    plain = _plain(value, MOST_DEPTH)
    assert isinstance(plain, dict)
    return plain


def _refuse(name: str) -> None:
    raise ValueError(name)


def _plain(value: object, depth: int) -> object:
    """Return a value with what only YAML has as JSON writes it: dates become texts, and so do keys."""
    if depth < 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {str(key): _plain(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one, depth - 1) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if abs(value) < 1e300 else None
    return value if value is None or isinstance(value, bool | int) else _text(value)


def _text(value: Any) -> str:
    """Return a date or a time as RFC 3339 has it."""
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


class _Reader:
    def __init__(self, document: Document, place: str, *, old: bool) -> None:
        """`old`: it is Swagger 2."""
        self._document, self._place, self._old = document, place, old
        self._examples = Examples(document)
        self._left_out: Counter[str] = Counter()
        self._found, self._room = 0, ROOM

    def description(self) -> Description:
        operations = tuple(self._operations())
        if not self._found:
            return Description("it has no operations")
        return Description("", self._found, operations, tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        for why, number in self._left_out.items():
            yield f"left out {counted(number, 'operation')}: {why}"
        for names, what in (
            (self._document.external, "never fetched"),
            (self._document.broken, "circular, or to nothing"),
        ):
            if names:
                shown = ", ".join(name[:80] for name in sorted(names)[:SHOWN]) + (" …" if len(names) > SHOWN else "")
                yield f"took any value for {counted(len(names), 'reference')} ({what}): {shown}"

    def _operations(self) -> Iterator[Operation]:
        for path, item in node(self._document.root.get("paths")).items():
            shared = self._document.plain(item)
            for method in METHODS:
                if not isinstance(shared.get(method), dict):
                    continue
                self._found += 1
                made = self._operation(method, path, shared, shared[method]) if self._fits(path) else None
                if made is not None:
                    yield made

    def _fits(self, path: str) -> bool:
        if self._found > MOST_OPERATIONS:
            self._left_out[f"only the first {MOST_OPERATIONS:,} are read"] += 1
        elif not path.startswith("/") or len(path) > LONGEST_PATH or _CONTROL.search(path):
            self._left_out["their paths are none"] += 1
        else:
            return True
        return False

    def _operation(self, method: str, path: str, shared: Node, own: Node) -> Operation | None:
        try:
            given = tuple(self._parameters(path, shared, own))
            taken = tuple(islice(bodies(self._document, self._examples, shared, own, old=self._old), 1))
            self._room -= sum(len(one.full) + len(one.least) for one in taken)
            self._room -= sum(len(text) for one in given for _, text in one.pairs)
            if self._room < 0:
                raise Endless
        except Endless:
            self._left_out["their schemas have no end, or ask for too much"] += 1
            return None
        except LookupError as error:
            self._left_out[f"bodies of {str(error.args[0])[:80]} are not made"] += 1
            return None
        label, base = own.get("operationId"), self._base(shared, own)
        name = label[:200] if isinstance(label, str) else ""
        return Operation(method.upper(), base + path, name, given, taken, base, self._is_secured(own))

    def _is_secured(self, own: Node) -> bool:
        """Return True if each of the alternatives needs something."""
        needed = nodes(own.get("security", self._document.root.get("security")))
        return bool(needed) and all(node(one) for one in needed)

    def _parameters(self, path: str, shared: Node, own: Node) -> Iterator[Parameter]:
        """Yield the parameters, and one for each part of the path that the description forgot."""
        known = set()
        for one in parameters(self._document, self._examples, shared, own):
            known.add((one.place, one.name))
            yield one
        for name in dict.fromkeys(_VARIABLE.findall(path)):
            if ("path", name) not in known:
                yield Parameter(name, "path", True, ((name, "1"),), "slimmer-none")

    def _base(self, shared: Node, own: Node) -> str:
        """Return the path of the server. Its host does not count: requests go to the container."""
        if self._old:
            base = self._document.root.get("basePath")
            return _quoted(base) if isinstance(base, str) else ""
        for level in (own, shared, self._document.root):
            for server in nodes(level.get("servers"))[:1]:
                return self._server_path(node(server))
        return ""

    def _server_path(self, server: Node) -> str:
        url, variables = server.get("url"), node(server.get("variables"))
        if not isinstance(url, str):
            return ""
        filled = _VARIABLE.sub(lambda found: str(node(variables.get(found[1])).get("default", "")), url)
        try:
            return _quoted(urlsplit(urljoin(f"http://localhost{self._place or '/'}", filled)).path)
        except ValueError:  # not a URL
            return ""


def _quoted(path: str) -> str:
    text = "/" + quote(path.strip("/"), safe="/:@!$&'()*+,;=-._~%", errors="replace")
    return text if 1 < len(text) <= LONGEST_PATH else ""
