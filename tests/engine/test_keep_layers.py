"""--keep-layers on real images: the app's own layers are whole and work in the slim image, and the base below is slimmed."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

import slimmer as api
from slimmer.engine.options import RunOptions
from slimmer.image.layer_border import Found, LayerChoice
from slimmer.pipeline.original import open_original
from slimmer.pipeline.own_layers import begin_layers
from slimmer.pipeline.session import open_session
from tests.engine.command import built, slimmer
from tests.engine.layers import LayerEntry, layer_entries
from tests.engine.names import LABEL, OWN
from tests.engine.odd_image import archive

BASE, APP, SLIM = f"{OWN}-layers-base:1", f"{OWN}-layers-app:2", f"{OWN}-layers-app:slim"
OTHER = f"{OWN}-layers-app:dependencies"

BASE_FILE = """FROM debian:bookworm-slim
RUN mkdir -p /opt/base/folder && cd /opt/base && touch unused deleted folder/in && echo linked > target && chmod 640 target
CMD ["bash"]
"""
APP_FILE = f"""FROM {BASE}
ADD odd.tar /
WORKDIR /srv/app
COPY . .
RUN cp /usr/bin/tac own-tac && chmod 4755 own-tac && chown 7:8 used && ln used again && mkdir empty && chmod 700 empty && \\
    ln -s /opt/base/target link && ln -s ../../opt/base/folder folder && rm /opt/base/deleted && chmod +x never.pl
ENV NOTHING=new
CMD ["cat", "used"]
"""
MOUNTED_OVER = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"}
"""In a container, Docker hides these files of an image behind its own."""

FILES = {
    "used": "the output\n",
    "never-asked.html": "<p>never\n",
    "cache/.keep": "",
    "never.pl": "#!/usr/bin/perl\nuse List::Util qw(sum);\nprint sum(1, 2, 3), qq(\\n);\n",
}


@dataclass(frozen=True)
class Made:
    """A slim image, what the program said, and its output folder."""

    said: str
    out: Path

    @property
    def report(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.out / "report.json").read_text())
        return found


@pytest.fixture(scope="module")
def images(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The base, an app made from it, and another name for all but the app's last layer."""
    context = tmp_path_factory.mktemp("context")
    for name, content in FILES.items():
        (context / name).parent.mkdir(exist_ok=True)
        (context / name).write_text(content)
    (context / "odd.tar").write_bytes(archive(user_xattrs=False))
    (context / ".dockerignore").write_text("odd.tar\n")
    stages = {BASE: BASE_FILE, OTHER: APP_FILE.partition("RUN")[0], APP: APP_FILE}
    try:
        for tag, text in stages.items():
            (context / ".dockerignore").write_text("Dockerfile\n")
            (context / "Dockerfile").write_text(text)
            engine.images.build(path=str(context), tag=tag, rm=True, forcerm=True, labels={LABEL: OWN})
        yield
    finally:
        for tag in reversed(stages):
            engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def made(images: None, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The slim image of `--keep-layers auto`, verified."""
    out = tmp_path_factory.mktemp("made") / "out"
    result = slimmer("build", APP, "--tag", SLIM, "--keep-layers", "auto", "--margin", "0", "--out", out)
    assert result.returncode == 0, result.stderr
    yield Made(result.stderr, out)
    engine.images.remove(SLIM, force=True)


def plain(entry: LayerEntry) -> LayerEntry:
    """An entry without what says only where its archive has it."""
    headers = {name: value for name, value in entry.xattrs.items() if name.startswith("SCHILY.xattr.")}
    return dataclasses.replace(entry, name=f"/{entry.name.strip('/.')}", mtime="", xattrs=headers)


def own_entries(engine: docker.DockerClient, number: int) -> dict[str, LayerEntry]:
    """What the last layers of the app have, by path; the topmost version of each, without what was deleted and what engines mount over."""
    found = {}
    for layer in layer_entries(engine, APP)[-number:]:
        found.update({plain(entry).name: plain(entry) for entry in layer if "/.wh." not in entry.name})
    return found


def test_every_file_of_the_own_layers_is_there_with_all_that_it_is(made: Made, engine: docker.DockerClient) -> None:
    own = own_entries(engine, 4)
    slim = {plain(entry).name: plain(entry) for entry in layer_entries(engine, SLIM)[0]}
    assert {
        "/srv/app/never-asked.html",
        "/srv/app/empty",
        "/srv/app/cache/.keep",
        "/srv/capable",
        "/srv/unwanted",
    } <= set(own)
    assert set(own) - set(slim) == MOUNTED_OVER
    for path, entry in ((path, own[path]) for path in own if path in slim):
        inherited = (
            {entry.link, slim[path].link} if entry.kind == tarfile.LNKTYPE or slim[path].kind == tarfile.LNKTYPE else ()
        )
        if not inherited:  # of several names of a file, either may be the first
            assert slim[path] == entry, path
    assert slim["/srv/app/own-tac"].mode & 0o4000


def test_the_base_is_slimmed_but_for_what_the_own_layers_lead_to(made: Made) -> None:
    kept = {json.loads(line)["path"] for line in (made.out / "manifest.jsonl").read_text().splitlines()[1:]}
    assert {"/opt/base/target", "/opt/base/folder"} <= kept
    assert not {"/opt/base/unused", "/opt/base/deleted", "/usr/bin/apt-get", "/usr/bin/nl"} & kept
    report = made.report
    assert report["slim"]["size"] < report["target"]["size"] / 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (["/srv/app/never.pl"], b"6\n"),
        (["/srv/app/own-tac", "/srv/app/used"], b"the output\n"),
        (["cat", "/srv/app/link"], b"linked\n"),
    ],
)
def test_what_the_exercise_never_touched_works(
    made: Made, engine: docker.DockerClient, command: list[str], output: bytes
) -> None:
    assert engine.containers.run(SLIM, command, remove=True) == output


def test_the_user_is_told_what_stayed_whole_and_how_the_border_was_found(made: Made) -> None:
    assert "kept whole: 4 of 6 layers: " in made.said
    assert f"({BASE} on this engine has the layers below)" in made.said
    own = made.report["own_layers"]
    assert isinstance(own, dict)
    assert (own["found"], own["base"]) == ("image", BASE)
    assert [layer["number"] for layer in own["layers"]] == [6, 5, 4, 3]
    assert own["layers"][0]["instruction"].startswith("RUN cp /usr/bin/tac own-tac")
    assert own["layers"][-1]["instruction"].startswith("ADD file:")
    assert own["size"] == sum(layer["size"] for layer in own["layers"]) > 3_000_000


def test_explain_names_the_layer(made: Made) -> None:
    explained = slimmer("explain", made.out, "/srv/app/never-asked.html")
    assert "own-layer: layer 5 (COPY dir:" in explained.stdout + explained.stderr


@pytest.mark.parametrize("builder", ["dockerfile", "load"])
def test_the_same_log_gives_the_same_files_by_both_builders(
    made: Made, engine: docker.DockerClient, builder: str, tmp_path: Path, leftovers: None
) -> None:
    options = (
        APP,
        "--access",
        made.out,
        "--no-observe",
        "--no-verify",
        "--builder",
        builder,
        "--tag",
        f"{SLIM}-{builder}",
    )
    try:
        built(*options, "--margin", "0", "--keep-layers", "auto", "--base", BASE, "--out", tmp_path / "out")
        assert (tmp_path / "out/rootfs.tar").read_bytes() == (made.out / "rootfs.tar").read_bytes()
        report = json.loads((tmp_path / "out/report.json").read_text())
        assert (report["own_layers"]["found"], report["own_layers"]["base"]) == ("base", BASE)
    finally:
        engine.images.remove(f"{SLIM}-{builder}", force=True)
    shutil.rmtree(tmp_path / "out")


def test_a_number_keeps_the_last_layers_alone(made: Made, tmp_path: Path, leftovers: None) -> None:
    kept = api.keep(made.out, out=tmp_path / "packed", keep_layers=1, policy="observed")
    with tarfile.open(tmp_path / "packed/rootfs.tar") as tar:
        names = {name.lstrip("./") for name in tar.getnames()}
    assert {"srv/app/own-tac", "srv/app/empty", "srv/app/never.pl", "usr/bin/perl"} <= names
    assert not {"srv/app/never-asked.html", "srv/unwanted"} & names
    assert (kept.report["own_layers"]["found"], len(kept.report["own_layers"]["layers"])) == ("number", 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep-layers", "7"], "the image has only 6 layers"),
        (["--keep-layers", "auto", "--base", "{road}"], "was not made from this image. Its layer 1 is sha256:"),
        (["--keep-layers", "auto", "--base", APP], "it has the same layers as"),
        (["--keep-layers", "auto", "--base", "slimmer-test/nothing:1"], "--base: no such image"),
        (["--base", BASE], "needs --keep-layers auto"),
    ],
)
def test_a_border_that_makes_no_sense_is_refused_before_the_app_runs(
    images: None, road: str, options: list[str], message: str, tmp_path: Path, leftovers: None
) -> None:
    words = [word.format(road=road) for word in options]
    result = slimmer(
        "build", APP, "--cmd", "sleep 600", "--until", "exit", "--out", tmp_path / "out", *words, timeout=120
    )
    assert result.returncode in (2, 3), result.stderr
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_image_without_a_base_asks_for_one(road: str, tmp_path: Path, leftovers: None) -> None:
    result = slimmer("build", road, "--keep-layers", "auto", "--out", tmp_path / "out")
    assert result.returncode == 2
    said = " ".join(result.stderr.split())
    assert "cannot tell which of the image's" in said
    assert "(--base IMAGE)" in said and "(--keep-layers N)" in said


@pytest.fixture
def above_a_nameless_image(engine: docker.DockerClient, tmp_path: Path) -> Iterator[str]:
    """An image made from an imported one that has no name."""
    tag = f"{OWN}-layers-imported:1"
    answer = engine.api.import_image_from_data(archive(user_xattrs=False), changes=[f"LABEL {LABEL}={OWN}"])
    base = json.loads(answer.splitlines()[-1])["status"]
    (tmp_path / "Dockerfile").write_text(f'FROM {base}\nCOPY Dockerfile /own\nCMD ["/srv/setuid"]\n')
    try:
        engine.images.build(path=str(tmp_path), tag=tag, rm=True, forcerm=True, labels={LABEL: OWN})
        yield tag
    finally:
        with suppress(ImageNotFound):
            engine.images.remove(tag, force=True)
        with suppress(ImageNotFound):  # removing the upper one removes it, too, in some stores
            engine.images.remove(base, force=True)


def test_the_history_of_a_real_image_shows_the_border(above_a_nameless_image: str) -> None:
    with open_session(above_a_nameless_image, RunOptions(cmd=("/own",))) as session:
        tree = open_original(session).tree
        search = begin_layers(session, above_a_nameless_image, LayerChoice(), tree, pull=False)
        own = search.reading.result(timeout=120)
    assert (search.border.below, search.border.found) == (1, Found.HISTORY)
    assert {path for path, _ in own.paths(tree)} - {"/"} == {"/own"}
    assert (own.total, own.files, [layer.number for layer in own.layers]) == (2, 1, [2])
