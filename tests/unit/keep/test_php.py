"""The PHP rule, for small apps laid out as PHP and Composer expect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.php.language import PHP
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.keep.script_image import ScriptImage
from tests.unit.local_image import follower
from tests.work import work_of_at_most

php = follower(LanguageAnalyzer(PHP))

APP = "/srv/app/index.php"
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv", env=("PATH=/usr/bin",))


class PhpImage(ScriptImage):
    """An image with an app under /srv/app and PHP."""

    def composer(self, psr4: str = "", classmap: str = "", namespaces: str = "") -> None:
        """Add Composer's autoloader to the app, with these entries."""
        for name, entries in (("psr4", psr4), ("classmap", classmap), ("namespaces", namespaces)):
            self.add(f"/srv/app/vendor/composer/autoload_{name}.php", f"<?php\n\nreturn array(\n{entries}\n);\n")
        self.add("/srv/app/vendor/composer/autoload_real.php", "<?php")
        self.add("/srv/app/vendor/autoload.php", "<?php")


COMPOSERS = {
    f"/srv/app/vendor/{name}"
    for name in ("autoload.php", "composer/autoload_real.php", "composer/autoload_psr4.php",
                 "composer/autoload_classmap.php", "composer/autoload_namespaces.php")
}  # fmt: skip


@pytest.fixture
def image(tmp_path: Path) -> PhpImage:
    return PhpImage(tmp_path, php, app=APP, program="/usr/local/bin/php", config=CONFIG)


@pytest.mark.parametrize("server", ["/usr/local/sbin/php-fpm", "/usr/sbin/php-fpm8.2", "/usr/sbin/apache2"])
def test_files_are_found_however_they_are_included(image: PhpImage, server: str) -> None:
    image.add(
        APP,
        r"""<?php
        require __DIR__ . '/one.php';
        include_once(dirname(__FILE__) . "/two.php");
        function late() { return require 'inc/three.php'; }
        $base = dirname(__DIR__, 1);
        include "$base/shared/four.php";
        define('LIB', __DIR__ . '/lib/');
        require_once LIB . 'five.php';
        require 'PEAR/six.php';
        // require 'comment.php';
        """,
    )
    own = ("app/one.php", "app/two.php", "app/inc/three.php", "shared/four.php", "app/lib/five.php")
    for name in (*own, "app/comment.php"):
        image.add(f"/srv/{name}", "<?php")
    image.add("/usr/share/php/PEAR/six.php")
    assert image.kept(by=server) == {f"/srv/{name}" for name in own} | {"/usr/share/php/PEAR/six.php"}


def test_files_classes_and_programs_within_other_texts(image: PhpImage) -> None:
    image.composer(psr4="'Shop\\\\' => array($baseDir . '/src'),")
    image.add(
        APP,
        r"""<?php
        echo 'Hello ' . Shop\Greeter::name() . (new Shop\Date)->today();
        echo "page: " . require __DIR__ . '/page.php';
        echo 'at ' . exec('git rev-parse HEAD');
        """,
    )
    for name in ("src/Greeter.php", "src/Date.php", "page.php"):
        image.add(f"/srv/app/{name}")
    image.add("/usr/bin/git", "program", mode=0o755)
    own = {f"/srv/app/{name}" for name in ("src/Greeter.php", "src/Date.php", "page.php")}
    assert image.kept() == own | {"/usr/bin/git"} | COMPOSERS


def test_constants_of_other_files_stand_for_a_folder_above(image: PhpImage) -> None:
    image.add(
        "/srv/app/wp-admin/page.php",
        "<?php require_once ABSPATH . WPINC . '/load.php'; require ABSPATH . 'wp-admin/inc/x.php';",
    )
    image.add("/srv/app/load.php")
    image.add("/srv/app/wp-admin/inc/x.php")
    assert image.kept("/srv/app/wp-admin/page.php") == {"/srv/app/load.php", "/srv/app/wp-admin/inc/x.php"}


def test_classes_are_found_as_composer_would(image: PhpImage) -> None:
    image.composer(
        psr4="    'App\\\\' => array($baseDir . '/src'),\n    'Lib\\\\' => array($vendorDir . '/a/lib/src', $vendorDir . '/a/lib/more'),",
        classmap="    'Old_Class' => $vendorDir . '/b/old/class.php',",
        namespaces="    'Zend_' => array($vendorDir . '/c/zend/library'),",
    )
    image.add(
        APP,
        r"""<?php
        namespace Main;
        use App\Late as Short;
        use Lib\{One, Two as Other};
        function late(Hinted $x) { return [new Short, One::class, Other::make(), new \Old_Class, new \Zend_Db_Table, 'App\\Named']; }
        class Mine extends \App\Base implements \App\Face { use \App\Trait_; }
        """,
    )
    own = ("src/Late.php", "src/Named.php", "src/Base.php", "src/Face.php", "src/Trait_.php")
    vendors = ("a/lib/src/One.php", "a/lib/more/Two.php", "b/old/class.php", "c/zend/library/Zend/Db/Table.php")
    for name in (
        *own,
        "src/Named/By/Settings.php",
        "src/Tests/Unused.php",
        *(f"vendor/{name}" for name in vendors),
        "vendor/a/lib/src/Unused.php",
    ):
        image.add(f"/srv/app/{name}", "<?php")
    expected = {f"/srv/app/{name}" for name in (*own, "src/Named/By/Settings.php")} | {
        f"/srv/app/vendor/{name}" for name in vendors
    }
    assert image.kept() == expected | COMPOSERS


def test_classes_are_found_where_others_of_their_namespace_lie(image: PhpImage) -> None:
    image.add(
        APP, r"<?php use Shop\Cart; use Shop\Export\Csv; new Cart; function late($n) { return Csv::of(new Missing); }"
    )
    image.add("/srv/app/src/Cart.php", "<?php namespace Shop; class Cart {}")
    for name in ("Export/Csv", "Export/Xml", "Other"):
        image.add(f"/srv/app/src/{name}.php", "<?php")
    start = (APP, "/srv/app/src/Cart.php")
    assert image.kept(*start) == {"/srv/app/src/Export/Csv.php"}
    image.add(
        "/srv/app/src/Cart.php", r"<?php namespace Shop; function f($n) { $c = 'Shop\\Export\\' . $n; return new $c; }"
    )
    assert image.kept(*start) == {"/srv/app/src/Export/Csv.php", "/srv/app/src/Export/Xml.php"}


@pytest.mark.parametrize(
    "statement",
    [
        r"spl_autoload_register(function ($c) { $f = __DIR__.'/src/'.strtr(substr($c, 4), '\\\\', '/').'.php'; if (is_file($f)) require $f; });",
        r"function load($c) { require_once dirname(__FILE__) . '/src/' . str_replace('\\\\', '/', $c) . '.php'; } spl_autoload_register('load');",
    ],
)
def test_classes_of_an_autoloader_that_the_app_wrote(image: PhpImage, statement: str) -> None:
    image.add(APP, f"<?php\n{statement}")
    found = {"/srv/app/src/Csv.php", "/srv/app/src/Export/Deep/Xml.php"}
    for path in (*found, "/srv/app/src/vendor/x/X.php", "/srv/app/src/tests/T.php", "/srv/app/other/Y.php"):
        image.add(path, "<?php")
    assert image.kept() == found
    image.add(APP, f"<?php\n{statement.replace('spl_autoload_register', 'call')}")
    assert image.kept() == {"/srv/app/src/Csv.php"}


def test_patterns_of_files(image: PhpImage) -> None:
    image.add(APP, "<?php foreach (glob(__DIR__ . '/../changes/*.sql') as $f) { run($f); }")
    for name in ("1.sql", "2.sql", "note.txt"):
        image.add(f"/srv/changes/{name}")
    assert image.kept() == {"/srv/changes/1.sql", "/srv/changes/2.sql"}


def test_files_that_are_included_because_they_are_in_a_folder(image: PhpImage) -> None:
    image.add(
        APP,
        """<?php foreach (glob(__DIR__ . '/late/{a,b}*.php', GLOB_BRACE) as $file) { include $file; }
        foreach (new DirectoryIterator(__DIR__ . '/plugins') as $file) { include $file->getPathname(); }
        foreach (glob(__DIR__ . '/modules/*/boot.inc') as $file) { include $file; }""",
    )
    for path in ("late/a1.php", "late/c1.php", "plugins/x/plugin.php", "modules/m/boot.inc", "modules/m/other.inc"):
        image.add(f"/srv/app/{path}", f"<?php include __DIR__ . '/{path.replace('/', '-')}';")
    for name in ("late/late-a1.php", "modules/m/modules-m-boot.inc"):
        image.add(f"/srv/app/{name}")
    expected = (
        "late/a1.php",
        "late/late-a1.php",
        "plugins/x/plugin.php",
        "modules/m/boot.inc",
        "modules/m/modules-m-boot.inc",
    )
    assert image.kept() == {f"/srv/app/{path}" for path in expected}


def test_libraries_bring_their_own_and_what_they_cannot_do_without(image: PhpImage) -> None:
    image.composer(
        psr4="    'One\\\\' => array($vendorDir . '/x/one'),\n    'Two\\\\' => array($vendorDir . '/x/two'),\n"
        "    'Three\\\\' => array($vendorDir . '/x/three'),"
    )
    image.add(APP, "<?php new \\One\\A;")
    image.add(
        "/srv/app/vendor/x/one/A.php",
        "<?php namespace One; class A extends \\Two\\Base { function f(\\Two\\Hint $h) { new B; new \\Three\\C; } }",
    )
    for name in ("one/B.php", "two/Base.php", "two/Hint.php", "three/C.php"):
        image.add(f"/srv/app/vendor/x/{name}", "<?php")
    names = ("one/A.php", "one/B.php", "two/Base.php")
    assert image.kept() == {f"/srv/app/vendor/x/{name}" for name in names} | COMPOSERS


def test_libraries_bring_classes_of_the_packages_that_they_require(image: PhpImage) -> None:
    image.composer(
        psr4="    'One\\\\' => array($vendorDir . '/x/one'),\n    'Two\\\\' => array($vendorDir . '/x/two'),\n"
        "    'Three\\\\' => array($vendorDir . '/x/three'),"
    )
    installed = "/srv/app/vendor/composer/installed.json"
    image.add(installed, json.dumps({"packages": [{"name": "X/One", "require": {"php": "8", "x/two": "1"}}, 3, {}]}))
    image.add(APP, "<?php new \\One\\A;")
    image.add(
        "/srv/app/vendor/x/one/A.php", "<?php namespace One; class A { function f() { new \\Two\\B; new \\Three\\C; } }"
    )
    for name in ("two/B.php", "three/C.php"):
        image.add(f"/srv/app/vendor/x/{name}", "<?php")
    found = {f"/srv/app/vendor/x/{name}" for name in ("one/A.php", "two/B.php")}
    assert image.kept() == found | COMPOSERS | {installed}


def test_classes_of_autoloaders_with_lists(image: PhpImage) -> None:
    listed = "/usr/share/php/Nette/Schema/autoload.php"
    image.add(APP, "<?php function f() { new \\Nette\\Schema\\Expect; }")
    classes = "'nette\\\\schema\\\\expect' => '/src/Expect.php', 'nette\\\\schema\\\\other' => '/src/Other.php'"
    image.add(listed, f"<?php $classes = array({classes});")
    for name in ("Expect", "Other"):
        image.add(f"/usr/share/php/Nette/Schema/src/{name}.php", "<?php")
    assert image.kept(APP, listed) == {"/usr/share/php/Nette/Schema/src/Expect.php"}


@pytest.mark.parametrize(
    "installed", ["[", "3", '{"packages": 3}', '[{"name": [], "require": {"a": {}}}]', "[" * 10_000]
)
def test_broken_lists_of_installed_packages_do_no_harm(image: PhpImage, installed: str) -> None:
    image.composer()
    image.add("/srv/app/vendor/composer/installed.json", installed)
    image.add(APP, "<?php new \\One\\A;")
    assert image.kept() == COMPOSERS | {"/srv/app/vendor/composer/installed.json"}


def test_templates_views_and_computed_includes(image: PhpImage) -> None:
    image.add(
        APP,
        """<?php
        $t = new Loader(__DIR__ . '/mails');
        spl_autoload_register(function ($c) { require __DIR__ . '/src/' . $c . '.php'; });
        readfile('data/terms.txt');
        """,
    )
    named = ("mails/m.html", "src/Report.php", "templates/t.twig", "resources/views/v.blade.php", "data/terms.txt")
    for name in (*named, "src/readme.md", "tests/t.php", "data/other.txt"):
        image.add(f"/srv/app/{name}")
    assert image.kept() == {f"/srv/app/{name}" for name in named}


def test_programs_that_are_started(image: PhpImage) -> None:
    image.add(APP, "<?php exec('convert a b'); echo `git log`; proc_open(\"wc -l $x\", [], $p);")
    for path in ("/usr/bin/convert", "/usr/bin/git", "/usr/bin/wc", "/usr/bin/other"):
        image.add(path, mode=0o755)
    assert image.kept() == {"/usr/bin/convert", "/usr/bin/git", "/usr/bin/wc"}


def test_servers_that_open_no_php_cost_nothing(image: PhpImage) -> None:
    image.add("/srv/app/index.html", "<?php require 'x.php'")
    assert image.kept("/srv/app/index.html", by="/usr/sbin/apache2") == set()
    assert image.reads == []


@pytest.mark.parametrize(
    "content",
    [
        b"<?php " + b"(" * 200_000,
        b"<?php " + b'"{$a[' * 50_000,
        b"<?php " + b"require(" * 50_000,
        b"<?php " + b"'a'." * 100_000 + b"'b';",
        b"<?php " + b"dirname(" * 20_000,
        b"<?php " + b"<<<A\n" * 50_000,
        b"<?php " + b"if(1){" * 50_000,
        b"<?php ?>" * 50_000,
        b"<?php use " + b"A\\" * 100_000 + b"B;",
        b"<?php use A\\{" + b"B," * 100_000 + b"C};",
        b"<?php new \\" + b"A\\" * 5_000 + b"B;",
        b"\xff\xfe\x00<?php require 'x';",
        b"<?php require __DIR__ . '/" + b"../" * 200 + b"etc/passwd';",
    ],
)
def test_hostile_sources_end_soon(image: PhpImage, content: bytes) -> None:
    image.add(APP, content)
    image.add("/etc/shadow")
    with work_of_at_most(2000):
        assert image.kept() == set()


def test_hostile_maps_do_no_harm(image: PhpImage) -> None:
    image.composer(
        psr4="    'A\\\\' => array($vendorDir . '/../../../../etc'),\n    '"
        + "\\\\" * 9000
        + "' => array("
        + "$vendorDir . '" * 9000,
        classmap="    'B' => $baseDir . '" + "x" * 100_000 + "',\n" + "    '" * 100_000,
    )
    image.add(APP, "<?php new \\A\\passwd; new \\B; new \\C" + "\\D" * 100 + ";")
    image.add("/etc/shadow")
    assert image.kept() == COMPOSERS
