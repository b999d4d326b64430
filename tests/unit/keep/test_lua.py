"""What the Lua rule keeps, for small apps: of the plain interpreters, and of nginx with Lua in its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.keepset import KeepSet
from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.lua.language import LUA
from slimmer.keep.languages.lua.nginx import configuration
from slimmer.keep.languages.lua.reader import Facts, read
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.testing import LocalImage, by_rule, opened, run

ANALYZER = LanguageAnalyzer(LUA)
APP = "/srv/app/main.lua"
NGINX = "/etc/nginx/sites-available/shop"
SHARE, LIB = "/usr/local/share/lua/5.4", "/usr/local/lib/lua/5.4"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept_of(image: LocalImage, *others: str, path: str = "/opt/?.lua;;") -> KeepSet:
    """What the rule keeps after a run of the app's source with lua5.4."""
    config = ImageConfig(
        "sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin", f"LUA_PATH={path}")
    )
    return run(ANALYZER, image.view(*(opened(one, by="/usr/bin/lua5.4") for one in (APP, *others)), config=config))


def served(image: LocalImage, conf: str, *others: str) -> KeepSet:
    """What the rule keeps after nginx has read a configuration, and what it always loads."""
    image.add(NGINX, conf)
    core = "/usr/share/lua/5.1/resty/core.lua"
    image.add(core)
    config = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/usr/bin",))
    seen = (opened(one, by="/usr/sbin/nginx") for one in (NGINX, core, *others))
    return run(ANALYZER, image.view(*seen, config=config))


def test_modules_are_found_along_the_load_path(image: LocalImage) -> None:
    image.add(
        APP,
        'local one = require "one"\nlocal function late() return require("two.part").x end\n'
        "pcall(require, 'three'); require [[four.core]]; require 'five.deep'; require 'nowhere' -- require 'six'\n",
    )
    places = [
        "/srv/app/one.lua",
        "/opt/two/part.lua",
        f"{SHARE}/three/init.lua",
        f"{LIB}/four/core.so",
        f"{LIB}/five.so",
    ]
    for path in (*places, f"{SHARE}/one.lua", f"{SHARE}/six.lua", "/usr/local/share/lua/5.1/nowhere.lua"):
        image.add(path)
    kept = kept_of(image)
    assert by_rule(kept, "lua") == set(places)
    assert [str(why) for why in kept.reasons["/opt/two/part.lua"]] == [f"lua: required by {APP} in late()"]


def test_assignments_to_package_path_count(image: LocalImage) -> None:
    image.add(
        APP,
        'local here = debug.getinfo(1, "S").source:sub(2):match("(.*/)")\n'
        'package.path = here .. "src/?.lua;" .. package.path\n'
        'package.cpath = package.cpath .. ";/opt/native/?.so"\n'
        'require "inner"; require "fast"',
    )
    for path in ("/srv/app/src/inner.lua", "/opt/native/fast.so", "/srv/app/other/inner.lua"):
        image.add(path)
    assert by_rule(kept_of(image), "lua") == {"/srv/app/src/inner.lua", "/opt/native/fast.so"}


def test_where_a_module_was_found_others_are_looked_for(image: LocalImage) -> None:
    image.add(APP, 'require "shop.cart"; if late then require "shop.pay" end')
    for path in ("/data/code/shop/cart.lua", "/data/code/shop/pay.lua", "/data/shop/pay.lua"):
        image.add(path)
    assert by_rule(kept_of(image, "/data/code/shop/cart.lua"), "lua") == {
        "/data/code/shop/cart.lua",
        "/data/code/shop/pay.lua",
    }


def test_computed_names_stand_for_all_that_fit(image: LocalImage) -> None:
    image.add(
        APP,
        'require("pay.by_" .. kind); require("plugins." .. name .. ".handler")\n'
        'require(("drivers.%s"):format(db)); require(x .. "." .. y)',
    )
    fit = ["pay/by_card.lua", "pay/by_cash/init.lua", "plugins/a/handler.lua", "drivers/sqlite.so"]
    for name in (*fit, "pay/tax.lua", "plugins/a/schema.lua", "other.lua"):
        image.add(f"/srv/app/{name}")
    assert by_rule(kept_of(image), "lua") == {f"/srv/app/{name}" for name in fit}


def test_a_module_requires_those_beside_it(image: LocalImage) -> None:
    image.add(APP, 'require "shop.cart"')
    image.add("/srv/app/shop/cart.lua", 'require((...):match("(.-)[^.]+$") .. "price")')
    for name in ("shop/price.lua", "price.lua"):
        image.add(f"/srv/app/{name}")
    assert by_rule(kept_of(image), "lua") == {"/srv/app/shop/cart.lua", "/srv/app/shop/price.lua"}


def test_a_library_brings_its_own_and_no_options(image: LocalImage) -> None:
    image.add(APP, 'require "web.server"')
    late = "local function late() require 'web.tls'; require 'cloud' end\n"
    image.add(f"{SHARE}/web/server.lua", f"require 'log'\n{late}open '/srv/app/notes.txt'; os.execute 'wc'")
    for path in (f"{SHARE}/web/tls.lua", f"{SHARE}/cloud.lua", f"{SHARE}/log.lua", "/srv/app/notes.txt"):
        image.add(path)
    image.add("/usr/bin/wc", mode=0o755)
    kept = kept_of(image)
    assert by_rule(kept, "lua") == {f"{SHARE}/{name}.lua" for name in ("web/server", "web/tls", "log")}
    assert "/srv/app/notes.txt" not in kept and "/usr/bin/wc" not in kept


def test_a_rock_keeps_its_description(image: LocalImage) -> None:
    image.add(APP, 'require "web"')
    rocks = "/usr/local/lib/luarocks/rocks-5.4"
    image.add(f"{SHARE}/web/init.lua")
    for name in (
        "manifest",
        "web/1.0-1/web-1.0-1.rockspec",
        "web/1.0-1/doc/index.html",
        "other/2-1/other-2-1.rockspec",
    ):
        image.add(f"{rocks}/{name}")
    assert by_rule(kept_of(image), "lua") == {
        f"{SHARE}/web/init.lua",
        f"{rocks}/manifest",
        f"{rocks}/web/1.0-1/web-1.0-1.rockspec",
    }


def test_an_app_brings_what_it_names(image: LocalImage) -> None:
    image.add(
        APP,
        'io.open("data/prices.csv"); dofile("conf/settings.lua"); render(root .. "/pages/" .. name .. ".html")\n'
        'io.popen("TZ=Asia/Tokyo sort -r data/log.txt | head"); ffi.load("fast"); pipe.spawn({"cut", "-c1"})',
    )
    image.add("/srv/app/conf/settings.lua", 'require "behind"')
    named = [
        "/srv/app/data/prices.csv",
        "/srv/app/data/log.txt",
        "/srv/app/pages/a.html",
        "/usr/share/zoneinfo/Asia/Tokyo",
    ]
    for path in (*named, "/srv/app/behind.lua", "/usr/lib/libfast.so", "/usr/lib/libslow.so", "/srv/app/pages/b.txt"):
        image.add(path)
    for program in ("sort", "head", "cut", "wc"):
        image.add(f"/usr/bin/{program}", mode=0o755)
    kept = kept_of(image)
    assert by_rule(kept, "lua") == {"/srv/app/behind.lua", "/usr/lib/libfast.so"}
    assert set(named) <= by_rule(kept, "named-path")
    assert by_rule(kept, "program") == {"/usr/bin/sort", "/usr/bin/head", "/usr/bin/cut"}
    assert "/srv/app/pages/b.txt" not in kept


def test_the_lua_of_a_configuration_is_followed(image: LocalImage) -> None:
    for path in ("/srv/shop/cart.lua", "/srv/shop/by_card.lua", "/srv/pages/front.lua", "/srv/shop/old.lua"):
        image.add(path, 'require "late"' if "front" in path else "")
    image.add("/srv/shop/late.lua")
    kept = served(
        image,
        "lua_package_path '/srv/shop/?.lua;;';\nserver { location / {\n"
        '  content_by_lua_block { local shut = "}" -- }\n require "cart" }\n'
        "  # access_by_lua_block { require 'old' }\n"
        "  access_by_lua 'require(\\'by_\\' .. ngx.var.kind)';\n"
        "  rewrite_by_lua_file /srv/pages/$page.lua; } }\n",
    )
    assert by_rule(kept, "lua") == {"/srv/shop/cart.lua", "/srv/shop/by_card.lua", "/srv/shop/late.lua"}
    assert by_rule(kept, "named-path") == {"/srv/pages/front.lua"}


def test_other_files_that_nginx_opens_are_not_read(image: LocalImage) -> None:
    image.add("/srv/www/page", 'require "cart"')
    image.add("/srv/shop/cart.lua")
    kept = served(image, "lua_package_path '/srv/shop/?.lua';", "/srv/www/page")
    assert by_rule(kept, "lua") == set()


def test_nginx_without_lua_starts_nothing(image: LocalImage) -> None:
    image.add("/etc/nginx/nginx.conf", "events {}")
    assert ANALYZER.start(image.view(opened("/etc/nginx/nginx.conf", by="/usr/sbin/nginx"))) is None


def test_blocks_end_with_their_own_brace() -> None:
    said = configuration(
        b"x_by_lua_block { f[==[ } ]==] --[[ } ]] '}' {1} } y_by_lua_block{ g } z_by_lua_file a/$b.lua;"
    )
    assert said.code.split() == b"do f[==[ } ]==] --[[ } ]] '}' {1} end".split()
    assert said.files == ("a/\0.lua",)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\0", b"(" * 200_000, b"[[" * 100_000, b"--[=[" * 50_000, b"a=" * 100_000, b"f(" * 100_000],
    ids=["empty", "no text", "brackets", "long texts", "comments", "assignments", "calls"],
)
def test_a_hostile_source_leaves_its_neighbours(image: LocalImage, content: bytes) -> None:
    image.add(APP, 'require "hostile"; require "friendly"')
    image.add("/srv/app/hostile.lua", content)
    image.add("/srv/app/friendly.lua", 'require "behind"')
    image.add("/srv/app/behind.lua")
    assert {"/srv/app/hostile.lua", "/srv/app/behind.lua"} <= by_rule(kept_of(image), "lua")


def test_a_script_and_a_configuration_are_told_apart() -> None:
    source = b'#!/usr/bin/lua\nrequire "a"'
    assert read(Source("", source, Origin.APP)).requests == read(Source(".lua", source, Origin.APP)).requests
    assert read(Source("", b'require "a"', Origin.APP)) == Facts()
