"""The step of a pipeline (ci/slim.sh) and slimmer's own image, where pipelines run them: on a machine, beside a socket, and over TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine import case_images
from tests.engine.command import slimmer
from tests.engine.integration_app import SLIM
from tests.engine.names import LABEL, OWN
from tests.engine.own_engine import POSSIBLE, own_engine
from tests.engine.test_killed import happens

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "ci/slim.sh"
PYTHON = "slimmer-sample-python:latest"
SLIMMER = "slimmer-sample-slimmer:latest"
SLIMMER_BUILD = "slimmer-sample-slimmer-build:latest"
"""The image, and its stage that compiles. Both stay in the engine's cache for the next run."""

SLIM_SLIMMER = f"{OWN}-slimmer:slim"
NESTED = f"{OWN}-nested:slim"
SOCKET = "/var/run/docker.sock"
TIMEOUT = 500
OUTPUTS = {"image", "digest", "size-before", "size-after", "ratio", "report"}
OPTIONS = "--probe GET /file/srv/first\n--no-crawl"
NOBODY = 65534

on_socket = pytest.mark.skipif(
    os.environ.get("DOCKER_HOST", f"unix://{SOCKET}") != f"unix://{SOCKET}", reason="it mounts the usual socket"
)


@pytest.fixture(scope="module")
def slimmer_image() -> str:
    """slimmer's image, built by the Dockerfile of this checkout on a base that needs no registry."""
    case_images.build(PYTHON, ROOT / "tests/engine/images/python", case_images.make_base())
    case_images.build(SLIMMER_BUILD, ROOT, PYTHON, "--target", "build")
    case_images.build(SLIMMER, ROOT, PYTHON)
    return SLIMMER


@pytest.fixture(scope="module")
def slim_slimmer(slimmer_image: str, sample: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, slimmed by slimmer while it slims an image through the mounted socket."""
    out = tmp_path_factory.mktemp("slim")
    seen = {"SLIM_TARGET": sample("musl"), "SLIM_TAG": NESTED, "SLIM_OPTIONS": "--cmd /bin/busybox echo hello"}
    options = [f"--env={name}={value}" for name, value in seen.items()]
    options += ["--entrypoint", "slimmer-ci", "--volume", f"{SOCKET}:{SOCKET}:ro", "--until", "exit"]
    options += ["--no-verify", "--builder", "load", "--tag", SLIM_SLIMMER, "--out", str(out)]
    client = docker.from_env()
    try:
        result = slimmer("build", slimmer_image, *options, timeout=TIMEOUT)
        assert result.returncode == 0, result.stderr
        yield SLIM_SLIMMER
    finally:
        for tag in (SLIM_SLIMMER, NESTED):
            case_images.remove(client, tag)
        client.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users reach, too."""
    place = Path(tempfile.mkdtemp(prefix="slimmer-ci-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def no_trace(place: Path, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The slim image is removed; nothing else may be left."""
    yield
    case_images.remove(engine, SLIM)


def read(path: Path) -> dict[str, str]:
    """The outputs in a file of GitHub's or in a dotenv file."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def step(folder: Path, settings: Mapping[str, str], *before: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a step of a job, perhaps by way of another program."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(folder), "SLIM_TAG": SLIM, "SLIM_OPTIONS": OPTIONS, **settings}
    command = [*before, str(SCRIPT)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.mark.usefixtures("no_trace")
def test_on_a_machine_a_step_gives_github_outputs_and_a_summary(
    road: str, place: Path, engine: docker.DockerClient
) -> None:
    files = {name: str(place / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")}
    gates = {"SLIM_MAX_SIZE": "80MB", "SLIM_MIN_RATIO": "1.5", "SLIM_FAIL_ON": "setuid,shell,config-change,new-file"}
    result = step(place, {**files, "CI": "true", "GITHUB_ACTIONS": "true", **gates, "SLIM_TARGET": road})
    assert result.returncode == 0, result.stderr
    outputs = read(place / "GITHUB_OUTPUT")
    assert outputs.pop("out") == "slimmer-out"
    assert set(outputs) == OUTPUTS
    assert (outputs["image"], outputs["digest"]) == (SLIM, engine.images.get(SLIM).id)
    before, after = int(outputs["size-before"]), int(outputs["size-after"])
    assert before > after > 0 and outputs["ratio"] == f"{before / after:.2f}"
    assert (place / outputs["report"]).is_file()
    summary = (place / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.startswith("<!-- slimmer -->\n") and "| size |" in summary
    assert summary == (place / "slimmer-out/comparison.md").read_text()
    assert [*read(place / "slimmer.env").values()] == [*outputs.values()]


@pytest.mark.usefixtures("no_trace")
def test_an_app_that_fails_its_probe_fails_the_step(road: str, place: Path) -> None:
    summary = place / "summary"
    settings = {"SLIM_TARGET": road, "SLIM_OPTIONS": "--exec /none", "GITHUB_STEP_SUMMARY": str(summary)}
    result = step(place, settings)
    assert result.returncode == 6, result.stderr
    assert "exit code 6" in summary.read_text()
    assert not (place / "slimmer.env").exists()


@on_socket
@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes another user")
@pytest.mark.usefixtures("no_trace")
def test_with_slimmers_image_the_files_belong_to_who_runs_the_step(slimmer_image: str, road: str, place: Path) -> None:
    """The user is in the socket's group and has no slimmer. One gate passes and one fails, when everything is written."""
    compared = slimmer("compare", road, road, "--format", "json")
    (place / "last.json").write_text(compared.stdout)
    (place / "keep").write_text("/srv/unseen\n")
    os.chown(place, NOBODY, NOBODY)
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={Path(SOCKET).stat().st_gid}")
    options = f"{OPTIONS}\n--keep-file keep\n-e MODE"
    settings = {"SLIM_TARGET": road, "SLIM_OPTIONS": options, "SLIM_OUT": "out/of this", "MODE": "secret"}
    gates = {"SLIM_BASELINE": "last.json", "SLIM_MAX_GROWTH": "1", "SLIM_MAX_SIZE": "1kB"}
    environment = {**settings, **gates, "SLIMMER_IMAGE": slimmer_image, "TMPDIR": str(place)}
    result = step(place, environment, *user)
    assert result.returncode == 11, result.stderr
    assert "✗ max-size" in result.stderr, result.stderr
    assert "✓ growth" in result.stderr, result.stderr
    assert "max-size" in (place / "out/of this/comparison.md").read_text()
    made = [*place.rglob("*")]
    assert {path.name for path in made} >= {"rootfs.tar", "report.json", "comparison.md", "slimmer.env"}
    assert {path.name for path in made if path.stat().st_uid != NOBODY} == {"keep", "last.json"}  # the test's own
    assert '"/srv/unseen"' in (place / "out/of this/manifest.jsonl").read_text()


@on_socket
@pytest.mark.usefixtures("no_trace")
def test_a_job_that_is_cancelled_leaves_nothing(
    slimmer_image: str, road: str, place: Path, engine: docker.DockerClient
) -> None:
    settings = {"SLIM_TARGET": road, "SLIM_OPTIONS": "--until 600", "SLIMMER_IMAGE": slimmer_image}
    (place / "tmp").mkdir()
    env = {**os.environ, **settings, "TMPDIR": str(place / "tmp")}
    with subprocess.Popen([SCRIPT], cwd=place, env=env, stderr=subprocess.PIPE, text=True) as job:
        assert happens(lambda: engine.containers.list(filters={"ancestor": road, "status": "running"}))
        job.terminate()
        _, told = job.communicate(timeout=TIMEOUT)
    assert job.returncode == 130, told
    assert sorted(path.name for path in place.rglob("*")) == ["tmp"]


@on_socket
@pytest.mark.usefixtures("no_trace")
def test_in_a_container_with_the_socket_paths_of_the_machine_do_not_matter(
    slimmer_image: str, road: str, engine: docker.DockerClient
) -> None:
    """As in GitLab: the job has a docker client and the socket, its folder exists nowhere else, and slimmer comes as an image."""
    client = str(shutil.which("docker"))
    mounts = {SOCKET: {"bind": SOCKET}, client: {"bind": "/usr/local/bin/docker", "mode": "ro"}}
    script = (
        "echo '/srv/unseen' >keep && "
        'docker run --rm --entrypoint cat -- "$SLIMMER_IMAGE" /usr/local/bin/slimmer-ci >/tmp/slimmer-ci && '
        "sh /tmp/slimmer-ci && grep -c '\"/srv/unseen\"' slimmer-out/manifest.jsonl && cat slimmer.env"
    )
    settings = {"SLIM_TARGET": road, "SLIM_TAG": SLIM, "SLIMMER_IMAGE": slimmer_image}
    told = engine.containers.run(
        case_images.BASE,
        ["sh", "-euc", script],
        volumes=mounts,
        working_dir="/builds/shop",
        environment={**settings, "SLIM_OPTIONS": f"{OPTIONS}\n--keep-file=keep"},
        remove=True,
    ).decode()
    assert f"SLIM_IMAGE={SLIM}\n" in told and f"SLIM_DIGEST={engine.images.get(SLIM).id}\n" in told


@on_socket
@pytest.mark.usefixtures("no_trace")
def test_the_slim_image_of_slimmer_builds_as_slimmer_does(slim_slimmer: str, road: str, place: Path) -> None:
    """It was seen with an app without ports. Now it reaches a server, and writes to a folder of a user who is not root."""
    os.chown(place, NOBODY, NOBODY)
    group = str(Path(SOCKET).stat().st_gid)
    words = ["docker", "run", "--rm", "--label", f"{LABEL}={OWN}", "--volume", f"{SOCKET}:{SOCKET}", "--volume"]
    words += [f"{place}:/work", "--user", f"{NOBODY}:{NOBODY}", "--group-add", group, slim_slimmer]
    words += ["build", road, "--tag", SLIM, "--probe", "GET /file/srv/first"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{SLIM}\n"
    assert "port 8080 speaks HTTP" in result.stderr
    made = [*place.rglob("*")]
    assert {path.name for path in made} >= {"Dockerfile", "rootfs.tar", "report.json"}
    assert {path.stat().st_uid for path in made} == {NOBODY}


CLIENT, SERVER = "client", "server"
PORT = 2376


def make_certificates(folder: Path) -> None:
    """An authority, and the certificates of a server on loopback and of a client, as docker names the files."""
    run_openssl(
        folder,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=ca",
        "-keyout",
        "ca-key.pem",
        "-out",
        "ca.pem",
    )
    for name, more in ((SERVER, "subjectAltName=IP:127.0.0.1"), (CLIENT, "extendedKeyUsage=clientAuth")):
        place = folder / name
        place.mkdir()
        (place / "more").write_text(more)
        run_openssl(
            place, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", "key.pem", "-out", "csr"
        )
        signing = ("-CA", "../ca.pem", "-CAkey", "../ca-key.pem", "-CAcreateserial", "-extfile", "more")
        run_openssl(place, "x509", "-req", "-in", "csr", *signing, "-out", "cert.pem")
        shutil.copy(folder / "ca.pem", place)


def run_openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@contextmanager
def engine_over_tls(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """An engine that answers on a port to who has a certificate: its socket, and the words that run a command in its network."""
    make_certificates(folder)
    server = folder / SERVER
    options = f"--host tcp://127.0.0.1:{PORT} --tlsverify --tlscacert {server}/ca.pem --tlscert {server}/cert.pem --tlskey {server}/key.pem"
    with own_engine(options) as url:
        pid = Path(url.removeprefix("unix://")).with_name("docker.pid").read_text()
        yield url, ("nsenter", f"--net=/proc/{pid}/ns/net")


@pytest.mark.skipif(
    not POSSIBLE or shutil.which("openssl") is None, reason="it needs an engine of its own, and openssl"
)
@pytest.mark.usefixtures("no_trace")
def test_over_tls_a_job_in_a_container_and_one_with_slimmers_image(slim_slimmer: str, road: str, place: Path) -> None:
    """As with Docker in Docker: the engine is a TCP address. Its containers cannot be reached but through it."""
    tls = {"DOCKER_HOST": f"tcp://127.0.0.1:{PORT}", "DOCKER_TLS_VERIFY": "1"}
    settings = {"SLIM_TARGET": road, "SLIM_TAG": SLIM, "SLIM_OPTIONS": f"{OPTIONS}\n--no-verify"}
    with engine_over_tls(place) as (url, network):
        with subprocess.Popen(["docker", "save", slim_slimmer, road], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "--host", url, "load"], stdin=saved.stdout, check=True, capture_output=True)
        words = ["docker", "--host", url, "run", "--rm", "--network", "host", "--entrypoint", "slimmer-ci"]
        words += ["--volume", f"{place / CLIENT}:/certs/client:ro", "--env", "DOCKER_CERT_PATH=/certs/client"]
        words += [f"--env={name}={value}" for name, value in {**tls, **settings}.items()]
        job = subprocess.run([*words, slim_slimmer], capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert job.returncode == 0, job.stderr
        assert f"image={SLIM}\n" in job.stdout
        certificates = {**tls, "DOCKER_CERT_PATH": str(place / CLIENT), "SLIMMER_IMAGE": slim_slimmer}
        result = step(place, {**settings, **certificates}, *network)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[0] == job.stdout.splitlines()[0]
        assert (place / "slimmer-out/rootfs.tar").is_file()
        stranger = step(place, {**settings, **tls, "DOCKER_CERT_PATH": str(place)}, *network)
        assert stranger.returncode == 4
        with closing(docker.DockerClient(base_url=url)) as client:
            assert client.containers.list(all=True) == []
