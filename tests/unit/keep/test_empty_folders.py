"""Empty folders that an image makes for its app stay."""

from __future__ import annotations

from pathlib import Path

from slimmer.keep.apps import empty_folders as rule
from slimmer.keep.apps.empty_folders import ANALYZER
from slimmer.testing import LocalImage, by_rule, run


def test_empty_folders_for_the_app_stay(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for folder in (
        *(
            "/opt/shop/data",
            "/data",
            "/srv/uploads",
            "/var/lib/shop",
            "/run/shop",
            "/var/spool/open",
            "/etc/shop/conf.d",
        ),
        *("/usr/share/shop", "/opt/shop/lib/node_modules/x/lib", "/var/lib/dpkg/parts", "/home"),
    ):
        (tmp_path / folder.lstrip("/")).mkdir(parents=True)
    image.add("/srv/full/x", "x")
    (tmp_path / "var/spool/open").chmod(0o1777)
    for folder in ("/var/lib/shop", "/run/shop", "/usr/share/shop", "/var/lib/dpkg/parts", "/srv/full"):
        image.give(folder, 999)
    found = by_rule(run(ANALYZER, image.view()), rule.RULE)
    assert found == {"/opt/shop/data", "/data", "/srv/uploads", "/var/lib/shop", "/run/shop", "/var/spool/open"}
