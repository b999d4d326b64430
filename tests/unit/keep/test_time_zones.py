"""The local zone for code that converts times, all zones for code that opens them by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import registry
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.native.native import ANALYZER
from slimmer.observe.log import Access
from slimmer.testing import LocalImage, opened, run
from tests.unit.elf_maker import compile_c, library, make_elf

ALL = {"Europe/Berlin", "Asia/Tokyo", "Etc/UTC", "Japan"}
CONVERTS = "void localtime_r(void); void use(void) { localtime_r(); }"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    for zone in ("Europe/Berlin", "Asia/Tokyo", "Etc/UTC", "posix/Asia/Tokyo", "right/Asia/Tokyo"):
        image.add(f"/usr/share/zoneinfo/{zone}", "TZif2")
    image.link("/usr/share/zoneinfo/Japan", "Asia/Tokyo")
    image.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    image.add("/etc/timezone", "Etc/UTC")
    image.add("/app/plain.so", make_elf())
    return image


def zones(image: LocalImage, *accesses: Access | str, env: tuple[str, ...] = ()) -> set[str]:
    """Return the zones that are kept after these accesses."""
    config = ImageConfig("sha256:1", "amd64", "linux", env=env)
    made = [access if isinstance(access, Access) else opened(access) for access in accesses]
    context = image.view(*made, config=config)
    ends = (context.tree.resolve(access.asked).end for access in made)
    keepset = run(ANALYZER, context, *(end for end in ends if end is not None))
    files = {entry.path for entry in image.tree() if not entry.is_directory and entry.path in keepset}
    return {path.removeprefix("/usr/share/zoneinfo/") for path in files if path.startswith("/usr/share/zoneinfo/")}


def test_converting_times_keeps_the_local_zone(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/clock.so", library(tmp_path, "", source=CONVERTS))
    assert zones(image, "/app/clock.so") == {"Etc/UTC"}
    assert zones(image, "/app/plain.so") == set()


def test_the_environments_zone_is_local_too(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/clock.so", library(tmp_path, "", source=CONVERTS))
    assert zones(image, "/app/clock.so", env=("TZ=:Japan",)) == {"Etc/UTC", "Japan", "Asia/Tokyo"}
    assert zones(image, "/app/clock.so", env=("TZ=../../../etc/none",)) == {"Etc/UTC"}


def test_a_zone_read_by_name_keeps_all_without_their_copies(image: LocalImage) -> None:
    assert zones(image, "/app/plain.so", "/usr/share/zoneinfo/Europe/Berlin") == ALL


def test_the_local_zone_read_through_its_link_keeps_no_other(image: LocalImage) -> None:
    local = opened("/etc/localtime")
    through = Access(local.operation, "/etc/localtime", "/usr/share/zoneinfo/Etc/UTC", True, 1, "/app")
    assert zones(image, "/app/plain.so", through) == {"Etc/UTC"}


@pytest.mark.parametrize(
    "module",
    ["/usr/lib/python3.11/zoneinfo/_common.py", "/app/.venv/lib/python3.9/site-packages/dateutil/tz/tz.py"],
)
def test_a_module_that_opens_zones_by_name_keeps_all(image: LocalImage, module: str) -> None:
    image.add(module, "import os")
    assert zones(image, module) == ALL


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("Go buildinf:", "/usr/share/zoneinfo"), set()),
        (("Go buildinf:", "/usr/share/zoneinfo", "time.LoadLocation"), ALL),
        (("/usr/share/zoneinfo",), set()),
    ],
    ids=["go", "go-by-name", "static"],
)
def test_static_programs_keep_all_only_if_they_can_ask_by_name(
    image: LocalImage, tmp_path: Path, words: tuple[str, ...], found: set[str]
) -> None:
    strings = ", ".join(f'"{word}"' for word in words)
    source = f"__attribute__((used)) const char *words[] = {{{strings}}}; int main(void) {{ return 0; }}"
    image.add("/app/static", compile_c(tmp_path, source, "-nostdlib", "-static", "-e", "main"), mode=0o755)
    assert zones(image, "/app/static") == found


def test_a_linked_program_that_names_the_folder_keeps_all(image: LocalImage, tmp_path: Path) -> None:
    source = '__attribute__((used)) const char where[] = "/usr/share/zoneinfo"; int main(void) { return 0; }'
    image.add("/app/dynamic", compile_c(tmp_path, source), mode=0o755)
    assert zones(image, "/app/dynamic") == ALL


@pytest.mark.parametrize(
    ("soname", "found"), [("libphp.so", ALL), ("php.so", ALL), ("libjava.so", set()), ("libglib-2.0.so.0", set())]
)
def test_a_module_of_a_server_that_names_the_folder_keeps_all_and_a_library_does_not(
    image: LocalImage, tmp_path: Path, soname: str, found: set[str]
) -> None:
    library(tmp_path, "libc.so")
    source = '__attribute__((used)) const char where[] = "/usr/share/zoneinfo";'
    linked = ("-Wl,--no-as-needed", "-L.", "-l:libc.so")
    image.add("/app/module.so", library(tmp_path, soname, *linked, source=source))
    assert zones(image, "/app/module.so") == found


def test_a_module_that_only_fills_a_folder_keeps_no_zone_until_it_is_used(image: LocalImage) -> None:
    module = "/usr/lib/python3.11/zoneinfo/_common.py"
    image.add(module, "import os")
    context = image.view()
    builder = KeepSetBuilder(context.tree, evidence=registry.evidence())
    analysis = ANALYZER.start(context)
    assert analysis is not None
    builder.add([Finding(module, Reason("not-hollow"))])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert "/usr/share/zoneinfo/Japan" not in builder
    builder.add([Finding(module, Reason("python")), Finding("/app/plain.so", Reason("observed"))])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert "/usr/share/zoneinfo/Japan" in builder
