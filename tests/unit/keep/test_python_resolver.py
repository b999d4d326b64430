"""The start of the Python rule in an image, the sources that it asks for, and the origin of modules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.keep import registry
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.language import Limits, Origin
from slimmer.keep.languages.python.language import PYTHON
from slimmer.keep.languages.python.reader import EXTENSION, SOURCE_LIMIT
from slimmer.keep.languages.python.resolver import PythonResolver
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.local_image import OBSERVED, LocalImage, followed, follower

LIBRARY = "/usr/lib/python3.11"
SITE = f"{LIBRARY}/site-packages"
APP = "/srv/app/app.py"
python = follower(LanguageAnalyzer(PYTHON))


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for name in ("os.py", "csv.py", "json/__init__.py"):
        image.add(f"{LIBRARY}/{name}")
    return image


def kept(image: LocalImage, *start: str, limits: Limits = PYTHON.limits) -> KeepSetBuilder:
    analyzer = LanguageAnalyzer(replace(PYTHON, limits=limits))
    return followed(image.context(), follower(analyzer), f"{LIBRARY}/os.py", *start)


def begun(image: LocalImage, *start: str) -> PythonResolver:
    """Return a resolver that has started from these observed paths."""
    context = image.context()
    builder = KeepSetBuilder(context.tree, evidence=registry.evidence())
    builder.add(Finding(path, OBSERVED) for path in start)
    resolver = PythonResolver(context)
    list(resolver.begin(builder.take_added(), builder))
    return resolver


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        (APP, Origin.APP),
        (f"{LIBRARY}/csv.py", Origin.STDLIB),
        (f"{SITE}/shop/__init__.py", Origin.LIBRARY),
        (f"{SITE}/mine/__init__.py", Origin.APP),
        ("/elsewhere/script.py", Origin.APP),
    ],
)
def test_who_wrote_a_module(image: LocalImage, path: str, origin: Origin) -> None:
    for name in ("shop", "mine"):
        image.add(f"{SITE}/{name}/__init__.py")
        image.add(f"{SITE}/{name}-1.0.dist-info/METADATA")
    image.add(f"{SITE}/mine-1.0.dist-info/direct_url.json", "{}")
    image.add(APP)
    assert begun(image, f"{LIBRARY}/os.py", APP).origin(path) is origin


def test_sources_and_compiled_modules_are_read(image: LocalImage) -> None:
    image.add(f"{SITE}/large.py", "#" * (SOURCE_LIMIT + 1))
    resolver = PythonResolver(image.context())
    accepted = [f"{LIBRARY}/csv.py", f"{SITE}/a.abi3.so"]
    assert all(map(resolver.accepts, accepted))
    assert not any(map(resolver.accepts, [f"{SITE}/large.py", f"{SITE}/a.pyc", f"{SITE}/a.txt", "/usr/bin/python3.11"]))
    assert [resolver.dialect(path) for path in accepted] == ["", EXTENSION]


def test_nothing_begins_before_a_python_is_kept(image: LocalImage) -> None:
    image.add(APP, "import csv")
    assert f"{LIBRARY}/csv.py" not in followed(image.context(), python, APP)
    assert image.reads == []


def test_what_was_kept_before_the_python_counts_once_it_is_there(image: LocalImage) -> None:
    image.add(APP, "import csv")
    context = image.context()
    builder, analysis = (
        KeepSetBuilder(context.tree, evidence=registry.evidence()),
        LanguageAnalyzer(PYTHON).start(context),
    )
    assert analysis is not None
    for path in (APP, f"{LIBRARY}/os.py"):
        builder.add([Finding(path, OBSERVED)])
        builder.add(analysis.follow(builder.take_added(), builder))
    assert f"{LIBRARY}/csv.py" in builder


def test_each_python_of_an_image_has_its_own_modules(image: LocalImage) -> None:
    other = "/opt/lib/python3.9"
    image.add(f"{other}/os.py")
    image.add(APP, "import shop")
    for folder in (LIBRARY, other):
        image.add(f"{folder}/site-packages/shop.py", "import csv")
    image.add(f"{other}/csv.py")
    image.add(f"{LIBRARY}/csv.py", "import json")  # one layer more here
    found = kept(image, f"{other}/os.py", APP)
    assert f"{LIBRARY}/json/__init__.py" in found
    assert all(
        f"{folder}/{name}" in found for folder in (LIBRARY, other) for name in ("csv.py", "site-packages/shop.py")
    )


def test_a_module_is_read_again_once_it_is_followed_deeper(image: LocalImage) -> None:
    image.add(f"{LIBRARY}/csv.py", "def late():\n    import json\n")
    image.add(f"{LIBRARY}/json/__init__.py", "def late():\n    from json import tool\n")
    image.add(f"{LIBRARY}/json/tool.py")
    image.add(APP, "import json")
    context = image.context()
    builder, analysis = (
        KeepSetBuilder(context.tree, evidence=registry.evidence()),
        LanguageAnalyzer(PYTHON).start(context),
    )
    assert analysis is not None
    builder.add(Finding(path, OBSERVED) for path in (f"{LIBRARY}/os.py", f"{LIBRARY}/csv.py"))
    builder.add(analysis.follow(builder.take_added(), builder))
    assert f"{LIBRARY}/json/__init__.py" in builder and f"{LIBRARY}/json/tool.py" not in builder
    builder.add([Finding(APP, OBSERVED)])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert f"{LIBRARY}/json/tool.py" in builder


@pytest.mark.parametrize("limits", [Limits(source=100), Limits(total=100)])
def test_a_module_beyond_a_bound_is_kept_with_its_metadata(image: LocalImage, limits: Limits) -> None:
    image.add(APP, "import shop\n")
    image.add(f"{SITE}/shop/__init__.py", "import csv\n" + "#" * 100)
    image.add(f"{SITE}/shop-1.0.dist-info/METADATA")
    found = kept(image, APP, limits=limits)
    assert f"{SITE}/shop/__init__.py" in found and f"{SITE}/shop-1.0.dist-info/METADATA" in found
    assert f"{LIBRARY}/csv.py" not in found


def test_a_compiled_module_beyond_the_bound_is_kept_with_its_metadata(image: LocalImage) -> None:
    image.add(APP, "import fast\n")
    image.add(f"{SITE}/fast.abi3.so", b"\0csv\0" + bytes(100))
    image.add(f"{SITE}/fast-1.0.dist-info/RECORD", "fast.abi3.so,,\n")
    found = kept(image, APP, limits=Limits(source=100))
    assert f"{SITE}/fast.abi3.so" in found and f"{SITE}/fast-1.0.dist-info/RECORD" in found
    assert f"{LIBRARY}/csv.py" not in found


def test_a_script_whose_name_is_no_modules_name_is_followed(image: LocalImage) -> None:
    image.add("/srv/app/start-web.v2.py", "import csv")
    assert f"{LIBRARY}/csv.py" in kept(image, "/srv/app/start-web.v2.py")


def test_a_star_loads_what_the_package_lists_whichever_is_read_first(image: LocalImage) -> None:
    image.add(f"{SITE}/shop/__init__.py", "__all__ = ['cart', 'none']\n")
    for name in ("cart", "other"):
        image.add(f"{SITE}/shop/{name}.py")
    image.add(f"{SITE}/late.py", "from shop import *\n")
    image.add(APP, "import shop, late\n")
    found = kept(image, APP)
    assert found.reasons(f"{SITE}/shop/cart.py")[0] == Reason(
        "python", f"named in __all__ of {SITE}/shop/__init__.py", f"{SITE}/shop/__init__.py"
    )
    assert f"{SITE}/shop/other.py" not in found


def test_zones_come_with_the_module_that_reads_them(image: LocalImage) -> None:
    image.add(f"{LIBRARY}/zoneinfo/__init__.py")
    image.add(f"{SITE}/tzdata/__init__.py")
    image.add(f"{SITE}/tzdata/zoneinfo/Europe/Paris", "TZif")
    image.add(APP, "def late():\n    import zoneinfo\n")
    assert f"{SITE}/tzdata/zoneinfo/Europe/Paris" in kept(image, APP)


def test_a_word_names_a_module_of_the_app_but_none_of_a_library(image: LocalImage) -> None:
    image.add("/srv/app/plugin.py")
    image.add(APP, "load('plugin', 'json')\n")
    found = kept(image, APP)
    assert "/srv/app/plugin.py" in found and f"{LIBRARY}/json/__init__.py" not in found


@pytest.mark.parametrize(("mode", "found"), [(0o755, True), (0o644, False)])
def test_a_program_that_the_app_starts_must_be_executable(image: LocalImage, mode: int, found: bool) -> None:
    image.add("/usr/bin/convert", mode=mode)
    image.add(APP, "import subprocess\nsubprocess.run(['convert'])\n")
    assert ("/usr/bin/convert" in kept(image, APP)) is found
