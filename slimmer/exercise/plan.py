"""What to ask of the app, as the user or the defaults say: requests, commands, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slimmer.exercise.request import Request

DEFAULT_REQUESTS = (Request("GET", "/"),)


class Until(StrEnum):
    """What ends the observation. The number for SECONDS is in ExercisePlan.seconds."""

    PROBES = "probes"
    EXIT = "exit"
    SIGNAL = "signal"
    ENTER = "enter"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Crawl:
    """Whether and how far to follow the links of the app's pages. The defaults of the options are here, and nowhere else.

    `pages`: how many URLs to request. `depth`: how many links a URL may be away from the first page. `seconds`: when to stop.
    """

    on: bool = False
    pages: int = 1000
    depth: int = 20
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class ExercisePlan:
    """The whole exercise of one run. Times are in seconds.

    `explicit`: the requests are the user's own, so at least one port must answer them. `ports`: exercise only these ports,
    and wait until they accept connections. `crawl`: how to generate further requests.
    """

    requests: tuple[Request, ...] = DEFAULT_REQUESTS
    explicit: bool = False
    http: bool = True
    ports: tuple[int, ...] = ()
    host_commands: tuple[str, ...] = ()
    exec_commands: tuple[tuple[str, ...], ...] = ()
    until: Until = Until.PROBES
    seconds: float = 0.0
    ready_timeout: float = 60.0
    request_timeout: float = 30.0
    command_timeout: float = 600.0
    crawl: Crawl = Crawl()

    @property
    def asks(self) -> tuple[Request, ...]:
        """The requests to send; none if HTTP is off."""
        return self.requests if self.http else ()

    @property
    def named_ports(self) -> tuple[int, ...]:
        """Ports that the user named, for the whole run or for one request."""
        own = tuple(request.port for request in self.asks if request.port is not None)
        return tuple(dict.fromkeys(self.ports + own))

    @property
    def has_commands(self) -> bool:
        """Return True if the user wants commands to be run, in the container or on this machine."""
        return bool(self.exec_commands or self.host_commands)
