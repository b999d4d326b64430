"""The folders in which a Python looks for modules, and the origin of the modules there."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Origin
from slimmer.keep.languages.python import environment
from slimmer.keep.languages.python.environment import find_modules
from slimmer.keep.languages.python.finder import Root
from slimmer.keep.languages.python.installation import Installation
from slimmer.observe.log import AccessLog
from tests.unit.local_image import LocalImage

LIBRARY = "/usr/lib/python3.11"
SITE = f"{LIBRARY}/site-packages"
VENV = "/opt/venv/lib/python3.11/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add(f"{LIBRARY}/os.py")
    image.add(f"{SITE}/installed.py")
    return image


def roots(
    image: LocalImage, *used: str, home: str = "", working_dir: str = "", env: tuple[str, ...] = ()
) -> list[Root]:
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir=working_dir, env=env)
    view = ImageView(image.tree(), AccessLog("sha256:1", ()), config, image.context().read, home=home)
    return list(find_modules(view, Installation("3.11", LIBRARY), used).roots)


def test_a_plain_python_has_its_library_and_its_packages(image: LocalImage) -> None:
    image.add(f"{LIBRARY}/lib-dynload/_x.so")
    assert roots(image) == [
        Root(LIBRARY, Origin.STDLIB),
        Root(f"{LIBRARY}/lib-dynload", Origin.STDLIB),
        Root(SITE, Origin.LIBRARY),
    ]


def test_the_app_comes_first_with_pythonpath_before_the_working_directory(image: LocalImage) -> None:
    for name in ("/srv/app/app.py", "/opt/path/a.py", "/opt/tools/main.py"):
        image.add(name)
    env = ("PYTHONPATH=/opt/old", "PYTHONPATH=/opt/path:relative:")
    found = roots(image, "/opt/tools/main.py", f"{SITE}/installed.py", working_dir="/srv/app", env=env)
    assert [root.path for root in found if root.origin is Origin.APP] == ["/opt/path", "/srv/app", "/opt/tools"]
    assert found[0].path == "/opt/path"


def test_a_package_of_the_app_is_imported_from_the_folder_above_it(image: LocalImage) -> None:
    for name in ("a/__init__.py", "a/b/__init__.py", "a/b/main.py"):
        image.add(f"/srv/{name}")
    assert Root("/srv", Origin.APP) in roots(image, "/srv/a/b/main.py")


@pytest.mark.parametrize(
    ("setting", "used", "found"),
    [
        ("home = /usr/bin\n", (), False),
        ("home = /usr/bin\n", (f"{SITE}/installed.py",), True),
        ("Include-System-Site-Packages = TRUE\n", (), True),
    ],
)
def test_a_virtual_environment_hides_the_systems_packages_unless_they_are_used(
    image: LocalImage, setting: str, used: tuple[str, ...], found: bool
) -> None:
    image.add("/opt/venv/pyvenv.cfg", setting)
    image.add(f"{VENV}/shop.py")
    paths = [root.path for root in roots(image, "/opt/venv/pyvenv.cfg", *used)]
    assert paths == [LIBRARY, VENV, *([SITE] if found else [])]


def test_settings_that_are_too_long_are_ignored(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SETTINGS_LIMIT", 10)
    image.add("/opt/venv/pyvenv.cfg", "home = /usr/bin\n")
    image.add(f"{SITE}/more.pth", "/opt/added-folder\n")
    image.add(f"{VENV}/shop.py")
    image.add("/opt/added-folder/a.py")
    assert [root.path for root in roots(image, "/opt/venv/pyvenv.cfg")] == [LIBRARY, SITE]


def test_the_users_own_packages_come_before_the_systems(image: LocalImage) -> None:
    own = "/home/web/.local/lib/python3.11/site-packages"
    image.add(f"{own}/shop.py")
    assert [root.path for root in roots(image, home="/home/web")] == [LIBRARY, own, SITE]


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ("/opt/extra", Root("/opt/extra", Origin.APP)),
        ("../../../../opt/extra", Root("/opt/extra", Origin.APP)),
        ("./eggs/shop.egg", Root(f"{SITE}/eggs/shop.egg", Origin.LIBRARY)),
        ("# /opt/extra", None),
        ("import sys; sys.path.append('/opt/extra')", None),
        ("/opt/extra\0", None),
        ("/opt/missing", None),
    ],
)
def test_a_line_of_a_pth_file_adds_a_folder(image: LocalImage, line: str, added: Root | None) -> None:
    image.add("/opt/extra/a.py")
    image.add(f"{SITE}/eggs/shop.egg/a.py")
    image.add(f"{SITE}/more.pth", f"\n{line}\n")
    assert roots(image)[2:] == ([added] if added else [])


def test_pth_files_add_a_bounded_number_of_folders(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PATHS_LIMIT", 1)
    image.add("/opt/one/a.py")
    image.add("/opt/two/a.py")
    image.add(f"{SITE}/more.pth", "/opt/one\n/opt/two\n")
    assert [root.path for root in roots(image)] == [LIBRARY, SITE, "/opt/one"]
