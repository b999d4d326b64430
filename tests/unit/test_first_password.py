"""Which images get a password to start with, and which do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slimmer.engine.options import RunOptions
from slimmer.image.config import ImageConfig
from slimmer.pipeline.first_password import first_password, with_first_password

POSTGRES = ImageConfig(
    "sha256:1",
    "amd64",
    "linux",
    env=("PATH=/bin", "PG_MAJOR=17", "PGDATA=/var/lib/postgresql/data"),
    entrypoint=("docker-entrypoint.sh",),
    cmd=("postgres",),
    exposed_ports=("5432/tcp",),
)
MARIADB = replace(POSTGRES, env=("MARIADB_VERSION=1:11.4",), exposed_ports=("3306/tcp",))
MYSQL = replace(POSTGRES, env=("MYSQL_MAJOR=8.4",), exposed_ports=("3306/tcp", "33060/tcp"))


@pytest.mark.parametrize(
    ("config", "variable"),
    [(POSTGRES, "POSTGRES_PASSWORD"), (MARIADB, "MARIADB_ROOT_PASSWORD"), (MYSQL, "MYSQL_ROOT_PASSWORD")],
)
def test_an_image_that_needs_a_password_gets_one(config: ImageConfig, variable: str) -> None:
    options = RunOptions(env=("TZ=UTC",))
    assert first_password(config, options) == variable
    assert with_first_password(config, options).env == ("TZ=UTC", f"{variable}=slimmer")


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(env=("POSTGRES_PASSWORD=own",)),
        RunOptions(env=("POSTGRES_HOST_AUTH_METHOD=trust",)),
        RunOptions(entrypoint=("sh",)),
    ],
)
def test_what_the_user_says_counts(options: RunOptions) -> None:
    assert with_first_password(POSTGRES, options) == options


@pytest.mark.parametrize(
    "config",
    [
        replace(POSTGRES, entrypoint=("/entry.sh",)),
        replace(POSTGRES, exposed_ports=("80/tcp",)),
        replace(POSTGRES, env=(*POSTGRES.env, "POSTGRES_PASSWORD=own")),
        replace(POSTGRES, env=("PGDATA=/data",)),
        replace(MARIADB, env=(*MARIADB.env, "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1")),
    ],
)
def test_other_images_get_none(config: ImageConfig) -> None:
    assert first_password(config, RunOptions()) == ""
