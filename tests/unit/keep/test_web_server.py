"""The configuration of web servers: document roots, includes, named files."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps.web_server import follower, roots
from slimmer.keep.apps.web_server.directives import CONFIG_LIMIT
from slimmer.keep.apps.web_server.follower import ANALYZER
from slimmer.testing import LocalImage, opened, run
from tests.work import work_of_at_most

CONFIG = "/etc/server/main.conf"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for path in ("index.html", "deep/er/logo.png", ".git/HEAD"):
        image.add(f"/srv/pages/{path}", "x")
    for path in ("/etc/users", "/usr/lib/modules/mod_x.so", "/etc/server/conf.d/a.conf", "/etc/server/conf.d/b.off"):
        image.add(path, "x")
    return image


def kept(image: LocalImage, text: str, *, config: str = CONFIG, by: str = "/usr/sbin/nginx") -> set[str]:
    """Return the files and links that are kept because of a configuration that a server opened."""
    image.add(config, text)
    context = image.view(opened(config, by=by))
    keepset = run(ANALYZER, context, config)
    return {entry.path for entry in context.tree if entry.path in keepset and not entry.is_directory} - {config}


PAGES = {"/srv/pages/index.html", "/srv/pages/deep/er/logo.png"}


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("nginx", "server { listen 80; root /srv/pages; }"),
        ("nginx", "location /x { alias '/srv/pages/'; }"),
        ("apache2", '<VirtualHost *:80>\n  DocumentRoot "/srv/pages"\n</VirtualHost>'),
        ("httpd", "Alias /x /srv/pages"),
        ("lighttpd", 'server.document-root = "/srv/pages"'),
        ("lighttpd", '$HTTP["host"] == "x" {\n alias.url += ( "/a" => "/absent",\n  "/b" => "/srv/pages/" )\n}'),
        ("caddy", ":80 {\n\troot * /srv/pages\n\tfile_server\n}"),
    ],
)
def test_document_roots_stay_whole_but_for_the_history(image: LocalImage, by: str, text: str) -> None:
    assert kept(image, text, by=f"/usr/sbin/{by}") == PAGES


def test_a_relative_root_begins_at_the_servers_prefix(image: LocalImage) -> None:
    image.add("/usr/share/nginx/html/index.html", "x")
    assert kept(image, "root html;") == {"/usr/share/nginx/html/index.html"}
    assert kept(image, "ServerRoot /srv\nDocumentRoot pages") == PAGES


@pytest.mark.parametrize("root", ["/", "/usr", "/usr/share", "/etc", "/srv", "/usr/share/", "/srv/../etc", "/proc/1"])
def test_folders_of_the_system_are_no_roots(image: LocalImage, root: str) -> None:
    image.add("/usr/share/x/y", "x")
    image.add("/proc/1/x", "x")
    assert kept(image, f"root {root};") == set()


def test_a_folder_that_may_be_seen_is_no_root(image: LocalImage) -> None:
    assert kept(image, "<Directory /srv/pages>\nRequire all granted\n</Directory>", by="/usr/sbin/apache2") == set()


def test_a_root_beyond_the_bound_stays_as_it_was_seen_and_says_so(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "ROOT_FILES", 3)
    image.add(CONFIG, "root /srv/pages;")
    view = image.view(opened(CONFIG, by="/usr/sbin/nginx"))
    keepset = run(ANALYZER, view, CONFIG)
    assert "/srv/pages/index.html" not in keepset
    assert [(item.name, item.remedy) for item in view.unproven] == [("/srv/pages", "--include /srv/pages")]
    assert "only what was seen stays" in keepset.reasons["/srv/pages"][0].detail


def test_what_links_in_a_root_lead_to_stays(image: LocalImage) -> None:
    image.add("/opt/shared/page.html", "x")
    image.add("/opt/all/more", "x")
    image.link("/srv/pages/page.html", "../../opt/shared/page.html")
    image.link("/srv/pages/all", "/opt/all")
    image.link("/srv/pages/loop", "loop")
    links = {"/srv/pages/page.html", "/srv/pages/all", "/srv/pages/loop"}
    assert kept(image, "root /srv/pages;") == PAGES | links | {"/opt/shared/page.html"}


def test_included_files_are_followed(image: LocalImage) -> None:
    image.add("/etc/server/conf.d/a.conf", "auth_basic_user_file /etc/users;")
    assert kept(image, "include conf.d/*.conf;") == {"/etc/server/conf.d/a.conf", "/etc/users"}
    assert kept(image, "IncludeOptional /etc/*/conf.d/?.conf") == {"/etc/server/conf.d/a.conf", "/etc/users"}


def test_files_that_include_each_other_end(image: LocalImage) -> None:
    image.add("/etc/server/conf.d/a.conf", f"include {CONFIG};\ninclude /etc/server/conf.d/*;")
    assert kept(image, "include conf.d/a.conf;") == {"/etc/server/conf.d/a.conf", "/etc/server/conf.d/b.off"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("load_module /usr/lib/modules/mod_x.so;", "/usr/lib/modules/mod_x.so"),
        ("LoadModule x_module /usr/lib/modules/mod_x.so", "/usr/lib/modules/mod_x.so"),
        ("AuthUserFile /etc/users", "/etc/users"),
        ("location / { auth_basic x; auth_basic_user_file ../users; }", "/etc/users"),
        ("errorfile 503 /etc/users", "/etc/users"),
        ('ssl.pemfile = "/etc/users"', "/etc/users"),
    ],
)
def test_named_files_stay(image: LocalImage, text: str, path: str) -> None:
    assert kept(image, text) == {path}


@pytest.mark.parametrize(
    "text",
    ["location /etc/users { }", "rewrite ^ /etc/users;", "# root /srv/pages;", 'log_format x "root /srv/pages;";'],
)
def test_addresses_and_texts_name_no_files(image: LocalImage, text: str) -> None:
    assert kept(image, text) == set()


def test_a_folder_for_logs_stays_without_its_files(image: LocalImage) -> None:
    image.add("/var/log/server/old.log", "x")
    image.add(CONFIG, "error_log /var/log/server/error.log;\nproxy_temp_path /var/log/server;")
    keepset = run(ANALYZER, image.view(opened(CONFIG, by="/usr/sbin/nginx")), CONFIG)
    assert "/var/log/server" in keepset
    assert "/var/log/server/old.log" not in keepset


@pytest.mark.parametrize(("path", "by"), [("/srv/pages/index.html", "/usr/sbin/nginx"), (CONFIG, "/usr/bin/cat")])
def test_pages_and_what_others_open_are_not_read(image: LocalImage, path: str, by: str) -> None:
    image.add(path, "root /srv/pages;")
    run(ANALYZER, image.view(opened(path, by=by)), path)
    assert image.reads == []


def test_a_configuration_that_the_command_names_is_read(image: LocalImage) -> None:
    image.add("/opt/setup", "root /srv/pages;")
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("nginx", "-c", "/opt/setup"))
    context = image.view(opened("/opt/setup", by="/usr/sbin/nginx"), config=config)
    assert "/srv/pages/index.html" in run(ANALYZER, context, "/opt/setup")


def test_a_pattern_is_tried_at_the_next_place_if_nothing_matches(image: LocalImage) -> None:
    image.add("/etc/nginx/conf.d/a.off", "x")
    assert kept(image, "include conf.d/*.conf;") == {"/etc/server/conf.d/a.conf"}
    assert kept(image, "include /absent/*.conf /etc/server/conf.d/absent-*/a.conf;") == set()


def test_hidden_files_fit_no_pattern(image: LocalImage) -> None:
    image.add("/etc/server/conf.d/.a.conf", "root /srv/pages;")
    assert kept(image, "include conf.d/*a.conf;") == {"/etc/server/conf.d/a.conf"}


@pytest.mark.parametrize("name", ["mod.so", "key.pem", "ca.crt", "site.key"])
def test_included_files_that_are_no_configuration_are_not_read(image: LocalImage, name: str) -> None:
    image.add(f"/etc/server/{name}", "root /srv/pages;")
    assert kept(image, f"include {name};") == {f"/etc/server/{name}"}
    assert image.reads == [CONFIG]


def test_a_large_configuration_stays_but_is_not_read(image: LocalImage) -> None:
    image.add("/etc/server/large.conf", "root /srv/pages;" + " " * CONFIG_LIMIT)
    assert kept(image, "include large.conf;") == {"/etc/server/large.conf"}


def test_the_number_of_configurations_and_arguments_is_bounded(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add("/etc/server/conf.d/a.conf", "root /srv/pages;")
    monkeypatch.setattr(follower, "_CONFIGS", 1)
    assert kept(image, "include conf.d/a.conf;") == {"/etc/server/conf.d/a.conf"}
    monkeypatch.setattr(follower, "_ARGUMENTS", 1)
    assert kept(image, "a_file /etc/users; include conf.d/a.conf;") == {"/etc/users"}


def test_a_root_is_kept_once(image: LocalImage) -> None:
    image.add("/usr/share/nginx/srv/pages/other.html", "x")
    image.add(CONFIG, "root /srv/pages;\nroot /srv/pages/;\nroot /srv/absent;")
    keepset = run(ANALYZER, image.view(opened(CONFIG, by="/usr/sbin/nginx")), CONFIG)
    [reason] = keepset.reasons["/srv/pages/index.html"]
    assert reason.detail == f"in /srv/pages, a document root of {CONFIG}"


def test_a_file_may_be_a_root(image: LocalImage) -> None:
    assert kept(image, "alias /srv/pages/index.html;") == {"/srv/pages/index.html"}


def test_the_reasons_tell_who_names_a_file_and_how(image: LocalImage) -> None:
    image.add(CONFIG, "include conf.d/a.conf;\nauth_basic_user_file /etc/users;")
    keepset = run(ANALYZER, image.view(opened(CONFIG, by="/usr/sbin/nginx")), CONFIG)
    details = [keepset.reasons[path][0].detail for path in ("/etc/server/conf.d/a.conf", "/etc/users")]
    assert details == [f"included by {CONFIG}, include", f"named by {CONFIG}, auth_basic_user_file"]


@pytest.mark.parametrize("path", ["/etc/users$1", "/etc/%s", "http://x/etc/users", "/", "./.", "users"])
def test_what_is_no_path_names_no_file(image: LocalImage, path: str) -> None:
    assert kept(image, f"a_file {path};") == set()


def test_the_systems_own_files_are_no_configuration(image: LocalImage) -> None:
    image.add("/etc/nsswitch.conf", "root /srv/pages;")
    assert kept(image, "root /srv/pages;", config="/etc/nsswitch.conf") == set()


def test_hostile_globs_take_bounded_time(image: LocalImage) -> None:
    for number in range(300):
        image.add(f"/srv/pages/{'a' * 100}{number}", "x")
    with work_of_at_most(2000):
        kept(image, "include /srv/pages/" + "*a" * 100 + "b;\n" + "include /*/*/*/*/*;\n" * 50)
