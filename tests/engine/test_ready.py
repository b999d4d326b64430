"""An app whose helper listens long before it does, with UDP, a port for itself alone, and a log file that tells what goes wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import LABEL, OWN

IMAGE, SLIM = f"{OWN}-ready:app", f"{OWN}-ready:slim"
APP = r"""
use IO::Socket::INET;
my @listening = (Listen => 5, ReuseAddr => 1, LocalAddr => "0.0.0.0");
my $helper = IO::Socket::INET->new(@listening, LocalPort => 4369);
my $control = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => 9530);
my $syslog = IO::Socket::INET->new(Proto => "udp", LocalAddr => "0.0.0.0", LocalPort => 5140);
open(my $log, ">>", "/srv/logs/$ENV{HOSTNAME}.txt");
open(my $data, "<", "/srv/data") or print $log "cannot read the data: $!\n";
close($log);
sleep 2;
my $web = IO::Socket::INET->new(@listening, LocalPort => 8080);
while (my $client = $web->accept) {
    my $line = <$client>;
    print $client "HTTP/1.0 503 No back end\r\n\r\nsorry\n" if defined $line;
    close $client;
}
"""
ONE_LINE = APP.replace("\n", " ").replace("'", "'\\''")
DOCKERFILE = f"""FROM debian:bookworm-slim
LABEL {LABEL}={OWN}
RUN mkdir -p /srv/logs && echo data > /srv/data && printf '%s' '{ONE_LINE}' > /srv/app.pl
EXPOSE 8080 5140/udp
CMD ["perl", "/srv/app.pl"]
"""


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    client = docker.from_env()
    client.images.build(fileobj=io.BytesIO(DOCKERFILE.encode()), tag=IMAGE, rm=True, forcerm=True, network_mode="none")
    yield IMAGE
    client.images.remove(IMAGE)
    client.close()


def test_an_exposed_port_that_opens_late_is_exercised_and_udp_needs_no_option(
    image: str, leftovers: None, tmp_path: Path
) -> None:
    result = slimmer("build", image, "--tag", SLIM, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    docker.from_env().images.remove(SLIM)
    assert "GET / on port 8080: answered 503" in result.stderr  # the default request
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["exercise"]["http_ports"] == [8080]
    listeners = {(one["protocol"], one["port"]) for one in report["observation"]["listeners"]}
    assert listeners == {("tcp", 4369), ("tcp", 9530), ("udp", 5140), ("tcp", 8080)}


def test_an_error_that_only_a_log_file_shows_is_a_difference(image: str, leftovers: None, tmp_path: Path) -> None:
    result = slimmer(
        "build", image, "--tag", SLIM, "--out", tmp_path / "out", "--exclude", "/srv/data", "--repair", "0"
    )
    assert result.returncode == 8, result.stderr
    assert "+ cannot read the data: No such file or directory" in result.stderr
