"""Numbers that bound and sort the ports of an app."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_EPHEMERAL_PORT = 32768
"""Linux picks ports from here on for programs that do not name one: ip(7), ip_local_port_range. They change with each run."""

MOST_OPEN = 128
"""The number of open ports that are remembered: an app may listen on thousands, or open a new one for each request."""

MOST_TRIED = 256
"""The number of ports that one look tries to connect to: an app may have listened on thousands and closed them again."""

SIDE_BY_SIDE = 32
"""The number of ports that are tried, or sent requests, at the same time."""


def lasting_ports(ports: Iterable[int]) -> tuple[int, ...]:
    """Return the ports that the app chose itself, so that they are the same in every run."""
    return tuple(port for port in ports if port < FIRST_EPHEMERAL_PORT)
