"""The margin: files near to what is in use, up to a budget, with all that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.analyzer import Policy
from slimmer.keep.keepset import KeepSet
from slimmer.keep.margin import margin
from slimmer.keep.margin.amount import NO_MARGIN, USUAL, Margin, default_margin
from slimmer.keep.margin.order import Candidate, Kind, Order, Tier, ordered
from slimmer.keep.selection import Selection
from slimmer.testing import LocalImage, by_rule, opened, run_policy
from tests.unit.elf_maker import library

NODE = "/usr/local/bin/node"
KB = 1000


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """An app of 100 kB that uses one of its commands, and a package of which it uses one file."""
    local = LocalImage(tmp_path / "image")
    local.add(NODE, mode=0o755)
    local.add("/app/main.js", "const name = process.argv[2]\n" + "/" * 100 * KB)
    return local


def kept(image: LocalImage, size: int, *more: str, config: ImageConfig | None = None) -> KeepSet:
    view = image.view(*(opened(path, by=NODE) for path in ("/app/main.js", *more)), config=config)
    return run_policy(Policy.BALANCED, view, margin=Margin(size=size))


def files(found: KeepSet) -> set[str]:
    return by_rule(found, "margin")


def test_other_files_of_the_app_stay_with_a_reason(image: LocalImage) -> None:
    image.add("/app/jobs/nightly.js", "x()")
    found = kept(image, 5 * KB)
    assert [str(reason) for reason in found.reasons["/app/jobs/nightly.js"]] == [
        "margin: near /app/main.js, which is in use"
    ]
    assert found.reasons["/app/jobs/nightly.js"][0].cause == "/app/main.js"


def test_folders_that_packages_leave_to_the_author_give_candidates(image: LocalImage) -> None:
    """What the author copied is there for a reason, though the run used nothing near it."""
    copied = {
        "/usr/local/share/shop/help/zone.txt",
        "/opt/shop/data/words.txt",
        "/srv/pages/a.txt",
        "/models/small.bin",
    }
    for path in (*copied, "/usr/local/include/x.h", "/usr/share/other/x.txt", "/home/ann/x.txt", "/usr/local/bin/tool"):
        image.add(path, "x")
    found = kept(image, 5 * KB)
    assert files(found) == copied
    assert [str(reason) for reason in found.reasons["/srv/pages/a.txt"]] == [
        "margin: in /srv/pages, which the author of the image added"
    ]


def test_a_share_is_one_of_the_bytes_that_the_other_rules_keep(image: LocalImage) -> None:
    image.add("/app/fits.js", "/" * 9 * KB)
    image.add("/app/does-not-fit.js", "/" * 2 * KB + "\n" + "/" * 9 * KB)
    view = image.view(opened("/app/main.js", by=NODE))
    found = run_policy(Policy.BALANCED, view, margin=Margin(Fraction(1, 10)))
    assert files(found) == {"/app/fits.js"}
    assert found.margin is not None
    assert (found.margin.amount, found.margin.files, found.margin.left_out) == ("10%", 1, 1)
    assert found.margin.size == 9 * KB <= found.margin.budget < 11 * KB


def test_the_budget_pays_for_all_that_a_file_leads_to(image: LocalImage) -> None:
    image.add("/app/a.js", "require('./lib/large')")
    image.add("/app/b.js", "require('./lib/small')")
    image.add("/app/lib/large.js", "/" * 9 * KB)
    image.add("/app/lib/small.js", "/" * 3 * KB)
    found = kept(image, 5 * KB)
    assert files(found) >= {"/app/b.js"}
    assert "/app/lib/small.js" in found
    assert "/app/a.js" not in found
    assert "/app/lib/large.js" not in found


def test_a_file_that_several_files_lead_to_is_paid_for_once(image: LocalImage) -> None:
    image.add("/app/lib/shared.js", "/" * 3 * KB)
    for name in "abc":
        image.add(f"/app/{name}.js", "require('./lib/shared')")
    assert {f"/app/{name}.js" for name in "abc"} <= files(kept(image, 4 * KB))


def test_what_a_file_names_stays_though_another_one_that_names_it_does_not(image: LocalImage) -> None:
    table = "require('fs').readFileSync('/srv/tables/table.txt')"
    image.add("/srv/tables/table.txt", "x")
    image.add("/app/a.js", f"require('./lib/huge'); {table}")
    image.add("/app/lib/huge.js", "/" * 50 * KB)
    image.add("/app/b.js", f"{table} //{' ' * 500}")
    found = kept(image, 10 * KB)
    assert "/app/a.js" not in found
    assert {"/app/b.js", "/srv/tables/table.txt"} <= set(found)


def test_a_file_that_another_one_needs_is_not_left_out_alone(image: LocalImage) -> None:
    """Both are candidates and both are followed at once, so each must bring what it needs even if the other one came first."""
    image.add("/app/z.js", "require('./a')")
    image.add("/app/a.js", "require('./lib/b')")
    image.add("/app/lib/b.js", "require('../z')\n" + "/" * 3 * KB)
    for size in range(100, 5 * KB, 450):
        found = kept(image, size)
        chosen = {path for path in ("/app/z.js", "/app/a.js", "/app/lib/b.js") if path in found}
        assert len(chosen) in (0, 3), size


def test_modules_of_python_that_need_each_other_stay_or_go_together(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    python, library = "/usr/bin/python3.11", "/usr/lib/python3.11"
    image.add(python, mode=0o755)
    image.add(f"{library}/os.py", "#" * 50 * KB)
    for name in "abcd":
        image.add(f"{library}/{name}.py", "import shared\n")
    image.add(f"{library}/shared.py", "import large\n")
    image.add(f"{library}/large.py", "#" * 20 * KB)
    view = image.view(opened(f"{library}/os.py", by=python))
    found = run_policy(Policy.BALANCED, view, margin=Margin(size=10 * KB))
    assert not any(f"{library}/{name}.py" in found for name in ("a", "b", "c", "d", "shared", "large"))


def test_a_library_stays_only_with_those_that_it_needs(image: LocalImage, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    image.add("/app/native/one.so", library(folder, "one.so"), mode=0o755)
    image.add("/app/native/libneeded.so", library(folder, "libneeded.so") + b"\0" * 400 * KB, mode=0o755)
    needing = library(folder, "two.so", "-Wl,--no-as-needed", "-L.", "-l:libneeded.so", "-Wl,-rpath,$ORIGIN")
    image.add("/app/native/two.so", needing, mode=0o755)
    found = kept(image, 100 * KB)
    assert "/app/native/one.so" in found
    assert "/app/native/two.so" not in found
    found = kept(image, 600 * KB)
    assert {"/app/native/two.so", "/app/native/libneeded.so"} <= set(found)


def test_a_file_that_only_fills_a_folder_is_followed_now(image: LocalImage) -> None:
    """The command of a package may stay because its folder must not be empty. Without its module, it would be of no use."""
    image.add("/app/node_modules/tool/package.json", '{"name": "tool"}')
    image.add("/app/node_modules/tool/index.js", "")
    image.add("/app/node_modules/tool/bin/tool", "#!/usr/bin/env node\nrequire('../lib/cli.js')", mode=0o755)
    image.add("/app/node_modules/tool/lib/cli.js", "/" * KB)
    image.add("/app/uses.js", "require('tool')")
    found = kept(image, 10 * KB, "/app/uses.js", "/app/node_modules/tool/bin")
    assert "/app/node_modules/tool/bin/tool" in found
    assert "/app/node_modules/tool/lib/cli.js" in found


def test_packages_with_a_file_in_use_give_candidates(image: LocalImage) -> None:
    names = [
        "/usr/share/tool/used.txt",
        "/usr/share/tool/other.txt",
        "/usr/share/doc/tool/README",
        "/usr/share/man/man1/x.1",
    ]
    for name in (*names, "/usr/share/foreign/file.txt"):
        image.add(name, "text")
    image.add("/var/lib/dpkg/info/tool.list", "\n".join(names))
    image.add("/var/lib/dpkg/info/foreign.list", "/usr/share/foreign/file.txt")
    found = kept(image, 10 * KB, "/usr/share/tool/used.txt")
    assert files(found) == {"/usr/share/tool/other.txt"}
    detail = "of deb package tool, of which /usr/share/tool/used.txt is in use"
    assert found.reasons["/usr/share/tool/other.txt"][0].detail == detail


def test_many_tiny_sources_leave_room_for_a_command(image: LocalImage) -> None:
    paths = [
        "/usr/share/tool/a.py",
        "/usr/bin/tool",
        *(f"/usr/share/tool/part{n}.py" for n in range(margin.SOURCES + 5)),
    ]
    for path in paths:
        image.add(path, "pass" if path.endswith(".py") else f"#!/usr/bin/python3\n{'#' * 200}", mode=0o755)
    image.add("/var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nVersion: 1\n\n")
    image.add("/var/lib/dpkg/info/tool.list", "".join(f"{path}\n" for path in paths))
    assert "/usr/bin/tool" in files(kept(image, 20 * KB, "/usr/share/tool/a.py"))


def test_a_requested_but_unused_package_stays_whole_or_not_at_all(image: LocalImage) -> None:
    image.add("/app/package.json", '{"dependencies": {"small": "1", "large": "1"}}')
    for name, size in (("small", KB), ("large", 6 * KB)):
        folder = f"/app/node_modules/{name}"
        image.add(f"{folder}/package.json", f'{{"name": "{name}", "main": "index.cjs"}}')
        for part in ("index.cjs", "index.js", "lib/part.js"):
            image.add(f"{folder}/{part}", "/" * size)
    opened_descriptions = [f"/app/node_modules/{name}/package.json" for name in ("small", "large")]
    found = kept(image, 10 * KB, "/app/package.json", *opened_descriptions)
    parts = {f"/app/node_modules/small/{part}" for part in ("index.cjs", "index.js", "lib/part.js")}
    assert parts <= files(found)
    assert not any(path.startswith("/app/node_modules/large/") for path in files(found))


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/app/tools/sudo-like", 0o4755), ("/app/tools/group-like", 0o2755), ("/app/bin/bash", 0o755), ("/app/bin/busybox", 0o755),
        ("/app/bin/apt-get", 0o755), ("/app/bin/pip3.11", 0o755), ("/app/bin/x86_64-linux-gnu-gcc-12", 0o755), ("/app/bin/gdb", 0o755),
        ("/app/bin/curl", 0o755), ("/app/bin/ssh", 0o755), ("/app/.env", 0o644), ("/app/conf/server.key", 0o644),
        ("/app/.ssh/known_hosts", 0o644), ("/app/.npmrc", 0o644), ("/app/secrets.json", 0o644), ("/app/db-credentials.yml", 0o644),
        ("/app/bin/nc.openbsd", 0o755), ("/app/bin/gcc.real", 0o755), ("/app/bin/tnftp", 0o755), ("/app/bin/inetutils-telnet", 0o755),
        ("/app/secrets/token", 0o600), ("/app/db_password", 0o644), ("/app/api-key", 0o644),
        ("/app/id_rsa", 0o600), ("/app/.git/config", 0o644), ("/app/test/fixture.json", 0o644), ("/app/x.js.map", 0o644),
    ],
)  # fmt: skip
def test_files_that_the_margin_never_adds(image: LocalImage, path: str, mode: int) -> None:
    image.add("/app/a.json", "{}")
    image.add(path, "x", mode=mode)
    found = kept(image, 50 * KB)
    assert "/app/a.json" in found
    assert path not in found


def test_a_file_that_leads_to_a_shell_is_left_out(image: LocalImage) -> None:
    image.add("/bin/sh", "#!", mode=0o755)
    image.add("/app/run.sh", "#!/bin/sh\necho", mode=0o755)
    found = kept(image, 50 * KB)
    assert "/app/run.sh" not in found
    assert "/bin/sh" not in found


def test_a_module_of_secrets_is_code(image: LocalImage) -> None:
    modules = {"/app/secrets.js", "/app/secrets/index.js", "/app/credentials/read.js"}
    for path in modules:
        image.add(path, "x")
    assert modules <= files(kept(image, KB))


def test_excluded_files_are_not_added(image: LocalImage) -> None:
    image.add("/app/a.js", "x")
    image.add("/app/b.js", "x")
    view = image.view(opened("/app/main.js", by=NODE), selection=Selection(exclude=("/app/a.js",)))
    found = run_policy(Policy.BALANCED, view, margin=Margin(size=KB))
    assert files(found) == {"/app/b.js"}


def test_shared_folders_give_only_similar_files(image: LocalImage) -> None:
    image.add("/etc/hosts.local", "x")
    image.add("/etc/app.conf", "x")
    image.add("/etc/other.conf", "x")
    assert files(kept(image, KB, "/etc/app.conf")) == {"/etc/other.conf"}


@pytest.mark.parametrize(("folder", "is_own"), [("/app", True), ("/srv", True), ("/", False), ("/usr/share", False)])
def test_the_working_directory_is_the_apps_if_its_code_is_below(tmp_path: Path, folder: str, is_own: bool) -> None:
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir=folder)
    local = LocalImage(tmp_path / "image")
    code, settings = f"{folder.rstrip('/')}/code/main.js", f"{folder.rstrip('/')}/log.yaml"
    for path in (code, settings, NODE):
        local.add(path, "/" * 100)
    view = local.view(opened(code, by=NODE), config=config)
    found = run_policy(Policy.BALANCED, view, margin=Margin(size=KB))
    assert (settings in files(found)) == is_own


def test_hard_links_cost_once(image: LocalImage) -> None:
    image.add("/app/tools/one", "x" * 3 * KB)
    for name in ("two", "three"):
        (image.root / "app/tools" / name).hardlink_to(image.root / "app/tools/one")
    assert len(files(kept(image, 4 * KB))) == 3


def test_the_set_is_closed_and_the_same_each_time(image: LocalImage) -> None:
    for number in range(40):
        image.add(f"/app/lib/{number}.js", f"require('./{(number * 7 + 1) % 40}')" + "/" * (number * 50))
    first, second = kept(image, 9 * KB), kept(image, 9 * KB)
    assert first.reasons == second.reasons
    assert all("/" in path and path.rpartition("/")[0] in {*first.reasons, ""} for path in first)


def test_nothing_is_added_without_a_budget(image: LocalImage) -> None:
    image.add("/app/empty.js")
    found = kept(image, 0)
    assert files(found) == set()
    assert found.margin is None


def test_only_balanced_has_a_margin_by_default() -> None:
    assert [default_margin(policy) for policy in Policy] == [NO_MARGIN, USUAL, NO_MARGIN]


def candidate(path: str, size: int = 1, **changes: object) -> Candidate:
    values: dict[str, object] = {
        "tier": Tier.APP, "kind": Kind.CODE, "is_native": False, "kin": 0, "is_computed": False, "is_namesake": False, "group": "/app",
        "is_basic": False, "detail": "", "cause": "",
    }  # fmt: skip
    return Candidate(path, size, **(values | changes))  # type: ignore[arg-type]


def order(order: Order, candidates: Sequence[Candidate]) -> str:
    return "".join(one.path for one in ordered(candidates, order))


def test_each_order_takes_the_files_that_it_names_first() -> None:
    small, large = candidate("s", 1, tier=Tier.USED), candidate("l", 9, tier=Tier.USED)
    kin, far = candidate("k", 5, kin=1, tier=Tier.USED), candidate("f", 1, tier=Tier.DECLARED)
    computed, basic = candidate("c", 7, kin=2, is_computed=True), candidate("b", 1, tier=Tier.USED, is_basic=True)
    every = [large, far, kin, basic, computed, small]
    assert order(Order.SIZE, every) == "bfskcl"
    assert order(Order.KIN, every) == "kcbfsl"
    assert order(Order.TIER, every) == "ckbslf"
    assert order(Order.RELEVANCE, every) == "ckslfb"
    assert order(Order.RISK, every) == "cskflb"
    turns = [candidate("1", 1, group="a"), candidate("2", 2, group="a"), candidate("3", 3, group="b")]
    assert order(Order.TURNS, turns) == "132"
    assert order(Order.SIZE, turns) == "123"
