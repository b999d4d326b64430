"""The image has no say in what runs as the probe: neither with what it holds, nor with what its app does."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine
from slimmer.engine.options import RunOptions
from slimmer.engine.probe_lender import ProbeLender
from slimmer.engine.resources import EngineResources
from slimmer.errors import ObservationIncomplete, SlimmerError
from slimmer.image.config import ImageConfig
from slimmer.probe_mount import ProbeMount
from slimmer.runs.image_mount import open_pristine
from slimmer.runs.start import ask_identity
from tests.engine.names import OWN
from tests.engine.probe.image import Archive, Programs
from tests.engine.prompt import PromptResources
from tests.engine.watching import RECORDERS, Bench

USURPER = RunOptions(cmd=("/bin/usurp",), security_opt=("seccomp=unconfined",))
PLACE = "/.slimmer-known"


@pytest.fixture
def place(scope: EngineResources) -> str:
    """The name of the probe's folder in this run, as if somebody could know it beforehand."""
    scope.lender.folder = PLACE
    return PLACE


@contextmanager
def imported(engine: Engine, archive: Archive, *changes: str) -> Iterator[ImageConfig]:
    tag = f"{OWN}-place:{uuid.uuid4().hex[:12]}"
    engine.api.import_image_from_data(archive.content(), repository=tag, changes=["CMD /bin/touch", *changes])
    try:
        yield images.resolve(engine, tag)
    finally:
        engine.api.remove_image(tag)


@pytest.fixture(scope="module")
def touch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Archive]:
    """Makes an archive that holds one program."""
    program = Programs(tmp_path_factory.mktemp("touch"))("touch", "-static")

    def make() -> Archive:
        archive = Archive()
        archive.file("/bin/touch", program, mode=0o755)
        return archive

    return make


@pytest.mark.parametrize("recorder", RECORDERS)
def test_a_command_is_run_by_the_probe_and_not_by_what_took_its_name(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """An app may leave its mount namespace where a user allows it: engines start commands in the one that it is in then."""
    with probes.watched(scope, image, USURPER, recorder) as watched:
        watched.wait_for_output("ready")
        code, output = watched.run.execute(("/bin/usurp", "hello"), 30.0)
        watched.run.finish(image.image_id, "SIGKILL", 10.0)
    native = probes.natively(scope, image, dataclasses.replace(USURPER, cmd=("/bin/usurp", "hello")))
    assert output == native.output
    assert output.startswith("/bin/usurp says hello\n")
    assert code == 0


def test_each_run_has_a_place_of_its_own(engine: Engine) -> None:
    places = set()
    for _ in range(3):
        with PromptResources(engine) as scope:
            places |= {scope.lender.folder, scope.lender.nonce}
    assert len(places) == 6
    assert min(len(name) for name in places) >= 32


@pytest.mark.parametrize("kind", ["link", "folder", "file"])
def test_an_image_that_has_something_in_the_place_is_refused_before_anything_runs(
    scope: EngineResources, engine: Engine, probe: Path, touch: Callable[[], Archive], place: str, kind: str
) -> None:
    archive = touch()
    {
        "link": lambda: archive.link(place, "/foo"),
        "folder": lambda: archive.folder(place),
        "file": lambda: archive.file(place),
    }[kind]()
    with imported(engine, archive) as config:
        with pytest.raises(ObservationIncomplete, match=f"already has {place}"):
            ask_identity(scope, config, RunOptions(), probe)
        assert not started(scope)


LEADING = [(volume, target) for volume in ("/data", "/way/../data") for target in ("/", PLACE, f"{PLACE}/deeper")]
LEADING += [("/data/further", PLACE), ("/data/further", f"{PLACE}/deeper")]
"""VOLUMEs, with what /data is a link to."""


@pytest.mark.parametrize(("volume", "target"), LEADING)
def test_a_volume_that_leads_to_the_place_is_refused_before_anything_runs(
    scope: EngineResources,
    engine: Engine,
    probe: Path,
    touch: Callable[[], Archive],
    place: str,
    target: str,
    volume: str,
) -> None:
    archive = touch()
    archive.link("/data", target)
    with imported(engine, archive, f"VOLUME {volume}") as config:
        with pytest.raises(SlimmerError, match="hide slimmer's probe"):
            ask_identity(scope, config, RunOptions(), probe)
        assert not started(scope)


def test_a_volume_elsewhere_is_none_of_our_business(
    scope: EngineResources, engine: Engine, probe: Path, touch: Callable[[], Archive]
) -> None:
    archive = touch()
    archive.link("/data", "/srv/data")
    archive.link("/.slimmer", "/srv")
    archive.folder("/srv/data")
    with imported(engine, archive, "VOLUME /data", "VOLUME /.slimmer") as config:
        assert ask_identity(scope, config, RunOptions(), probe).startswith("v=1 uid=0 ")


@pytest.mark.parametrize(("volume", "refused"), [("/srv/deep/init", True), ("/srv", False), ("/sbin", False)])
def test_a_volume_that_would_hide_the_engines_init_is_refused(
    scope: EngineResources, engine: Engine, probe: Path, touch: Callable[[], Archive], volume: str, refused: bool
) -> None:
    """Engines mount in the order of the paths' depths, and follow links: the volume's own program would be the first process."""
    archive = touch()
    archive.link("/sbin", "/srv/deep/init")
    archive.file("/srv/deep/init/docker-init", b"planted", mode=0o755)
    with imported(engine, archive, f"VOLUME {volume}") as config:
        assert scope.lender.lend(probe, config)
        if refused:
            with pytest.raises(ObservationIncomplete, match="init"):
                scope.lender.lend(probe, config, init=True)
        else:
            assert scope.lender.lend(probe, config, init=True)


def started(scope: EngineResources) -> list[str]:
    """Names of this run's containers that were ever started."""
    mine = scope.engine.api.containers(all=True, filters={"label": f"slimmer.run={scope.run}"})
    return [entry["Names"][0] for entry in mine if entry["State"] != "created"]


class Deceived(ProbeLender):
    """Gives out another program's place for the probe's: what slimmer would do if all else had failed."""

    def lend(self, probe: Path, config: ImageConfig, image: str = "", *, init: bool = False) -> ProbeMount:
        return dataclasses.replace(super().lend(probe, config, image, init=init), folder="/planted")


def test_what_does_not_know_the_nonce_is_not_believed(
    scope: EngineResources, engine: Engine, probe: Path, touch: Callable[[], Archive]
) -> None:
    """Here the image holds a probe itself: a real one, of another run."""
    archive = touch()
    archive.file("/planted/slimmer-probe", probe.read_bytes(), mode=0o755)
    scope.lender = Deceived(scope)
    with imported(engine, archive) as config:
        with pytest.raises(ObservationIncomplete, match="not slimmer's probe"):
            ask_identity(scope, config, RunOptions(), probe)
        with (
            pytest.raises(ObservationIncomplete, match="not slimmer's probe"),
            open_pristine(scope, config, config.image_id, probe, "pristine"),
        ):
            pass
