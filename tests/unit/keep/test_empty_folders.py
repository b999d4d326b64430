"""Empty folders that an app may write to."""

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
        ("/usr/src/app/logs", True),
        ("/srv/site/media/thumbs", True),
        ("/srv", False),
        ("/usr/share/empty", False),
        ("/etc/app.d", False),
        ("/app/node_modules/x/lib", False),
        ("/app/.cache/x", False),
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


def test_there_are_at_most_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_folders, "FOLDERS", 2)
    image = LocalImage(tmp_path)
    for name in "abc":
        (tmp_path / "app" / name).mkdir(parents=True)
    assert len(by_rule(run(empty_folders.ANALYZER, image.view()), "empty-folder")) == 2
