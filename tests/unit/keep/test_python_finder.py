"""The files that a module's name stands for, and the Pythons of an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.language import Origin
from slimmer.keep.languages.python.finder import DEPTH, Finder, Root
from slimmer.keep.languages.python.installation import Installation, installations
from tests.unit.local_image import LocalImage

APP, SITE = "/srv/app", "/usr/lib/python3.11/site-packages"
LIBRARY = Root(SITE, Origin.LIBRARY)


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def finder(image: LocalImage, *roots: Root, version: str = "3.11") -> Finder:
    return Finder(image.tree(), version, roots or (Root(APP, Origin.APP), LIBRARY))


def files(found: Finder, name: str) -> tuple[str, ...] | None:
    module = found.find(name)
    return module.files if module is not None else None


def test_the_first_root_that_has_a_module_wins(image: LocalImage) -> None:
    image.add(f"{APP}/shop.py")
    image.add(f"{SITE}/shop/__init__.py")
    module = finder(image).find("shop")
    assert module is not None
    assert (module.files, module.source, module.root.origin) == ((f"{APP}/shop.py",), f"{APP}/shop.py", Origin.APP)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("m.py", "m.pyc"), ("m.py",)),
        (("m.pyc",), ("m.pyc",)),
        (("m.py", "m.abi3.so"), ("m.abi3.so",)),
        (("m.py", "m/__init__.py"), ("m/__init__.py",)),
        (("m.py", "m/data.txt"), ("m.py",)),
        (("m.cpython-39-x86_64-linux-gnu.so",), None),
        (("m.pypy311-pp73-x86_64-linux-gnu.so",), ("m.pypy311-pp73-x86_64-linux-gnu.so",)),
    ],
)
def test_suffixes_are_tried_in_pythons_order(
    image: LocalImage, names: tuple[str, ...], expected: tuple[str, ...] | None
) -> None:
    for name in names:
        image.add(f"{SITE}/{name}")
    assert files(finder(image), "m") == (expected and tuple(f"{SITE}/{name}" for name in expected))


def test_a_namespace_package_has_folders_in_several_roots_and_no_files(image: LocalImage) -> None:
    image.add(f"{APP}/space/one.py")
    image.add(f"{SITE}/space/two.py")
    found = finder(image)
    package = found.find("space")
    assert package is not None
    assert (package.files, package.folders) == ((), (f"{APP}/space", f"{SITE}/space"))
    assert files(found, "space.two") == (f"{SITE}/space/two.py",)
    assert sorted(found.submodules(package)) == ["space.one", "space.two"]


def test_importing_a_name_loads_the_packages_above_it(image: LocalImage) -> None:
    for path in ("a/__init__.py", "a/b/__init__.py"):
        image.add(f"{SITE}/{path}")
    assert [module.name for module in finder(image).components("a.b.missing.c")] == ["a", "a.b"]


def test_a_package_that_contains_itself_has_a_bounded_depth(image: LocalImage) -> None:
    image.add(f"{SITE}/a/__init__.py")
    image.link(f"{SITE}/a/a", ".")
    assert len(list(finder(image).components(".".join(["a"] * 100)))) == DEPTH


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{SITE}/a/b.py", "a.b"),
        (f"{SITE}/a/__init__.py", "a"),
        (f"{SITE}/a/__pycache__/b.cpython-311.pyc", "a.b"),
        (f"{SITE}/__init__.py", None),
        ("/elsewhere/a.py", None),
        (SITE + "/d" * (DEPTH + 1) + "/a.py", None),
    ],
)
def test_the_name_of_a_file(image: LocalImage, path: str, name: str | None) -> None:
    image.add(f"{SITE}/a/b.py")
    located = finder(image).name_of(path)
    assert (located[0] if located else None) == name


def test_the_nearest_root_names_a_file(image: LocalImage) -> None:
    image.add(f"{APP}/vendor/lib.py")
    inner = Root(f"{APP}/vendor", Origin.LIBRARY)
    assert finder(image, Root(APP, Origin.APP), inner).name_of(f"{APP}/vendor/lib.py") == ("lib", inner)


def test_links_are_followed_and_those_to_nowhere_are_left_out(image: LocalImage) -> None:
    image.add("/opt/shop-2/__init__.py")
    image.link(f"{SITE}/shop", "/opt/shop-2")
    image.link(f"{SITE}/gone.py", "/nowhere.py")
    assert files(finder(image), "shop") == ("/opt/shop-2/__init__.py",)
    assert files(finder(image), "gone") is None


def test_roots_that_are_missing_or_the_same_folder_count_once(image: LocalImage) -> None:
    image.add(f"{SITE}/a.py")
    image.link("/usr/lib64", "/usr/lib")
    roots = (LIBRARY, Root("/usr/lib64/python3.11/site-packages", Origin.LIBRARY), Root("/none", Origin.APP))
    assert finder(image, *roots, Root(f"{SITE}/a.py", Origin.APP), Root("/", Origin.APP)).roots == (LIBRARY,)


@pytest.mark.parametrize(
    ("path", "version", "stdlib"),
    [
        ("/usr/lib/python3.11/os.py", "3.11", "/usr/lib/python3.11"),
        ("/usr/lib/python2.7/os.pyc", "2.7", "/usr/lib/python2.7"),
        ("/opt/lib/python3.13t/os.py", "3.13t", "/opt/lib/python3.13t"),
        ("/opt/lib/pypy3.10/os.py", "3.10", "/opt/lib/pypy3.10"),
        ("/opt/lib/python312.zip", "3.12", "/opt/lib/python3.12"),
    ],
)
def test_a_python_is_known_by_its_library(path: str, version: str, stdlib: str) -> None:
    assert installations([path, path]) == (Installation(version, stdlib),)


def test_other_files_are_no_python() -> None:
    assert installations(["/srv/app/os.py", "/usr/lib/python3.11/re.py", "/usr/lib/python3"]) == ()


def test_folders_of_packages_are_those_of_debian_and_usr_local_for_the_systems_python() -> None:
    system = set(Installation("3.11", "/usr/lib/python3.11").sites())
    assert {"/usr/lib/python3/dist-packages", "/usr/local/lib/python3.11/dist-packages", SITE} <= system
    own = set(Installation("3.11", "/opt/lib/python3.11").sites())
    assert "/opt/lib/python3.11/site-packages" in own and not any(path.startswith("/usr") for path in own)
    assert "/lib/python3.11/site-packages" in set(Installation("3.11", "/lib/python3.11").sites())
