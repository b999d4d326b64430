"""The same access log and image give the same slim image: byte for byte, on one engine and on two, by either builder."""

from __future__ import annotations

import dataclasses
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from slimmer.engine import images
from slimmer.engine.options import RunOptions
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.request import Request
from slimmer.image.config import ImageConfig
from slimmer.image.origin_labels import labelled
from slimmer.keep.analyzer import Policy
from slimmer.keep.keeper import keep
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog, read_log, write_log
from slimmer.output_folder import OutputFolder
from slimmer.pipeline import app_runs
from slimmer.pipeline.candidate import choose_builder, make, pack
from slimmer.pipeline.original import open_original
from slimmer.pipeline.session import Session, open_session
from slimmer.rebuild.archive import creation_time
from slimmer.rebuild.image import DOCKERFILE, LOAD
from tests.engine.command import built
from tests.engine.layers import LayerEntry, layer_entries
from tests.engine.names import OWN
from tests.engine.odd_image import CAFE, LONG, archive
from tests.engine.own_engine import POSSIBLE, own_engine

PLAN = ExercisePlan((Request("GET", "/file/srv/plain"), Request("GET", "/file/etc/passwd")), explicit=True)
SELECTION = Selection(include=("/srv",))
"""With all the kinds of files that are easily lost."""

EPOCH = 1_600_000_000
BUILDERS = (DOCKERFILE, LOAD)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What one rebuild gave: the artifacts' bytes, the image's layers and its configuration."""

    rootfs: bytes
    dockerfile: bytes
    layers: tuple[tuple[LayerEntry, ...], ...]
    config: ImageConfig

    @property
    def meaningful(self) -> ImageConfig:
        """The configuration, without what the classic builder stamps (its time, and so the ID) and what an engine adds."""
        return dataclasses.replace(self.config, image_id="", created="", tags=(), digests=())


@dataclass(frozen=True, slots=True)
class ObservationSet:
    """An image, and an observation of it, as text."""

    image: str
    log: str
    home: str


@pytest.fixture(scope="module")
def observed(
    road: str, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObservationSet]:
    """The image of tests.engine.integration_app with the files of tests.engine.odd_image, observed once."""
    context, tag = tmp_path_factory.mktemp("context"), f"{OWN}-reproducible:{uuid.uuid4().hex[:12]}"
    (context / "odd.tar").write_bytes(archive(user_xattrs=False))
    (context / "Dockerfile").write_text(f"FROM {road}\nADD odd.tar /\nVOLUME /data\nLABEL b=2 a=1\nUSER 1234:4321\n")
    engine.images.build(path=str(context), tag=tag, rm=True, forcerm=True)
    try:
        with open_session(tag, RunOptions()) as session:
            observation = app_runs.observe(session, PLAN, lambda text: None)
        text = io.StringIO()
        write_log(observation.log, text)
        yield ObservationSet(tag, text.getvalue(), observation.home)
    finally:
        engine.images.remove(tag, force=True)


@pytest.fixture
def place(leftovers: None, tmp_path: Path) -> Path:
    """A folder for a test that leaves nothing behind."""
    return tmp_path


@contextmanager
def nothing_known(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without any cache of slimmer's; the engine's is never used."""
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        yield


def rebuilt(observed: ObservationSet, builder: str, place: Path, epoch: str | None = None) -> Rebuilt:
    """Keep and rebuild what the log says, as a build does, on the engine that the environment names."""
    log = read_log(io.StringIO(observed.log))
    with open_session(observed.image, RunOptions()) as session, OutputFolder(place) as folder:
        image_id = _rebuild(session, log, observed.home, builder, folder, creation_time(session.config, epoch))
        client = docker.DockerClient(base_url=session.engine.url)
        try:
            return Rebuilt(
                folder.place("rootfs.tar").read_bytes(),
                folder.place("Dockerfile").read_bytes(),
                layer_entries(client, image_id),
                images.inspect(session.engine, image_id),
            )
        finally:
            client.close()


def _rebuild(session: Session, log: AccessLog, home: str, builder: str, folder: OutputFolder, created: str) -> str:
    original = open_original(session)
    kept = keep(original.view(log, home, SELECTION), Policy.BALANCED)
    config = labelled(session.config)
    chosen = choose_builder(original, config, builder, kept)
    return make(session, config, pack(original, kept, folder), chosen, folder, created, "candidate").image_id


def check_same(first: Rebuilt, second: Rebuilt) -> None:
    """Entry by entry first, since that says what differs; then to the byte."""
    for before, after in zip(first.layers, second.layers, strict=True):
        assert [entry.name for entry in before] == [entry.name for entry in after]
        assert [(one, other) for one, other in zip(before, after, strict=True) if one != other] == []
    assert first.meaningful == second.meaningful
    assert first.config.layers == second.config.layers
    assert first.rootfs == second.rootfs
    assert first.dockerfile == second.dockerfile


@pytest.mark.parametrize("builder", BUILDERS)
def test_on_one_engine_without_caches(
    builder: str, observed: ObservationSet, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(2):
        with nothing_known(place / f"cache{number}", monkeypatch):
            made.append(rebuilt(observed, builder, place / str(number)))
    check_same(*made)
    names = {entry.name.strip("/") for layer in made[0].layers for entry in layer}
    assert {"bin/road", "srv/pipe", "srv/null", "srv/hard-2", "srv/capable", CAFE, LONG} <= names
    if builder == LOAD:
        assert made[0].config.image_id == made[1].config.image_id


@pytest.mark.skipif(not POSSIBLE, reason="a second engine needs root and Docker's daemon on this machine")
def test_on_two_engines(
    observed: ObservationSet, engine: docker.DockerClient, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [rebuilt(observed, builder, place / builder) for builder in BUILDERS]
    with own_engine() as url, monkeypatch.context() as patch, nothing_known(place / "cache", monkeypatch):
        other = docker.DockerClient(base_url=url)
        assert other.images.list() == []
        other.images.load(engine.images.get(observed.image).save(named=True))
        other.close()
        patch.setenv("DOCKER_HOST", url)
        there = [rebuilt(observed, builder, place / f"{builder}-there") for builder in BUILDERS]
    for first, second in zip(here, there, strict=True):
        check_same(first, second)
    assert here[1].config.image_id == there[1].config.image_id


def test_the_time_of_creation_is_the_originals_or_that_of_source_date_epoch(
    observed: ObservationSet, place: Path
) -> None:
    """It is the image's alone: files keep theirs."""
    plain = rebuilt(observed, LOAD, place / "plain")
    dated = rebuilt(observed, LOAD, place / "dated", str(EPOCH))
    with open_session(observed.image, RunOptions()) as session:
        assert plain.config.created == session.config.created
    assert dated.config.created == "2020-09-13T12:26:40Z"
    assert dated.config.image_id != plain.config.image_id
    check_same(plain, dated)


def test_builds_of_one_access_log_give_one_image(
    observed: ObservationSet, engine: docker.DockerClient, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user does it, in an environment that names the time."""
    (place / "log.json").write_text(observed.log)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    options = ("--access", place / "log.json", "--no-observe", "--no-verify")
    made = []
    for number in ("1", "2"):
        tag = f"{OWN}-reproducible:{uuid.uuid4().hex[:12]}"
        try:
            built(observed.image, *options, "--tag", tag, "--out", place / number)
            made.append(engine.images.get(tag).attrs)
        finally:
            engine.images.remove(tag, force=True)
    assert made[0]["Id"] == made[1]["Id"]
    assert made[0]["Created"] == "2020-09-13T12:26:40Z"
    for name in ("rootfs.tar", "Dockerfile", "manifest.jsonl", "access.json", "packages.json.zst"):
        assert (place / "1" / name).read_bytes() == (place / "2" / name).read_bytes(), name
