"""Sets of folders: what a word stands for, and places that rules must tell apart."""

from __future__ import annotations

import pytest

from slimmer.keep import folders
from slimmer.keep.folders import Folders

SET = Folders("/{dev,proc} /var", alone="/ /usr{,/local}/lib* /home/*", without="/var/www")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/dev",
        "/dev/pts/0",
        "/var",
        "/var/lib/x",
        "/var/www",
        "/usr/lib",
        "/usr/local/lib64",
        "/usr/libexec",
        "/home/me",
    ],
)
def test_a_path_in_a_set(path: str) -> None:
    assert path in SET


@pytest.mark.parametrize(
    "path", ["/device", "/var/www/x", "/usr/lib/x", "/usr/libraries", "/usr", "/home", "/home/me/x", "var", "", 1]
)
def test_a_path_outside_of_a_set(path: object) -> None:
    assert path not in SET


def test_apps_lie_in_the_places_of_official_images_but_data_of_the_system_does_not() -> None:
    assert "/usr/share/nginx/html/a.css" in folders.APPS
    assert "/usr/local/share/shop/a.html" in folders.APPS
    assert "/usr/local/share/man/a.html" not in folders.APPS
    assert "/usr/share/shop/a.html" not in folders.APPS


@pytest.mark.parametrize("name", sorted(name for name, value in vars(folders).items() if isinstance(value, Folders)))
def test_no_set_takes_an_ordinary_app_for_the_systems(name: str) -> None:
    ordinary = ("/srv/shop", "/app/views", "/opt/shop/public", "/library/data", "/runtime/static")
    assert not [path for path in ordinary if path in getattr(folders, name)]
