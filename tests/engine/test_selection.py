"""What the user chooses to keep and to drop, on real images: each slim image is run, and does what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from tests.engine.command import slimmer
from tests.engine.names import OWN

TAG = f"{OWN}-selection:slim"
SETTINGS = """
include-shell = true
probe = "/"

[build]
include = ["/bin/dpkg*", "!dpkg-split"]
exclude = ["/usr/share/doc/libc6/", "/etc/ssl/openssl.cnf"]
include-bin = "debconf-show"
include-package = ["deb:tzdata"]
"""


@dataclass(frozen=True)
class Made:
    """A slim image, the paths in it, and what the program said."""

    paths: frozenset[str]
    said: str
    out: Path


@pytest.fixture(scope="module")
def made(
    sample: Callable[[str], str], engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """The nginx sample, with choices from a settings file, a list and a variable's worth of each kind."""
    folder = tmp_path_factory.mktemp("selection")
    (folder / "slimmer.toml").write_text(SETTINGS)
    (folder / "keep.txt").write_text("# a comment\n\n/etc/debian_version\n")
    result = slimmer(
        "build", sample("nginx"), "--tag", TAG, "--keep-file", "keep.txt", "--policy", "observed", cwd=folder
    )
    assert result.returncode == 0, result.stderr
    out = folder / "slimmer-out" / f"{OWN}-selection"
    yield Made(frozenset(kept(out)), result.stderr, out)
    engine.images.remove(TAG, force=True)


def kept(out: Path) -> Iterator[str]:
    for line in (out / "manifest.jsonl").read_text().splitlines()[1:]:
        yield json.loads(line)["path"]


def run(engine: docker.DockerClient, image: str, *command: str, **options: object) -> str:
    """What a command in a new container prints; it must succeed. Read once it has ended, so that nothing is cut off."""
    container = engine.containers.run(image, list(command[1:]), entrypoint=command[0], detach=True, **options)
    try:
        code = container.wait(timeout=60)["StatusCode"]
        assert code == 0, container.logs().decode()
        output: bytes = container.logs(stdout=True, stderr=False)
        return output.decode()
    finally:
        container.remove(force=True, v=True)


def remove_if_there(engine: docker.DockerClient, tag: str) -> None:
    """A build that failed has made no image."""
    with suppress(ImageNotFound):
        engine.images.remove(tag, force=True)


def test_a_chosen_shell_works_with_its_tools(made: Made, engine: docker.DockerClient) -> None:
    script = (
        "set -e; cd /tmp; mkdir d; printf 'b\\na\\n' > d/f; sort d/f | head -n1; ls -l d | grep -c f; id -un;"
        " awk 'END { print NR }' d/f; sed s/a/x/ d/f | tail -n1; find d -name f | xargs wc -l; cp d/f g; rm -r d; [ -e g ];"
        " date +%Y >/dev/null; hostname >/dev/null; du -s g >/dev/null; expr 1 + 1; tar -cf x g; tar -tf x"
    )
    assert run(engine, TAG, "bash", "-c", script).split() == ["a", "1", "root", "2", "x", "2", "d/f", "2", "g"]
    assert run(engine, TAG, "sh", "-lc", "tput -T xterm cols; echo $PATH").startswith("80\n")


def test_a_chosen_script_has_its_interpreter_with_libraries(made: Made, engine: docker.DockerClient) -> None:
    assert "/usr/bin/debconf-show" in made.paths
    assert run(engine, TAG, "perl", "-e", "print qq(perl\\n)") == "perl\n"


def test_a_chosen_package_is_whole(made: Made, engine: docker.DockerClient) -> None:
    assert "09:00" in run(
        engine, TAG, "sh", "-c", "date -d '2026-01-01 00:00 UTC' +%H:%M", environment={"TZ": "Asia/Tokyo"}
    )
    assert "/usr/share/zoneinfo/Asia/Tokyo" in made.paths


def test_patterns_of_files_and_settings_are_kept_less_what_they_take_back(
    made: Made, engine: docker.DockerClient
) -> None:
    assert "/etc/debian_version" in made.paths
    assert {"/usr/bin/dpkg", "/usr/bin/dpkg-deb"} <= made.paths
    assert "/usr/bin/dpkg-split" not in made.paths
    assert run(engine, TAG, "dpkg-deb", "--version").startswith("Debian")


def test_what_is_excluded_is_gone_and_its_use_is_a_warning(made: Made, engine: docker.DockerClient) -> None:
    assert not {path for path in made.paths if path.startswith(("/usr/share/doc/libc6", "/etc/ssl/openssl.cnf"))}
    assert "warning: excluded although it was in use: /etc/ssl/openssl.cnf" in made.said
    assert "added now" not in made.said, "what is excluded is not missed"
    assert "libc6" not in run(engine, TAG, "ls", "/usr/share/doc").split()


def test_licence_texts_stay_unless_they_are_not_wanted(
    made: Made, sample: Callable[[str], str], engine: docker.DockerClient, tmp_path: Path
) -> None:
    assert {"/usr/share/doc/zlib1g/copyright", "/usr/share/common-licenses/GPL-2"} <= made.paths
    tag = f"{OWN}-selection:bare"
    arguments = ("--tag", tag, "--out", tmp_path, "--no-verify", "--no-licences", "--policy", "observed")
    try:
        assert slimmer("build", sample("nginx"), *arguments).returncode == 0
    finally:
        remove_if_there(engine, tag)
    assert not [path for path in kept(tmp_path) if "/doc/" in path or "licenses" in path]


def test_a_chosen_command_of_a_languages_package_works_where_imports_are_followed(
    sample: Callable[[str], str], engine: docker.DockerClient, tmp_path: Path
) -> None:
    tag = f"{OWN}-selection:pip"
    arguments = ("--tag", tag, "--out", tmp_path, "--include-bin", "pip", "--policy", "balanced", "--probe", "/")
    try:
        result = slimmer("build", sample("flask"), *arguments, "--no-verify")
        assert result.returncode == 0, result.stderr
        assert "flask" in run(engine, tag, "pip", "list", "--disable-pip-version-check").lower()
    finally:
        remove_if_there(engine, tag)


def test_a_busybox_image_has_a_shell_with_all_applets(
    sample: Callable[[str], str], engine: docker.DockerClient, tmp_path: Path
) -> None:
    tag = f"{OWN}-selection:busybox"
    try:
        result = slimmer(
            "build", sample("musl"), "--tag", tag, "--out", tmp_path, "--include-shell", "--policy", "observed"
        )
        assert result.returncode == 0, result.stderr
        assert run(engine, tag, "sh", "-c", "ls -d /tmp | sed s/tmp/x/; echo $((1 + 1))") == "/x\n2\n"
    finally:
        remove_if_there(engine, tag)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--include-bin", "basch"), "--include-bin basch: the image has no such command", "bash"),
        (
            ("--include", "/etc/nginx/nginx.cnf"),
            "--include /etc/nginx/nginx.cnf matches nothing",
            "/etc/nginx/nginx.conf",
        ),
        (("--include-package", "nginx-comon"), "--include-package nginx-comon: the image has no such", "nginx-common"),
        (("--exclude", "!"), "--exclude: the pattern is empty", "--exclude '/srv"),
        (("--keep-file", "/nowhere"), "--keep-file /nowhere: No such file", "one pattern per line"),
    ],
)
def test_what_the_image_lacks_is_an_error_before_it_is_run(
    sample: Callable[[str], str], tmp_path: Path, leftovers: None, arguments: tuple[str, str], message: str, hint: str
) -> None:
    result = slimmer("build", sample("nginx"), *arguments, "--tag", f"{OWN}-selection:none", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert hint in result.stderr.partition("hint:")[2]
    assert "speaks HTTP" not in result.stderr
    assert not (tmp_path / "slimmer-out").exists()
