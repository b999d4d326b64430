"""Attributes that a library's modules make on demand from tables of names."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.python import on_demand
from slimmer.keep.languages.python.facts import MAIN, Facts, Offer, Use
from slimmer.keep.languages.python.reader import read
from tests.unit.keep.test_python import APP, SITE, PythonImage
from tests.work import work_of_at_most

GETATTR = "from importlib import import_module\ndef __getattr__(name):\n    return getattr(import_module(*find(name)), name)\n"
ATTACH = "import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach(__name__, {})\n"
RELATIVE = "from _importers import relative_import\n__all__, __getattr__, __dir__ = relative_import(__name__, {})\n"
STRUCTURE = "import sys\nfrom ._lazy import _LazyModule\n{}sys.modules[__name__] = _LazyModule(__name__, globals()['__file__'], _names)\n"

SHAPES = {
    "name to module": GETATTR + "_LAZY = {'Pie': '._pie', 'Bar': '._bar'}\n",
    "name to full module": GETATTR + "_LAZY: dict[str, str] = {'Pie': 'plot._pie', 'Bar': 'plot._bar'}\n",
    "name to module beside": GETATTR + "_LAZY = {'Pie': '_pie', 'Bar': '_bar'}\n",
    "name to full name": GETATTR + "_LAZY = {'Pie': 'plot._pie.Pie', 'Bar': 'plot._bar:Bar'}\n",
    "name to module and name": GETATTR + "_LAZY = {'Pie': ('._pie', 'Pie'), 'Bar': ['plot._bar', 'Bar']}\n",
    "name to package and module": GETATTR
    + "_dynamic_imports: 'dict' = {'Pie': (__spec__.parent, '._pie'), 'Bar': (__spec__.parent, '._bar')}\n",
    "module to names": GETATTR + "_LAZY = {'_pie': ['Pie'], f'{__name__}._bar': {'Bar'}}\n",
    "lazy_loader": ATTACH.format("submodules={'_other'}, submod_attrs={'_pie': ['Pie'], '_bar': ['Bar', 'Bars']}"),
    "relative_import": RELATIVE.format("['._other'], ['._bar.Bar', '._pie.Pie']"),
    "transformers": STRUCTURE.format("_names = {'_pie': ['Pie']}\n_names['_bar'] = ['Bar']\n"),
}
ASKS = {
    "from": "from plot import Pie",
    "from in a function": "def late():\n    from plot import Pie as P",
    "attribute": "import plot\ndef late():\n    return plot.Pie()",
    "alias": "import plot as go\ndef late():\n    return go.Pie.of(1)",
    "alias in a function": "def late():\n    import plot as go\n    return draw(go.Pie)",
}


@pytest.fixture
def image(tmp_path: Path) -> PythonImage:
    return PythonImage(tmp_path)


def late(image: PythonImage, source: str) -> set[str]:
    """Return the names of the modules that are kept of the package `plot`, without those that it always loads."""
    kept = image.kept(source)
    return {path.rpartition("/")[2] for path in kept if path.startswith(f"{SITE}/plot/")} - {"__init__.py", "_lazy.py"}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_module_behind_an_attribute_is_kept_where_code_asks_for_it(
    image: PythonImage, shape: str, ask: str
) -> None:
    image.package("plot", init=SHAPES[shape], _pie="", _bar="", _other="", _lazy="")
    assert late(image, ASKS[ask]) == {"_pie.py"}


@pytest.mark.parametrize(
    "source",
    [
        "import plot",
        "import plot as go\n# go.Pie\nx = 'go.Pie'\ndef late():\n    '''go.Pie'''",
        "import other as go\ngo.Pie",
        "import plot\nPie = plot.Square",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from plot import Pie",
    ],
)
def test_an_attribute_that_no_code_asks_for_is_not_kept(image: PythonImage, source: str) -> None:
    image.package("plot", init=SHAPES["relative_import"], _pie="", _bar="")
    assert late(image, source) == set()


def test_functions_of_a_library_in_use_ask_too(image: PythonImage) -> None:
    image.package("plot", init=SHAPES["relative_import"], _pie="", _bar="")
    image.add(
        f"{SITE}/plot/express.py", "from . import graphs as go\nimport plot as p\ndef pie():\n    return go.Pie()\n"
    )
    image.add(f"{SITE}/plot/graphs.py", RELATIVE.format("[], ['._more.Pie', '._bar.Bar']"))
    image.add(f"{SITE}/plot/_more.py")
    assert late(image, "import plot.express as px") == {"express.py", "graphs.py", "_more.py"}


def test_an_attribute_may_come_from_another_table(image: PythonImage) -> None:
    image.package("plot", _bar="")
    image.add(f"{SITE}/plot/objs/__init__.py", SHAPES["relative_import"])
    image.add(f"{SITE}/plot/objs/_pie.py")
    image.add(f"{SITE}/plot/objs/_bar.py")
    image.add(f"{SITE}/plot/objects/__init__.py", RELATIVE.format("['..objs.pie'], ['..objs.Pie', '..objs.Bar']"))
    kept = image.kept("def late():\n    import plot.objects as go\n    go.Pie()")
    assert f"{SITE}/plot/objs/_pie.py" in kept
    assert f"{SITE}/plot/objs/_bar.py" not in kept


def test_a_submodule_that_is_an_attribute_is_kept_for_an_alias(image: PythonImage) -> None:
    image.package("plot", init=ATTACH.format("submodules={'filters', 'morph'}"), filters="", morph="")
    image.package("user", init="import plot as p\ndef late():\n    p.filters.blur(1)")
    assert late(image, "import user") == {"filters.py"}


def test_a_stub_beside_a_package_is_kept_and_is_its_table(image: PythonImage) -> None:
    init = "import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)\n"
    image.package("plot", init=init, _pie="", _bar="", other="")
    image.add(
        f"{SITE}/plot/__init__.pyi", "from . import filters, other\nfrom ._pie import Pie\nfrom ._bar import Bar\n"
    )
    image.add(f"{SITE}/plot/filters/__init__.py", init)
    image.add(f"{SITE}/plot/filters/__init__.pyi", "from ._edges import sobel\nfrom ._rank import mean\n")
    for name in ("_edges", "_rank"):
        image.add(f"{SITE}/plot/filters/{name}.py")
    image.package("user", init="import plot as p\ndef late():\n    p.filters.sobel(p.Pie)")
    kept = {path.removeprefix(f"{SITE}/plot/") for path in image.kept("import user") if "/plot/" in path}
    names = (
        "__init__.py",
        "__init__.pyi",
        "_pie.py",
        "filters/__init__.py",
        "filters/__init__.pyi",
        "filters/_edges.py",
    )
    assert kept == set(names)


def test_other_calls_and_tables_load_nothing(image: PythonImage) -> None:
    init = "names = {'Pie': '._pie'}\napp = Flask(__name__, static='x')\nclass A:\n    def __getattr__(self, name):\n        return names\n"
    image.package("plot", init=init, _pie="")
    assert late(image, "from plot import Pie") == set()


def test_tables_that_lead_in_circles_end(image: PythonImage) -> None:
    image.package("plot", init=GETATTR + "_L = {'Pie': '.b.Pie'}\n", b=GETATTR + "_L = {'Pie': '.c.Pie'}\n")
    image.add(f"{SITE}/plot/c.py", GETATTR + "_L = {'Pie': 'plot.Pie'}\n")
    assert late(image, "from plot import Pie") == {"b.py", "c.py"}


def test_a_bounded_number_of_questions_is_answered(image: PythonImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.package("plot", init=SHAPES["relative_import"], _pie="", _bar="")
    monkeypatch.setattr(on_demand, "LIMIT", 1)
    assert late(image, "from plot import Pie, Bar") == {"_pie.py"}


def test_the_reason_names_the_attribute_and_who_uses_it(image: PythonImage) -> None:
    image.package("plot", init=SHAPES["relative_import"], _pie="", _bar="")
    image.add(APP, "def late():\n    from plot import Pie")
    (reason,) = image.builder().reasons(f"{SITE}/plot/_pie.py")
    assert reason.detail == f"loaded for plot.Pie, used by {APP} in late()"


def facts(source: str | bytes, origin: Origin = Origin.LIBRARY) -> Facts:
    content = source.encode() if isinstance(source, str) else source
    return read(Source(".py", content, origin))


def test_uses_are_written_out_once_with_the_place_that_matters_most() -> None:
    source = "from . import b as c\nimport a.b as d, os\nfrom e import F\nif __name__ == '__main__':\n    d.x\ndef f():\n    c.y.z(os.path)\n    d.x\nd.w\nF.g\n"
    assert set(facts(source).uses) == {Use(".b.y.z", "f"), Use("a.b.x", "f"), Use("a.b.w")}
    assert set(facts("import a\nif __name__ == '__main__':\n    a.b").uses) == {Use("a.b", MAIN)}


def test_the_standard_library_has_neither_tables_nor_uses() -> None:
    found = facts(SHAPES["name to module"] + "import a\na.b\n", Origin.STDLIB)
    assert (found.offers, found.uses) == ((), ())
    assert Offer("Pie", ("._pie",)) in facts(SHAPES["name to module"]).offers


HOSTILE = {
    "wide": "def __getattr__(n): 0\nT = {" + "'a': '.b', " * 60_000 + "}",
    "lists": "def __getattr__(n): 0\nT = {'a': [" + "'b', " * 120_000 + "]}",
    "deep": "def __getattr__(n): 0\nT = " + "{'a': " * 100_000,
    "calls": "f(__name__, " * 60_000 + "{'a': 'b'}",
    "keys": "def __getattr__(n): 0\n" + "T['a'] = ['b']\n" * 50_000,
    "uses": "import a\n" + "a.b\n" * 200_000,
    "many uses": "import a\n" + "".join(f"a.b{number}\n" for number in range(80_000)),
    "strings": "import a\n" + "'a.b', " * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_table_takes_for_ever(name: str) -> None:
    with work_of_at_most(4000):
        found = facts(HOSTILE[name])
    assert len(found.offers) + len(found.uses) <= 25_000
