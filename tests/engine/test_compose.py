"""An app is slimmed as a service of a compose file: with the services that it needs, and with one that exercises it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from slimmer.compose.project import compose_program
from slimmer.errors import UsageError
from tests.engine.command import built
from tests.engine.names import LABEL, OWN
from tests.engine.test_companions import APP, BASE

IMAGE, SLIM = f"{OWN}-composed:latest", f"{OWN}-composed:slim"

STARTS = r"""
use strict; use IO::Socket::INET;
open my $secret, "<", "/run/secrets/greeting" or die "no secret: $!"; <$secret> =~ /h.nter2/ or die "another secret";
$ENV{PRICE} eq 'a$b' and getpwuid($<) eq "nobody" and -w "/data" or die "not as compose runs it";
"""
"""Runs only with what the compose file says of it."""

FILE = """
services:
  web:
    image: {web}
    user: nobody
    environment: {{PRICE: "a$$b"}}
    depends_on: {{cache: {{condition: service_healthy}}, first: {{condition: service_completed_successfully}}}}
    volumes: [{{type: tmpfs, target: /data}}]
    secrets: [greeting]
    privileged: false
    labels: {{team: shop}}
    healthcheck: {{test: ["CMD", "perl", "-e", "exit 0"]}}
  cache:
    image: {redis}
    command: redis-server --bind 0.0.0.0 --protected-mode no --port ${{PORT}}
    networks: {{default: {{aliases: [store]}}}}
    healthcheck: {{test: redis-cli -p 6379 ping}}
  first:
    image: {redis}
    command: redis-cli -h store set visits 41
    depends_on: {{cache: {{condition: service_healthy}}}}
  tests:
    image: {redis}
    entrypoint: [bash, -c]
    command: ['exec 3<>/dev/tcp/web/8080 && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && grep -m1 "visit 4[0-9]" <&3 && test -n "$$SLIMMER_URL" && echo "said $$WHO"']
    environment: {{WHO: the tests}}
    depends_on: [web]
    profiles: [test]
secrets:
  greeting: {{file: ./greeting.txt}}
"""


def has_compose() -> bool:
    """Look for compose as slimmer does."""
    try:
        return bool(compose_program())
    except UsageError:
        return False


pytestmark = [
    pytest.mark.usefixtures("nothing_stays"),
    pytest.mark.skipif(not has_compose(), reason="it needs `docker compose` or docker-compose"),
]


@pytest.fixture(scope="module")
def web(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of the app above, which counts its visits in Redis."""
    folder = tmp_path_factory.mktemp("composed")
    (folder / "app.pl").write_text(STARTS + APP.replace("use strict;", "", 1))
    dockerfile = f'FROM {BASE}\nCOPY app.pl /srv/app.pl\nEXPOSE 8080\nCMD ["perl", "/srv/app.pl"]\n'
    (folder / "Dockerfile").write_text(dockerfile)
    engine.images.build(path=str(folder), tag=IMAGE, rm=True, forcerm=True, labels={LABEL: OWN})
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


@pytest.fixture
def nothing_stays(web: str, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The slim image is removed; nothing else may be left."""
    yield
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


def test_a_service_is_slimmed_as_compose_runs_it(
    web: str, sample: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "6379")
    (tmp_path / "greeting.txt").write_text("hunter2\n")
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.format(web=web, redis=sample("redis")))
    options = ("--compose-file", file, "--compose-service", "web", "--compose-exercise", "tests")
    assert (
        built(*options, "--probe", "/", "--no-crawl", "--repair", "0", "--tag", SLIM, "--out", tmp_path / "out") == SLIM
    )
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["verification"]["verified"] and not report["verification"]["by_shape"]
    assert [answer["status"] for answer in report["exercise"]["requests"]] == [200]
    assert [(each["where"], each["exit_code"]) for each in report["exercise"]["commands"]] == [
        ("container", 0),
        ("image", 0),
    ]
    assert not [path.name for path in (tmp_path / "out").iterdir() if b"hunter2" in path.read_bytes()]
