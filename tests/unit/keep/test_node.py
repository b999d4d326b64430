"""The Node rule, for small apps laid out as Node expects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.node.language import NODE
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


def test_native_libraries_are_named_to_be_opened(image: NodeImage) -> None:
    for name in ("libmagic.so.1", "libother.so.2"):
        image.add(f"/usr/lib/{name}", b"\x7fELF")
    image.add(APP, "const koffi = require('koffi')\nfunction late() { return koffi.load('libmagic.so.1') }\n")
    assert "/usr/lib/libmagic.so.1" in image.kept() and "/usr/lib/libother.so.2" not in image.kept()
