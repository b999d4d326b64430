"""What scanners read about the packages of a slim image is kept, for packages of which files are kept and no others."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from slimmer.image.package_data import PackageData
from slimmer.keep.core.nonempty_dirs import nonempty_dirs
from slimmer.keep.core.package_data import package_data
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.registry import evidence
from slimmer.keep.selection import Selection
from slimmer.testing import LocalImage

PARTS = "/var/lib/dpkg/status.d"
SITE = "/usr/lib/python3/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path / "image")


def kept(image: LocalImage, *start: str, wanted: bool = True) -> set[str]:
    """Return the files that are kept besides those that the test starts with."""
    view = dataclasses.replace(image.view(), selection=Selection(package_data=wanted))
    builder = KeepSetBuilder(view.tree, evidence=evidence())
    builder.add(Finding(path, Reason("observed", "open", "")) for path in start)
    builder.add(list(package_data(view, builder)))
    return {e.path for e in view.tree if e.path in builder and not e.is_directory} - set(start)


def test_packages_of_languages_are_described_by_their_own_files(image: LocalImage) -> None:
    image.add(f"{SITE}/Flask-2.dist-info/METADATA")
    image.add(
        f"{SITE}/Flask-2.dist-info/RECORD", "flask/app.py,,\n../../../bin/flask,,\nFlask-2.dist-info/METADATA,,\n"
    )
    image.add(f"{SITE}/flask/app.py")
    image.add("/usr/bin/flask")
    image.add(f"{SITE}/old-1.egg-info/PKG-INFO")
    image.add(f"{SITE}/old-1.egg-info/installed-files.txt", "../old.py\n")
    image.add(f"{SITE}/old.py")
    image.add("/app/node_modules/@a/b/package.json")
    image.add("/app/node_modules/@a/b/lib/c.js")
    image.add("/gems/specifications/rack-3.0.gemspec")
    image.add("/gems/gems/rack-3.0/lib/rack.rb")
    image.add("/app/vendor/composer/installed.json")
    image.add("/app/vendor/monolog/monolog/src/Logger.php")
    assert kept(image, f"{SITE}/flask/app.py") == {f"{SITE}/Flask-2.dist-info/METADATA"}
    assert kept(image, f"{SITE}/old.py") == {f"{SITE}/old-1.egg-info/PKG-INFO"}
    assert kept(image, "/app/node_modules/@a/b/lib/c.js") == {"/app/node_modules/@a/b/package.json"}
    assert kept(image, "/gems/gems/rack-3.0/lib/rack.rb") == {"/gems/specifications/rack-3.0.gemspec"}
    assert kept(image, "/app/vendor/monolog/monolog/src/Logger.php") == {"/app/vendor/composer/installed.json"}
    assert kept(image, f"{SITE}/flask/app.py", wanted=False) == set()


def test_a_command_in_another_folder_belongs_to_its_distribution(image: LocalImage) -> None:
    image.add(f"{SITE}/Flask-2.dist-info/METADATA")
    image.add(f"{SITE}/Flask-2.dist-info/RECORD", "flask.py,,\n../../../bin/flask,,\n")
    image.add(f"{SITE}/flask.py")
    image.add("/usr/bin/flask")
    assert kept(image, "/usr/bin/flask", f"{SITE}/flask.py") == {f"{SITE}/Flask-2.dist-info/METADATA"}


def test_of_two_installations_of_a_distribution_only_the_one_in_use_is_described(image: LocalImage) -> None:
    other = "/venv/lib/python3.11/site-packages"
    for site in (SITE, other):
        image.add(f"{site}/Flask-2.dist-info/METADATA")
        image.add(f"{site}/Flask-2.dist-info/RECORD", "flask.py,,\n../../../bin/flask,,\n")
        image.add(f"{site}/flask.py")
    image.add("/venv/bin/flask")
    image.add(f"{other}/unrelated.py")
    assert kept(image, f"{SITE}/flask.py", f"{other}/unrelated.py") == {f"{SITE}/Flask-2.dist-info/METADATA"}
    assert kept(image, f"{SITE}/flask.py", f"{other}/flask.py", "/venv/bin/flask") == {
        f"{SITE}/Flask-2.dist-info/METADATA", f"{other}/Flask-2.dist-info/METADATA",
    }  # fmt: skip


def test_what_only_describes_a_package_is_no_reason_to_describe_it(image: LocalImage) -> None:
    image.add(f"{SITE}/Flask-2.dist-info/METADATA")
    image.add(f"{SITE}/Flask-2.dist-info/entry_points.txt")
    image.add(f"{SITE}/Flask-2.dist-info/RECORD", "Flask-2.dist-info/entry_points.txt,,\n")
    assert kept(image, f"{SITE}/Flask-2.dist-info/entry_points.txt") == set()


def distroless(image: LocalImage) -> None:
    for name, package, path in (("libc6", "libc6", "lib/libc.so"), ("other1", "other", "lib/other.so")):
        image.add(f"/{path}")
        image.add(f"/{path}.2")
        image.add(f"{PARTS}/{name}", f"Package: {package}\nArchitecture: amd64\nVersion: 1\n")
        image.add(f"{PARTS}/{name}.md5sums", f"{'a' * 32}  {path}\n{'b' * 32}  {path}.2\n")


def test_distroless_images_keep_the_entries_of_packages_with_kept_files(image: LocalImage) -> None:
    distroless(image)
    assert kept(image, "/lib/other.so") == {f"{PARTS}/other1"}
    assert kept(image, "/lib/other.so", wanted=False) == set()


def test_the_sums_of_distroless_packages_become_smaller(image: LocalImage) -> None:
    distroless(image)
    view = image.view()
    data = PackageData(view.tree, image.stream, view.packages.owners, lambda path: 7)
    start = ["/lib/other.so", PARTS, f"{PARTS}/other1"]
    made = data.of(start)
    assert [(one.path, os.fsdecode(one.content or b"")) for one in made] == [
        (f"{PARTS}/other1.md5sums", f"{'a' * 32}  lib/other.so\n")
    ]
    assert data.of([*start, f"{PARTS}/other1.md5sums"]) == ()
    assert data.of(["/lib/other.so", f"{PARTS}/other1"]) == ()  # --exclude leaves out the folder


@pytest.mark.parametrize("database", [f"{PARTS}/libc6", "/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite"])
def test_an_empty_folder_is_not_filled_with_a_database(image: LocalImage, database: str) -> None:
    """It would list packages that are gone."""
    image.add(database, "Package: libc6\nArchitecture: amd64\nVersion: 1\n")
    filled = {finding.path for finding in nonempty_dirs(image.tree(), ["/var"])}
    assert "/var/lib" in filled and database not in filled
    image.add("/var/lib/app/state")
    assert "/var/lib/app/state" in {finding.path for finding in nonempty_dirs(image.tree(), ["/var"])}
