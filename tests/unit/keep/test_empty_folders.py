"""Empty folders that an image makes for its app stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps import empty_folders
from slimmer.testing import LocalImage, by_rule, run


@pytest.mark.parametrize(
    ("folder", "is_kept"),
    [
        ("/app/uploads", True),
        ("/data", True),
        ("/opt/shop/data", True),
        ("/srv/site/media/thumbs", True),
        ("/usr/local/lib/shop/cache", True),
        ("/usr/src/app/logs", True),
        ("/home", False),
        ("/srv", False),
        ("/etc/app.d", False),
        ("/usr/share/empty", False),
        ("/usr/local/games", False),
        ("/app/node_modules/x/lib", False),
        ("/app/.cache/x", False),
        ("/run/app", False),
        ("/tmp/x", False),
    ],
)
def test_empty_folders_of_apps_stay(tmp_path: Path, folder: str, is_kept: bool) -> None:
    image = LocalImage(tmp_path)
    image.add("/app/full/main.js")
    (tmp_path / folder.lstrip("/")).mkdir(parents=True)
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir="/usr/src/app")
    found = by_rule(run(empty_folders.ANALYZER, image.view(config=config)), "empty-folder")
    assert found == ({folder} if is_kept else set())


def test_empty_folders_of_users_and_of_everybody_stay(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/srv/full/x", "x")
    users = ("/var/lib/shop", "/run/shop", "/usr/share/shop", "/var/lib/dpkg/parts", "/srv/full")
    for folder in (*users, "/var/spool/open"):
        (tmp_path / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for folder in users:
        image.give(folder, 999)
    (tmp_path / "var/spool/open").chmod(0o1777)
    found = by_rule(run(empty_folders.ANALYZER, image.view()), "empty-folder")
    assert found == {"/var/lib/shop", "/run/shop", "/var/spool/open"}


def test_there_are_at_most_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_folders, "FOLDERS", 2)
    image = LocalImage(tmp_path)
    for name in "abc":
        (tmp_path / "app" / name).mkdir(parents=True)
    assert len(by_rule(run(empty_folders.ANALYZER, image.view()), "empty-folder")) == 2
