"""Static roots: what a page links, in the app and in packages; folders of which a part was opened; folders that code names."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.analyzer import Policy
from slimmer.keep.apps import static_roots as rule
from slimmer.keep.apps.page_links import LINKS, read_links
from slimmer.keep.apps.static_roots import ANALYZER
from slimmer.keep.sources import named_paths
from slimmer.observe.log import Access
from slimmer.testing import LocalImage, by_rule, files, opened, run, run_policy

PAGE = '<link rel="stylesheet" href="red/style.css?v={{ buster }}"><script src="{{{ asset }}}"></script>'
MODULES = "/srv/app/node_modules"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept(image: LocalImage, *accesses: Access, config: ImageConfig | None = None) -> set[str]:
    return by_rule(run(ANALYZER, image.view(*accesses, config=config)), rule.RULE)


def test_a_page_of_a_package_keeps_the_public_folder_that_it_links(image: LocalImage) -> None:
    client = f"{MODULES}/@red/client"
    image.add(f"{client}/templates/index.mst", PAGE)
    public = {f"{client}/public/{name}" for name in ("red/style.css", "red/red.min.js", "vendor/x/y.woff2")}
    for path in (
        *public,
        f"{client}/public/red/red.min.js.map",
        f"{client}/lib/x.js",
        f"{MODULES}/z/public/red/style.css",
    ):
        image.add(path)
    assert kept(image, opened(f"{client}/templates/index.mst")) == public


def test_a_page_in_a_source_keeps_the_files_of_another_package_in_use(image: LocalImage) -> None:
    image.add(f"{MODULES}/ui-express/index.js", 's = `<script src="./ui-bundle.js"> </script>`; express.static(x())')
    for name in ("ui-bundle.js", "ui.css", "path.js"):
        image.add(f"{MODULES}/ui-dist/{name}")
    source = opened(f"{MODULES}/ui-express/index.js")
    assert not kept(image, source)
    found = kept(image, source, opened(f"{MODULES}/ui-dist/path.js"))
    assert {f"{MODULES}/ui-dist/ui-bundle.js", f"{MODULES}/ui-dist/ui.css"} <= found


def test_a_linked_file_outside_of_a_root_stays_alone(image: LocalImage) -> None:
    image.add("/srv/app/pages/index.html", '<script src="/js/a.js"></script>')
    image.add("/srv/app/browser_code/js/a.js")
    image.add("/srv/app/browser_code/js/b.js")
    assert kept(image, opened("/srv/app/pages/index.html")) == {"/srv/app/browser_code/js/a.js"}


def test_links_to_other_places_lead_nowhere(image: LocalImage) -> None:
    image.add("/srv/app/index.html", '<script src="https://cdn.example/lib.js"></script><img src="logo.png">')
    for path in ("/usr/share/doc/lib.js", "/opt/other/lib.js", f"{MODULES}/x/lib.js", "/usr/share/icons/logo.png"):
        image.add(path)
    assert not kept(image, opened("/srv/app/index.html"))


def test_a_folder_of_which_data_was_opened_stays_beyond_other_bounds(image: LocalImage) -> None:
    static = "/venv/share/lab/static"
    for name in ("package.json", "1.js", "fonts/2.woff2", "1.js.map"):
        image.add(f"{static}/{name}")
    assert kept(image, opened(f"{static}/package.json")) == {
        f"{static}/{name}" for name in ("package.json", "1.js", "fonts/2.woff2")
    }


def test_code_in_a_dist_folder_is_no_static_root(image: LocalImage) -> None:
    for name in ("index.js", "other.js"):
        image.add(f"{MODULES}/x/dist/{name}", "x = 1")
    image.add("/srv/app/public/app.js")
    assert not kept(image, opened(f"{MODULES}/x/dist/index.js"), opened("/srv/app/public/app.js"))


def test_a_large_folder_that_code_names_stays(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_paths, "FOLDER_FILES", 3)
    image.add("/srv/app/main.js", "const path = require('path'); express.static(path.join(__dirname, 'public'))")
    for number in range(5):
        image.add(f"/srv/app/public/{number}.css")
    view = image.view(opened("/srv/app/main.js", by="/usr/bin/node"))
    assert "/srv/app/public/4.css" in files(view, run_policy(Policy.BALANCED, view))


@pytest.mark.parametrize("folder", ["/app", "/runtime", "/library"])
def test_a_compiled_server_serves_the_folders_beside_it(image: LocalImage, folder: str) -> None:
    image.add(f"{folder}/server", b"\x7fELF", mode=0o755)
    image.add(f"{folder}/static/a.css")
    image.add("/work/public/b.css")
    image.add("/work/other/c.css")
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir="/work")
    found = kept(image, opened(f"{folder}/server", by=f"{folder}/server", operation="exec"), config=config)
    assert found == {f"{folder}/static/a.css", "/work/public/b.css"}


def test_a_root_beyond_the_bounds_gives_only_the_linked_file(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "ROOT_FILES", 2)
    image.add("/srv/app/views/a.html", '<script src="/js/1.js"></script>')
    for number in range(4):
        image.add(f"/srv/app/public/js/{number}.js")
    assert kept(image, opened("/srv/app/views/a.html")) == {"/srv/app/public/js/1.js"}


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (b'<script src="a/b.js"></script>', ("a/b.js",)),
        (b"<link href='../x.css?v=1'>", ("x.css",)),
        (b'<link href="{% static "admin/x.css" %}">', ("admin/x.css",)),
        (b'<script src="{{url}}/main.1f.js"></script>', ("main.1f.js",)),
        (b'<script src="{{{ url }}}/main.js"></script>', ("main.js",)),
        (b'<script src="<% baseUrl %>swagger-ui-bundle.js"> </script>', ("swagger-ui-bundle.js",)),
        (b"<link href='<?= $base ?>/css/x.css'>", ("css/x.css",)),
        (b'<a href="/page">', ()),
        (b'<script src="a.js', ("a.js",)),
        (b'\xff\x00<img src="./p.png">', ("p.png",)),
    ],
)
def test_links_of_a_page(text: bytes, links: tuple[str, ...]) -> None:
    assert read_links(text).paths == links


@pytest.mark.parametrize(
    "text",
    [
        b'src="' * 100_000,
        b'src="' + b"<%a%>" * 100_000,
        b'src="' + b"{{a}}" * 100_000,
        b'src="' + b"{{" * 200_000,
        b'src="' + b"{{{a}}}{" * 100_000,
        b"{{" * 200_000,
        b'src="' + b"a/" * 200_000,
        b"href=" + b" " * 400_000,
    ],
)
def test_hostile_pages_are_read_in_bounds(text: bytes) -> None:
    assert len(read_links(text).paths) <= LINKS
