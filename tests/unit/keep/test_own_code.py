"""The app's own code that nothing touched: what counts in each language, and all that does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.ecosystems import ecosystems
from slimmer.keep.keepset import KeepSet, Reason
from slimmer.keep.unproven import own_code
from slimmer.keep.unproven.own_code import untouched_code
from slimmer.observe.log import PROBE, Access
from slimmer.testing import LocalImage, opened
from slimmer.unexercised import CodeKind, UntouchedFile

CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/app")
NOWHERE = KeepSet({})
CODE = "something\n"


@dataclass(frozen=True)
class App:
    """An app in one language: its program, a file that it opened, one that it did not, and files that are no code of the app's own."""

    program: str
    used: str
    unused: tuple[str, ...]
    others: tuple[str, ...] = ()


APPS = {
    "python": App(
        "/usr/local/bin/python3.11",
        "/app/shop/views.py",
        ("/app/shop/billing.py", "/app/worker/jobs.py"),
        (
            "/app/shop/__pycache__/billing.cpython-311.pyc", "/app/tests/test_cart.py", "/app/conftest.py", "/app/setup.py",
            "/app/shop/types.pyi", "/app/.venv/lib/python3.11/site-packages/six.py", "/app/static/app.js", "/app/README.md",
        ),
    ),
    "node": App(
        "/usr/local/bin/node",
        "/app/server.js",
        ("/app/lib/mail.js",),
        (
            "/app/node_modules/express/index.js", "/app/public/page.js", "/app/webpack.config.js", "/app/lib/mail.test.js", "/app/lib/mail.d.ts",
            "/app/src/mail.ts", "/app/lib/mail.js.map", "/app/.eslintrc.js", "/app/__tests__/mail.js", "/app/vite.config.mjs",
        ),
    ),
    "ruby": App(
        "/usr/local/bin/ruby",
        "/app/app.rb",
        ("/app/lib/mail.rb",),
        ("/app/vendor/bundle/ruby/3.1.0/gems/rack-3.0/lib/rack.rb", "/app/spec/mail_spec.rb", "/app/Gemfile", "/app/test/mail.rb"),
    ),
    "php": App(
        "/usr/local/sbin/php-fpm",
        "/app/index.php",
        ("/app/src/Mail.php",),
        ("/app/vendor/acme/mail/Mail.php", "/app/tests/MailTest.php", "/app/src/MailTest.php"),
    ),
    "perl": App("/usr/bin/perl", "/app/lib/Shop.pm", ("/app/lib/Shop/Mail.pm",), ("/app/t/mail.t",)),
    "shell": App("/usr/bin/bash", "/app/run.sh", ("/app/migrate.sh",), ("/app/Makefile", "/app/ci/check.sh")),
    "java": App(
        "/opt/java/openjdk/bin/java",
        "/app/classes/Shop.class",
        ("/app/classes/Mail.class",),
        ("/app/classes/Shop$1.class", "/app/lib/mail-1.2.jar", "/app/src/Shop.java", "/opt/java/openjdk/lib/Tool.class"),
    ),
    "erlang": App("/usr/lib/erlang/bin/beam.smp", "/app/ebin/shop.beam", ("/app/ebin/mail.beam",), ("/app/src/mail.erl",)),
    "lua": App(
        "/usr/bin/lua5.4", "/app/main.lua", ("/app/mail.lua",), ("/app/lua_modules/share/lua/5.4/json.lua", "/app/mail_spec.lua")
    ),
    "dotnet": App("/usr/share/dotnet/dotnet", "/app/Shop.dll", (), ("/app/Vendor.Mail.dll", "/app/Shop.pdb")),
}  # fmt: skip
"""By the name of the language. .NET's own assemblies cannot be told from those of packages by their names."""


def app_in(folder: Path, app: App) -> LocalImage:
    image = LocalImage(folder)
    for path in (app.used, *app.unused, *app.others):
        image.add(path, CODE)
    return image


def found(
    image: LocalImage, *accesses: Access, kept: KeepSet = NOWHERE, config: ImageConfig = CONFIG
) -> list[UntouchedFile]:
    return list(untouched_code(image.view(*accesses, config=config), kept))


def paths(files: Iterable[UntouchedFile]) -> list[str]:
    return [file.path for file in files]


def test_every_language_has_an_app() -> None:
    assert set(APPS) == {one.id for one in ecosystems()}


@pytest.mark.parametrize("language", APPS)
def test_modules_that_nothing_opened_are_named_and_nothing_else(tmp_path: Path, language: str) -> None:
    app = APPS[language]
    files = found(app_in(tmp_path, app), opened(app.used, by=app.program))
    assert paths(files) == list(app.unused)
    assert {file.kind for file in files} <= {CodeKind.MODULE}


@pytest.mark.parametrize("language", APPS)
def test_an_app_that_used_all_its_code_has_none(tmp_path: Path, language: str) -> None:
    app = APPS[language]
    assert found(app_in(tmp_path, app), *(opened(path, by=app.program) for path in (app.used, *app.unused))) == []


@pytest.mark.parametrize("language", APPS)
def test_what_the_policy_keeps_is_named_with_its_rule(tmp_path: Path, language: str) -> None:
    app = APPS[language]
    reasons = (Reason("leads-to", "x"), Reason("margin", "near"), Reason("python", "imported"))
    kept = KeepSet(dict.fromkeys(app.unused, reasons))
    files = found(app_in(tmp_path, app), opened(app.used, by=app.program), kept=kept)
    assert [(file.path, file.kept, file.rule) for file in files] == [(path, True, "margin") for path in app.unused]


@pytest.mark.parametrize(
    "compiled", ["/app/shop/__pycache__/billing.cpython-311.pyc", "/app/shop/billing.pyc", "/app/shop/billing.py"]
)
def test_a_source_whose_compiled_form_ran_was_touched(tmp_path: Path, compiled: str) -> None:
    image = LocalImage(tmp_path)
    for path in {"/app/shop/billing.py", "/app/shop/mail.py", compiled}:
        image.add(path, CODE)
    assert paths(found(image, opened(compiled, by="/usr/bin/python3"))) == ["/app/shop/mail.py"]


def test_typescript_that_runs_itself_counts(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in ("/app/server.ts", "/app/mail.ts", "/app/mail.d.ts"):
        image.add(path, CODE)
    assert paths(found(image, opened("/app/server.ts", by="/usr/local/bin/bun"))) == ["/app/mail.ts"]


def test_templates_and_executables_are_told_apart_from_data(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in (
        "/app/app.py",
        "/app/templates/a.html",
        "/app/views/b.ejs",
        "/app/pages/c.html",
        "/app/templates/d.css",
    ):
        image.add(path, CODE)
    image.add("/app/empty.py")
    image.add("/app/bin/cleanup", "#!/bin/sh\n", mode=0o755)
    image.add("/app/bin/native", b"\x7fELF\x02", mode=0o755)
    image.add("/app/bin/huge", bytes((1 << 20) + 1), mode=0o755)
    image.add("/app/data.json", "{}", mode=0o755)
    image.add("/app/gradlew", "#!/bin/sh\n", mode=0o755)
    image.add("/app/libnative.so.1", b"\x7fELF\x02", mode=0o755)
    image.add("/app/plain", "#!/bin/sh\n")
    files = found(image, opened("/app/app.py", by="/usr/bin/python3"))
    assert [(file.path, file.kind.value) for file in files] == [
        ("/app/bin/cleanup", "executable"),
        ("/app/bin/huge", "executable"),
        ("/app/bin/native", "executable"),
        ("/app/templates/a.html", "template"),
        ("/app/views/b.ejs", "template"),
    ]


@pytest.mark.parametrize(
    ("used", "unused"),
    [
        ("/usr/src/app/a.py", "/usr/src/app/b/c.py"),
        ("/opt/shop/web/a.py", "/opt/shop/worker/b.py"),
        ("/home/shop/a.py", "/home/shop/b.py"),
        ("/var/www/html/a.py", "/var/www/html/b.py"),
        ("/service/a.py", "/service/b/c.py"),
    ],
)
def test_the_folders_of_the_author_count_without_a_working_directory(tmp_path: Path, used: str, unused: str) -> None:
    image = LocalImage(tmp_path)
    for path in (used, unused, "/opt/other/z.py", "/usr/lib/python3/os.py", "/etc/x.py"):
        image.add(path, CODE)
    assert paths(found(image, opened(used, by="/usr/bin/python3"), config=ImageConfig("sha256:1", "amd64", "linux"))) == [
        unused
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["/usr/local/lib/python3.11", "/opt/conda/lib/python3.11", "/usr/lib/shop", "/etc"])
def test_folders_of_the_system_and_of_runtimes_do_not_count(tmp_path: Path, folder: str) -> None:
    image = LocalImage(tmp_path)
    for name in ("os.py", "json/decoder.py"):
        image.add(f"{folder}/{name}", CODE)
    assert found(image, opened(f"{folder}/os.py", by="/usr/bin/python3")) == []


def test_a_site_s_scripts_are_no_modules(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for name in ("index.html", "app.js", "more.js"):
        image.add(f"/usr/share/nginx/html/{name}", CODE)
    assert found(image, opened("/usr/share/nginx/html/app.js", by="/usr/sbin/nginx")) == []


def test_files_of_packages_do_not_count(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in ("/app/a.py", "/app/b.py", "/app/c.py"):
        image.add(path, CODE)
    image.add("/var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nVersion: 1\n")
    image.add("/var/lib/dpkg/info/tool.list", "/app/b.py\n")
    assert paths(found(image, opened("/app/a.py", by="/usr/bin/python3"))) == ["/app/c.py"]


def test_what_the_engine_or_a_look_at_the_name_touched_is_untouched(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in ("/app/a.py", "/app/b.py", "/app/c.py"):
        image.add(path, CODE)
    python = "/usr/bin/python3"
    accesses = (
        opened("/app/a.py", by=python),
        opened("/app/b.py", by=PROBE),
        opened("/app/c.py", by=python, operation="look-up"),
    )
    assert paths(found(image, *accesses)) == ["/app/b.py", "/app/c.py"]


def test_a_hostile_image_costs_a_bounded_amount_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_code, "WALKED", 30)
    monkeypatch.setattr(own_code, "READ", 5)
    image = LocalImage(tmp_path)
    image.add("/app/a.py", CODE)
    for number in range(100):
        image.add(f"/app/bin/{number}", "#!/bin/sh\n", mode=0o755)
    files = found(image, opened("/app/a.py", by="/usr/bin/python3"))
    assert len(files) == len([path for path in image.reads if path.startswith("/app/bin")]) == 5


def test_an_image_without_an_app_has_no_code(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/bin/tool", b"\x7fELF", mode=0o755)
    assert found(image, opened("/bin/tool"), config=ImageConfig("sha256:1", "amd64", "linux")) == []


def test_folders_with_similar_names_are_looked_at_once_and_in_order(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    names = ("/app/a.py", "/app/c/d.py", "/app-two/a.py", "/app-two/b.py", "/app/b.py")
    for path in names:
        image.add(path, CODE)
    python = "/usr/bin/python3"
    files = found(image, opened("/app/a.py", by=python), opened("/app-two/a.py", by=python))
    assert paths(files) == ["/app/b.py", "/app/c/d.py", "/app-two/b.py"]


def test_a_web_app_below_www_and_celery_s_tasks_count(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in ("/var/www/shop/server.js", "/var/www/shop/mail.js", "/app/app.py", "/app/tasks.py"):
        image.add(path, CODE)
    accesses = opened("/var/www/shop/server.js", by="/usr/bin/node"), opened("/app/app.py", by="/usr/bin/python3")
    assert paths(found(image, *accesses)) == ["/app/tasks.py", "/var/www/shop/mail.js"]
