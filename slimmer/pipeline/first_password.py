"""Databases whose images refuse to start for the first time without a password: slimmer gives them one for its own runs.

The images are known by the variables of their ENV, their port and their entrypoint, not by their names: images that are made FROM
them have these, too. Sources: docker-library/postgres, MariaDB/mariadb-docker and docker-library/mysql, docker-entrypoint.sh.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from slimmer.engine.options import RunOptions
from slimmer.image.config import ImageConfig

PASSWORD = "slimmer"  # noqa: S105 - it protects nothing: the data of a run goes with its volumes
ENTRYPOINT = "docker-entrypoint.sh"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What an image needs to start. `markers`: variables of which its ENV has one. `others`: variables that serve instead."""

    port: int
    markers: tuple[str, ...]
    variable: str
    others: tuple[str, ...]


def _root(prefix: str) -> tuple[str, ...]:
    ways = ("ROOT_PASSWORD", "ROOT_PASSWORD_FILE", "ROOT_PASSWORD_HASH", "ALLOW_EMPTY_ROOT_PASSWORD")
    return (
        *(f"{prefix}_{way}" for way in (*ways, "RANDOM_ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD")),
        f"{prefix}_ROOT_PASSWORD_HASH_FILE",
    )


FIRST_STARTS = (
    FirstStart(5432, ("PG_MAJOR",), "POSTGRES_PASSWORD", ("POSTGRES_PASSWORD_FILE", "POSTGRES_HOST_AUTH_METHOD")),
    FirstStart(3306, ("MARIADB_VERSION",), "MARIADB_ROOT_PASSWORD", (*_root("MARIADB"), *_root("MYSQL"))),
    FirstStart(3306, ("MYSQL_MAJOR", "MYSQL_VERSION"), "MYSQL_ROOT_PASSWORD", _root("MYSQL")),
)


def first_password(config: ImageConfig, options: RunOptions) -> str:
    """Return the variable that the image needs to start, and that neither the image nor the user sets; "" if there is none."""
    entry = posixpath.basename(next(iter(config.entrypoint or ()), ""))
    if entry != ENTRYPOINT or options.entrypoint is not None:
        return ""
    names = {entry.partition("=")[0] for entry in (*config.env, *options.env)}
    for start in FIRST_STARTS:
        if start.port in config.ports() and names & {*start.markers}:
            return "" if names & {start.variable, *start.others} else start.variable
    return ""


def with_first_password(config: ImageConfig, options: RunOptions) -> RunOptions:
    """Return the options with such a variable."""
    name = first_password(config, options)
    return replace(options, env=(*options.env, f"{name}={PASSWORD}")) if name else options
