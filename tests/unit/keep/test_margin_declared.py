"""What packages in use declare as needed, and what the author of an image asked for by name: candidates of the margin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.amount import Margin
from slimmer.keep.margin.declarations_reader import Form, read_declaration
from slimmer.testing import LocalImage, opened, run_policy

SITE = "/usr/lib/python3/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def reasons(image: LocalImage, *used: str, by: str = "/usr/bin/app") -> dict[str, str]:
    """The files that the margin keeps, each with the detail of its reason."""
    view = image.view(*(opened(path, by=by) for path in used))
    found = run_policy(Policy.BALANCED, view, margin=Margin(size=50_000))
    first = {path: given[0] for path, given in found.reasons.items()}
    return {path: reason.detail for path, reason in first.items() if reason.rule == "margin"}


def dpkg(image: LocalImage, *packages: str, **files: list[str]) -> None:
    """Install packages with these paragraphs of the status, and these files."""
    image.add("/var/lib/dpkg/status", "\n\n".join(packages) + "\n")
    for name, paths in files.items():
        image.add(f"/var/lib/dpkg/info/{name}.list", "\n".join(paths))
        for path in paths:
            image.add(path, "content")


def paragraph(name: str, **fields: str) -> str:
    lines = {"Package": name, "Status": "install ok installed", "Version": "1"} | fields
    return "\n".join(f"{key.replace('_', '-')}: {value}" for key, value in lines.items())


def test_packages_that_debian_needs_and_requested_packages(image: LocalImage) -> None:
    dpkg(
        image,
        paragraph("app", Depends="needed (>= 1), needed-too:any | other"),
        paragraph("needed"),
        paragraph("asked"),
        paragraph("auto"),
        paragraph("tools", Section="devel"),
        paragraph("basic", Priority="required", Depends="basic-too"),
        paragraph("basic-too"),
        app=["/usr/share/app/used", "/usr/share/app/more"],
        needed=["/usr/share/needed/data"],
        asked=["/usr/share/asked/data"],
        auto=["/usr/share/auto/data"],
        tools=["/usr/share/tools/data"],
        basic=["/usr/share/basic/data"],
    )
    image.add("/var/lib/dpkg/info/basic-too.list", "/usr/share/basic-too/data")
    image.add("/usr/share/basic-too/data", "content")
    image.add("/var/lib/apt/extended_states", "Package: auto\nArchitecture: amd64\nAuto-Installed: 1\n")
    assert reasons(image, "/usr/share/app/used") == {
        "/usr/share/app/more": "of deb package app, of which /usr/share/app/used is in use",
        "/usr/share/needed/data": "of deb package needed, which deb package app declares as needed",
        "/usr/share/asked/data": "of deb package asked, which the author of the image asked for by name",
    }


def test_without_apts_states_no_package_counts_as_requested(image: LocalImage) -> None:
    names = {"app": ["/usr/share/app/used"], "asked": ["/usr/share/asked/data"]}
    dpkg(image, paragraph("app"), paragraph("asked"), **names)
    assert reasons(image, "/usr/share/app/used") == {}


def distribution(image: LocalImage, name: str, *requires: str, requested: bool = False) -> None:
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    image.add(f"{SITE}/{name}-1.dist-info/METADATA", f"Name: {name}\n{lines}\nText: Requires-Dist: nothing")
    image.add(f"{SITE}/{name}-1.dist-info/RECORD", f"{name}/data.txt,,\n{name}-1.dist-info/METADATA,,\n")
    image.add(f"{SITE}/{name}/data.txt", name)
    if requested:
        image.add(f"{SITE}/{name}-1.dist-info/REQUESTED")


def test_distributions_that_python_packages_need_and_requested_distributions(image: LocalImage) -> None:
    distribution(image, "Web_App", "needed.pkg >=1", "optional ; extra == 'all'")
    distribution(image, "needed_pkg")
    distribution(image, "optional")
    distribution(image, "asked", requested=True)
    distribution(image, "pip", requested=True)
    found = reasons(image, f"{SITE}/Web_App/data.txt")
    told = {path: detail for path, detail in found.items() if path.endswith("data.txt")}
    assert told == {
        f"{SITE}/needed_pkg/data.txt": "of python package needed_pkg, which python package Web_App declares as needed",
        f"{SITE}/asked/data.txt": "of python package asked, which the author of the image asked for by name",
    }


def npm(image: LocalImage, folder: str, *needs: str) -> None:
    image.add(f"{folder}/package.json", json.dumps({"dependencies": dict.fromkeys(needs, "1")}))
    image.add(f"{folder}/data.txt", folder)


def test_npms_packages_that_others_need_and_direct_dependencies(image: LocalImage) -> None:
    modules = "/app/node_modules"
    npm(image, "/app", "used", "direct", "npm")
    npm(image, f"{modules}/used", "needed", "inner")
    npm(image, f"{modules}/used/node_modules/inner")
    for name in ("needed", "inner", "direct", "foreign", "npm"):
        npm(image, f"{modules}/{name}")
    found = reasons(image, "/app/data.txt", f"{modules}/used/data.txt")
    told = {path: detail.partition(", ")[2] for path, detail in found.items() if path.endswith("/data.txt")}
    assert told == {
        f"{modules}/used/node_modules/inner/data.txt": f"which {modules}/used declares as needed",
        f"{modules}/needed/data.txt": f"which {modules}/used declares as needed",
        f"{modules}/direct/data.txt": "which the author of the image asked for by name",
    }


def test_gems_that_others_need_and_those_of_a_gemfile(image: LocalImage) -> None:
    home = "/usr/lib/ruby/gems/3.2.0"
    for name, needs in (("used", ["needed"]), ("needed", []), ("direct", []), ("foreign", [])):
        image.add(f"{home}/gems/{name}-1.0/data.txt", name)
        lines = "".join(f'  s.add_runtime_dependency(%q<{need}>.freeze, ["~> 1"])\n' for need in needs)
        image.add(f"{home}/specifications/{name}-1.0.gemspec", f"Gem::Specification.new do |s|\n{lines}end\n")
    image.add("/app/Gemfile", "source 'x'\ngem 'used'\ngem \"direct\", '~> 1'\n# gem 'foreign'\n")
    image.add("/app/app.txt", "x")
    found = reasons(image, "/app/app.txt", f"{home}/gems/used-1.0/data.txt")
    assert {f"{home}/gems/needed-1.0/data.txt", f"{home}/gems/direct-1.0/data.txt"} <= found.keys()
    assert f"{home}/gems/foreign-1.0/data.txt" not in found


def test_packages_of_composer(image: LocalImage) -> None:
    installed = {
        "packages": [{"name": "a/Used", "require": {"A/needed": "*"}}, {"name": "a/needed"}, {"name": "a/direct"}]
    }
    image.add("/app/vendor/composer/installed.json", json.dumps(installed))
    image.add("/app/composer.json", json.dumps({"require": {"a/used": "*", "a/direct": "*", "php": ">=8"}}))
    image.add("/app/index.txt", "x")
    for name in ("used", "needed", "direct", "foreign"):
        image.add(f"/app/vendor/a/{name}/data.txt", name)
    found = reasons(image, "/app/index.txt", "/app/vendor/a/used/data.txt")
    assert {"/app/vendor/a/needed/data.txt", "/app/vendor/a/direct/data.txt"} <= found.keys()
    assert "/app/vendor/a/foreign/data.txt" not in found


def test_alpines_world(image: LocalImage) -> None:
    database = "P:app\nV:1\nD:so:libx.so.1 pc:y>=2\nF:usr/share/app\nR:used\n\nP:x\nV:1\np:so:libx.so.1=1.2\nF:usr/share/x\nR:data\n\nP:asked\nV:1\nF:usr/share/asked\nR:data\n\n"
    image.add("/lib/apk/db/installed", database)
    image.add("/etc/apk/world", "app\nasked>1\n")
    for path in ("/usr/share/app/used", "/usr/share/x/data", "/usr/share/asked/data"):
        image.add(path, "content")
    assert reasons(image, "/usr/share/app/used") == {
        "/usr/share/x/data": "of apk package x, which apk package app declares as needed",
        "/usr/share/asked/data": "of apk package asked, which the author of the image asked for by name",
    }


def test_a_loop_of_dependencies_ends(image: LocalImage) -> None:
    dpkg(
        image,
        paragraph("first", Depends="second, first"),
        paragraph("second", Depends="first"),
        paragraph("third", Priority="required", Depends="fourth"),
        paragraph("fourth", Depends="third"),
        first=["/usr/share/a/used"],
        second=["/usr/share/b/data"],
    )
    assert list(reasons(image, "/usr/share/a/used")) == ["/usr/share/b/data"]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\0", b"[" * 100_000, b'{"require": 1, "dependencies": [1], "packages": [1, {}]}', b"P:\n\n: \n"],
)
def test_nonsense_declares_nothing(form: Form, content: bytes) -> None:
    read = read_declaration(content, form.value)
    assert all(not one.needs for one in read.packages)


def test_a_million_names_are_cut() -> None:
    content = b"Package: a\nDepends: " + b", ".join(b"p%d" % number for number in range(200_000))
    assert len(read_declaration(content, Form.DPKG.value).packages[0].needs) == 2_000
