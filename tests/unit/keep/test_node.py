"""The Node rule, for small apps laid out as Node expects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.node.language import NODE
from slimmer.keep.languages.node.pnp import PackageMap, archive_of, read_map
from slimmer.keep.languages.node.reader import LIBRARY_LIMIT, read
from slimmer.keep.languages.node.tsconfig import Config, read_config
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.keep.script_image import ScriptImage
from tests.unit.local_image import followed, follower, opened
from tests.work import work_of_at_most

node = follower(LanguageAnalyzer(NODE))

APP = "/srv/app/server.js"
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin",))


class NodeImage(ScriptImage):
    """An image with an app under /srv/app and Node."""

    def manifest(self, folder: str, **fields: object) -> None:
        """Add a package.json to a folder."""
        self.add(f"{folder}/package.json", json.dumps(fields))


@pytest.fixture
def image(tmp_path: Path) -> NodeImage:
    return NodeImage(tmp_path, node, app=APP, program="/usr/bin/node", config=CONFIG)


def modules(*names: str) -> set[str]:
    return {f"/srv/app/node_modules/{name}" for name in names}


def test_modules_are_found_however_they_are_asked_for(image: NodeImage) -> None:
    image.add(
        APP,
        """
        import first from "./first.mjs";
        export { second } from './second.js';
        function late() { return require("./third"); }
        const fourth = () => import(`./fourth.js`);
        const where = require.resolve("./fifth");
        // require("./comment")
        const text = 'require("./quoted")';
        """,
    )
    for name in ("first.mjs", "second.js", "third.js", "fourth.js", "fifth/index.js", "comment.js", "quoted.js"):
        image.add(f"/srv/app/{name}")
    expected = ("first.mjs", "second.js", "third.js", "fourth.js", "fifth/index.js")
    assert image.kept() == {f"/srv/app/{name}" for name in expected}


def test_modules_and_commands_within_other_texts(image: NodeImage) -> None:
    image.add(
        APP,
        """
        console.log("version " + require("./first").version + " of " + "./second.txt");
        const greeting = `Hello ${require("./third").name}`;
        const head = "at " + require("child_process").execSync("git rev-parse HEAD");
        """,
    )
    for name in ("first.js", "second.txt", "third.js"):
        image.add(f"/srv/app/{name}")
    image.add("/usr/bin/git", "program", mode=0o755)
    assert image.kept() == {"/srv/app/first.js", "/srv/app/third.js", "/usr/bin/git"}


def test_who_asked_is_told_with_the_function(image: NodeImage) -> None:
    image.add(APP, "async function late() {\n  await import('./report.js');\n}\n")
    image.add("/srv/app/report.js")
    context = image.context(opened(APP, by="/usr/bin/node"))
    (reason,) = followed(context, node, APP).reasons("/srv/app/report.js")
    assert str(reason) == "node: imported by /srv/app/server.js in late()"
    assert reason.cause == APP


def test_what_modules_load_is_followed_and_cycles_end(image: NodeImage) -> None:
    image.add(APP, "require('a')")
    image.add("/srv/app/node_modules/a/index.js", "require('b')")
    image.manifest("/srv/app/node_modules/a", name="a", dependencies={"b": "1"})
    image.add("/srv/app/node_modules/a/node_modules/b/index.js", "require('a')")
    image.add("/srv/app/node_modules/b/index.js", "the wrong one")
    assert image.kept() == modules("a/index.js", "a/package.json", "a/node_modules/b/index.js")


def test_main_may_lack_its_suffix_and_may_be_a_folder(image: NodeImage) -> None:
    image.add(APP, "require('a'); require('b'); require('c/sub')")
    image.manifest("/srv/app/node_modules/a", main="lib/a")
    image.add("/srv/app/node_modules/a/lib/a.js")
    image.manifest("/srv/app/node_modules/b", main="./lib")
    image.add("/srv/app/node_modules/b/lib/index.js")
    image.manifest("/srv/app/node_modules/c/sub", main="../real.js")
    image.add("/srv/app/node_modules/c/real.js")
    expected = ("a/lib/a.js", "a/package.json", "b/lib/index.js", "b/package.json", "c/real.js")
    assert image.kept() == modules(*expected)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ("require('p')", "cjs/index.cjs"),
        ("import p from 'p'", "esm/index.mjs"),
        ("require('p/feature')", "cjs/feature.cjs"),
        ("require('p/many/x/y')", "files/x/y.js"),
        ("require('p/hidden.js')", "hidden.js"),
        ("require('p/old/thing.js')", "legacy/thing.js"),
    ],
)
def test_exports_decide_by_condition_and_pattern(image: NodeImage, asks: str, expected: str) -> None:
    image.add(APP, asks)
    image.manifest(
        "/srv/app/node_modules/p",
        name="p",
        main="./wrong.js",
        exports={
            ".": {
                "types": "./t.d.ts",
                "node": {"import": "./esm/index.mjs", "require": "./cjs/index.cjs"},
                "default": "./wrong.js",
            },
            "./feature": ["not-valid", {"require": "./cjs/feature.cjs"}],
            "./many/*": "./files/*.js",
            "./many/private/*": None,
            "./old/": "./legacy/",
        },
    )
    for name in (
        "wrong.js",
        "esm/index.mjs",
        "cjs/index.cjs",
        "cjs/feature.cjs",
        "files/x/y.js",
        "hidden.js",
        "legacy/thing.js",
    ):
        image.add(f"/srv/app/node_modules/p/{name}")
    assert image.kept() == modules(f"p/{expected}", "p/package.json")


def test_conditions_of_the_command_line_count(image: NodeImage) -> None:
    image.add(APP, "require('p')")
    image.manifest("/srv/app/node_modules/p", name="p", exports={"development": "./dev.js", "default": "./prod.js"})
    image.add("/srv/app/node_modules/p/dev.js")
    image.add("/srv/app/node_modules/p/prod.js")
    assert image.kept() == modules("p/prod.js", "p/package.json")
    config = ImageConfig("sha256:1", "amd64", "linux", cmd=("node", "-C", "development", "server.js"))
    assert image.kept(config=config) == modules("p/dev.js", "p/package.json")


def test_imports_of_the_package_and_the_package_itself(image: NodeImage) -> None:
    image.manifest(
        "/srv/app",
        name="me",
        exports={"./own": "./own.js"},
        imports={"#db": "pg", "#lib/*": "./lib/*.js", "#loop": "#loop"},
    )
    image.add(APP, "require('#db'); require('#lib/one'); require('me/own'); require('#loop')")
    image.add("/srv/app/node_modules/pg/index.js")
    image.add("/srv/app/lib/one.js")
    image.add("/srv/app/own.js")
    expected = {"/srv/app/package.json", "/srv/app/lib/one.js", "/srv/app/own.js"}
    assert image.kept() == modules("pg/index.js") | expected


def test_links_are_followed_as_pnpm_needs_them(image: NodeImage) -> None:
    image.add(APP, "require('a')")
    image.link("/srv/app/node_modules/a", ".pnpm/a@1/node_modules/a")
    store = "/srv/app/node_modules/.pnpm"
    image.add(f"{store}/a@1/node_modules/a/index.js", "require('b')")
    image.link(f"{store}/a@1/node_modules/b", "../../b@2/node_modules/b")
    image.add(f"{store}/b@2/node_modules/b/index.js")
    assert image.kept() == {
        "/srv/app/node_modules/a",
        f"{store}/a@1/node_modules/a/index.js",
        f"{store}/a@1/node_modules/b",
        f"{store}/b@2/node_modules/b/index.js",
    }


def test_builtin_modules_win_over_packages_of_their_name(image: NodeImage) -> None:
    image.add(APP, "require('events'); require('node:util'); require('fs/promises'); require('punycode/')")
    for name in ("events", "util", "fs", "punycode"):
        image.add(f"/srv/app/node_modules/{name}/index.js")
    assert image.kept() == modules("punycode/index.js")


def test_node_path_and_shared_folders_are_searched_last(image: NodeImage) -> None:
    image.add(APP, "require('a'); require('b')")
    image.add("/opt/shared/a/index.js")
    image.add("/usr/share/nodejs/a/index.js")
    image.add("/usr/share/nodejs/b.js")
    image.add("/usr/share/nodejs/b/index.js")
    config = ImageConfig("sha256:1", "amd64", "linux", env=("NODE_PATH=/opt/shared",))
    assert "/opt/shared/a/index.js" in image.kept(config=config)
    assert "/usr/share/nodejs/b/index.js" in image.kept(config=config) or "/usr/share/nodejs/b.js" in image.kept(
        config=config
    )
    assert "/usr/share/nodejs/a/index.js" not in image.kept(config=config)


@pytest.mark.parametrize("join", ["join", "path.resolve", "(0, node_path_1.resolve)"])
def test_sources_that_a_library_starts_as_threads_are_followed(image: NodeImage, join: str) -> None:
    image.add(APP, "require('threaded')")
    image.manifest("/srv/app/node_modules/threaded", name="threaded", dependencies={"real-require": "*"})
    image.add(
        "/srv/app/node_modules/threaded/index.js",
        f"function late() {{ new Worker({join}(__dirname, 'lib', 'worker.js')) }}",
    )
    image.add("/srv/app/node_modules/threaded/lib/worker.js", "const { realImport } = require('real-require')")
    image.add("/srv/app/node_modules/real-require/index.js")
    assert modules("threaded/lib/worker.js", "real-require/index.js") <= image.kept()


@pytest.mark.parametrize("padding", ["", "/" * LIBRARY_LIMIT])
def test_modules_of_webassembly_lie_beside_the_source_that_names_them(image: NodeImage, padding: str) -> None:
    image.add(APP, "require('sql')")
    image.add("/srv/app/node_modules/sql/index.js", f"//{padding}\nrequire('fs').readFileSync(place + 'sql.wasm')")
    image.add("/srv/app/node_modules/sql/sql.wasm")
    image.add("/srv/app/node_modules/sql/sql-debug.wasm")
    kept = image.kept()
    assert modules("sql/sql.wasm") <= kept
    assert modules("sql/sql-debug.wasm").isdisjoint(kept)


@pytest.mark.parametrize(
    "source",
    [
        "require('./config/' + (process.env.MODE || 'production'))",
        "const mode = process.env.MODE ?? 'production'; require(`./config/${mode}.js`)",
        "const mode = process.env.MODE || 'production'; load(path.join(__dirname, 'config', mode + '.js'))",
    ],
)
def test_a_default_stands_for_all_that_may_be_chosen(image: NodeImage, source: str) -> None:
    image.add(APP, f"const path = require('path'); {source}")
    found = {"/srv/app/config/production.js", "/srv/app/config/staging.js"}
    for path in (*found, "/srv/app/other.js"):
        image.add(path)
    assert image.kept() == found


def test_a_long_library_loads_by_a_computed_name(image: NodeImage) -> None:
    image.add(APP, "require('dates')")
    load = "function f(name) { var load; load = require; load('./locale/' + name); }"
    image.add("/srv/app/node_modules/dates/index.js", f"{load}\n//{'/' * LIBRARY_LIMIT}")
    found = modules("dates/locale/de.js", "dates/locale/fr.js")
    for path in (*found, "/srv/app/node_modules/dates/other.js"):
        image.add(path)
    assert image.kept() == found | modules("dates/index.js")


def test_what_a_library_tries_without_declaring_it_is_left(image: NodeImage) -> None:
    image.add(APP, "require('ws')")
    image.manifest("/srv/app", dependencies={"ws": "8", "driver": "1"})
    image.manifest("/srv/app/node_modules/ws", name="ws", dependencies={"declared": "1"})
    image.add(
        "/srv/app/node_modules/ws/index.js",
        """
        try { require('by-chance') } catch (error) {}
        module.exports = () => [require('declared'), require('driver'), require('./own')];
        """,
    )
    for name in ("by-chance", "declared", "driver"):
        image.add(f"/srv/app/node_modules/{name}/index.js")
    image.add("/srv/app/node_modules/ws/own.js")
    expected = modules("ws/index.js", "ws/own.js", "ws/package.json", "declared/index.js", "driver/index.js")
    assert image.kept() == expected | {"/srv/app/package.json"}


def test_dependencies_that_are_named_in_a_text_or_wanted_as_peers(image: NodeImage) -> None:
    image.manifest("/srv/app", dependencies={"knex": "1", "pg": "1", "ejs": "1", "unused": "1"})
    image.add(APP, "require('knex'); app.set('view engine', 'ejs');")
    image.manifest("/srv/app/node_modules/knex", name="knex", peerDependencies={"pg": "*"})
    for name in ("knex", "pg", "ejs", "unused"):
        image.add(f"/srv/app/node_modules/{name}/index.js")
    assert image.kept() == modules("knex/index.js", "knex/package.json", "pg/index.js", "ejs/index.js") | {
        "/srv/app/package.json"
    }


def test_computed_names_stand_for_all_that_fit(image: NodeImage) -> None:
    image.add(APP, "const load = (n) => require('./plugins/' + n); const d = (n) => require(`./db/${n}/index.js`);")
    for name in (
        "plugins/a.js",
        "plugins/b.js",
        "plugins/readme.md",
        "db/pg/index.js",
        "db/my/index.js",
        "db/my/other.js",
    ):
        image.add(f"/srv/app/{name}")
    expected = ("plugins/a.js", "plugins/b.js", "db/pg/index.js", "db/my/index.js")
    assert image.kept() == {f"/srv/app/{name}" for name in expected}


def test_folders_and_files_that_the_app_names(image: NodeImage) -> None:
    image.add(
        "/srv/app/src/server.js",
        """
        const ROOT = path.resolve(__dirname, "..");
        app.set("views", path.join(ROOT, "views"));
        app.use(express.static("public"));
        const worker = new Worker(new URL("./worker.mjs", import.meta.url));
        fs.readFileSync(process.cwd() + "/data/terms.txt");
        response.sendFile(`${ROOT}/errors/${code}.html`);
        const page = "words";
        """,
    )
    named = (
        "views/a.ejs",
        "views/partials/b.ejs",
        "public/style.css",
        "data/terms.txt",
        "errors/404.html",
        "src/worker.mjs",
    )
    others = ("data/other.txt", "errors/readme.txt", "words/w.txt", "src/other.js", "node_modules/x/views/a.ejs")
    for name in (*named, *others):
        image.add(f"/srv/app/{name}")
    assert image.kept("/srv/app/src/server.js") == {f"/srv/app/{name}" for name in named}


def test_named_folders_are_bounded_and_never_the_app_or_the_system(image: NodeImage) -> None:
    image.add(
        APP, "use(path.join(__dirname, '.')); use(path.join(__dirname, '..')); use('/usr'); use('/etc/'); use('big')"
    )
    image.add("/srv/app/big/file.bin", b"x" * (11 << 20))
    image.add("/srv/app/other.txt")
    image.add("/usr/share/x")
    image.add("/etc/passwd")
    assert image.kept() == set()


def test_commands_that_are_started_are_found_on_the_path(image: NodeImage) -> None:
    image.add(APP, "spawn('convert', ['a']); exec(`git log ${x} | head -1`); execFile('/opt/tool'); spawn('nothing')")
    for path in ("/usr/bin/convert", "/usr/bin/git", "/usr/bin/head", "/opt/tool", "/usr/bin/log"):
        image.add(path, mode=0o755)
    image.add("/usr/bin/nothing", mode=0o644)
    image.add("/bin/sh", mode=0o755)
    assert image.kept() == {"/usr/bin/convert", "/usr/bin/git", "/usr/bin/head", "/opt/tool", "/bin/sh"}


def test_programs_that_no_shell_starts_need_none(image: NodeImage) -> None:
    image.add(APP, "spawn('git', ['log']); execFile('wc')")
    for path in ("/usr/bin/git", "/usr/bin/wc", "/bin/sh"):
        image.add(path, mode=0o755)
    assert image.kept() == {"/usr/bin/git", "/usr/bin/wc"}


def test_views_where_express_looks_without_being_told(image: NodeImage) -> None:
    image.add("/srv/app/src/server.js", "app.get('/', (q, r) => r.render('page'))")
    image.add("/srv/app/views/page.ejs")
    image.add("/srv/app/other/page.ejs")
    image.manifest("/srv/app", name="app")
    assert image.kept("/srv/app/src/server.js") == {"/srv/app/views/page.ejs", "/srv/app/package.json"}


def test_addons_and_packages_of_this_platform(image: NodeImage) -> None:
    image.add(APP, "require('sqlite'); require('sharp')")
    image.manifest("/srv/app/node_modules/sqlite", name="sqlite", dependencies={"bindings": "1"})
    image.add("/srv/app/node_modules/sqlite/index.js", "require('bindings')('sqlite.node')")
    image.add("/srv/app/node_modules/bindings/index.js")
    addons = ("build/Release/sqlite.node", "build/Release/obj.target/sqlite.node", "prebuilds/linux-x64/a.glibc.node")
    for name in (
        *addons,
        "prebuilds/linux-x64/a.musl.node",
        "prebuilds/darwin-x64/a.node",
        "prebuilds/linux-arm64/a.node",
    ):
        image.add(f"/srv/app/node_modules/sqlite/{name}")
    optional = {"@img/sharp-linux-x64": "1", "@img/sharp-linuxmusl-x64": "1", "@img/sharp-darwin-arm64": "1"}
    image.manifest("/srv/app/node_modules/sharp", name="sharp", optionalDependencies=optional)
    image.add("/srv/app/node_modules/sharp/index.js", "require(`@img/sharp-${runtime}/sharp.node`)")
    for name in optional:
        image.add(f"/srv/app/node_modules/{name}/lib/sharp.node")
    kept = image.kept()
    assert {path for path in kept if path.endswith(".node")} == modules(
        "sqlite/build/Release/sqlite.node",
        "sqlite/prebuilds/linux-x64/a.glibc.node",
        "@img/sharp-linux-x64/lib/sharp.node",
    )


def test_typescript_that_is_run_as_it_is(image: NodeImage) -> None:
    image.add("/srv/app/server.ts", "import { a } from './a.js';\nconst f = (x: number): any => import('./b');\n")
    image.add("/srv/app/a.ts", "import data = require('./c');")
    image.add("/srv/app/b.ts")
    image.add("/srv/app/c.cts")
    assert image.kept("/srv/app/server.ts") == {"/srv/app/a.ts", "/srv/app/b.ts", "/srv/app/c.cts"}


def test_programs_without_a_suffix_are_sources_when_node_opened_them(image: NodeImage) -> None:
    image.add("/srv/app/bin/www", "#!/usr/bin/env node\nrequire('../app')")
    image.add("/srv/app/app.js")
    assert image.kept("/srv/app/bin/www") == {"/srv/app/app.js"}


def test_scripts_that_node_did_not_open_are_not_even_read(image: NodeImage) -> None:
    image.add("/srv/site/page.js", "import './other.js'")
    image.add("/srv/site/other.js")
    context = image.context(opened("/srv/site/page.js", by="/usr/sbin/nginx"))
    assert "/srv/site/other.js" not in followed(context, node, "/srv/site/page.js")
    assert image.reads == []


def test_packages_of_both_kinds_of_modules_keep_the_manifest_that_names_them(image: NodeImage) -> None:
    image.add(APP, "function late() { return require('long') }")
    image.manifest("/srv/app/node_modules/long", name="long", main="umd/index.js", dependencies={"deep": "1"})
    image.manifest("/srv/app/node_modules/long/umd", type="commonjs")
    image.manifest("/srv/app/node_modules/deep", name="deep")
    image.add("/srv/app/node_modules/deep/index.js")
    image.add("/srv/app/node_modules/long/umd/index.js", "try { require('deep') } catch {}")
    files = ("long/umd/index.js", "long/umd/package.json", "long/package.json", "deep/index.js", "deep/package.json")
    assert image.kept() == modules(*files)


def test_computed_names_within_another_package(image: NodeImage) -> None:
    image.add(APP, "const f = name => require(`dates/locale/${name}`); const g = name => require(`other${name}`)")
    image.manifest("/srv/app/node_modules/dates", name="dates")
    for name in ("dates/locale/de.js", "dates/locale/fr/index.js", "dates/main.js", "other/index.js"):
        image.add(f"/srv/app/node_modules/{name}")
    assert image.kept() == modules("dates/locale/de.js", "dates/locale/fr/index.js", "dates/package.json")


def test_what_a_bundler_made_stays_whole(image: NodeImage) -> None:
    image.manifest("/srv/app", dependencies={"sharp": "1"})
    image.manifest("/srv/app/.next", type="commonjs")
    image.manifest("/srv/app/node_modules/next", name="next")
    image.manifest("/srv/app/node_modules/sharp", name="sharp", main="index.js")
    image.add("/srv/app/node_modules/next/images.js", "try { require(process.env.OTHER || 'sharp') } catch {}")
    image.add("/srv/app/node_modules/sharp/index.js")
    image.add("/srv/app/.next/server/pages/late.js", "require('next/images.js')")
    for name in ("static/chunks/1.js", "routes.json", "server/app/a.html", "static/chunks/1.js.map", "cache/1.pack"):
        image.add(f"/srv/app/.next/{name}")
    image.add("/srv/app/.next/server/start.js")
    kept = image.kept("/srv/app/.next/server/start.js")
    made = ("static/chunks/1.js", "routes.json", "server/app/a.html", "server/pages/late.js")
    assert {f"/srv/app/.next/{name}" for name in made} | modules("next/images.js", "sharp/index.js") <= kept
    assert not {f"/srv/app/.next/{name}" for name in ("static/chunks/1.js.map", "cache/1.pack")} & kept


def test_plain_folders_of_bundlers_are_known_by_the_manifest_beside_them(image: NodeImage) -> None:
    for place in ("/srv/app", "/srv/other"):
        image.add(f"{place}/dist/main.js")
        image.add(f"{place}/dist/chunk-1.js")
    image.manifest("/srv/app")
    assert "/srv/app/dist/chunk-1.js" in image.kept("/srv/app/dist/main.js")
    assert "/srv/other/dist/chunk-1.js" not in image.kept("/srv/other/dist/main.js")


def test_long_bundles_are_searched_for_what_they_ask_in_plain_words(image: NodeImage) -> None:
    image.add(APP, "/* " + "x" * (1 << 20) + " */ require('a'); import b from \"b\"")
    image.add("/srv/app/node_modules/a/index.js")
    image.add("/srv/app/node_modules/b/index.js")
    assert image.kept() == modules("a/index.js", "b/index.js")


@pytest.mark.parametrize(
    "content",
    [
        b"(" * 300_000,
        b"`${" * 100_000,
        b"require(" * 50_000,
        b"a+" * 100_000 + b"require('./x')",
        b"path.join(__dirname," * 20_000,
        b"\xff\xfe\x00require('./x')",
        b"require('./" + b"../" * 100_000 + b"x')",
        b"require('" + b"\\" * 99 + b"')",
        b"const a = a + a; const b = b; require(a)",
        "require('./\udcff\ud800')".encode(errors="surrogatepass"),
    ],
)
def test_hostile_sources_end_soon(image: NodeImage, content: bytes) -> None:
    image.add(APP, content)
    with work_of_at_most(1000):
        assert image.kept() <= {"/srv/app/x.js"}


def test_a_long_word_in_a_bundle_takes_little_time() -> None:
    with work_of_at_most(100):
        assert read(Source(".js", b"x" * (1 << 20) + b" = require('a')", Origin.APP)).requests


@pytest.mark.parametrize(
    "manifest",
    [
        "[" * 100_000,
        '{"exports": ' + '{"default": ' * 500 + '"./x"' + "}" * 501,
        '{"exports": {"./*": "' + "*" * 100_000 + '"}}',
        '{"name": "a", "exports": {".": "a", "./b": "#b"}, "imports": {"#b": "a/b"}}',
        '{"main": 7, "dependencies": [], "name": {}, "exports": 3, "optionalDependencies": "x"}',
        '{"main": "../../../../../../etc/passwd"}',
        "[]",
        "\0",
    ],
)
def test_hostile_manifests_do_no_harm(image: NodeImage, manifest: str) -> None:
    image.add("/etc/shadow")
    image.add(APP, "require('a'); require('a/b'); require('a/" + "c" * 400 + "')")
    image.add("/srv/app/node_modules/a/package.json", manifest)
    image.add("/srv/app/node_modules/a/index.js", "require('a'); require('#b'); require('a/b')")
    assert "/etc/shadow" not in image.kept()


@pytest.mark.parametrize(
    "source",
    [
        "import { createRequire } from 'module'; const load = createRequire(import.meta.url); load('./late');",
        "import { createRequire as make } from 'node:module'; const load = make(import.meta.url); load.resolve('./late');",
        "const { createRequire: make } = require('module'); const load = make(__filename); load('./late');",
        "var module$1 = require('module'); const require$1 = module$1.createRequire(__filename); () => require$1('./late');",
        "const load = (0, module_1.createRequire)(__filename); load('./late');",
        "require('module').createRequire(__filename)('./late');",
        "const load = typeof __webpack_require__ === 'function' ? __non_webpack_require__ : require; load('./late');",
    ],
)
def test_a_require_of_any_name_loads_modules(image: NodeImage, source: str) -> None:
    image.add(APP, source)
    image.add("/srv/app/late.js")
    assert image.kept() == {"/srv/app/late.js"}


def test_a_long_library_loads_by_a_require_of_its_own(image: NodeImage) -> None:
    image.add(APP, 'require("paper")')
    image.manifest("/srv/app/node_modules/paper", name="paper", main="paper.js", imports={"#fonts/*": "./fonts/*.cjs"})
    made = "const require$1 = module$1.createRequire(__filename);\nconst fonts = () => require$1('#fonts/Courier');"
    image.add("/srv/app/node_modules/paper/paper.js", f"{made}\n/* {' ' * LIBRARY_LIMIT} */")
    for name in ("Courier", "Times"):
        image.add(f"/srv/app/node_modules/paper/fonts/{name}.cjs")
    assert image.kept() == modules("paper/package.json", "paper/paper.js", "paper/fonts/Courier.cjs")


def test_computed_names_follow_the_maps_of_packages(image: NodeImage) -> None:
    image.add(APP, "const load = (x) => [import(`#texts/${x}`), import(`dates/locale/${x}.js`)]")
    image.manifest("/srv/app", name="app", imports={"#texts/*": "./texts/*.mjs"}, dependencies={"dates": "1"})
    image.manifest("/srv/app/node_modules/dates", name="dates", exports={"./locale/*": "./lib/locale/*"})
    for path in ("texts/de.mjs", "texts/en.mjs", "texts/en.txt", "node_modules/dates/lib/locale/de.js"):
        image.add(f"/srv/app/{path}")
    image.add("/srv/app/node_modules/dates/lib/other/de.js")
    kept = image.kept() - {"/srv/app/package.json"}
    assert kept == {
        "/srv/app/texts/de.mjs",
        "/srv/app/texts/en.mjs",
        *modules("dates/lib/locale/de.js", "dates/package.json"),
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for (const f of globSync('src/**/*.job.{js,cjs}')) require(f)", {"src/a.job.js", "src/deep/b.job.cjs"}),
        ("for (const f of glob.sync(__dirname + '/**/*.job.js')) require(f)", {"src/a.job.js", "src/deep/c.job.js"}),
        ("fs.readdirSync(__dirname).forEach((f) => require(path.join(__dirname, f)))", {"plain.js"}),
        ("require(path.join(__dirname, process.argv[2]))", set()),
        ("const load = (a, b) => require(path.join(__dirname, 'src', a, `${b}.job.js`))", {"src/deep/c.job.js"}),
    ],
)
def test_modules_that_are_found_by_listing_a_folder(image: NodeImage, source: str, expected: set[str]) -> None:
    image.add(APP, source)
    for path in (
        "plain.js",
        "src/a.job.js",
        "src/deep/b.job.cjs",
        "src/deep/c.job.js",
        "src/deep/d.txt",
        "node_modules/x/e.job.js",
    ):
        image.add(f"/srv/app/{path}")
    if "src/**/" in source:
        expected = expected | {"src/deep/c.job.js"}
    assert image.kept() == {f"/srv/app/{path}" for path in expected}


def test_aliases_of_typescript(image: NodeImage) -> None:
    image.add(APP, "")
    image.add(
        "/srv/app/src/main.ts",
        'import "@lib/md"; import "shared/log"; import(`@lib/${x}`); import "zod"; import "./kind.js"',
    )
    image.add(
        "/srv/app/tsconfig.json",
        """{ // comments count, "as": /* JSON with comments */
          "extends": ["./base", "@team/config/strict.json"], "compilerOptions": {"baseUrl": "./src",}, }""",
    )
    image.add("/srv/app/base.json", '{"compilerOptions": {"paths": {"@lib/*": ["missing/*", "lib/*"]}}}')
    image.add("/srv/app/node_modules/@team/config/strict.json", "{}")
    for path in ("src/lib/md.ts", "src/lib/late.ts", "src/shared/log.ts", "src/kind.ts", "node_modules/zod/index.js"):
        image.add(f"/srv/app/{path}")
    image.add("/srv/app/src/other.ts")
    expected = {
        "tsconfig.json",
        "base.json",
        "node_modules/@team/config/strict.json",
        "src/lib/md.ts",
        "src/lib/late.ts",
    }
    expected |= {"src/shared/log.ts", "src/kind.ts", "node_modules/zod/index.js"}
    assert image.kept("/srv/app/src/main.ts") == {f"/srv/app/{path}" for path in expected}


@pytest.mark.parametrize(
    ("content", "config", "package"),
    [
        ("export default () => <p/>", "{}", "react"),
        ("/** @jsxImportSource preact */ export default () => <p/>", "{}", "preact"),
        ("export default () => <p/>", '{"compilerOptions": {"jsxImportSource": "hono/jsx"}}', "hono/jsx"),
    ],
)
def test_jsx_needs_its_runtime(image: NodeImage, content: str, config: str, package: str) -> None:
    image.add("/srv/app/page.tsx", content)
    image.add("/srv/app/tsconfig.json", config)
    for name in ("react", "preact", "hono/jsx"):
        image.add(f"/srv/app/node_modules/{name}/jsx-runtime.js")
    assert image.kept("/srv/app/page.tsx") == {"/srv/app/tsconfig.json", *modules(f"{package}/jsx-runtime.js")}


def test_an_import_of_typescript_may_become_a_require(image: NodeImage) -> None:
    exports = {"bun": "./bun.js", "import": "./new.mjs", "require": "./old.cjs"}
    image.manifest("/srv/app/node_modules/both", name="both", exports=exports)
    for name in ("bun.js", "new.mjs", "old.cjs"):
        image.add(f"/srv/app/node_modules/both/{name}")
    image.add("/srv/app/main.ts", 'import both from "both"')
    assert image.kept("/srv/app/main.ts") == modules("both/package.json", "both/new.mjs", "both/old.cjs")
    assert image.kept("/srv/app/main.ts", by="/usr/bin/bun") == modules("both/package.json", "both/bun.js")


@pytest.mark.parametrize("program", ["bun", "bun.exe", "bunx.exe", "bun-linux-x64-baseline", "deno", "node22"])
def test_every_runtime_of_javascript_counts(image: NodeImage, program: str) -> None:
    image.add(APP, 'import("./late")')
    image.add("/srv/app/late.ts")
    assert image.kept(by=f"/usr/local/bin/{program}") == {"/srv/app/late.ts"}


def test_packages_that_deno_keeps_in_its_own_folder(image: NodeImage) -> None:
    cache = "/deno-dir/npm/npm.example.org"
    image.add(APP, 'import "npm:chalk@5/source"; import "ms"')
    image.add("/srv/app/deno.json", '{"imports": {"ms": "npm:ms@^2", "@/": "./src/"}}')
    image.manifest(
        f"{cache}/chalk/5.4.1", name="chalk", exports={"./source": "./source/index.js"}, dependencies={"colour": "1"}
    )
    image.add(f"{cache}/chalk/5.4.1/source/index.js", 'const late = () => require("colour")')
    image.manifest(f"{cache}/chalk/4.9.0", name="chalk")
    for name, version in (("ms", "2.1.3"), ("colour", "1.0.0")):
        image.manifest(f"{cache}/{name}/{version}", name=name, main="index.js")
        image.add(f"{cache}/{name}/{version}/index.js")
    kept = image.kept(by="/usr/bin/deno", config=replace(CONFIG, env=(*CONFIG.env, "DENO_DIR=/deno-dir")))
    code = {"chalk/5.4.1/source/index.js", "ms/2.1.3/index.js", "colour/1.0.0/index.js"}
    described = {"chalk/5.4.1/package.json", "ms/2.1.3/package.json", "colour/1.0.0/package.json"}
    assert kept == {"/srv/app/deno.json", *(f"{cache}/{path}" for path in code | described)}


PNP = r"""#!/usr/bin/env node
const RAW_RUNTIME_STATE =
'{\
  "ignorePatternData": "(^(?:\\\\.yarn)$)",\
  "packageRegistryData": [\
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["web", "virtual:1#npm:1"], ["late", "npm:1"], ["sharp", "npm:1"], ["unused", "npm:1"]]}]]],\
    ["web", [["virtual:1#npm:1", {"packageLocation": "./.yarn/__virtual__/web-virtual-1/0/cache/web.zip/node_modules/web/", "packageDependencies": [["alias", ["real", "npm:2"]]]}]]],\
    ["real", [["npm:2", {"packageLocation": "./.yarn/cache/real.zip/node_modules/real/", "packageDependencies": [["web", "virtual:1#npm:1"]]}]]],\
    ["late", [["npm:1", {"packageLocation": "../cache/late.zip/node_modules/late/", "packageDependencies": []}]]],\
    ["sharp", [["npm:1", {"packageLocation": "./.yarn/unplugged/sharp/node_modules/sharp/", "packageDependencies": [["sharp-win32", "npm:1"]]}]]],\
    ["sharp-win32", [["npm:1", {"packageLocation": "./.yarn/unplugged/sharp-win32/node_modules/sharp-win32/", "packageDependencies": []}]]],\
    ["unused", [["npm:1", {"packageLocation": "./.yarn/cache/unused.zip/node_modules/unused/", "packageDependencies": []}]]]\
  ]\
}';
"""


@pytest.mark.parametrize("form", ["text", "call", "data"])
def test_archives_of_plug_and_play_stay_whole(image: NodeImage, form: str) -> None:
    data = PNP[PNP.index("'") + 1 : PNP.rindex("'")].replace("\\\n", "\n").replace("\\\\", "\\")
    written = {"text": PNP, "call": f"hydrateRuntimeState({data}, {{basePath: __dirname}})", "data": data}[form]
    pnp = "/srv/app/.pnp.data.json" if form == "data" else "/srv/app/.pnp.cjs"
    image.add(pnp, written)
    image.add(APP, 'require("web"); const late = () => [require("late/part"), require("sharp")]')
    unplugged = "/srv/app/.yarn/unplugged"
    places = [
        "/srv/app/.yarn/cache/real.zip",
        "/srv/cache/late.zip",
        f"{unplugged}/sharp/node_modules/sharp/build/sharp.node",
    ]
    others = ["/srv/app/.yarn/cache/unused.zip", f"{unplugged}/sharp-win32/node_modules/sharp-win32/x.node"]
    for path in ("/srv/app/.yarn/cache/web.zip", *places, *others):
        image.add(path)
    image.manifest(f"{unplugged}/sharp/node_modules/sharp", name="sharp", main="index.js")
    image.add(f"{unplugged}/sharp/node_modules/sharp/index.js")
    expected = {"/srv/app/.yarn/cache/web.zip", *places}
    expected |= {f"{unplugged}/sharp/node_modules/sharp/{name}" for name in ("index.js", "package.json")}
    assert image.kept(APP, pnp) == expected


def test_other_commands_of_a_package_that_was_started(image: NodeImage) -> None:
    tool, other = "/usr/local/lib/node_modules/tool", "/usr/local/lib/node_modules/other"
    for folder in (tool, other):
        image.manifest(folder, name="tool", bin={"run": "bin/run", "list": "./bin/list"})
        image.add(f"{folder}/bin/run", "#!/usr/bin/env node\n", mode=0o755)
        image.add(f"{folder}/bin/list", "#!/usr/bin/env node\nrequire('../lib/list')", mode=0o755)
        image.add(f"{folder}/lib/list.js")
    kept = image.kept(f"{tool}/bin/run")
    assert kept == {f"{tool}/{name}" for name in ("package.json", "bin/list", "lib/list.js")}


def test_files_that_scripts_of_the_app_start(image: NodeImage) -> None:
    scripts = {
        "start": "node server",
        "migrate": "node ./jobs/migrate && seed-all --now",
        "test": "node ./jobs/check.js",
    }
    image.add(APP, "")
    image.manifest("/srv/app", name="app", scripts=scripts, bin="./cli.js")
    for path in ("cli.js", "jobs/migrate.js", "jobs/check.js", "node_modules/.bin/seed-all"):
        image.add(f"/srv/app/{path}")
    expected = {"/srv/app/package.json", "/srv/app/cli.js", "/srv/app/jobs/migrate.js"}
    assert image.kept() == expected
    npm = "/usr/local/lib/node_modules/npm/bin/npm-cli.js"
    image.add(npm)
    assert image.kept(APP, npm) == expected | {"/srv/app/node_modules/.bin/seed-all"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'"' + b'\\"' * 100_000,
        b"/*" * 100_000,
        b"{," + b" ," * 100_000,
        b'{"extends": [1, {}], "compilerOptions": {"paths": {"*/*": ["x"], "@": 1, "~": [2]}, "baseUrl": 3}, "imports": [4]}',
        b'{"packageRegistryData": [1, [2], ["a", [["b", {"packageLocation": 5}], ["c", {"packageLocation": "./d"}]]]]}',
        b"const RAW_RUNTIME_STATE =\n'" + b"\\" * 100_000,
        b"hydrateRuntimeState({",
    ],
)
def test_hostile_configurations_and_maps_do_no_harm(content: bytes) -> None:
    with work_of_at_most(400):
        assert read_config(content) == Config() or content.startswith(b'{"extends"')
        assert read_map(content) == PackageMap() or content.startswith(b'{"packageRegistryData"')
    assert read_config(content).aliases == ()
    assert {one.location for one in read_map(content).packages} <= {"./d"}


def test_configurations_that_extend_each_other_end_soon(image: NodeImage) -> None:
    image.add("/srv/app/main.ts", 'import "@/late"')
    image.add("/srv/app/tsconfig.json", '{"extends": ["./b.json", "./missing"]}')
    image.add("/srv/app/b.json", '{"extends": "./tsconfig.json", "compilerOptions": {"paths": {"@/*": ["./lib/*"]}}}')
    image.add("/srv/app/lib/late.ts")
    assert image.kept("/srv/app/main.ts") == {f"/srv/app/{name}" for name in ("tsconfig.json", "b.json", "lib/late.ts")}


def test_native_libraries_are_named_to_be_opened(image: NodeImage) -> None:
    for name in ("libmagic.so.1", "libother.so.2"):
        image.add(f"/usr/lib/{name}", b"\x7fELF")
    image.add(APP, "const koffi = require('koffi')\nfunction late() { return koffi.load('libmagic.so.1') }\n")
    assert "/usr/lib/libmagic.so.1" in image.kept() and "/usr/lib/libother.so.2" not in image.kept()


def test_a_path_through_many_archives_takes_little_time() -> None:
    with work_of_at_most(5):
        assert all(archive_of("/x.zip" * 680) == "/x.zip" for _ in range(3000))


def test_a_configuration_extends_few_others() -> None:
    names = [f"./{number}.json" for number in range(1000)]
    assert read_config(json.dumps({"extends": names}).encode()).extends == tuple(names[:8])
