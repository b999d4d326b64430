"""The libraries that native code keeps: compared with the loader of this machine, and checked by hand for other cases."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import registry
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.native import elf, library_search
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, run
from tests.unit.elf_maker import compile_c, library, make_elf

START = "int one(void); void _start(void) { one(); for (;;); }"
OPENER = 'void *dlopen(const char *, int); void *late(void) { return dlopen("%s", 1); }'


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def put(image: LocalImage, path: str, content: bytes) -> None:
    image.add(path, content, mode=0o755)


def config(*env: str) -> ImageConfig:
    return ImageConfig("sha256:1", "amd64", "linux", env=env)


def kept(image: LocalImage, *start: str, env: tuple[str, ...] = ()) -> set[str]:
    """Return the files and links that are kept besides those that the test starts with."""
    keepset = run(ANALYZER, image.view(config=config(*env)), *start)
    tree = image.tree()
    paths = {entry.path for entry in tree if entry.path in keepset and not entry.is_directory}
    return paths - set(start)


def program(tmp_path: Path, *options: str) -> bytes:
    """Compile a program that needs liba.so, which needs libb.so. Neither is found when it is linked."""
    folder = tmp_path / "build"
    library(folder, "libb.so")
    library(folder, "liba.so", "-Wl,--no-as-needed", "-L.", "-l:libb.so")
    flags = ["-nostdlib", "-Wl,--no-as-needed", "-L.", "-l:liba.so", "-Wl,-rpath-link,."]
    return compile_c(folder, START, *flags, *options, name="program")


def loaded(image: LocalImage, path: str) -> set[str]:
    """Return the libraries that this machine's loader finds for a program, as paths in the image. The program does not run (ldd(1))."""
    environment = {"LD_TRACE_LOADED_OBJECTS": "1"}
    command = [image.root / path.lstrip("/")]
    listing = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    found = re.findall(rf"=> {re.escape(str(image.root))}(\S+)", listing.stdout)
    return {str(image.tree().resolve(name).end) for name in found}


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("--disable-new-dtags,-rpath,$ORIGIN/../lib", {"/app/lib/liba.so", "/app/lib/libb.so"}),
        ("--enable-new-dtags,-rpath,$ORIGIN/../lib", {"/app/lib/liba.so"}),
        ("--enable-new-dtags,-rpath,${ORIGIN}/../none:$ORIGIN/../lib", {"/app/lib/liba.so"}),
        (
            "--disable-new-dtags,-rpath,$ORIGIN/../lib/deep:$ORIGIN/../lib",
            {"/app/lib/liba.so", "/app/lib/deep/libb.so"},
        ),
        ("--as-needed", set()),
    ],
)
def test_libraries_are_those_that_the_loader_finds(
    image: LocalImage, tmp_path: Path, option: str, found: set[str]
) -> None:
    put(image, "/app/bin/program", program(tmp_path, f"-Wl,{option}"))
    for name in ("liba.so", "libb.so"):
        put(image, f"/app/lib/{name}", (tmp_path / "build" / name).read_bytes())
    put(image, "/app/lib/deep/libb.so", (tmp_path / "build/libb.so").read_bytes())
    assert kept(image, "/app/bin/program") == found
    assert loaded(image, "/app/bin/program") == found


def test_an_rpath_is_passed_on_and_a_runpath_is_not(image: LocalImage, tmp_path: Path) -> None:
    for name, flag in (("old", "--disable-new-dtags"), ("new", "--enable-new-dtags")):
        put(image, f"/{name}/program", program(tmp_path, f"-Wl,{flag},-rpath,/{name}/lib"))
        for file in ("liba.so", "libb.so"):
            put(image, f"/{name}/lib/{file}", (tmp_path / "build" / file).read_bytes())
    assert kept(image, "/old/program") == {"/old/lib/liba.so", "/old/lib/libb.so"}
    assert kept(image, "/new/program") == {"/new/lib/liba.so"}


def test_links_to_a_library_and_its_loader_stay(image: LocalImage) -> None:
    put(image, "/app/plugin.so", make_elf(needed=["libz.so.1"]))
    put(image, "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", make_elf(soname=["libz.so.1"]))
    image.link("/usr/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2.13")
    image.link("/lib", "usr/lib")
    assert kept(image, "/app/plugin.so") == {
        "/lib", "/usr/lib/x86_64-linux-gnu/libz.so.1", "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13",
    }  # fmt: skip


def test_the_reason_names_the_user_and_leads_back_to_it(image: LocalImage) -> None:
    put(image, "/app/plugin.so", make_elf(needed=["liba.so"]))
    put(image, "/usr/lib/liba.so", make_elf())
    reason = run(ANALYZER, image.view(), "/app/plugin.so").reasons["/usr/lib/liba.so"][0]
    assert (str(reason), reason.cause) == ("elf: needed by /app/plugin.so", "/app/plugin.so")


def test_a_library_of_another_machine_is_passed_over(image: LocalImage) -> None:
    put(image, "/app/plugin.so", make_elf(needed=["liba.so"]))
    put(image, "/lib/x86_64-linux-gnu/liba.so", make_elf(machine=183))
    put(image, "/usr/lib64/liba.so", make_elf(bits=32, machine=3))
    put(image, "/usr/lib/liba.so", make_elf())
    assert kept(image, "/app/plugin.so") == {"/usr/lib/liba.so"}


def test_the_environment_comes_before_a_runpath_and_after_an_rpath(image: LocalImage) -> None:
    for folder in ("environment", "rpath", "runpath"):
        put(image, f"/{folder}/liba.so", make_elf())
    put(image, "/app/old.so", make_elf(needed=["liba.so"], rpath=["/rpath"]))
    put(image, "/app/new.so", make_elf(needed=["liba.so"], runpath=["/runpath"]))
    env = ("LD_LIBRARY_PATH=/none:/environment",)
    assert kept(image, "/app/old.so", env=env) == {"/rpath/liba.so"}
    assert kept(image, "/app/new.so", env=env) == {"/environment/liba.so"}


def test_variants_for_other_processors_stay(image: LocalImage) -> None:
    put(image, "/app/plugin.so", make_elf(needed=["liba.so"]))
    put(image, "/usr/lib/liba.so", make_elf())
    for level in ("x86-64-v2", "x86-64-v3"):
        put(image, f"/usr/lib/glibc-hwcaps/{level}/liba.so", make_elf())
        put(image, f"/usr/lib/glibc-hwcaps/{level}/libother.so", make_elf())
    assert kept(image, "/app/plugin.so") == {
        "/usr/lib/liba.so", "/usr/lib/glibc-hwcaps/x86-64-v2/liba.so", "/usr/lib/glibc-hwcaps/x86-64-v3/liba.so",
    }  # fmt: skip


def test_configured_folders_count_where_there_is_no_cache(image: LocalImage) -> None:
    put(image, "/app/plugin.so", make_elf(needed=["liba.so", "libb.so"]))
    put(image, "/opt/a/liba.so", make_elf())
    put(image, "/opt/b/libb.so", make_elf())
    image.add("/etc/ld.so.conf", "# folders\ninclude /etc/ld.so.conf.d/*.conf\n/opt/a # one\n")
    image.add("/etc/ld.so.conf.d/b.conf", "/opt/b\n")
    assert kept(image, "/app/plugin.so") == {"/opt/a/liba.so", "/opt/b/libb.so"}


def test_musl_passes_a_runpath_on_and_reads_its_own_list(image: LocalImage) -> None:
    put(image, "/lib/ld-musl-x86_64.so.1", make_elf(soname=["libc.musl-x86_64.so.1"]))
    image.add("/etc/ld-musl-x86_64.path", "/opt/lib\n/lib\n")
    put(image, "/app/program.so", make_elf(needed=["liba.so"], runpath=["/app/lib"]))
    put(image, "/app/lib/liba.so", make_elf(needed=["libb.so", "libc.so.9", "libno.so"]))
    put(image, "/app/lib/libb.so", make_elf())
    put(image, "/opt/lib/libc.so.9", make_elf())
    put(image, "/usr/lib/libno.so", make_elf())
    assert kept(image, "/app/program.so") == {"/app/lib/liba.so", "/app/lib/libb.so", "/opt/lib/libc.so.9"}


def test_a_library_named_for_dlopen_stays_where_it_is_next_to_its_user(image: LocalImage, tmp_path: Path) -> None:
    put(image, "/app/engine.so.1", library(tmp_path, "engine.so.1", source=OPENER % "driver.so"))
    put(image, "/app/driver.so", make_elf())
    put(image, "/app/other.so", make_elf())
    assert kept(image, "/app/engine.so.1") == {"/app/driver.so"}
    put(image, "/app/deep.so", library(tmp_path, "", source=OPENER % "plugins/deeper.so"))
    put(image, "/app/plugins/deeper.so", make_elf())
    assert kept(image, "/app/deep.so") == {"/app/plugins/deeper.so"}


def test_in_the_systems_folder_a_plugin_must_name_a_version_and_libraries_are_not_asked(
    image: LocalImage, tmp_path: Path
) -> None:
    put(image, "/usr/lib/plugin.so", library(tmp_path, "", source=OPENER % "libfar.so.6"))
    put(image, "/usr/lib/vague.so", library(tmp_path, "", source=OPENER % "libfar.so"))
    put(image, "/usr/lib/below.so", library(tmp_path, "", source=OPENER % "sub/libsub.so"))
    put(image, "/usr/lib/sub/libsub.so", make_elf())
    put(image, "/usr/lib/libany.so.1", library(tmp_path, "libany.so.1", source=OPENER % "libfar.so.6"))
    for name in ("libfar.so.6", "libfar.so"):
        put(image, f"/usr/lib/{name}", make_elf())
    assert kept(image, "/usr/lib/plugin.so") == {"/usr/lib/libfar.so.6"}
    assert kept(image, "/usr/lib/vague.so") == set()
    assert kept(image, "/usr/lib/libany.so.1") == set()
    assert kept(image, "/usr/lib/below.so") == {"/usr/lib/sub/libsub.so"}


def test_an_object_that_may_be_a_plugin_brings_small_libraries_that_it_names(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(image, "/app/libdraw.so", library(tmp_path, "libdraw.so", source=OPENER % "libfar.so.6"))
    put(image, "/usr/lib/libfar.so.6", make_elf(needed=["libbelow.so.1"]))
    put(image, "/usr/lib/libbelow.so.1", make_elf())
    assert kept(image, "/app/libdraw.so") == {"/usr/lib/libfar.so.6", "/usr/lib/libbelow.so.1"}
    monkeypatch.setattr(elf, "NEEDED_BYTES", len(make_elf()) + 100)
    assert kept(image, "/app/libdraw.so") == set(), "both together are too large"


def test_cancelling_threads_needs_the_unwinder(image: LocalImage, tmp_path: Path) -> None:
    source = "int pthread_cancel(unsigned long); int stop(void) { return pthread_cancel(1); }"
    put(image, "/app/stop.so", library(tmp_path, "", source=source))
    put(image, "/usr/lib/libgcc_s.so.1", make_elf())
    assert kept(image, "/app/stop.so") == {"/usr/lib/libgcc_s.so.1"}


def test_what_only_fills_a_listed_folder_is_not_followed_until_it_is_used(image: LocalImage) -> None:
    put(image, "/usr/bin/tool", make_elf(needed=["liba.so"]))
    put(image, "/usr/lib/liba.so", make_elf(needed=["libb.so"]))
    put(image, "/usr/lib/libb.so", make_elf())
    put(image, "/app/user.so", make_elf(needed=["liba.so"]))
    builder = KeepSetBuilder(image.tree(), evidence=registry.evidence())
    analysis = ANALYZER.start(image.view())
    assert analysis is not None
    builder.add([Finding("/usr/bin/tool", Reason("listed")), Finding("/usr/lib/liba.so", Reason("listed"))])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert "/usr/lib/libb.so" not in builder
    builder.add([Finding("/app/user.so", Reason("observed"))])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert "/usr/lib/libb.so" in builder


def test_nothing_is_read_that_cannot_be_native_code(image: LocalImage) -> None:
    for path in ("/app/page.html", "/app/run.py", "/app/tiny", "/usr/lib/libx.so.txt.gz"):
        image.add(path, "x" * (10 if path.endswith("tiny") else 100), mode=0o755)
    image.add("/app/data", "x" * 100)
    assert kept(image, "/app/page.html", "/app/run.py", "/app/tiny", "/app/data", "/usr/lib/libx.so.txt.gz") == set()
    assert image.reads == []


def test_each_file_is_read_once(image: LocalImage) -> None:
    put(image, "/app/a.so", make_elf(needed=["libx.so", "liby.so"]))
    put(image, "/app/b.so", make_elf(needed=["libx.so"]))
    put(image, "/usr/lib/libx.so", make_elf(needed=["liby.so"]))
    put(image, "/usr/lib/liby.so", make_elf(needed=["libx.so"]))
    assert kept(image, "/app/a.so", "/app/b.so") == {"/usr/lib/libx.so", "/usr/lib/liby.so"}
    assert sorted(image.reads) == ["/app/a.so", "/app/b.so", "/usr/lib/libx.so", "/usr/lib/liby.so"]


def test_hostile_names_and_circles_end(image: LocalImage) -> None:
    image.link("/loop", "loop")
    image.link("/usr/lib/libloop.so", "libloop.so")
    names = [
        "/loop/x",
        "../../../../etc/passwd",
        "libloop.so",
        "$ORIGIN" * 50,
        "",
        ".",
        "..",
        "a" * 5000,
        "\n",
        "{ORIGIN}",
    ]
    put(image, "/app/a.so", make_elf(needed=[*names, "libself.so"], rpath=["$ORIGIN:/loop::${LIB}:$PLATFORM:." * 200]))
    for number in range(60):
        following = [f"lib{other}.so" for other in range(60)]
        put(image, f"/app/lib{number}.so", make_elf(needed=following, rpath=[f"/r{number}:$ORIGIN"]))
    put(image, "/app/libself.so", make_elf(needed=["libself.so", "lib0.so"]))
    assert len(kept(image, "/app/a.so")) == 61


def test_an_image_made_to_keep_the_search_busy_gets_no_further_answers(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_search, "LOOKS", 1000)
    put(image, "/app/a.so", make_elf(needed=[f"lib{number}.so" for number in range(500)], rpath=["/a:/b:/c"]))
    put(image, "/c/lib0.so", make_elf())
    put(image, "/c/lib499.so", make_elf())
    assert kept(image, "/app/a.so") == {"/c/lib0.so"}
