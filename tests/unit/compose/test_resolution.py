"""What slimmer makes of a compose file, from what both versions of compose print for the same file.

version_1.yaml was recorded from docker-compose 1.29.2. version_2.json has the form in which `docker compose config --format json` prints
the model of the Compose Specification.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slimmer.compose.project import Project, from_version_1, from_version_2
from slimmer.compose.resolution import Resolved, resolve
from slimmer.engine import description
from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck, ImageConfig

HERE = Path(__file__).parent
VERSIONS = {
    1: from_version_1((HERE / "version_1.yaml").read_text(), "shop"),
    2: from_version_2((HERE / "version_2.json").read_text()),
}


@pytest.fixture(params=VERSIONS)
def project(request: pytest.FixtureRequest) -> Project:
    return VERSIONS[request.param]


def resolved(project: Project, name: str = "web", exercise: str = "", *, share: bool = False) -> Resolved:
    return resolve(project, name, exercise, share=share, ready_timeout=7.0)


def of(services: dict[str, dict[str, Any]], **rest: Any) -> Project:
    """A project with these services, as version 2 of compose prints it."""
    return from_version_2(json.dumps({"name": "shop", "services": services, **rest}))


def test_a_service_runs_as_compose_runs_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_SHELL", "here")
    options = resolved(project).options
    assert sorted(options.env) == ["FROM_SHELL=here", "MONEY=a$b", "REDIS=redis://store:6379"]
    assert replace(options, env=(), companions=()) == RunOptions(
        cmd=("gunicorn", "app", "-b", "0.0.0.0:8000"),
        user="1000",
        volumes=(
            "shop_data:/data",
            "/home/me/shop/code:/code:ro",
            "/home/me/shop/etc:/etc/app:ro",
            "/anonymous",
            "/home/me/shop/key.txt:/run/secrets/key:ro",
            "/home/me/shop/tls.pem:/run/secrets/tls.pem:ro",
        ),
        tmpfs=("/run", "/scratch:size=1048576"),
        cap_add=("NET_ADMIN",),
        security_opt=("no-new-privileges=true",),
        shm_size=32 << 20,
        ulimits=("nofile=10:20", "nproc=5"),
        devices=("/dev/null:/dev/zero2:r",),
        init=True,
        read_only=True,
        add_hosts=("a:10.0.0.1",),
        sysctls=("net.core.somaxconn=1024",),
        memory=64 << 20,
        aliases=("web", "shop"),
    )
    description.check(options)


def test_an_unset_variable_is_left_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FROM_SHELL", raising=False)
    assert not [entry for entry in resolved(project).options.env if entry.startswith("FROM_SHELL")]


def test_what_it_depends_on_starts_first(project: Project) -> None:
    cache, migrate = resolved(project).options.companions
    assert (cache.name, cache.image, cache.completes, cache.ready_timeout) == ("cache", "redis:7", False, 7.0)
    assert cache.names == ("cache", "store", "memory")
    assert cache.healthcheck == Healthcheck(("CMD", "redis-cli", "ping"), timeout=2 * 10**9)
    assert (migrate.name, migrate.completes, migrate.command) == ("migrate", True, ())
    assert migrate.options is not None and migrate.options.entrypoint == ("sh", "-c", "echo $HOME")


def test_its_health_check_must_succeed_in_the_slim_image(project: Project) -> None:
    assert resolved(project).checks == (("/bin/sh", "-c", "curl -f localhost:8000"),)
    assert resolved(project, "cache").checks == (("redis-cli", "ping"),)
    assert resolved(project, "migrate").checks == ()


def test_another_service_exercises_it(project: Project) -> None:
    found = resolved(project, "web", "tests").options
    assert [each.name for each in found.companions] == ["cache", "migrate"]
    assert found.exerciser is not None and found.exerciser.options is not None
    assert (found.exerciser.image, found.exerciser.command) == ("shop-tests", ("pytest", "-q"))
    assert found.exerciser.options.env == ("A=b",)


def test_the_image_of_a_service_is_named_as_compose_names_it() -> None:
    assert [resolved(each).image for each in VERSIONS.values()] == ["shop_web", "shop-web"]
    assert "docker compose build web" in resolved(VERSIONS[2]).notes[0]
    assert resolved(VERSIONS[2], "cache").image == "redis:7" and not resolved(VERSIONS[2], "cache").notes


def test_what_differs_from_compose_is_told(project: Project) -> None:
    assert resolved(project).warnings == (
        "compose: web: /home/me/shop/code is mounted read-only. --share-mounts mounts it as compose does",
        "compose: web: `dns` is not used",
        "compose: web: `privileged` is not used",
        "compose: web and cache each get their own copy of the volume shop_data",
    )


def test_with_share_mounts_binds_are_as_in_the_file(project: Project) -> None:
    options = resolved(project, share=True).options
    assert "/home/me/shop/code:/code" in options.volumes and "/home/me/shop/etc:/etc/app:ro" in options.volumes
    description.check(options)


@pytest.mark.parametrize(
    ("services", "name", "exercise", "message"),
    [
        ({"web": {}, "db": {}}, "wbe", "", "--compose-service: there is no service 'wbe'"),
        ({"web": {}, "db": {}}, "web", "tests", "--compose-exercise: there is no service 'tests'"),
        ({"a1": {"depends_on": ["b1"]}, "b1": {"depends_on": ["a1"]}}, "a1", "", "each other: a1 → b1 → a1"),
        ({"web": {"depends_on": ["gone"]}}, "web", "", "web depends on gone"),
        ({"web": {"network_mode": "service:db"}}, "web", "", "network_mode: service:db"),
        ({"web": {"depends_on": ["db"]}, "db": {"network_mode": "host"}}, "web", "", "db has `network_mode: host`"),
        ({"web": {}}, "web", "web", "web is the service itself"),
        ({"web": {"depends_on": ["db"]}, "db": {}}, "web", "db", "a service that web depends on"),
        ({"web": {}, "px": {"depends_on": ["web"]}, "t1": {"depends_on": ["px"]}}, "web", "t1", "px, which depends on"),
        ({"web": {"command": "sh -c 'x"}}, "web", "", "No closing quotation"),
        ({"web": {"mem_limit": "much"}}, "web", "", "no valid size: 'much'"),
    ],
)
def test_what_cannot_be_run_is_told(services: dict[str, Any], name: str, exercise: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolved(of(services), name, exercise)


def test_a_wrong_name_lists_the_services() -> None:
    with pytest.raises(UsageError) as told:
        resolved(of({"web": {}, "db": {}}), "wbe")
    assert told.value.hint == "The services are: db, web."


def test_a_dependency_that_is_not_required_may_be_missing() -> None:
    services = {"web": {"depends_on": {"debug": {"condition": "service_started", "required": False}}}}
    assert resolved(of(services)).options.companions == ()


def test_secrets_and_configs_are_files_or_told() -> None:
    service = {"secrets": ["key", {"source": "token"}], "configs": [{"source": "app", "target": "/etc/app.conf"}, "b"]}
    files = {"secrets": {"key": {"environment": "KEY"}, "token": {"file": "/t"}}, "configs": {"app": {"file": "/a"}}}
    found = resolved(of({"web": service}, **files))
    assert found.options.volumes == ("/t:/run/secrets/token:ro", "/a:/etc/app.conf:ro")
    assert [text.partition(",")[0] for text in found.warnings] == [
        "compose: web: secrets: key is left out",
        "compose: web: configs: b is left out",
    ]


@pytest.mark.parametrize("document", ["", "[]", "{", '{"services": []}', '{"services": {"web": 1}}'])
def test_anything_else_is_an_error_and_no_traceback(document: str) -> None:
    with pytest.raises(UsageError, match="did not print"):
        from_version_2(document)
    with pytest.raises(UsageError, match="did not print"):
        from_version_1(document, "shop")


def test_a_service_is_described_with_all_its_names() -> None:
    cache = resolved(VERSIONS[2]).options.companions[0]
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("x",))
    made = description.companion(cache, config, "the-network")
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {"the-network": {"Aliases": ["cache", "store", "memory"]}},
    }
    assert made["Entrypoint"] == ["redis-server"] and made["HostConfig"]["NetworkMode"] == "the-network"


def test_an_exercise_in_the_apps_own_network_has_no_names_there() -> None:
    tests = resolved(VERSIONS[2], "web", "tests").options.exerciser
    assert tests is not None and tests.options is not None
    tests = replace(tests, options=replace(tests.options, hostname="t", add_hosts=("a:10.0.0.1",)))
    made = description.beside(tests, ImageConfig("sha256:1", "amd64", "linux"), ["SLIMMER_PORT=1"], "container:1")
    assert "NetworkingConfig" not in made and not made["Hostname"] and not made["HostConfig"]["ExtraHosts"]
    assert made["Env"] == ["A=b", "SLIMMER_PORT=1"]
