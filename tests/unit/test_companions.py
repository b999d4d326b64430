"""Companions of an app: what the options say of them, and which of them cannot be in one network with the app."""

from __future__ import annotations

import pytest

from slimmer.api import requests, words
from slimmer.engine import description
from slimmer.engine.options import Companion, RunOptions
from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck, ImageConfig


def test_a_companion_has_an_image_and_perhaps_a_command() -> None:
    made = words.companions(["cache=redis:7", "db=postgres -c 'a b'", 'x=["tool:1", "sh", "-c", "a | b"]'], [], 5.0)
    assert made == (
        Companion("cache", "redis:7", ready_timeout=5.0),
        Companion("db", "postgres", ("-c", "a b"), ready_timeout=5.0),
        Companion("x", "tool:1", ("sh", "-c", "a | b"), ready_timeout=5.0),
    )


def test_variables_go_to_the_companion_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSED", "on")
    monkeypatch.delenv("UNSET", raising=False)
    variables = ["db:A=b:c=d", "db:PASSED", "db:UNSET", "db:A=last"]
    db, cache = words.companions(["db=postgres", "cache=redis"], variables, 60.0)
    assert (db.env, cache.env) == (("A=last", "PASSED=on"), ())
    assert "last" not in repr(RunOptions(companions=(db,)))


@pytest.mark.parametrize("entry", ["", "redis:7", "=redis", "cache=", "cache= ", 'cache=[""]'])
def test_a_companion_needs_a_name_and_an_image(entry: str) -> None:
    with pytest.raises(UsageError, match="--with: not NAME=IMAGE"):
        words.companions([entry], [], 60.0)


@pytest.mark.parametrize("variable", ["A=b", "other:A=b", "Cache:A=b"])
def test_a_variable_of_nobody_is_an_error(variable: str) -> None:
    with pytest.raises(UsageError, match="--with-env: there is no companion"):
        words.companions(["cache=redis"], [variable], 60.0)


def test_a_variable_needs_a_name() -> None:
    with pytest.raises(UsageError, match="--with-env: a variable needs a name"):
        words.companions(["cache=redis"], ["cache:=b"], 60.0)


def test_they_may_take_as_long_as_the_app() -> None:
    request = requests.build_request("app", {"with_": "cache=redis", "with_env": "cache:A=b", "ready_timeout": 7})
    assert request.options.companions == (Companion("cache", "redis", env=("A=b",), ready_timeout=7.0),)
    assert request.other_images == {"redis": "--with"}


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (("cache", "cache"), {}, "cache is given twice"),
        (("cache", "Cache"), {}, "Cache is given twice"),
        (("shop",), {"hostname": "Shop"}, "shop is the app's --hostname"),
        (("localhost",), {}, "localhost is the name of every container"),
        (("a/b",), {}, "not a name: 'a/b'"),
        (("-x",), {}, "not a name"),
        (("x",), {}, "not a name"),
        (("c\u00e4che",), {}, "not a name"),
        (("cache",), {"network": "mine"}, "--with cannot be used with --network mine"),
        (("cache",), {"network": "host"}, "--with cannot be used with --network host"),
    ],
)
def test_names_that_a_network_cannot_tell_apart_are_refused(
    names: tuple[str, ...], options: dict[str, str], words: str
) -> None:
    companions = tuple(Companion(name, "redis") for name in names)
    with pytest.raises(UsageError, match=words):
        description.check(RunOptions(companions=companions, **options))  # type: ignore[arg-type]


def test_other_names_are_fine() -> None:
    companions = tuple(Companion(name, "redis") for name in ("cache", "cache-2", "db_1", "my.cache", "9a"))
    description.check(RunOptions(companions=companions, hostname="shop"))


def test_a_companion_is_described_as_docker_run_would_make_it() -> None:
    """Nothing of the app's, no privileges, no probe; only its health is looked at more often."""
    config = ImageConfig(
        "sha256:1", "amd64", "linux", healthcheck=Healthcheck(("CMD", "ping"), interval=10**10, retries=3)
    )
    wanted = Companion("cache", "redis", ("redis-server",), ("A=b",))
    assert description.companion(wanted, config, "the-network") == {
        "Image": "sha256:1",
        "Cmd": ["redis-server"],
        "Env": ["A=b"],
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {"LogConfig": {"Type": "none"}, "NetworkMode": "the-network"},
        "NetworkingConfig": {"EndpointsConfig": {"the-network": {"Aliases": ["cache"]}}},
        "Healthcheck": {
            "Test": ["CMD", "ping"],
            "Interval": description.FAST_HEALTH_INTERVAL,
            "Timeout": 0,
            "Retries": 3,
            "StartPeriod": 0,
        },
    }


def test_an_image_exposes_ports_of_each_protocol() -> None:
    config = ImageConfig("", "", "", exposed_ports=("9000", "53/udp", "80/tcp", "443/tcp"))
    assert (config.ports(), config.ports("udp")) == ((80, 443, 9000), (53,))
