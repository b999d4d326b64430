"""Whether an app may reach state that is not its container's own: folders, networks and services of others.

slimmer calls operations that change something without being asked only if the answer is no.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from slimmer.engine.options import RunOptions

OWN_NETWORKS = ("", "bridge", "default", "none")
"""Networks in which the app does not meet containers that others started. (`docker run --network`)"""

ADDRESSES = (
    "HOST",
    "HOSTS",
    "HOSTNAME",
    "URL",
    "URI",
    "DSN",
    "ADDR",
    "ADDRESS",
    "ENDPOINT",
    "SERVER",
    "SERVERS",
    "BROKER",
    "BROKERS",
)
"""How the names of variables end that have an address as their value, as `DB_HOST`."""

OWN_HOSTS = ("", "localhost", "0.0.0.0", "::", "::1", "*", "host")  # noqa: S104 (an address to compare with)


def outside(options: RunOptions, *, asked: bool, option: str = "--openapi auto") -> str:
    """Return why the app may change something outside of its container, in words that follow "because"; "" if it hardly can.

    If the user asked for the calls, only data and networks that others share count, not addresses. A service that only the image itself
    names is not seen. `option` asks for the calls.
    """
    if options.share_mounts:
        return "the app shares data with others (--share-mounts)"
    if options.network not in OWN_NETWORKS:
        return "the app shares a network with others (--network)"
    if asked:
        return ""
    own = {*options.aliases, *(name for each in options.companions for name in each.names)}
    named = sorted({name for name, hosts in _addresses(options.env) if not {*hosts} <= {*OWN_HOSTS, *own}})
    return (
        f"{', '.join(named)} may lead the app to a service of others (--env); to call them: {option}" if named else ""
    )


def _addresses(environment: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield the variables that have addresses as values, with the hosts. Loopback addresses are left out."""
    for entry in environment:
        name, _, value = entry.partition("=")
        if "://" in value or name.upper().endswith(ADDRESSES):
            hosts = [_host(one.strip()) for one in value.split(",")]
            yield name, [host for host in hosts if not host.startswith("127.")]


def _host(address: str) -> str:
    """Return the host of a URL or of `host:port`; "" for a path."""
    if address.startswith("/"):
        return ""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return "" if parts.scheme in ("file", "sqlite", "unix") else (parts.hostname or "")
    except ValueError:  # not a URL, so nobody knows
        return address
