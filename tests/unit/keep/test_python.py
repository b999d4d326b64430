"""The Python rule, for small images with the layout of a Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import registry
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.languages.python import choices, package_data, resources, string_names
from slimmer.keep.languages.python.finder import Finder, Module
from slimmer.keep.languages.python.language import PYTHON
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.local_image import LocalImage, followed, follower, opened

APP = "/srv/app/app.py"
python = follower(LanguageAnalyzer(PYTHON))
LIBRARY = "/usr/lib/python3.11"
SITE = "/opt/venv/lib/python3.11/site-packages"
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin:/bin",))


class PythonImage(LocalImage):
    """An image with Python 3.11, a virtual environment, and an app under /srv/app."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for name in ("os.py", "json/__init__.py", "json/decoder.py", "csv.py", "encodings/__init__.py"):
            self.add(f"{LIBRARY}/{name}")
        self.add("/opt/venv/pyvenv.cfg", "home = /usr/bin\n")
        self.start = [f"{LIBRARY}/os.py", f"{LIBRARY}/encodings/__init__.py", "/opt/venv/pyvenv.cfg", APP]

    def package(self, name: str, **sources: str) -> None:
        """Install a package with the metadata of a distribution."""
        self.add(f"{SITE}/{name}/__init__.py", sources.pop("init", ""))
        for module, source in sources.items():
            self.add(f"{SITE}/{name}/{module}.py", source)
        self.add(f"{SITE}/{name}-1.0.dist-info/METADATA", "Name: x")
        self.add(f"{SITE}/{name}-1.0.dist-info/RECORD", f"{name}/__init__.py,,\n")

    def builder(self, *more: str, config: ImageConfig = CONFIG) -> KeepSetBuilder:
        return followed(self.context(config=config), python, *self.start, *more)

    def kept(self, source: str, *more: str, config: ImageConfig = CONFIG) -> set[str]:
        """Return the files that are kept besides those that were observed if the app is `source`."""
        self.add(APP, source)
        builder = self.builder(*more, config=config)
        files = {entry.path for entry in self.context().tree if entry.path in builder and not entry.is_directory}
        return files - {*self.start, *more}


@pytest.fixture
def image(tmp_path: Path) -> PythonImage:
    return PythonImage(tmp_path)


def test_a_script_without_a_suffix_is_followed_no_matter_what_opened_it(image: PythonImage) -> None:
    image.add(APP)
    scripts = {"/srv/app/hooks/notify": "csv", "/srv/app/hooks/notify.sample": "json"}
    for path, name in scripts.items():
        image.add(path, f"#!/usr/bin/env python3\ndef late():\n    import {name}\n", mode=0o755)
    context = image.context(*(opened(path, by="/usr/bin/git") for path in scripts), config=CONFIG)
    builder = followed(context, python, *image.start, *scripts)
    assert f"{LIBRARY}/csv.py" in builder
    assert f"{LIBRARY}/json/decoder.py" not in builder


def metadata(name: str) -> set[str]:
    return {f"{SITE}/{name}-1.0.dist-info/{file}" for file in ("METADATA", "RECORD")}


@pytest.mark.parametrize(
    "source",
    [
        "import json",
        "def late():\n    import json",
        "try:\n    import json\nexcept ImportError:\n    json = None",
        "import importlib\nimportlib.import_module('json')",
        "from json import loads",
        "import re\nPARSER = 'json.decoder'",
        "if __name__ == '__main__':\n    import json",
    ],
)
def test_what_the_app_imports_anywhere_is_kept(image: PythonImage, source: str) -> None:
    assert f"{LIBRARY}/json/__init__.py" in image.kept(source)


def test_what_the_app_does_not_import_is_not_kept(image: PythonImage) -> None:
    image.package("unused")
    assert image.kept("x = 1\n# import unused, json\n") == set()


def test_a_package_that_is_imported_late_comes_with_what_it_loads_and_its_metadata(image: PythonImage) -> None:
    image.package("shop", init="from . import prices\nfrom shop.cart import *", prices="import csv", cart="", other="")
    kept = image.kept("def late():\n    from shop import prices\n")
    assert kept == {f"{SITE}/shop/{name}.py" for name in ("__init__", "prices", "cart")} | metadata("shop") | {
        f"{LIBRARY}/csv.py"
    }


def test_a_librarys_functions_import_from_their_own_distribution_and_small_others(image: PythonImage) -> None:
    image.package("big")
    image.add(f"{SITE}/big/weight.bin", bytes(5 << 20))
    image.package("small")
    image.package("shop", init="def f():\n    from . import late\n    import small, big, csv\n    import pdb", late="")
    image.add(f"{LIBRARY}/pdb.py")
    kept = image.kept("import shop")
    assert {f"{SITE}/shop/late.py", f"{SITE}/small/__init__.py", f"{LIBRARY}/csv.py"} <= kept
    assert not {f"{SITE}/big/__init__.py", f"{LIBRARY}/pdb.py"} & kept


def test_a_fallback_is_kept_only_where_what_it_makes_up_for_is_missing(image: PythonImage) -> None:
    source = "try:\n    import fast\nexcept ImportError:\n    import csv\n"
    assert f"{LIBRARY}/csv.py" in image.kept(source)
    image.package("fast")
    assert f"{LIBRARY}/csv.py" not in image.kept(source)


def test_source_and_bytecode_of_the_right_version_belong_together(image: PythonImage) -> None:
    for tag in ("cpython-311", "cpython-39", "cpython-311.opt-1"):
        image.add(f"{LIBRARY}/__pycache__/csv.{tag}.pyc")
    assert image.kept("import csv") == {f"{LIBRARY}/csv.py", f"{LIBRARY}/__pycache__/csv.cpython-311.pyc"}
    observed = f"{LIBRARY}/__pycache__/csv.cpython-311.pyc"
    assert image.kept("", observed) == {f"{LIBRARY}/csv.py"}


def test_extension_modules_are_found_by_their_tags(image: PythonImage) -> None:
    dynload = f"{LIBRARY}/lib-dynload"
    image.add(f"{dynload}/_a.cpython-311-x86_64-linux-gnu.so")
    image.add(f"{dynload}/_b.abi3.so")
    image.add(f"{dynload}/_c.cpython-39-x86_64-linux-gnu.so")
    kept = image.kept("import _a, _b, _c")
    assert kept == {f"{dynload}/_a.cpython-311-x86_64-linux-gnu.so", f"{dynload}/_b.abi3.so"}


def test_a_computed_name_keeps_all_that_it_may_be(image: PythonImage) -> None:
    for name in ("__init__", "one", "two"):
        image.add(f"/srv/app/plugins/{name}.py")
    kept = image.kept("import importlib\ndef load(n):\n    return importlib.import_module(f'plugins.{n}')\n")
    assert kept == {f"/srv/app/plugins/{name}.py" for name in ("__init__", "one", "two")}


def test_only_modules_that_the_app_names_stay_if_a_computed_name_fits_too_many(image: PythonImage) -> None:
    init = "def load(name):\n    return __import__('drivers.%s' % name)\n"
    image.package("drivers", init=init, sqlite="#" * (3 << 20), oracle="#" * (3 << 20))
    kept = image.kept("import drivers\nURL = 'sqlite:///file'\n")
    assert f"{SITE}/drivers/sqlite.py" in kept and f"{SITE}/drivers/oracle.py" not in kept


def test_submodules_used_as_attributes_are_kept(image: PythonImage) -> None:
    image.package("science", stats="import csv")
    assert {f"{SITE}/science/stats.py", f"{LIBRARY}/csv.py"} <= image.kept(
        "import science as s\nscience.stats.norm(1)\n"
    )


def test_settings_name_classes_and_references(image: PythonImage) -> None:
    image.package("web", gzip="", sessions="")
    kept = image.kept("MIDDLEWARE = ['web.gzip.Middleware']\nENGINE = 'web.sessions:Store'\n")
    assert {f"{SITE}/web/gzip.py", f"{SITE}/web/sessions.py"} <= kept


def test_a_library_names_its_own_modules_in_strings(image: PythonImage) -> None:
    image.package("web", init="LOADERS = ['web.loaders.File', 'csv.x.y']\n", loaders="", other="")
    kept = image.kept("import web")
    assert f"{SITE}/web/loaders.py" in kept and not {f"{SITE}/web/other.py", f"{LIBRARY}/csv.py"} & kept


def test_encodings_that_the_app_names_are_kept_by_their_aliases(image: PythonImage) -> None:
    image.add(f"{LIBRARY}/encodings/aliases.py", "aliases = {\n 'sjis'    : 'shift_jis',\n}\n")
    image.add(f"{LIBRARY}/encodings/__init__.py", "def search(name):\n    return __import__('encodings.' + name)\n")
    for name in ("shift_jis", "cp1250", "big5", "idna"):
        image.add(f"{LIBRARY}/encodings/{name}.py", "#")
    kept = image.kept("'x'.encode('SJIS')\nopen('f', encoding='cp1250')\n")
    assert {f"{LIBRARY}/encodings/{name}.py" for name in ("shift_jis", "cp1250", "idna", "aliases")} <= kept
    assert f"{LIBRARY}/encodings/big5.py" not in kept


def test_an_app_that_takes_an_encodings_name_from_elsewhere_gets_those_that_text_comes_in(image: PythonImage) -> None:
    for name in ("shift_jis", "koi8_r", "cp037"):
        image.add(f"{LIBRARY}/encodings/{name}.py", "#")
    kept = image.kept("def f(text, name):\n    return text.encode(name)\n")
    assert {f"{LIBRARY}/encodings/{name}.py" for name in ("shift_jis", "koi8_r")} <= kept
    assert f"{LIBRARY}/encodings/cp037.py" not in kept


def test_libraries_that_decode_by_names_from_outside_get_encodings_as_the_app_does(image: PythonImage) -> None:
    koi8 = f"{LIBRARY}/encodings/koi8_r.py"
    image.add(koi8, "#")
    decodes = "import os\ndef text(self):\n    return self.body.decode(self.get('charset'))\n"
    image.package("asks", client=decodes)
    assert koi8 in image.kept("import asks.client\n")
    assert koi8 not in image.kept("import asks\n")
    image.add(f"{LIBRARY}/post/__init__.py", decodes)
    image.add(f"{LIBRARY}/web.py", "import post\n")
    assert koi8 not in image.kept("import web\n"), "the standard library uses it for itself"
    assert koi8 in image.kept("def mail():\n    import post\n")


def test_the_systems_media_types_come_with_the_module_that_reads_them(image: PythonImage) -> None:
    image.add(f"{LIBRARY}/mimetypes.py")
    image.add("/etc/mime.types", "text/plain txt")
    assert image.kept("def f():\n    import mimetypes") == {f"{LIBRARY}/mimetypes.py", "/etc/mime.types"}


def test_entry_points_of_kept_distributions_are_kept_where_their_group_is_asked_for(image: PythonImage) -> None:
    image.package("shop", init="from importlib.metadata import entry_points\nentry_points(group='shop.tills')", plug="")
    image.add(f"{SITE}/shop-1.0.dist-info/entry_points.txt", "[shop.tills]\na = shop.plug:Till\n[other]\nb = shop.no\n")
    image.add(f"{SITE}/shop/no.py")
    kept = image.kept("import shop")
    assert f"{SITE}/shop/plug.py" in kept and f"{SITE}/shop/no.py" not in kept


def test_data_beside_a_package_that_reads_it(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.package("shop", init="import os\nHERE = os.path.dirname(__file__)\n")
    image.add(f"{SITE}/shop/data/rates.json", "{}")
    image.add(f"{SITE}/shop/tests/big.json", "{}")
    assert image.kept("import shop") - metadata("shop") == {f"{SITE}/shop/__init__.py", f"{SITE}/shop/data/rates.json"}
    monkeypatch.setattr(package_data, "ENTRIES_LIMIT", 1)
    assert f"{SITE}/shop/data/rates.json" not in image.kept("import shop")


def test_only_the_nearest_and_the_named_of_too_much_data_is_kept(
    image: PythonImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_data, "DATA_LIMIT", 30)
    image.package("cloud", init="HERE = __file__\n")
    for name in ("list.json", "data/near.json", "data/s3/1.json", "data/ec2/1.json"):
        image.add(f"{SITE}/cloud/{name}", "12345678")
    kept = image.kept("import cloud\ncloud.client('s3')\n") - metadata("cloud")
    assert kept == {f"{SITE}/cloud/{name}" for name in ("__init__.py", "list.json", "data/near.json", "data/s3/1.json")}


@pytest.mark.parametrize(("limit", "found"), [(32, True), (24, False)])
def test_versions_of_named_data_are_kept_together_or_not_at_all(
    image: PythonImage, monkeypatch: pytest.MonkeyPatch, limit: int, found: bool
) -> None:
    monkeypatch.setattr(package_data, "DATA_LIMIT", limit)
    image.package("cloud", init="HERE = __file__\n")
    data = {
        f"{SITE}/cloud/data/{name}"
        for name in ("ec2/2014-01/a.json", "ec2/2015-01/a.json", "ec2/2016-01/a.json", "s3/2006-01/a.json")
    }
    for path in data:
        image.add(path, "1234567890")
    kept = image.kept("import cloud\ncloud.client('ec2')\n")
    assert {path for path in data & kept if "ec2" in path} == (
        {path for path in data if "ec2" in path} if found else set()
    )


def test_beyond_the_bound_the_root_english_and_named_records_stay(
    image: PythonImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_data, "DATA_LIMIT", 20)
    monkeypatch.setattr(package_data, "RECORDS_LIMIT", 45)
    image.package("babel", init="HERE = __file__\n")
    for name in ("root", "en", "en_GB", "de", "fr", "it"):
        image.add(f"{SITE}/babel/locale-data/{name}.dat", "1234567890")
    image.add(APP, "import babel\nbabel.use('de')")
    context = image.context(*(opened(f"{SITE}/babel/locale-data/{name}.dat") for name in ("root", "en")), config=CONFIG)
    kept = followed(context, python, *image.start)
    names = ("root", "en", "en_GB", "de", "fr", "it")
    assert {name for name in names if f"{SITE}/babel/locale-data/{name}.dat" in kept} == {"root", "en", "en_GB", "de"}


@pytest.mark.parametrize(("read", "found"), [((), False), (("en",), False), (("en", "root"), True)])
def test_records_of_which_several_were_read_are_all_kept(
    image: PythonImage, monkeypatch: pytest.MonkeyPatch, read: tuple[str, ...], found: bool
) -> None:
    monkeypatch.setattr(package_data, "DATA_LIMIT", 20)
    image.package("babel", init="HERE = __file__\n")
    for name in ("root", "en", "pt_BR"):
        image.add(f"{SITE}/babel/locale-data/{name}.dat", "1234567890")
    image.add(APP, "import babel")
    context = image.context(*(opened(f"{SITE}/babel/locale-data/{name}.dat") for name in read), config=CONFIG)
    assert (f"{SITE}/babel/locale-data/pt_BR.dat" in followed(context, python, *image.start)) is found


def test_a_package_whose_data_is_kept_keeps_its_beginning(image: PythonImage) -> None:
    image.package("shop", init="FILES = 'shop.data.rates'\n")
    image.add(f"{SITE}/shop/data/__init__.py")
    image.add(f"{SITE}/shop/data/rates/__init__.py")
    image.add(f"{SITE}/shop/data/rates/de.csv")
    kept = image.kept("import shop")
    assert {f"{SITE}/shop/data/rates/{name}" for name in ("__init__.py", "de.csv")} <= kept


def test_templates_of_packages_that_frameworks_look_into(image: PythonImage) -> None:
    image.package("admin")
    image.add(f"{SITE}/admin/templates/registration/reset.html")
    image.package("unused")
    image.add(f"{SITE}/unused/templates/page.html")
    assert image.kept("import admin") - metadata("admin") == {
        f"{SITE}/admin/__init__.py",
        f"{SITE}/admin/templates/registration/reset.html",
    }


def test_scripts_that_a_package_runs_by_their_names(image: PythonImage) -> None:
    image.package("cv", init="HERE = __file__\nload(['config.py'])\nload(['config-{}.py'.format(3)])\nload('{}.py')\n")
    for name in ("config.py", "config-3.py", "other.py"):
        image.add(f"{SITE}/cv/{name}")
    kept = image.kept("import cv") - metadata("cv")
    assert kept == {f"{SITE}/cv/{name}" for name in ("__init__.py", "config.py", "config-3.py")}


def test_the_compiled_part_that_a_package_is_made_around(image: PythonImage) -> None:
    image.package("cv", init="load()\n")
    image.add(f"{SITE}/cv/cv.abi3.so")
    assert f"{SITE}/cv/cv.abi3.so" in image.kept("import cv")


def test_modules_whose_names_are_known_in_part(image: PythonImage) -> None:
    image.package("any", init="def start(name):\n    return __import__('any.backends._' + name)\n")
    for name in ("__init__", "_asyncio", "_trio", "base"):
        image.add(f"{SITE}/any/backends/{name}.py")
    kept = image.kept("import any")
    assert {f"{SITE}/any/backends/{name}.py" for name in ("_asyncio", "_trio")} <= kept
    assert f"{SITE}/any/backends/base.py" not in kept


def test_commands_below_any_package_that_is_used(image: PythonImage) -> None:
    image.package(
        "web", init="def load(app, name):\n    return import_module('%s.management.commands.%s' % (app, name))"
    )
    image.add("/srv/app/shop/__init__.py")
    folders = [f"{place}/management/commands" for place in ("/srv/app/shop", f"{SITE}/web", f"{SITE}/unused")]
    for folder in folders:
        image.add(f"{folder.removesuffix('/commands')}/__init__.py")
        image.add(f"{folder}/__init__.py")
        image.add(f"{folder}/report.py")
        image.add(f"{folder}/test.py")
    kept = image.kept("import web\nimport shop\n")
    assert {f"{folder}/report.py" for folder in folders[:2]} <= kept
    assert not {f"{folders[2]}/report.py", f"{folders[1]}/test.py"} & kept


def test_what_a_star_makes_a_package_load_on_demand(image: PythonImage) -> None:
    image.package("num", init="def __getattr__(name):\n    import num.testing as it\n    return it\n", testing="")
    image.package("wrap", init="from num import *")
    assert f"{SITE}/num/testing.py" in image.kept("import wrap")
    assert f"{SITE}/num/testing.py" not in image.kept("import csv\nx = 'num'\n")


def test_compiled_modules_import_what_they_name_and_what_lies_beside_them(image: PythonImage) -> None:
    image.package("fast", init="from fast import core")
    names = b"\0fast.inner.parts\0csv\0fast.core\0unknown\0other.thing\0json\0decoder\0"
    image.add(f"{SITE}/fast/core.cpython-311-x86_64-linux-gnu.so", b"\x7fELF" + names)
    for name in ("inner/__init__", "inner/parts", "_beside"):
        image.add(f"{SITE}/fast/{name}.py")
    kept = image.kept("def late():\n    import fast")
    assert {
        f"{SITE}/fast/inner/parts.py",
        f"{SITE}/fast/_beside.py",
        f"{LIBRARY}/csv.py",
        f"{LIBRARY}/json/decoder.py",
    } <= kept


def test_compiled_modules_import_what_they_name_however_much_lies_beside_them(image: PythonImage) -> None:
    image.package("fast", init="from fast import core", large="#" * (5 << 20))
    image.add(f"{SITE}/fast/core.cpython-311-x86_64-linux-gnu.so", b"\x7fELF\0fast\0_paths\0")
    for name in ("_paths", "_other"):
        image.add(f"{SITE}/fast/{name}.py")
    kept = image.kept("def late():\n    import fast")
    assert f"{SITE}/fast/_paths.py" in kept
    assert f"{SITE}/fast/_other.py" not in kept


def test_compiled_modules_that_the_run_loaded_have_imported_all_they_do(image: PythonImage) -> None:
    module = f"{SITE}/fast/core.cpython-311-x86_64-linux-gnu.so"
    image.package("fast")
    image.add(module, b"\0fast.late\0")
    image.add(f"{SITE}/fast/late.py")
    image.add(APP, "from fast import core")
    assert f"{SITE}/fast/late.py" not in image.kept("from fast import core", f"{SITE}/fast/__init__.py", module)


def test_native_libraries_are_opened_by_the_names_of_files_and_by_short_names(image: PythonImage) -> None:
    for name in ("libmagic.so.1", "libcairo.so.2", "libcairo.so", "libcairosvg.so.2", "libvips.so.42"):
        image.add(f"/usr/lib/x86_64-linux-gnu/{name}", b"\x7fELF")
    image.add("/sbin/ldconfig", mode=0o755)
    image.package("wand", init="import os\ndef load(ffi):\n    return ffi.dlopen('libmagic.so.1')\n")
    source = (
        "import wand\nfrom ctypes.util import find_library\ndef late():\n    return find_library('cairo')\nx = 'vips'\n"
    )
    found = {path.rpartition("/")[2] for path in image.kept(source)} - {"METADATA", "RECORD", "__init__.py"}
    assert found == {"libmagic.so.1", "libcairo.so.2", "libcairo.so", "ldconfig"}


def test_files_and_commands_that_the_app_names(image: PythonImage) -> None:
    image.add("/srv/app/templates/error.html")
    image.add("/srv/app/templates/other.html")
    image.add("/usr/bin/convert", mode=0o755)
    kept = image.kept("import subprocess\nrender('error.html')\nsubprocess.run(['convert', 'a'])\n")
    assert kept == {"/srv/app/templates/error.html", "/usr/bin/convert"}


def test_names_are_compared_with_a_bounded_number_of_the_apps_files(
    image: PythonImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add("/srv/app/templates/error.html")
    image.link("/srv/app/current", "templates")
    source = "render('error.html')\n"
    assert image.kept(source) == {"/srv/app/templates/error.html"}
    monkeypatch.setattr(string_names, "FILES_LIMIT", 1)
    assert image.kept(source) == set()


def test_folders_of_pth_files_and_pythonpath_are_searched(image: PythonImage) -> None:
    image.add(f"{SITE}/extra.pth", "# comment\n/opt/extra\nimport nothing\n")
    image.add("/opt/extra/addon.py")
    image.add("/opt/path/other.py")
    config = ImageConfig("sha256:1", "amd64", "linux", env=("PYTHONPATH=/opt/path",))
    assert image.kept("import addon, other", config=config) == {"/opt/extra/addon.py", "/opt/path/other.py"}


@pytest.mark.parametrize(("setting", "found"), [("false", False), ("true", True)])
def test_the_systems_packages_are_searched_as_the_environment_says(
    image: PythonImage, setting: str, found: bool
) -> None:
    image.add("/opt/venv/pyvenv.cfg", f"include-system-site-packages = {setting}\n")
    image.add("/usr/lib/python3/dist-packages/apt.py")
    assert (image.kept("import apt") == {"/usr/lib/python3/dist-packages/apt.py"}) is found


def test_an_app_that_is_installed_from_a_folder_is_the_app(image: PythonImage) -> None:
    image.package("mine", init="", views="def f():\n    import unseen")
    image.add(f"{SITE}/mine-1.0.dist-info/direct_url.json", "{}")
    image.package("unseen")
    image.add(f"{SITE}/unseen/weight.bin", bytes(5 << 20))
    assert f"{SITE}/unseen/__init__.py" in image.kept("", f"{SITE}/mine/views.py")


def test_python_2_finds_modules_beside_the_importer_and_their_bytecode(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/usr/lib/python2.7/os.py")
    image.add("/opt/app/pkg/__init__.py")
    image.add("/opt/app/pkg/main.py", "import sibling\nprint 'x'\n")
    image.add("/opt/app/pkg/sibling.py")
    image.add("/opt/app/pkg/sibling.pyc")
    builder = followed(image.context(), python, "/usr/lib/python2.7/os.py", "/opt/app/pkg/main.py")
    assert "/opt/app/pkg/sibling.py" in builder and "/opt/app/pkg/sibling.pyc" in builder


def test_reasons_lead_back_to_the_app(image: PythonImage) -> None:
    image.package("shop", init="import csv")
    image.add(APP, "def late():\n    import shop\n")
    builder = image.builder()
    assert builder.reasons(f"{SITE}/shop/__init__.py")[0] == Reason("python", f"imported by {APP} in late()", APP)
    assert builder.reasons(f"{LIBRARY}/csv.py")[0].cause == f"{SITE}/shop/__init__.py"


def test_filler_is_not_followed_unless_it_is_the_apps(image: PythonImage) -> None:
    image.package("shop", init="import csv")
    image.add(APP, "")
    image.add("/srv/app/listed.py", "import json")
    builder = KeepSetBuilder(image.context().tree, evidence=registry.evidence())
    builder.add(Finding(path, Reason("observed", "opened")) for path in image.start)
    builder.add(Finding(path, Reason("listed", "x")) for path in (f"{SITE}/shop/__init__.py", "/srv/app/listed.py"))
    analysis = LanguageAnalyzer(PYTHON).start(image.context(config=CONFIG))
    assert analysis is not None
    while added := builder.take_added():
        builder.add(analysis.follow(added, builder))
    assert f"{LIBRARY}/csv.py" not in builder and f"{LIBRARY}/json/__init__.py" in builder


def test_an_image_without_python_costs_nothing(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/usr/bin/app")
    image.add("/srv/tool.py", "import os")
    followed(image.context(), python, "/usr/bin/app", "/srv/tool.py")
    assert image.reads == []


def test_hostile_layouts_do_no_harm(image: PythonImage) -> None:
    image.link(f"{SITE}/loop", "loop")
    image.link(f"{SITE}/around", ".")
    image.add(f"{SITE}/more.pth", b"\xff\xfe\n\0\n../..\n/\n" + b"x\n" * 5000)
    image.add(f"{SITE}/odd-1.0.dist-info/RECORD", b"\xff\n,,,\n/\n../../../etc/passwd,,\n")
    image.add(f"{SITE}/odd-1.0.dist-info/entry_points.txt", b"[\n=\n[x]\n===\n\xff=\xff")
    name = os.fsdecode(b"caf\xe9")
    image.add(f"/srv/app/{name}.py", "import csv")
    (image.root / "srv/app/fifo.py").unlink(missing_ok=True)
    os.mkfifo(image.root / "srv/app/fifo.py")
    source = "import loop, fifo\nfrom " + "." * 50 + " import x\nimport " + ".".join(["around"] * 100) + "\n"
    kept = image.kept(source, f"/srv/app/{name}.py")
    assert f"{LIBRARY}/csv.py" in kept and "/etc/passwd" not in kept


def test_what_was_read_once_is_not_parsed_again(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = image.kept("import csv")
    monkeypatch.setattr(Sandbox, "_run", pytest.fail)
    assert image.kept("import csv") == first == {f"{LIBRARY}/csv.py"}


def test_many_sources_are_parsed_by_several_processes(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimmer.sandbox.sandbox.SHARE", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert image.kept("def late():\n    import csv") == {f"{LIBRARY}/csv.py"}


def test_the_values_of_the_build_come_with_sysconfig(image: PythonImage) -> None:
    values = f"{LIBRARY}/_sysconfigdata__x86_64-linux-gnu.py"
    image.add(f"{LIBRARY}/sysconfig.py", "def late(name):\n    return __import__(name)\n")
    image.add(values)
    assert values in image.kept("def late():\n    import sysconfig\n")
    assert values not in image.kept("import os\n")


def test_names_below_any_package_are_bounded_work(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = "".join(f"import_module('%s.part{number}.%s' % (a, b))\n" for number in range(15_000))
    image.package("web", init=calls)
    for number in range(300):
        image.add(f"{SITE}/web/sub{number}/__init__.py")
    names = ", ".join(f"web.sub{number}" for number in range(300))
    asked = 0
    find = Finder.find

    def counted(finder: Finder, name: str) -> Module | None:
        nonlocal asked
        asked += 1
        return find(finder, name)

    monkeypatch.setattr(Finder, "find", counted)
    image.kept(f"import {names}")
    assert asked < 100_000  # and not 15,000 names below each of 300 packages


@pytest.mark.parametrize(
    ("code", "folder", "found"),
    [
        ("app.mount('/s', StaticFiles(directory='pub'))", "/srv/pub", True),
        ("app.router.add_static('/s/', 'www/files')", "/srv/www/files", True),
        ("STATIC_ROOT = BASE_DIR / 'staticfiles'", "/srv/staticfiles", True),
        ("open('/opt/rates/' + name)", "/opt/rates", True),
        ("open('/usr/share/' + name)", "/usr/share/x", False),
        ("x('tests')", "/srv/tests", False),
        ("x('/srv')", "/srv/more", False),
    ],
)
def test_folders_that_strings_name(image: PythonImage, code: str, folder: str, found: bool) -> None:
    paths = {f"{folder}/a.css", f"{folder}/b/c.js"}
    for path in paths:
        image.add(path, "x")
    assert bool(paths & image.kept(code)) is found


def test_a_named_folder_with_code_is_left_to_the_imports(image: PythonImage) -> None:
    for name in ("data.txt", "more/code.py"):
        image.add(f"/srv/app/lib/{name}", "x = 1")
    assert "/srv/app/lib/data.txt" not in image.kept("x('lib')")


WALKER = """
from importlib import import_module
from pkgutil import walk_packages
def libraries(apps):
    for app in apps:
        package = import_module(f"{app.name}.tags")
        for entry in walk_packages(package.__path__, package.__name__ + "."):
            import_module(entry[1])
"""


def test_a_framework_that_walks_a_folder_of_each_package_gets_its_modules(image: PythonImage) -> None:
    image.package("web", init="from web import loader", loader=WALKER)
    image.package("blog")
    for name in ("__init__", "extra", "deep/__init__", "deep/below", "tests/__init__"):
        image.add(f"{SITE}/blog/tags/{name}.py")
    image.add(f"{SITE}/blog/other/late.py")
    image.add("/srv/app/shop/__init__.py")
    image.add("/srv/app/shop/tags/__init__.py")
    image.add("/srv/app/shop/tags/money.py")
    kept = image.kept("import web, blog, shop")
    assert {f"{SITE}/blog/tags/{name}.py" for name in ("__init__", "extra", "deep/__init__", "deep/below")} <= kept
    assert "/srv/app/shop/tags/money.py" in kept
    assert f"{SITE}/blog/tags/tests/__init__.py" not in kept
    assert f"{SITE}/blog/other/late.py" not in kept


def test_a_loader_that_opens_modules_by_path_gets_the_packages_that_it_names(image: PythonImage) -> None:
    loader = "import importlib.util as u\ndef load(name, path):\n    return u.spec_from_file_location(name, path)\nKINDS = {kinds}\n"
    kinds = "('tool.plugins.lookup', 'other.plugins.lookup', 'tool.modules')"
    image.package("tool", init="import tool.loader", loader=loader.format(kinds=kinds))
    image.package("other")
    for folder in ("tool/plugins/lookup", "other/plugins/lookup", "tool/modules", "tool/plugins/cache"):
        for name in ("__init__", "file"):
            image.add(f"{SITE}/{folder}/{name}.py")
    for folder in ("tool/plugins", "other/plugins"):
        image.add(f"{SITE}/{folder}/__init__.py")
    kept = image.kept("import tool, other")
    assert {f"{SITE}/tool/plugins/lookup/file.py", f"{SITE}/tool/modules/file.py"} <= kept
    assert f"{SITE}/other/plugins/lookup/file.py" not in kept, "a string may name any package"
    assert f"{SITE}/tool/plugins/cache/file.py" not in kept


@pytest.mark.parametrize(
    "source",
    [
        "import pkgutil, importlib, plugins as p\ndef load():\n    return list(pkgutil.iter_modules(p.__path__))",
        "from pkgutil import iter_modules\nimport plugins\ndef load(package):\n    return list(iter_modules(package.__path__))",
        "import glob, importlib.util as u\ndef load():\n    for f in glob.glob('plugins/*.py'):\n        u.spec_from_file_location('x', f)",
        "import os\ndef load():\n    for name in os.listdir('plugins'):\n        __import__(name)",
    ],
    ids=["the package's path", "a caller's package", "a folder by path", "a listed folder"],
)
def test_an_app_that_walks_its_plugins_gets_them(image: PythonImage, source: str) -> None:
    image.add("/srv/app/plugins/__init__.py")
    image.add("/srv/app/plugins/mail.py", "import csv")
    assert {"/srv/app/plugins/mail.py", f"{LIBRARY}/csv.py"} <= image.kept(source)
    assert "/srv/app/plugins/mail.py" not in image.kept("import plugins\nimport os\nos.listdir('plugins')")


def test_a_library_that_walks_what_a_caller_gives_it_gets_the_apps_packages(image: PythonImage) -> None:
    image.package("bot", init="import pkgutil\ndef scan(package):\n    pkgutil.walk_packages(package.__path__)")
    image.package("shop", late="")
    for name in ("jobs", "unused"):
        image.add(f"/srv/app/{name}/__init__.py")
        image.add(f"/srv/app/{name}/late.py")
    kept = image.kept("import bot, shop\nbot.scan('jobs')")
    assert "/srv/app/jobs/late.py" in kept
    assert {"/srv/app/unused/late.py", f"{SITE}/shop/late.py"}.isdisjoint(kept)


def test_plugins_that_are_found_by_the_beginning_of_their_names_are_kept(image: PythonImage) -> None:
    source = "import pkgutil\nnames = [m.name for m in pkgutil.iter_modules() if m.name.startswith('shop_')]"
    for name in ("shop_paypal", "other"):
        image.package(name)
    kept = image.kept(source)
    assert f"{SITE}/shop_paypal/__init__.py" in kept
    assert f"{SITE}/other/__init__.py" not in kept


def test_a_walk_over_too_much_is_reported(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "LIBRARY_COMPUTED", 10)
    image.package(
        "tool", init="import pkgutil\ndef late():\n    pkgutil.iter_modules(__path__)", small="x = 1", large="x" * 20
    )
    image.add(APP, "import tool\nNAME = 'small'")
    context = image.context(config=CONFIG)
    builder = followed(context, python, *image.start)
    assert f"{SITE}/tool/small.py" in builder
    assert f"{SITE}/tool/large.py" not in builder
    (item,) = context.unproven
    assert (item.kind, item.name, item.remedy) == ("limit", f"{SITE}/tool", f"--include {SITE}/tool")


def test_a_launcher_that_is_kept_gets_what_it_imports_when_it_is_run(image: PythonImage) -> None:
    image.package("kernel", app="", late="")
    image.add(f"{SITE}/kernel_launcher.py", "if __name__ == '__main__':\n    from kernel import app\n    import csv")
    image.add(f"{SITE}/kernel-1.0.dist-info/RECORD", "kernel/__init__.py,,\nkernel_launcher.py,,\n")
    kept = image.kept("", f"{SITE}/kernel_launcher.py")
    assert f"{SITE}/kernel/app.py" in kept
    assert {f"{SITE}/kernel/late.py", f"{LIBRARY}/csv.py"}.isdisjoint(kept)


def test_data_that_a_distribution_shares_is_kept(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.package("kernel")
    image.package("idle")
    shared = ("/opt/venv/share/kernels/a/kernel.json", "/opt/venv/etc/kernel.d/a.json")
    for path in (*shared, "/opt/venv/share/man/man1/kernel.1", "/opt/venv/share/idle.json", "/etc/passwd"):
        image.add(path, "x" * 10)
    lines = "../../../share/kernels/a/kernel.json,,\n../../../etc/kernel.d/a.json,,\n../../../share/man/man1/kernel.1,,\n../../../../../etc/passwd,,\n"
    image.add(f"{SITE}/kernel-1.0.dist-info/RECORD", "kernel/__init__.py,,\n" + lines)
    image.add(f"{SITE}/idle-1.0.dist-info/RECORD", "idle/__init__.py,,\n../../../share/idle.json,,\n")
    assert {path for path in image.kept("import kernel") if not path.startswith(SITE)} == set(shared)
    monkeypatch.setattr(resources, "SHARED_LIMIT", 19)
    assert set(shared).isdisjoint(image.kept("import kernel"))


@pytest.mark.parametrize("tool", ["IPython", "pytest", "setuptools", "pip"])
def test_a_tool_that_the_app_imports_gets_its_own_late_modules(image: PythonImage, tool: str) -> None:
    image.package(tool, init=f"def late():\n    from {tool} import magics", magics="")
    image.package("plot", init=f"def late():\n    import {tool}")
    assert f"{SITE}/{tool}/magics.py" in image.kept(f"import {tool}")
    assert not any(tool in path for path in image.kept("import plot"))


def test_a_part_for_developers_that_is_in_use_gets_its_own_late_modules_but_no_other_such_part(
    image: PythonImage,
) -> None:
    image.package("lib", init="def late():\n    import lib.testing.other")
    image.package("lib/testing", init="def late():\n    import lib.testing.other, lib.tests.all, doctest", other="")
    image.package("lib/tests", init="", all="")
    assert not any("/testing/" in path or "/tests/" in path for path in image.kept("import lib"))
    kept = image.kept("import lib.testing")
    assert f"{SITE}/lib/testing/other.py" in kept
    assert not any("/tests/" in path for path in kept)


def test_requested_plugins_are_kept_if_code_asks_for_their_group(image: PythonImage) -> None:
    image.package("shop", init="from importlib.metadata import entry_points\nentry_points(group='shop.tills')")
    for name in ("till", "dependency", "theme"):
        image.package(name)
        group = "shop.themes" if name == "theme" else "shop.tills"
        image.add(f"{SITE}/{name}-1.0.dist-info/entry_points.txt", f"[{group}]\na = {name}:Till\n")
    for name in ("till", "theme"):
        image.add(f"{SITE}/{name}-1.0.dist-info/REQUESTED")
    kept = image.kept("import shop")
    assert {f"{SITE}/till/__init__.py", f"{SITE}/till-1.0.dist-info/entry_points.txt"} <= kept
    assert {f"{SITE}/dependency/__init__.py", f"{SITE}/theme/__init__.py"}.isdisjoint(kept)
