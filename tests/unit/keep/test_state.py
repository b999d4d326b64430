"""Folders in which an app keeps state stay whole; folders with code, logs, caches and the system's own folders do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep import notices
from slimmer.keep.apps import state as rule
from slimmer.keep.apps import state_places
from slimmer.keep.apps.state import ANALYZER
from slimmer.observe.log import Access, Operation
from slimmer.testing import LocalImage, by_rule, opened, run


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def made(path: str, by: str = "/usr/bin/app") -> Access:
    """Return an access that makes a new file."""
    return Access(Operation.CREATE, path, path, False, 1, by)


def kept(image: LocalImage, *accesses: Access, rule_name: str = rule.RULE) -> set[str]:
    """Return the files that the rule keeps."""
    files = {entry.path for entry in image.tree() if entry.is_file}
    return by_rule(run(ANALYZER, image.view(*accesses)), rule_name) & files


def test_a_database_folder_stays_with_databases_that_nobody_opened(image: LocalImage) -> None:
    for path in ("ibdata1", "mysql/db.MAI", "shop/item.ibd", "shop/db.opt"):
        image.add(f"/var/lib/mysql/{path}", "x")
    image.add("/var/lib/other/data", "x")
    found = kept(image, opened("/var/lib/mysql/ibdata1", operation="write"))
    assert found == {f"/var/lib/mysql/{path}" for path in ("ibdata1", "mysql/db.MAI", "shop/item.ibd", "shop/db.opt")}


@pytest.mark.parametrize(
    ("access", "others", "found"),
    [
        ("/var/spool/mail/new/9.eml", "/var/spool/mail/new/1.eml /var/spool/mail/done/2.eml", 2),
        ("/var/lib/wiki/data/cache/x/1", "/var/lib/wiki/data/pages/start.txt /var/lib/wiki/conf/acl", 2),
        ("/data/queue/9", "/data/queue/1 /data/queue/2", 2),
        ("/srv/app/uploads/9.png", "/srv/app/uploads/1.png /srv/app/app.py", 1),
        ("/srv/store/in/9", "/srv/store/in/1 /srv/store/out/2", 2),
        ("/srv/app/app.log", "/srv/app/node_modules/x/index.js /srv/app/data/1", 0),
        ("/opt/big/x.dat", "/opt/big/bin/tool /opt/big/lib/libx.so", 0),
        ("/opt/big/data/x.dat", "/opt/big/bin/tool.so /opt/big/data/y.dat", 1),
        ("/srv/app/logs/9.log", "/srv/app/logs/1.log", 0),
        ("/srv/app/.cache/9", "/srv/app/.cache/1", 0),
        ("/tmp/9", "/tmp/1", 0),
        ("/run/9.pid", "/run/1.pid", 0),
        ("/var/log/9", "/var/log/1", 0),
        ("/var/cache/app/9", "/var/cache/app/1", 0),
        ("/etc/app/9", "/etc/app/1", 0),
        ("/9", "/1 /srv/2", 0),
        ("/srv/9", "/srv/1 /srv/a/2", 0),
        ("/usr/share/app/9", "/usr/share/app/1", 0),
        ("/usr/lib/python3/dist-packages/x/__pycache__/9.pyc", "/usr/lib/python3/dist-packages/x/__pycache__/1.pyc", 0),
        ("/var/lib/apt/lists/9", "/var/lib/apt/lists/1", 0),
        ("/var/lib/gems/3/gems/x/9", "/var/lib/gems/3/gems/x/1", 0),
        ("/root/9", "/root/1", 0),
    ],
)
def test_where_files_are_made(image: LocalImage, access: str, others: str, found: int) -> None:
    for path in others.split():
        image.add(path, "x")
    assert len(kept(image, made(access))) == found


def test_a_folder_that_an_app_makes_sure_of_is_its_state(image: LocalImage) -> None:
    image.add("/srv/app/app.py", "x")
    image.add("/srv/app/uploads/1.png", "x")
    assert kept(image, opened("/srv/app/uploads", operation="create")) == {"/srv/app/uploads/1.png"}
    assert not kept(image, opened("/srv/app/uploads", operation="create", by="/usr/bin/mkdir"))


def test_a_listed_folder_of_another_user_stays(image: LocalImage) -> None:
    for path in ("/srv/inbox/1.eml", "/srv/app/main.py", "/srv/app/pages/1.txt"):
        image.add(path, "x")
    listing = [opened(path, operation="read-dir") for path in ("/srv/inbox", "/srv/app")]
    assert not kept(image, *listing)
    image.give("/srv/inbox", 1000)
    image.give("/srv/app", 1000)
    assert kept(image, *listing) == {"/srv/inbox/1.eml"}


def test_databases_of_one_kind_beside_code(image: LocalImage) -> None:
    for name in ("a.db", "b.db", "c.txt", "app.py", "x.log", "y.log"):
        image.add(f"/srv/app/{name}", "x")
    found = kept(image, opened("/srv/app/a.db", operation="write"), opened("/srv/app/x.log", operation="write"))
    assert found == {"/srv/app/a.db", "/srv/app/b.db"}


def test_git_repositories_stay_with_those_beside_them_and_their_hooks_count_as_programs(image: LocalImage) -> None:
    for name in ("a.git", "b.git"):
        for path in ("HEAD", "refs/heads/main", "objects/ab/cd", "hooks/update.sample"):
            image.add(f"/srv/git/{name}/{path}", "x", mode=0o755)
        image.add(f"/srv/git/{name}/hooks/post-receive", "#!/bin/sh\n", mode=0o755)
    image.add("/srv/git/notes.txt")
    access = opened("/srv/git/a.git/objects/ab/cd", by="/usr/bin/git")
    found = kept(image, access)
    assert {"/srv/git/a.git/refs/heads/main", "/srv/git/b.git/objects/ab/cd"} <= found
    assert "/srv/git/notes.txt" not in found
    hooks = kept(image, access, rule_name="program")
    assert hooks == {"/srv/git/a.git/hooks/post-receive", "/srv/git/b.git/hooks/post-receive"}


def test_opening_only_head_does_not_make_a_repository_state(image: LocalImage) -> None:
    for path in ("HEAD", "refs/heads/main", "objects/ab/cd"):
        image.add(f"/srv/app/.git/{path}", "x")
    assert not kept(image, opened("/srv/app/.git/HEAD"))


def test_a_note_tells_the_size(image: LocalImage) -> None:
    image.add("/var/lib/shop/shop.db", "x" * 1500)
    image.add("/var/lib/shop/more/1", "x" * 1500)
    view = image.view(opened("/var/lib/shop/shop.db", operation="write"))
    assert list(notices.notes(view.tree, run(ANALYZER, view))) == ["the app's state stays whole: /var/lib/shop (3 kB)"]


def test_the_search_for_code_is_bounded(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        image.add(f"/srv/store/{number}", "x")
    monkeypatch.setattr(state_places, "LOOKED_AT", 10)
    assert not kept(image, made("/srv/store/x"))


def test_an_image_without_signs_costs_nothing(image: LocalImage) -> None:
    image.add("/app/main")
    assert ANALYZER.start(image.view(opened("/app/main"))) is None
