"""The format of probe files: the one definition that reads them and from which docs/schemas/probe-file.json is made.

Each type is a mapping of the file. docs/exercise.md explains every key.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

BODY_KEYS = ("json", "form", "body", "file", "multipart")
"""The keys that give a request its body. A request has at most one of them."""

MOST_REPEATS = 1000
MOST_STEPS = 1000

WORD_PATTERN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
PATH_PATTERN = r"^(/|\*$|\$\{)"
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

SOCKET_PATTERN = r"^[/@]."
LONGEST_SOCKET = 107
"""The bytes of the longest name of a Unix socket: sun_path has 108, and NUL ends a path (unix(7))."""

HEX_PATTERN = r"^([0-9A-Fa-f]{2}\s*)*$"

PATTERN_WORDS = {
    SOCKET_PATTERN: "is not a Unix socket: it must be an absolute path, or an abstract name that begins with @",
    HEX_PATTERN: "is not a row of hexadecimal bytes, such as 00ff",
    WORD_PATTERN: "is not an HTTP method or header name",
    PATH_PATTERN: "must begin with a slash, and cannot be a whole URL (to choose a port: `port`)",
    NAME_PATTERN: "is not a name of letters, digits and underscores",
}
"""What is wrong with a text that does not match."""


def socket_fault(path: str) -> str:
    """Return why no Unix socket can have this name; "" if one can."""
    if not re.match(SOCKET_PATTERN, path) or "\0" in path:
        return PATTERN_WORDS[SOCKET_PATTERN]
    if len(path.encode(errors="surrogateescape")) > LONGEST_SOCKET:
        return f"is longer than {LONGEST_SOCKET} bytes: no Unix socket has such a name"
    return ""


ONE_KEY = Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})

Text = str | int | float
"""A text, or a number that is sent as it reads."""

Texts = Text | list[Text]
Token = Annotated[str, Meta(pattern=WORD_PATTERN)]
VariableName = Annotated[str, Meta(pattern=NAME_PATTERN)]
Port = Annotated[int, Meta(ge=1, le=65535)]
SocketPath = Annotated[str, Meta(pattern=SOCKET_PATTERN, extra_json_schema={"maxLength": LONGEST_SOCKET})]
Status = Annotated[int, Meta(ge=100, le=599)]


class Mapping(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A mapping of a probe file. A key that it does not know is an error."""


class FilePart(Mapping, frozen=True):
    """A file of a multipart body. `file` is relative to the folder of the probe file; `name` and `type` are what the app is told."""

    file: str
    name: str = ""
    type: str = ""


class Basic(Mapping, frozen=True):
    """A user and a password for basic authentication (RFC 7617)."""

    user: Text
    password: Text


class Auth(Mapping, frozen=True):
    """The Authorization header: `basic` or `bearer` (RFC 6750)."""

    basic: Basic | UnsetType = UNSET
    bearer: str | UnsetType = UNSET


class Source(Mapping, frozen=True):
    """Where in an answer a value is: a JSON path, a regular expression (its first group, if it has one), or the name of a header."""

    json: str | UnsetType = UNSET
    regex: str | UnsetType = UNSET
    header: Token | UnsetType = UNSET


class Expected(Mapping, frozen=True):
    """What the answer must be like. A request without `expect` fails on 5xx, and 4xx is a warning."""

    status: Status | list[Status] | None = None
    contains: str | list[str] | None = None
    content_type: str = ""


class Entry(Mapping, frozen=True):
    """An HTTP request. It has at most one of `json`, `form`, `body`, `file` and `multipart`."""

    path: Annotated[str, Meta(pattern=PATH_PATTERN)]
    method: Token = "GET"
    headers: dict[Token, Texts] | None = None
    auth: Annotated[Auth | None, ONE_KEY] = None
    json: Any = UNSET
    form: dict[str, Texts] | UnsetType = UNSET
    body: str | UnsetType = UNSET
    file: str | UnsetType = UNSET
    multipart: dict[str, Text | FilePart | list[Text | FilePart]] | UnsetType = UNSET
    port: Port | None = None
    unix_socket: SocketPath | None = None
    http: Literal[1, 2] = 1
    capture: dict[VariableName, Annotated[Source, ONE_KEY]] | None = None
    repeat: Annotated[int, Meta(ge=1, le=MOST_REPEATS)] = 1
    expect: Expected | None = None


class Hex(Mapping, frozen=True):
    """Bytes, as hexadecimal digits."""

    hex: Annotated[str, Meta(pattern=HEX_PATTERN)]


class Step(Mapping, frozen=True):
    """What to send, or what must come before the exchange goes on: a text that it contains. An empty text is anything."""

    send: str | Hex | UnsetType = UNSET
    expect: str | Hex | UnsetType = UNSET


Steps = Annotated[list[Annotated[Step, ONE_KEY]], Meta(min_length=1, max_length=MOST_STEPS)]


class WebSocketEntry(Mapping, frozen=True):
    """Messages over a WebSocket (RFC 6455)."""

    path: Annotated[str, Meta(pattern=PATH_PATTERN)]
    websocket: Steps
    headers: dict[Token, Texts] | None = None
    auth: Annotated[Auth | None, ONE_KEY] = None
    port: Port | None = None
    unix_socket: SocketPath | None = None


class TcpEntry(Mapping, frozen=True):
    """Bytes over a TCP connection."""

    tcp: Steps
    port: Port


class UdpEntry(Mapping, frozen=True):
    """UDP datagrams. Each `send` is one."""

    udp: Steps
    port: Port


class UnixEntry(Mapping, frozen=True):
    """Bytes over a Unix socket. Without `unix_socket`, it is that of the file."""

    unix: Steps
    unix_socket: SocketPath | None = None


KINDS: dict[str, type[Mapping]] = {"websocket": WebSocketEntry, "tcp": TcpEntry, "udp": UdpEntry, "unix": UnixEntry}
"""The key that only one kind of entry has, and its type. Without any, an entry is an HTTP request."""

Entries = Annotated[
    list[Any],
    Meta(
        extra_json_schema={
            "items": {
                "anyOf": [
                    {
                        "$ref": "#/$defs/Entry",
                        "not": {"anyOf": [{"required": list(pair)} for pair in combinations(BODY_KEYS, 2)]},
                    },
                    *({"$ref": f"#/$defs/{kind.__name__}"} for kind in KINDS.values()),
                ]
            }
        }
    ),
]


class ProbeFile(Mapping, frozen=True):
    """The requests, in the order in which they are sent. A file may also be the list alone.

    `unix_socket` is for all entries that have no `port` and no `unix_socket` of their own.
    """

    requests: Entries
    unix_socket: SocketPath | None = None
