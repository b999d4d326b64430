"""What to ask of the app, as the user or the defaults say: requests, commands, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from slimmer.exercise.exchange import Exchange, Kind
from slimmer.exercise.origin import FileDigest
from slimmer.exercise.request import Ask, Request


def is_udp(ask: Ask) -> bool:
    """Return True for an exchange over UDP."""
    return isinstance(ask, Exchange) and ask.kind is Kind.UDP


def _has_own_port(ask: Ask) -> bool:
    return isinstance(ask, Exchange) and ask.has_own_port


DEFAULT_REQUESTS = (Request("GET", "/"),)

LONGEST_UNTIL_QUIET = 600.0
"""The longest that slimmer waits for Until.QUIET after the probes, in seconds. Some apps open new files without end."""


class Until(StrEnum):
    """What ends the observation. The number for SECONDS and QUIET is in ExercisePlan.seconds."""

    PROBES = "probes"
    EXIT = "exit"
    SIGNAL = "signal"
    ENTER = "enter"
    SECONDS = "seconds"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """A container of another image that exercises the app. `command` replaces the image's CMD; () is the image's own.

    `option` is the one that asks for it. `environment` are more variables (KEY=VALUE).
    """

    image: str
    command: tuple[str, ...] = ()
    option: str = "--exercise-image"
    environment: tuple[str, ...] = ()


GENERATES = True
"""Whether slimmer generates requests if the user does not say: the crawl, the calls of an API, queries of GraphQL, and calls of gRPC."""


@dataclass(frozen=True, slots=True)
class Crawl:
    """Whether and how far to follow the links of the app's pages. The defaults of the options are here, and nowhere else.

    `pages`: how many URLs to request. `depth`: how many links a URL may be away from the first page. `seconds`: when to stop.
    `outside`: why no page behind a log-in is asked for, in words that follow "because"; "" to ask for them. More of those change something than of others.
    `browser`: open the pages in a browser, too.
    """

    on: bool = GENERATES
    pages: int = 1000
    depth: int = 20
    seconds: float = 30.0
    outside: str = ""
    browser: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """Whether and how to call the operations of an API. The defaults of the options are here, and nowhere else.

    `asked`: the user asked for it, and wants to know if there is no description. `path`: where the app has the description; "" for the usual places. `content`: the description itself, if the user has it in a file.
    `unchanging`: why operations that change something are left out, in words that follow "because"; "" to call them. `seconds`: when to stop.
    """

    on: bool = GENERATES
    asked: bool = False
    path: str = ""
    file: str = ""
    content: bytes = field(default=b"", repr=False)
    unchanging: str = ""
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class GraphQl:
    """Whether to ask a GraphQL API for its fields. `mutations`: those of the mutation type, too, unless Api.unchanging forbids it."""

    on: bool = GENERATES
    mutations: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Grpc:
    """Whether to call the methods of gRPC servers. `asked`: the user asked for it, and wants to know if there is none.

    `unchanging`: why methods that may change something are left out, as in Api.
    """

    on: bool = GENERATES
    asked: bool = False
    unchanging: str = ""
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class ExercisePlan:
    """The whole exercise of one run. Times are in seconds.

    `explicit`: the requests are the user's own, so at least one port must answer them. They may be exchanges, too. `ports`: exercise only these ports,
    and wait until they accept connections. `sockets`: Unix sockets to wait for and to send the requests to, beside the ports. `crawl`, `api`, `graphql` and `grpc`: how to generate further requests.
    `protocols`: hold a session with each port that speaks a known protocol other than HTTP. `probe_files` are those that the requests come from.
    """

    requests: tuple[Ask, ...] = DEFAULT_REQUESTS
    explicit: bool = False
    http: bool = True
    ports: tuple[int, ...] = ()
    sockets: tuple[str, ...] = ()
    host_commands: tuple[str, ...] = ()
    image_commands: tuple[ImageCommand, ...] = ()
    exec_commands: tuple[tuple[str, ...], ...] = ()
    until: Until = Until.PROBES
    seconds: float = 0.0
    ready_timeout: float = 60.0
    request_timeout: float = 30.0
    command_timeout: float = 600.0
    crawl: Crawl = Crawl()
    api: Api = Api()
    graphql: GraphQl = GraphQl()
    grpc: Grpc = Grpc()
    protocols: bool = False
    probe_files: tuple[FileDigest, ...] = ()

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The requests to send; none if HTTP is off."""
        return self.requests if self.http else ()

    @property
    def named_ports(self) -> tuple[int, ...]:
        """TCP ports that the user named, for the whole run or for one request."""
        own = tuple(ask.port for ask in self.asks if ask.port is not None and not is_udp(ask))
        return tuple(dict.fromkeys(self.ports + own))

    @property
    def named_sockets(self) -> tuple[str, ...]:
        """Unix sockets that the user named, for the whole run or for one request."""
        return tuple(dict.fromkeys((*self.sockets, *(ask.unix_socket for ask in self.asks if ask.unix_socket))))

    @property
    def spoken_sockets(self) -> tuple[str, ...]:
        """The named Unix sockets that must speak HTTP."""
        own = (ask.unix_socket for ask in self.asks if ask.unix_socket and not _has_own_port(ask))
        return tuple(dict.fromkeys((*self.sockets, *own)))

    @property
    def udp_asks(self) -> tuple[tuple[int, Exchange], ...]:
        """The exchanges over UDP, each with its position."""
        return tuple((at, ask) for at, ask in enumerate(self.asks) if isinstance(ask, Exchange) and is_udp(ask))

    @property
    def needs_tcp(self) -> bool:
        """Return True if something is asked that only a TCP port can answer."""
        return any(not (is_udp(ask) or ask.unix_socket or (self.sockets and ask.port is None)) for ask in self.asks)

    @property
    def http_asks(self) -> tuple[Ask, ...]:
        """The requests and exchanges for ports that speak HTTP."""
        return tuple(ask for ask in self.asks if not _has_own_port(ask) and not ask.unix_socket)

    @property
    def spoken_ports(self) -> tuple[int, ...]:
        """The named ports that must speak HTTP."""
        return tuple(dict.fromkeys((*self.ports, *(ask.port for ask in self.http_asks if ask.port is not None))))

    @property
    def has_commands(self) -> bool:
        """Return True if the user wants commands to be run: in the container, on this machine or in another image."""
        return bool(self.exec_commands or self.host_commands or self.image_commands)
