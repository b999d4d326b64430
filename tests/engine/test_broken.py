"""A slim image that is broken on purpose, in ten ways: the verdict names each, and a repair mends what a look-up can show.

The image is a real build's candidate; it is broken behind slimmer's back, and then held against the original as a build does.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from slimmer.keep import registry
from slimmer.keep.analyzer import Policy
from slimmer.keep.keeper import keep
from slimmer.keep.keepset import KeepSet, KeepSetBuilder
from slimmer.keep.selection import Selection
from slimmer.output_folder import OutputFolder
from slimmer.pipeline import app_runs
from slimmer.pipeline.app_runs import ScenarioObservation
from slimmer.pipeline.build import REPAIRS
from slimmer.pipeline.candidate import Candidate, check_structure, choose_builder, make, pack
from slimmer.pipeline.original import Original, open_original
from slimmer.pipeline.session import Session, open_session
from slimmer.rebuild.image import LOAD
from slimmer.verify.behaviour import compare_behaviour
from slimmer.verify.missed import missed
from slimmer.verify.structure import Difference
from tests.engine.breaking import Break, close, disarm, load_broken
from tests.engine.names import OWN

SOURCES = Path(__file__).parent / "images/breakable"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0"

BREAKS = {
    "library": Break(lost=(LIBRARY, f"{LIBRARY}.8.6")),
    "template": Break(lost=("/srv/templates/late.txt",)),
    "user": Break(lost=("/etc/passwd",)),
    "zone": Break(lost=("/usr/share/zoneinfo/Europe/Berlin",)),
    "link": Break(lost=("/srv/releases/1/page",)),
    "shell": Break(lost=("/usr/bin/sh", "/usr/bin/dash")),
    "temporary": Break(lost=("/tmp",)),
    "mode": Break(edited={"/srv/speaker": close}),
    "capability": Break(edited={"/srv/reader": disarm}),
    "config": Break(unset=("GREETING",)),
}
"""By the route of the app that needs what is broken."""

IN_STRUCTURE = {
    "mode": {("/srv/speaker", "mode")},
    "capability": {("/srv/reader", "extended attributes")},
    "config": {("the configuration", "ENV GREETING")},
}
"""What no look-up shows: whoever looks finds something."""

IN_BEHAVIOUR = {"user": ("the slim image", "run"), "zone": ("GET :8000/zone", "body")}
"""What an app does that cannot start, or goes on without saying anything; the others answer 500."""

MENDED = [name for name, way in BREAKS.items() if way.lost]
PLAN = ExercisePlan(tuple(Request("GET", f"/{name}") for name in BREAKS), explicit=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """The original as two runs saw it, and a slim candidate of it that is good."""

    session: Session
    original: Original
    observed: ScenarioObservation
    secondary: ExerciseResult
    kept: KeepSet
    good: Candidate

    def structure(self, candidate: Candidate) -> tuple[Difference, ...]:
        return check_structure(self.original, self.kept, candidate, "structure")

    def behaviour(self, image: str, purpose: str) -> tuple[Difference, ...]:
        """How the image behaves otherwise than the original."""
        try:
            answered, _ = app_runs.replay(self.session, image, PLAN, self.observed, purpose)
        except AppFailed as error:
            return (Difference("the slim image", "run", "good", error.message),)
        return compare_behaviour(self.observed.exercised, answered, lambda: self.secondary)

    def broken(self, way: Break, place: Path) -> Candidate:
        """The good candidate, broken; what it should hold is what the good one holds."""
        tag = self.session.scope.temporary_tag("broken")
        image_id = load_broken(self.session.engine, self.session.config, self.good.rootfs, way, place, tag)
        return dataclasses.replace(self.good, image_id=image_id)

    def without(self, lost: tuple[str, ...]) -> KeepSet:
        """What would have been kept, had nothing told of these."""
        return KeepSet({path: reasons for path, reasons in self.kept.reasons.items() if path not in lost})

    def repaired(self, kept: KeepSet, image: str, folder: OutputFolder, number: int) -> tuple[KeepSet, Candidate]:
        """A round of repair: what the image's app looks for in vain is kept, too."""
        log = app_runs.replay_watched(self.session, image, PLAN, self.observed, f"replay{number}")
        growing = KeepSetBuilder(self.original.tree, evidence=registry.evidence())
        growing.add(missed(self.original.tree, kept, log))
        more = KeepSet({**growing.finished().reasons, **kept.reasons})
        builder, created = self.good.builder, self.session.config.created
        rootfs = pack(self.original, more, folder)
        return more, make(self.session, self.session.config, rootfs, builder, folder, created, f"repaired{number}")


@pytest.fixture(scope="module")
def image(sample: Callable[[str], str], engine: docker.DockerClient) -> Iterator[str]:
    """The image of images/breakable."""
    base, tag = sample("flask"), f"{OWN}-breakable:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(SOURCES), tag=tag, buildargs={"BASE": base}, rm=True, forcerm=True)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def prepared(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """What the ten have in common."""
    with open_session(image, RunOptions()) as session, OutputFolder(tmp_path_factory.mktemp("good")) as folder:
        original = open_original(session)
        observed = app_runs.observe(session, PLAN, lambda text: None)
        kept = keep(original.view(observed.log, observed.home, Selection()), Policy.BALANCED)
        builder = choose_builder(original, session.config, LOAD, kept)
        good = make(
            session, session.config, pack(original, kept, folder), builder, folder, session.config.created, "good"
        )
        secondary, _ = app_runs.replay(session, session.config.image_id, PLAN, observed, "secondary")
        yield Bench(session, original, observed, secondary, kept, good)


@pytest.fixture
def bench(prepared: Bench, leftovers: None) -> Iterator[Bench]:
    """The same for one test, which leaves nothing in the engine."""
    with EngineResources(prepared.session.engine) as scope:
        session = dataclasses.replace(prepared.session, scope=scope)
        original = dataclasses.replace(prepared.original, session=session)
        yield dataclasses.replace(prepared, session=session, original=original)


def test_the_slim_image_as_it_was_made_is_good(bench: Bench, tmp_path: Path) -> None:
    assert all(answer.status == 200 for answer in bench.observed.exercised.answers)
    candidate = bench.broken(Break(), tmp_path / "archive.tar")
    assert bench.structure(candidate) == ()
    assert bench.behaviour(candidate.image_id, "slim") == ()


@pytest.mark.parametrize("name", BREAKS)
def test_the_verdict_names_what_is_broken(name: str, bench: Bench, tmp_path: Path) -> None:
    way = BREAKS[name]
    candidate = bench.broken(way, tmp_path / "archive.tar")
    structure = {(found.where, found.what) for found in bench.structure(candidate)}
    assert structure == {(path, "path") for path in way.lost} | IN_STRUCTURE.get(name, set())
    behaviour = {(found.where, found.what) for found in bench.behaviour(candidate.image_id, "slim")}
    assert behaviour == {IN_BEHAVIOUR.get(name, (f"GET :8000/{name}", "status"))}


@pytest.mark.parametrize("name", MENDED)
def test_a_repair_mends_what_a_look_up_shows(name: str, bench: Bench, tmp_path: Path) -> None:
    candidate, kept = bench.broken(BREAKS[name], tmp_path / "archive.tar"), bench.without(BREAKS[name].lost)
    with OutputFolder(tmp_path / "repaired") as folder:
        for number in range(REPAIRS):
            kept, candidate = bench.repaired(kept, candidate.image_id, folder, number)
            if len(kept) == len(bench.kept):
                break
    mended = {path for path, reasons in kept.reasons.items() if reasons[0].rule == "missed"}
    assert mended & {*BREAKS[name].lost}
    assert set(kept) == set(bench.kept)
    assert bench.structure(candidate) == ()
    assert bench.behaviour(candidate.image_id, "slim") == ()


@pytest.mark.parametrize("name", IN_STRUCTURE)
def test_what_no_look_up_shows_is_nothing_to_repair(name: str, bench: Bench, tmp_path: Path) -> None:
    candidate = bench.broken(BREAKS[name], tmp_path / "archive.tar")
    log = app_runs.replay_watched(bench.session, candidate.image_id, PLAN, bench.observed, "replay")
    assert log.complete
    assert {found.path for found in missed(bench.original.tree, bench.kept, log)} == set()
