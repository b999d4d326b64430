"""The user learns which commands and packages nothing used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.packages import DPKG_STATUS
from slimmer.keep.margin import package_places
from slimmer.keep.unproven.commands import missing_commands
from slimmer.keep.unproven.requested import HISTORY, unused_packages
from slimmer.observe.log import Access, Operation
from slimmer.testing import LocalImage

CONFIG = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/usr/sbin:/usr/bin",))
SITE = "/venv/lib/python3.11/site-packages"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def started(path: str, pid: int = 1, by: str = "/usr/bin/dash") -> Access:
    return Access(Operation.EXEC, path, path, found=True, pid=pid, executable=by)


def debian(image: LocalImage, fields: Mapping[str, str] = {}, /, **packages: str) -> None:
    """Install packages with these files, which are programs if they are in a folder for them. `fields` are further lines of their paragraphs."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\n{fields.get(name, '')}\n" for name in packages
    )
    image.add(DPKG_STATUS, status)
    for name, files in packages.items():
        image.add(f"/var/lib/dpkg/info/{name}.list", "".join(f"{file}\n" for file in files.split()))
        for file in files.split():
            image.add(file, mode=0o755 if "bin/" in file else 0o644)


def test_commands_of_a_server_that_ran_are_named_with_the_options_that_keep_them(image: LocalImage) -> None:
    debian(
        image,
        varnish="/usr/sbin/varnishd /usr/bin/varnishadm /usr/lib/varnish/bin/own /usr/share/doc/x",
        dash="/usr/bin/dash /usr/bin/other",
    )
    image.add("/entry.sh", mode=0o755)
    view = image.view(started("/entry.sh"), started("/usr/bin/dash"), started("/usr/sbin/varnishd"), config=CONFIG)
    (item,) = missing_commands(view, {"/usr/sbin/varnishd"})
    assert (item.kind, item.name) == ("command", "varnish")
    assert item.what == "varnishd ran, and these commands of its package are missing: varnishadm, own"
    assert item.remedy == "--include-bin varnishadm --include-bin /usr/lib/varnish/bin/own"
    assert not list(missing_commands(view, {"/usr/sbin/varnishd", "/usr/bin/varnishadm", "/usr/lib/varnish/bin/own"}))


DATABASE = {
    "db-server-core": "/usr/sbin/dbd /usr/bin/dbcheck",
    "db-server": "/usr/bin/db-safe",
    "db-client": "/usr/bin/dbadmin /usr/bin/dbdump",
    "db-client-core": "/usr/bin/db",
    "db-basic": "/usr/bin/db-basic",
    "db-dev": "/usr/bin/db-config",
    "gawk": "/usr/bin/gawk",
}
FIELDS = {
    "db-server-core": "Source: db (1:2)\n",
    "db-server": "Source: db\nDepends: gawk, db-client (>= 1), db-basic, db-dev, db-server-core\n",
    "db-client": "Source: db\nDepends: db-client-core, absent, db-server\n",
    "db-client-core": "Source: db\n",
    "db-basic": "Source: db\nPriority: important\n",
    "db-dev": "Source: db\n",
}


def test_commands_of_packages_that_belong_to_a_servers_are_named_in_the_same_item(image: LocalImage) -> None:
    debian(image, FIELDS, **DATABASE)
    image.add("/usr/bin/dbdump", "a large program", mode=0o755)
    view = image.view(started("/usr/sbin/dbd"), config=CONFIG)
    (item,) = missing_commands(view, {"/usr/sbin/dbd"})
    assert (item.kind, item.name) == ("command", "db-server-core")
    assert item.what == (
        "dbd ran, and these commands of its package are missing: dbcheck; of db-client: dbdump, dbadmin; of db-client-core: db"
    )
    assert item.remedy == "--include-bin dbdump --include-bin dbadmin --include-bin db --include-bin dbcheck"
    kept = {"/usr/sbin/dbd", "/usr/bin/dbcheck", "/usr/bin/db", "/usr/bin/dbadmin"}
    (item,) = missing_commands(view, kept)
    assert item.what == "dbd ran, and these commands of db-client are missing: dbdump"
    assert not list(missing_commands(view, {*kept, "/usr/bin/dbdump"}))


def test_a_package_of_which_many_commands_are_missing_is_included_whole(image: LocalImage) -> None:
    debian(image, FIELDS, **DATABASE | {"db-client": " ".join(f"/usr/bin/tool-{number}" for number in range(30))})
    kept = ("/usr/sbin/dbd", "/usr/bin/dbcheck")
    (item,) = missing_commands(image.view(started("/usr/sbin/dbd"), config=CONFIG), kept)
    assert "of db-client are missing: tool-0, tool-1, tool-10, tool-11, tool-12 and 25 more; of" in item.what
    assert item.remedy == "--include-package deb:db-client --include-bin db"


def test_the_package_of_a_command_on_the_path_that_starts_a_missing_program_is_included_too(image: LocalImage) -> None:
    fields = {"pg-15": "Source: pg\nDepends: pg-client\n", "pg-client": "Source: pg\n"}
    debian(image, fields, **{"pg-15": "/usr/lib/pg/bin/postgres", "pg-client": "/usr/lib/pg/bin/pg_dump", "common": ""})
    image.add("/usr/share/common/wrapper", mode=0o755)
    image.link("/usr/bin/pg_dump", "../share/common/wrapper")
    image.add("/var/lib/dpkg/info/common.list", "/usr/bin/pg_dump\n/usr/share/common/wrapper\n")
    (item,) = missing_commands(image.view(started("/usr/lib/pg/bin/postgres"), config=CONFIG), ())
    assert item.remedy.startswith("--include-package deb:common --include-bin /usr/lib/pg/bin/pg_dump ")


def test_many_packages_that_need_each_other_are_looked_at_within_bounds(image: LocalImage) -> None:
    names = ["server", *(f"part{number}" for number in range(500))]
    fields = {name: f"Source: all\nDepends: {', '.join(names)}\n" for name in names}
    debian(image, fields, **{name: f"/usr/sbin/{name} /usr/bin/{name}-tool" for name in names})
    (item,) = missing_commands(image.view(started("/usr/sbin/server"), config=CONFIG), {"/usr/sbin/server"})
    assert len(item.what) < 500


def test_tools_that_a_script_starts_are_no_servers(image: LocalImage) -> None:
    debian(
        image,
        sed="/usr/bin/sed /usr/bin/other",
        bin="/usr/sbin/ldconfig /usr/bin/iconv",
        tini="/usr/bin/tini /usr/bin/tini-static",
    )
    view = image.view(
        started("/usr/bin/tini"), started("/usr/bin/sed", pid=7), started("/usr/sbin/ldconfig", pid=8), config=CONFIG
    )
    assert not list(missing_commands(view, ()))


NPM = "/usr/lib/node_modules/npm"


@pytest.mark.parametrize("command", ["npm", "npx", "gradle", "mvn", "bundle", "make", "gcc-12"])
def test_package_managers_and_build_tools_are_no_servers(image: LocalImage, command: str) -> None:
    debian(image, tool=f"/usr/bin/{command} /usr/bin/tool-admin")
    assert not list(missing_commands(image.view(started(f"/usr/bin/{command}"), config=CONFIG), ()))


def test_a_script_of_a_package_manager_that_a_link_starts_is_no_server(image: LocalImage) -> None:
    image.add(f"{NPM}/package.json", '{"name": "npm"}')
    for name in ("npm-cli.js", "npx-cli.js"):
        image.add(f"{NPM}/bin/{name}", mode=0o755)
    image.link("/usr/bin/npm", f"{NPM}/bin/npm-cli.js")
    access = Access(Operation.EXEC, "/usr/bin/npm", f"{NPM}/bin/npm-cli.js", found=True, pid=1, executable="")
    assert not list(missing_commands(image.view(access, config=CONFIG), ()))


def test_commands_that_change_settings_of_a_server_are_not_named(image: LocalImage) -> None:
    debian(image, web="/usr/sbin/webd /usr/sbin/a2enmod /usr/sbin/web-disable-mod /usr/sbin/webbench")
    (item,) = missing_commands(image.view(started("/usr/sbin/webd"), config=CONFIG), {"/usr/sbin/webd"})
    assert item.what == "webd ran, and these commands of its package are missing: webbench"


def test_a_server_is_named_as_it_was_started(image: LocalImage) -> None:
    debian(image, cache="/usr/bin/cache-check /usr/bin/cache-tool")
    image.link("/usr/bin/cache-server", "cache-check")
    access = Access(Operation.EXEC, "/usr/bin/cache-server", "/usr/bin/cache-check", found=True, pid=1, executable="")
    (item,) = missing_commands(image.view(access, config=CONFIG), {"/usr/bin/cache-check"})
    assert item.what == "cache-server ran, and these commands of its package are missing: cache-tool"


def dependency(image: LocalImage, folder: str, *files: str) -> set[str]:
    """Add a package of a language in a folder of its own."""
    for file in files:
        image.add(f"{folder}/{file}", "{}")
    return {f"{folder}/{file}" for file in files}


def test_direct_dependencies_in_the_apps_package_json_are_named_if_nothing_of_them_is_kept(image: LocalImage) -> None:
    names = ("web", "@corp/idle", "idle", "typed", "typescript", "nested")
    image.add(
        "/srv/app/package.json",
        json.dumps({"dependencies": dict.fromkeys((*names, "absent"), "1"), "devDependencies": {"dev": "1"}}),
    )
    app = {"/srv/app/package.json", "/srv/app/server/main.js"}
    image.add("/srv/app/server/main.js")
    modules = "/srv/app/node_modules"
    for name in (*names[:3], "typescript", "dev", "deep"):
        dependency(image, f"{modules}/{name}", "package.json", "index.js", "LICENSE", "README.md")
    dependency(image, f"{modules}/typed", "package.json", "index.d.ts")
    dependency(image, f"{modules}/web/node_modules/nested", "package.json", "index.js")
    described = {f"{modules}/{name}/{file}" for name in names for file in ("package.json", "LICENSE")}
    kept = {*app, *described, f"{modules}/web/index.js"}
    found = list(unused_packages(image.view(), kept))
    assert [(item.name, item.remedy) for item in found] == [
        ("@corp/idle", "--include-package node:@corp/idle"),
        ("idle", "--include-package node:idle"),
    ]
    assert {item.what for item in found} == {"the author installed it by name, and nothing of it was used"}
    assert not list(
        unused_packages(image.view(), {*kept, f"{modules}/idle/index.js", f"{modules}/@corp/idle/index.js"})
    )


def test_manifests_are_looked_for_in_so_many_folders(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {f"/srv/{number}/main.js" for number in range(9)}
    for number in range(9):
        image.add(f"/srv/{number}/main.js")
        image.add(f"/srv/{number}/package.json", f'{{"dependencies": {{"idle{number}": "1"}}}}')
        dependency(image, f"/srv/{number}/node_modules/idle{number}", "package.json", "index.js")
    assert len(list(unused_packages(image.view(), sorted(kept)))) == 9
    monkeypatch.setattr(package_places, "FOLDERS", 4)
    assert [item.name for item in unused_packages(image.view(), sorted(kept))] == ["idle0", "idle1", "idle2"]


def test_dependencies_of_dependencies_and_of_system_packages_are_not_named(image: LocalImage) -> None:
    debian(
        image, tool="/usr/share/tool/package.json /usr/share/tool/main.js /usr/share/tool/node_modules/idle/index.js"
    )
    for folder in ("/usr/share/tool", "/srv/app/node_modules/web"):
        image.add(f"{folder}/package.json", '{"dependencies": {"idle": "1"}}')
    dependency(image, "/usr/share/tool/node_modules/idle", "package.json", "index.js")
    dependency(image, "/srv/app/node_modules/idle", "package.json", "index.js")
    kept = {"/usr/share/tool/main.js", *dependency(image, "/srv/app/node_modules/web", "index.js")}
    assert not list(unused_packages(image.view(), kept))


def test_gems_of_the_gemfile_and_required_packages_of_composer_are_named(image: LocalImage) -> None:
    image.add("/srv/app/Gemfile", "gem 'rack', '~> 3'\ngem 'idle-gem'\ngem 'rubocop'\n")
    image.add("/srv/app/composer.json", '{"require": {"php": ">=8", "corp/used": "1", "corp/idle": "1"}}')
    image.add("/srv/app/vendor/composer/installed.json", '{"packages": []}')
    home = "/usr/local/bundle"
    for name in ("rack-3.0.1", "idle-gem-1.2", "rubocop-1.0"):
        image.add(f"{home}/specifications/{name}.gemspec")
        dependency(image, f"{home}/gems/{name}", "lib/main.rb")
    for name in ("used", "idle"):
        dependency(image, f"/srv/app/vendor/corp/{name}", "composer.json", "src/Main.php")
    image.add("/srv/app/main.rb")
    kept = {"/srv/app/main.rb", f"{home}/gems/rack-3.0.1/lib/main.rb", "/srv/app/vendor/corp/used/src/Main.php"}
    found = [(item.name, item.remedy) for item in unused_packages(image.view(), kept)]
    assert sorted(found) == [
        ("corp/idle", "--include-package php:corp/idle"),
        ("idle-gem", "--include-package ruby:idle-gem"),
    ]


@pytest.mark.parametrize("name", ["npm", "composer", "gcc-12", "gdb", "locales", "cargo"])
def test_package_managers_compilers_and_debuggers_that_apt_installed_are_not_named(
    image: LocalImage, name: str
) -> None:
    debian(image, **{name: f"/usr/share/{name}/x"})
    image.add(HISTORY, f"Commandline: apt-get install -y {name}\n")
    assert not list(unused_packages(image.view(), ()))


def test_packages_that_the_author_asked_for_are_named_if_nothing_of_them_is_kept(image: LocalImage) -> None:
    debian(
        image,
        **{
            "ldap-utils": "/usr/bin/ldapsearch",
            "slapd": "/usr/sbin/slapd",
            "libx1": "/usr/lib/x",
            "build-essential": "/usr/share/b",
            "php": "/usr/share/php",
            "php8": "/usr/bin/php8",
        },
    )
    image.add(
        HISTORY,
        "Start-Date: now\nCommandline: apt-get install -y slapd=1 ldap-utils build-essential php none\nEnd-Date: now\nCommandline: apt-get 'install\n",
    )
    for name, asked in (("used", True), ("idle", True), ("dependency", False), ("pip", True)):
        image.add(f"{SITE}/{name}/__init__.py")
        image.add(f"{SITE}/{name}-1.0.dist-info/RECORD", f"{name}/__init__.py,,\n{name}-1.0.dist-info/METADATA,,\n")
        image.add(f"{SITE}/{name}-1.0.dist-info/METADATA")
        if asked:
            image.add(f"{SITE}/{name}-1.0.dist-info/REQUESTED")
    view = image.view(config=CONFIG)
    kept = {"/usr/sbin/slapd", f"{SITE}/used/__init__.py", f"{SITE}/idle-1.0.dist-info/METADATA", "/usr/bin/php8"}
    assert [(item.name, item.remedy) for item in unused_packages(view, kept)] == [
        ("idle", "--include-package python:idle"),
        ("ldap-utils", "--include-package deb:ldap-utils"),
    ]
