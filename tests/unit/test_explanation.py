"""What an explanation says, of an output folder that was written as a build writes it."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from slimmer.artifacts import package_file, tree_file
from slimmer.artifacts.build_output import BuildOutput, find_output
from slimmer.artifacts.manifest import Line, manifest, write_manifest
from slimmer.artifacts.package_file import package_document, read_packages, write_packages
from slimmer.artifacts.tree_file import write_tree
from slimmer.errors import TargetNotFound, UsageError
from slimmer.formatting import printable
from slimmer.image.added_file import AddedFile
from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.keeper import keep
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.selection import Patterns, Selection
from slimmer.observe.log import Access, AccessLog, Operation, write_log
from slimmer.pipeline.report import as_json, keep_report
from slimmer.rebuild.image import Builder
from slimmer.report.explanation import chain, explain
from slimmer.report.sizes import sizes
from slimmer.testing import LocalImage, opened

BUILDER = Builder("dockerfile", "anybody can repeat it without slimmer")
SSL, SO = "/usr/lib/python3/ssl.py", "/usr/lib/libssl.so.3"
LATE = Access(Operation.OPEN, "/lib/libssl.so.3", SO, True, 7, "/b")
FOUND = (
    Finding(SSL, Reason("python", "imported by /app in late()", "/app")),
    Finding(SO, Reason("elf", f"needed by {SSL}", SSL)),
)


ADDED = (
    AddedFile("/var/lib/dpkg/status.d", None, 1, "holds the data"),
    AddedFile("/var/lib/dpkg/status.d/ssl", b"Package: ssl\n", 1, "deb package ssl"),
)


@pytest.fixture
def output(tmp_path: Path) -> BuildOutput:
    """/app was opened; it imports ssl.py in late(), which needs libssl; /srv/secret was excluded."""
    image = LocalImage(tmp_path / "image")
    image.add("/app", "x" * 10, mode=0o755)
    image.add(SSL, "y" * 200)
    image.add(SO, "z" * 3000)
    image.link("/usr/lib/libssl.so", "libssl.so.3")
    image.link("/lib", "usr/lib")
    image.add("/usr/share/ssl/extra", "e" * 40)
    image.add("/usr/share/ssl/man/man1/x.1", "m")
    image.add("/srv/secret")
    image.add("/opt/public[1]")
    image.add("/opt/dir/one", "1" * 5)
    image.link("/dangling", "/nowhere")
    image.add("/var/lib/dpkg/status", "Package: ssl\nStatus: install ok installed\nVersion: 3\n")
    image.add("/var/lib/dpkg/info/ssl.list", f"{SO}\n/usr/share/ssl/extra\n/usr/share/ssl/man/man1/x.1\n")
    (tmp_path / "image/var/tmp").mkdir()
    selection = Selection(exclude=("/srv/secret", "!/opt/public*"), licences=False)
    accesses = (
        opened("/app", operation="exec", by="/bin/init"),
        opened("/srv/secret"),
        LATE,
    )
    context = dataclasses.replace(image.view(*accesses[:2]), selection=selection)
    return written(tmp_path / "out", context, accesses, FOUND)


def written(folder: Path, context: ImageView, accesses: tuple[Access, ...], extra: tuple[Finding, ...]) -> BuildOutput:
    """The artifacts of a build that kept what these accesses and findings say."""
    kept = keep(context, extra=extra)
    folder.mkdir()
    with (folder / "manifest.jsonl").open("w") as file:
        write_manifest("sha256:1", manifest(context.tree, kept, {}, lambda entry: entry.mtime, ADDED), file)
    with (folder / "access.json").open("w") as file:
        write_log(dataclasses.replace(context.log, accesses=accesses), file)
    with (folder / tree_file.NAME).open("wb") as archive:
        write_tree(context.tree, "sha256:1", archive)
    with (folder / package_file.NAME).open("wb") as archive:
        write_packages(package_document(context.tree, context.packages, "sha256:1"), archive)
    report = keep_report(context.config, context.tree, context.log, "observed", context.selection, BUILDER)
    (folder / "report.json").write_text(as_json(report))
    return find_output(str(folder))


def test_a_kept_path_is_traced_back_to_what_was_observed(output: BuildOutput) -> None:
    explanation = explain(output, SO)
    assert explanation.kept
    assert [(step.path, str(step.reason)) for step in explanation.chain] == [
        (SO, f"elf: needed by {SSL}"),
        (SSL, "python: imported by /app in late()"),
        ("/app", "observed: executed by /bin/init"),
    ]
    assert [package.name for package in explanation.packages] == ["ssl"]


def test_the_asked_path_goes_through_links(output: BuildOutput) -> None:
    explanation = explain(output, "/lib/libssl.so")
    assert (explanation.path, explanation.size) == (SO, 3000)
    assert [(link.path, link.target, link.kept) for link in explanation.links] == [
        ("/lib", "usr/lib", True),
        ("/usr/lib/libssl.so", "libssl.so.3", True),
    ]
    assert explanation.accesses == ("open by /b, asked for as /lib/libssl.so.3",)


def test_a_directory_has_the_sizes_below_it(output: BuildOutput) -> None:
    usr = explain(output, "usr/")
    assert (usr.kept, usr.size, usr.kept_size, usr.chain[0].path) == (True, 3241, 3200, "/usr")
    assert usr.chain[-1].reason.rule == "observed"


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ("/var/lib/dpkg/status.d/ssl", 13),
        ("/var/lib/dpkg/status.d", 13),
        ("/var/lib/dpkg/status.d/", 13),
        ("/var/lib/dpkg", 13),
    ],
)
def test_what_slimmer_added_is_told_and_counted(output: BuildOutput, asked: str, size: int) -> None:
    found = explain(output, asked)
    assert (found.kept, found.kept_size) == (True, size)
    assert found.chain[0].reason.rule == "package-data"


def test_a_dropped_path_is_told_what_would_keep_it(output: BuildOutput) -> None:
    extra = explain(output, "/usr/share/ssl/extra")
    assert not extra.kept
    assert extra.remedies == ("--include /usr/share/ssl/extra", "--include-package deb:ssl", "--policy generous")
    assert "--policy generous" not in explain(output, "/usr/share/ssl/man/man1/x.1").remedies
    assert explain(output, "/opt/public[1]").remedies == ("--include '/opt/public\\[1]'",)
    assert explain(output, "/opt/dir").size == 5
    assert explain(output, "/dangling").kind == "link"


HOSTILE = ("it's; id", "$(id)`id`", "\x1b[31m", "two\nlines", "not \udce9 UTF-8", "a blank ", "!a*?[b]\\", "\u202egnp")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("excluded", [False, True])
def test_what_would_keep_it_can_be_copied_into_a_shell(tmp_path: Path, name: str, excluded: bool) -> None:
    """As it is shown: one option with one pattern, which means that path alone, whatever the image calls it."""
    path = f"/srv/{name}"
    image = LocalImage(tmp_path / "image")
    image.add("/app")
    image.add(path)
    image.add("/srv/other")
    image.add("/var/lib/dpkg/status", "Package: it's;$(id)\nStatus: install ok installed\nVersion: 3\n")
    image.add(
        "/var/lib/dpkg/info/it's;$(id).list", b"" if "\n" in name else f"{path}\n".encode(errors="surrogateescape")
    )
    selection = Selection(exclude=("/srv/*",) if excluded else (), licences=False)
    context = dataclasses.replace(image.view(opened("/app")), selection=selection)
    output = written(tmp_path / "out", context, (opened("/app"),), ())
    remedies = [shlex.split(printable(remedy)) for remedy in explain(output, path).remedies]
    option, pattern = remedies[0][-2:]
    assert option == ("--exclude" if excluded else "--include")
    matching = Patterns(context.tree, [pattern.removeprefix("!")], option).match
    assert [entry.path for entry in context.tree if matching(entry)] == [path]
    assert [words[-1] for words in remedies[1:] if words[0] == "--include-package"] == (
        [] if excluded or "\n" in name else ["deb:it's;$(id)"]
    )
    if excluded:
        assert remedies[0][:-1] == ["leave", "out", "--exclude", "/srv/*,", "or", "add", "--exclude"]


def test_an_excluded_path_names_the_pattern(output: BuildOutput) -> None:
    secret = explain(output, "/srv/secret")
    assert secret.excluded == "/srv/secret"
    assert secret.remedies == ("leave out --exclude /srv/secret, or add --exclude '!/srv/secret'",)
    assert secret.accesses == ("open by /app",)
    assert secret.beside == (0, 1)


def test_a_path_that_does_not_exist_has_near_names(output: BuildOutput) -> None:
    with pytest.raises(TargetNotFound, match="the original image has no /srv/secrets") as caught:
        explain(output, "/srv/secrets")
    assert "/srv/secret" in caught.value.hint


def test_sizes_are_told_by_rule_package_folder_and_file(output: BuildOutput) -> None:
    found = sizes(output)
    assert (found.total.size, found.total.files) == (3223, 4)
    assert {share.name: share.size for share in found.rules} == {
        "elf": 3000,
        "python": 200,
        "package-data": 13,
        "observed": 10,
    }
    assert [(share.name, share.size) for share in found.packages] == [("deb:ssl", 3000), ("of no package", 223)]
    folders = {share.name: share.files for share in found.folders}
    assert folders == {"/usr/lib": 1, "/usr/lib/python3": 1, "/": 1, "/var/lib/dpkg": 1}
    assert found.files[0].name == SO
    assert sizes(output, "/usr/lib/python3").total.size == 200


def test_hard_links_count_once(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    image.add("/a", "x" * 100)
    (tmp_path / "image/b").hardlink_to(tmp_path / "image/a")
    tree = image.tree()
    lines = {path: line_of(tree, path) for path in ("/a", "/b")}
    output = BuildOutput(tmp_path)
    vars(output).update(tree=tree, lines=lines, packages=image.view().packages)
    assert (sizes(output).total.size, sizes(output).total.files) == (100, 1)


def line_of(tree: Tree, path: str, *reasons: Reason) -> Line:
    entry = tree.get(path)
    assert entry is not None
    return Line(path, "file", 0o644, 0, 0, (0, 0), reasons or (Reason("observed", "opened"),), size=entry.size)


def test_a_ring_of_causes_ends(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    image.add("/a")
    image.add("/b")
    tree = image.tree()
    ring = {
        "/a": line_of(tree, "/a", Reason("x", "by b", "/b")),
        "/b": line_of(tree, "/b", Reason("x", "by a", "/a")),
    }
    assert [step.path for step in chain(ring, "/a")] == ["/a"]
    out = ring | {"/b": line_of(tree, "/b", Reason("x", "by a", "/a"), Reason("observed", "opened"))}
    assert [step.path for step in chain(out, "/a")] == ["/a", "/b"]


def test_packages_survive_the_way_through_a_file(output: BuildOutput) -> None:
    assert [p.name for p in output.packages.owners([SO, "/app", "/none"])[SO]] == ["ssl"]
    assert output.packages.owners(["/app", "/none"]) == {"/app": (), "/none": ()}


@pytest.mark.parametrize("content", [b"", b"{}", b"\x28\xb5\x2f\xfd", b"x" * 100])
def test_what_is_no_file_of_packages_is_refused(output: BuildOutput, content: bytes) -> None:
    path = output.folder / package_file.NAME
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(UsageError, match="packages"):
        read_packages(file, output.tree)


def test_a_folder_without_artefacts_and_an_image_without_a_build_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an output folder"):
        find_output(str(tmp_path))
    with pytest.raises(UsageError, match=r"slimmer-out/never-built/manifest\.jsonl"):
        find_output("registry.example:5000/team/never-built:1.0")
    with pytest.raises(UsageError, match=r"there is no folder \./missing"):
        find_output("./missing")
    (tmp_path / "manifest.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"report\.json"):
        assert find_output(str(tmp_path)).policy


def made(name: str, original: str, slim: str) -> Path:
    """Make slimmer-out/NAME as a build of these images would, without what tells what was kept."""
    folder = Path("slimmer-out") / name
    folder.mkdir(parents=True)
    (folder / "manifest.jsonl").write_text("")
    config = ImageConfig("sha256:1", "amd64", "linux")
    report = keep_report(config, Tree(b""), AccessLog("sha256:1", ()), "observed", Selection(), BUILDER)
    names = {
        "target": report["target"] | {"name": original},
        "slim": report["target"] | {"name": slim, "tag": ""},
    }
    (folder / "report.json").write_text(as_json(report | names))
    return folder


def test_an_output_folder_is_found_by_the_name_of_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --tag, the folder has another name."""
    monkeypatch.chdir(tmp_path)
    made("web", "nginx:1", "team/web:slim")
    (Path("slimmer-out") / "broken").mkdir()
    (Path("slimmer-out") / "broken/manifest.jsonl").write_text("")
    for name in ("nginx", "nginx:1", "team/web", "team/web:slim"):
        assert find_output(name).folder == Path("slimmer-out/web")
    made("proxy", "nginx:1", "proxy:slim")
    with pytest.raises(UsageError, match="several builds are of nginx: slimmer-out/proxy, slimmer-out/web"):
        find_output("nginx")
    made("nginx", "nginx:1", "nginx:slim")
    assert find_output("nginx").folder == Path("slimmer-out/nginx")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("shop", True), ("shop:1.4", True), ("shop:1.4-slim", True), ("docker.io/library/shop:1.4", True),
        ("shop:1.5", False), ("other/shop", False), ("shop:latest", False),
    ],
)  # fmt: skip
def test_the_artefacts_of_another_image_are_not_taken_for_its(
    asked: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made("shop", "shop:1.4", "shop:1.4-slim")
    if found:
        assert find_output(asked).images == ("shop:1.4", "shop:1.4-slim")
    else:
        with pytest.raises(UsageError, match=rf"holds the artifacts of shop:1\.4 and shop:1\.4-slim, not of {asked}"):
            find_output(asked)
