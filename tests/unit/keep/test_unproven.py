"""The user learns which commands and packages nothing used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.packages import DPKG_STATUS
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
