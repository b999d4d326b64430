"""R's packages are kept whole, with what they import and what the app's scripts name."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.r.packages import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run

BASE, SITE = "/usr/lib/R/library", "/usr/lib/R/site-library"
R = "/usr/lib/R/bin/exec/R"


class RImage(LocalImage):
    """An image with R, some of its own packages, and a library of other packages."""

    def package(self, place: str, description: str = "", *files: str) -> None:
        for name, content in (
            ("DESCRIPTION", description),
            ("Meta/package.rds", ""),
            ("R/x.rdb", ""),
            *((f, "") for f in files),
        ):
            self.add(f"{place}/{name}", content)

    def kept(self, *paths: str, by: str = R, command: tuple[str, ...] = ()) -> set[str]:
        config = ImageConfig("sha256:1", "amd64", "linux", cmd=command)
        kept = run(ANALYZER, self.view(*(opened(p, by=by) for p in paths), config=config))
        return by_rule(kept, "r") | by_rule(kept, "time-zones")


@pytest.fixture
def image(tmp_path: Path) -> RImage:
    image = RImage(tmp_path)
    image.package(f"{BASE}/base", "Package: base\nPriority: base\n")
    image.package(f"{BASE}/splines", "Priority: base")
    image.package(f"{BASE}/tcltk", "Priority: base\n")
    image.package(
        f"{SITE}/web", "Imports: json (>= 1.0),\n    late\nSuggests: other\n", "data/Rdata.rdb", "html/a.html"
    )
    for name in ("json", "late", "other", "plot"):
        image.package(f"{SITE}/{name}", "Priority: optional\n")
    image.add("/usr/lib/R/modules/internet.so")
    image.add("/usr/share/zoneinfo/Asia/Tokyo")
    return image


def functions(*folders: str) -> set[str]:
    return {f"{folder}/R/x.rdb" for folder in folders}


def test_packages_in_use_are_whole_and_bring_what_they_import(image: RImage) -> None:
    kept = image.kept(f"{SITE}/web/R/x.rdb", f"{BASE}/base/R/x.rdb")
    assert functions(f"{SITE}/web", f"{SITE}/json", f"{SITE}/late", f"{BASE}/base", f"{BASE}/splines") <= kept
    assert {f"{SITE}/web/data/Rdata.rdb", "/usr/lib/R/modules/internet.so", "/usr/share/zoneinfo/Asia/Tokyo"} <= kept
    assert not kept & {*functions(f"{SITE}/other", f"{BASE}/tcltk"), f"{SITE}/web/html/a.html"}


def test_packages_that_scripts_and_the_command_name(image: RImage) -> None:
    image.add("/srv/api.R", "f <- function() { library(plot); late::go() }")
    kept = image.kept("/srv/api.R", f"{SITE}/json/R/x.rdb", command=("Rscript", "-e", "other::run()"))
    assert functions(f"{SITE}/plot", f"{SITE}/late", f"{SITE}/other") <= kept


def test_images_whose_r_did_not_run_cost_nothing(image: RImage) -> None:
    assert image.kept(f"{SITE}/web/R/x.rdb", by="/usr/bin/cat") == set()
    assert image.reads == []
