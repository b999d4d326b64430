"""Files that the engine reads when it starts a container stay, even if no process of the app looks at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.keep.core.engine_needs import ANALYZER, RULE
from slimmer.testing import LocalImage, by_rule, run

SHELL = "the shell of a shell-form instruction"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add("/usr/bin/dash", mode=0o755)
    image.link("/usr/bin/sh", "dash")
    image.link("/bin", "usr/bin")
    image.add("/usr/local/bin/sh", "not executable")
    image.add("/opt/pwsh", mode=0o755)
    image.add("/etc/passwd", "app:x:1:1::/home/app:\n")
    image.add("/home/app/.profile")
    image.add("/srv/data/seed/file")
    image.link("/data", "/srv/data")
    image.add("/srv/app/main")
    image.add("/tmp/left-over")
    return image


def config(**fields: object) -> ImageConfig:
    return ImageConfig("sha256:1", "amd64", "linux", **fields)  # type: ignore[arg-type]


def shells(image: LocalImage, **fields: object) -> set[str]:
    kept = run(ANALYZER, image.view(config=config(**fields)))
    return {path for path in by_rule(kept, RULE) if any(reason.detail == SHELL for reason in kept.reasons[path])}


def test_accounts_and_mount_points_stay_but_not_what_lies_in_them(image: LocalImage) -> None:
    kept = run(ANALYZER, image.view(config=config()))
    assert {"/", "/etc/passwd", "/tmp"} <= by_rule(kept, RULE)
    assert "/tmp/left-over" not in kept
    assert "/home/app" not in kept


def test_the_home_and_the_working_directory_stay_without_their_contents(image: LocalImage) -> None:
    kept = run(ANALYZER, image.view(config=config(working_dir="/srv/app"), home="/home/app"))
    assert str(kept.reasons["/srv/app"][0]) == "engine: WORKDIR"
    assert str(kept.reasons["/home/app"][0]) == "engine: the user's HOME"
    assert {"/srv/app/main", "/home/app/.profile"}.isdisjoint(kept)


def test_a_volume_stays_with_all_that_a_new_one_is_filled_with(image: LocalImage) -> None:
    kept = run(ANALYZER, image.view(config=config(volumes=("/absent", "/data"))))
    assert {"/data", "/srv/data", "/srv/data/seed", "/srv/data/seed/file"} <= set(kept)
    assert str(kept.reasons["/srv/data/seed/file"][0]) == "engine: a new volume at /data is filled with it"


@pytest.mark.parametrize(
    "fields",
    [
        {"cmd": ("/bin/sh", "-c", "main")},
        {"entrypoint": ("/bin/sh", "-c", "main")},
        {"healthcheck": Healthcheck(("CMD-SHELL", "main"))},
        {"healthcheck": Healthcheck(("CMD-SHELL", "main")), "shell": ("sh", "-c")},
        {"cmd": ("sh", "-c", "main"), "shell": ("sh", "-c")},
    ],
)
def test_the_shell_of_a_shell_form_stays(image: LocalImage, fields: dict[str, object]) -> None:
    assert shells(image, **fields) == {"/usr/bin/dash"}


def test_a_shell_by_name_is_looked_up_on_the_path_among_executables(image: LocalImage) -> None:
    kept = run(ANALYZER, image.view(config=config(cmd=("sh", "-c", "main"), shell=("sh", "-c"))))
    assert {"/usr/bin/sh", "/bin"} <= set(kept)
    assert "/usr/local/bin/sh" not in kept


@pytest.mark.parametrize(
    "fields",
    [
        {"cmd": ("main", "/bin/sh", "-c")},
        {"cmd": ("/bin/sh",)},
        {"healthcheck": Healthcheck(("CMD", "/bin/sh", "-c", "main"))},
        {"healthcheck": Healthcheck(("NONE",))},
        {"cmd": ("/bin/sh", "-c", "main"), "shell": ("/opt/pwsh", "-Command")},
    ],
)
def test_other_forms_need_no_shell(image: LocalImage, fields: dict[str, object]) -> None:
    assert shells(image, **fields) == set()


def test_another_shell_of_the_image_stays_for_its_own_form(image: LocalImage) -> None:
    assert shells(image, cmd=("/opt/pwsh", "-Command", "main"), shell=("/opt/pwsh", "-Command")) == {"/opt/pwsh"}
