"""Files similar to those that an app opened: in telling folders, of one kind, translations; and cases where nothing is added."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps import sibling_files as rule
from slimmer.keep.apps.sibling_files import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept(image: LocalImage, *paths: str, others: str = "", working_dir: str = "") -> set[str]:
    """Return the files that are kept besides the opened `paths`, for an image that also has `others` (separated by spaces)."""
    for path in (*paths, *others.split()):
        image.add(path, "x")
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir=working_dir)
    found = by_rule(run(ANALYZER, image.view(*(opened(path) for path in paths), config=config)), rule.RULE)
    files = {entry.path for entry in image.tree() if entry.is_file}
    return found & files - set(paths)


@pytest.mark.parametrize(
    ("path", "others", "found"),
    [
        ("/app/templates/a.html", "/app/templates/b.html /app/templates/mail/c.txt /app/x.html", 2),
        ("/srv/x/views/a.ejs", "/srv/x/views/errors/404.ejs /srv/x/lib/y.ejs", 1),
        ("/app/static/a.css", "/app/static/b.js /app/static/img/c.png", 2),
        ("/app/locales/de.json", "/app/locales/fr.json /app/locales/en/x.json", 2),
        ("/app/db/migrations/1.sql", "/app/db/migrations/2.sql /app/db/migrations/3.py", 2),
        ("/pages/a.html", "/pages/b.html", 1),
        ("/app/Views/a.cshtml", "/app/Views/b.cshtml", 1),
        (
            "/app/templates/a.html",
            "/app/templates/tool.py /app/templates/.git/x /app/templates/node_modules/y/z.html",
            0,
        ),
        ("/app/data/a.html", "/app/data/b.html", 0),
        ("/app/.cache/static/a.css", "/app/.cache/static/b.css", 0),
        ("/app/views/code.py", "/app/views/a.html", 0),
        ("/etc/templates/a.html", "/etc/templates/b.html", 0),
        ("/usr/share/icons/a.png", "/usr/share/icons/b.png", 0),
        ("/var/www/static/a.css", "/var/www/static/b.css", 1),
        ("/usr/src/app/static/a.css", "/usr/src/app/static/b.css", 1),
    ],
)
def test_folders_whose_names_tell(image: LocalImage, path: str, others: str, found: int) -> None:
    assert len(kept(image, path, others=others)) == found


def test_the_reason_names_the_file_that_was_opened(image: LocalImage) -> None:
    for path in ("/app/templates/a.html", "/app/templates/b.html"):
        image.add(path)
    kept = run(ANALYZER, image.view(opened("/app/templates/a.html", by="/bin/app")))
    reasons = [kept.reasons[path][-1] for path in sorted(by_rule(kept, rule.RULE))]
    assert {reason.cause for reason in reasons} == {"/app/templates/a.html"}
    assert "which /bin/app opened" in reasons[0].detail


@pytest.mark.parametrize(
    ("paths", "others", "found"),
    [
        ("/data/x/a.csv /data/x/b.csv", "/data/x/c.csv /data/x/d.txt /data/x/y/e.csv", {"/data/x/c.csv"}),
        ("/data/x/a.csv /data/y/b.csv", "/data/x/c.csv", set()),
        ("/app/a.py /app/b.py", "/app/c.py", set()),
        ("/app/a /app/b", "/app/c", set()),
        ("/app/a.json /app/b.json", "/app/package.json /app/lock.json", set()),
        ("/app/a.json /app/b.json", "/app/c.json", {"/app/c.json"}),
        ("/usr/local/share/x/a.txt /usr/local/share/x/b.txt", "/usr/local/share/x/c.txt", {"/usr/local/share/x/c.txt"}),
        ("/usr/local/share/man/a.1 /usr/local/share/man/b.1", "/usr/local/share/man/c.1", set()),
        ("/o/site-packages/x/a.txt /o/site-packages/x/b.txt", "/o/site-packages/x/c.txt", set()),
    ],
)
def test_two_files_of_one_kind(image: LocalImage, paths: str, others: str, found: set[str]) -> None:
    assert kept(image, *paths.split(), others=others) == found


def test_a_file_that_was_opened_twice_is_one(image: LocalImage) -> None:
    assert kept(image, "/data/a.csv", "/data/a.csv", others="/data/b.csv") == set()


def test_the_working_directory_is_the_apps_wherever_it_lies(image: LocalImage) -> None:
    assert kept(image, "/usr/lib/app/static/a.css", others="/usr/lib/app/static/b.css", working_dir="/usr/lib/app")
    assert not kept(image, "/usr/share/static/a.css", others="/usr/share/static/b.css", working_dir="/usr")


def test_a_librarys_folder_keeps_the_same_kind_only(image: LocalImage) -> None:
    base = "/opt/venv/lib/python3.11/site-packages/admin/templates/admin"
    others = f"{base}/list.html {base}/read.me {base}/auth/x.html"
    assert kept(image, f"{base}/index.html", others=others) == {f"{base}/list.html"}


def test_translations_of_a_catalogue(image: LocalImage) -> None:
    base = "/opt/venv/lib/python3.11/site-packages/wtf/locale"
    others = f"{base}/fr/LC_MESSAGES/wtf.mo {base}/pt_BR/LC_MESSAGES/wtf.mo {base}/fr/LC_MESSAGES/wtf.po {base}/x.txt"
    found = {f"{base}/fr/LC_MESSAGES/wtf.mo", f"{base}/pt_BR/LC_MESSAGES/wtf.mo"}
    assert kept(image, f"{base}/de/LC_MESSAGES/wtf.mo", others=others) == found


def test_beyond_the_bound_of_a_folder_only_the_kind_stays(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "NAMED_FILES", 3)
    others = "/app/static/b.css /app/static/c.png /app/static/d/e.css"
    assert kept(image, "/app/static/a.css", others=others) == {"/app/static/b.css"}
    monkeypatch.setattr(rule, "KIND_FILES", 1)
    assert kept(image, "/app/static/a.css") == set()


def test_a_folder_within_one_that_is_too_large(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "NAMED_BYTES", 1000)
    image.add("/media/film.mp4", "x" * 2000)
    assert kept(image, "/media/app/views/a.html", others="/media/app/views/b/c.html") == {"/media/app/views/b/c.html"}


def test_what_was_only_looked_for_keeps_nothing(image: LocalImage) -> None:
    for path in ("/app/static/a.css", "/app/static/b.css"):
        image.add(path)
    assert ANALYZER.start(image.view(opened("/app/static/a.css", operation="look-up"))) is None


def test_beyond_the_bound_the_main_files_of_a_kind_stay(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "KIND_FILES", 4)
    others = "/app/names/root.dat /app/names/en.dat /app/names/en-GB.dat /app/names/de.dat /app/names/fr.dat"
    assert kept(image, "/app/names/it.dat", "/app/names/es.dat", others=others) == {
        f"/app/names/{name}.dat" for name in ("root", "en", "en-GB")
    }
