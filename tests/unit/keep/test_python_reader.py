"""Facts of Python sources of any version, however odd the source is."""

from __future__ import annotations

import random
from itertools import product

import pytest

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.python import reader
from slimmer.keep.languages.python.facts import BY_NAME, MAIN, Dynamic, Facts, Import
from slimmer.keep.languages.python.reader import BROKEN_LIMIT, EXTENSION, SOURCE_LIMIT, read
from slimmer.keep.sources.named_paths import HOLE
from slimmer.sandbox.facts import dump_facts, load_facts
from tests.work import work_of_at_most


def facts(source: str | bytes, origin: Origin = Origin.APP) -> Facts:
    content = source.encode() if isinstance(source, str) else source
    return read(Source(".py", content, origin))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b as c, d", (Import("a.b"), Import("d"))),
        ("from . import x, y as z", (Import("", 1, ("x", "y")),)),
        ("from ..k.l import (m,\n n,)", (Import("k.l", 2, ("m", "n")),)),
        ("from q import *", (Import("q", 0, ("*",)),)),
        ("from __future__ import annotations", (Import("__future__"),)),
        ("def late():\n    import lazy", (Import("lazy", where="late"),)),
        ("class A:\n    async def late(self):\n        if x:\n            import lazy", (Import("lazy", where="late"),)),
        ("class A:\n    import now", (Import("now"),)),
        ("if __name__ == '__main__':\n    import script", (Import("script", where=MAIN),)),
        ("try:\n    import fast\nexcept ImportError:\n    import slow", (Import("fast"), Import("slow", instead=("fast",)))),
        ("try:\n    from . import f\nexcept ImportError:\n    f = 0", (Import("", 1, ("f",)),)),
        ("try:\n    import fast\nexcept KeyError:\n    import other", (Import("fast"), Import("other"))),
        ("print 'two'\nimport urllib2\nexec 'x' in {}", (Import("urllib2"),)),
        ("match x:\n    case 1:\n        import new", (Import("new"),)),
        ("try:\n    from ..a import f\nexcept:\n    import g", (Import("a", 2, ("f",)), Import("g", instead=("..a",)))),
        ("try:\n    x = 1\nexcept ImportError:\n    import a", (Import("a"),)),
        ("if :\n    import a", (Import("a"),)),
    ],
)  # fmt: skip
def test_imports(source: str, expected: tuple[Import, ...]) -> None:
    assert facts(source).imports == expected


@pytest.mark.parametrize(
    "condition", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "sys.platform == 'win32'", "os.name == 'nt'"]
)
def test_what_never_runs_is_not_imported_but_its_opposite_is(condition: str) -> None:
    source = f"if {condition}:\n    import never\nelse:\n    import ever\n"
    assert [entry.module for entry in facts(source).imports] == ["ever"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("importlib.import_module('a.b')", Dynamic("a.b")),
        ("import_module('.c', __package__)", Dynamic(".c")),
        ("import_optional_dependency(name='openpyxl')", Dynamic("openpyxl")),
        ("__import__('p.%s' % x)", Dynamic("p.", prefix=True)),
        ("__import__('p.' + x)", Dynamic("p.", prefix=True)),
        ("import_module(f'p.q.{x}')", Dynamic("p.q.", prefix=True)),
        ("import_module('p.{}.r'.format(x))", Dynamic("p.", prefix=True)),
        ("import_module(f'{__name__}.{x}')", Dynamic(".", prefix=True)),
        ("import_module(__package__ + '.q.' + x)", Dynamic(".q.", prefix=True)),
        ("import_module(f'p._backends._{x}')", Dynamic("p._backends._", prefix=True)),
        ("__import__('region_%s' % x, globals(), level=1)", Dynamic(".region_", prefix=True)),
        ("__import__('one', globals(), locals(), [], 2)", Dynamic("..one")),
        (
            "import_module('%s.management.commands.%s' % (app, name))",
            Dynamic(HOLE + ".management.commands.", prefix=True),
        ),
        ("import_module(app + '.tills.' + name)", Dynamic(HOLE + ".tills.", prefix=True)),
        ("importlib.util.find_spec('p.q')", Dynamic("p.q")),
        ("own = __name__.rpartition('.')[0]\n__import__(f'{own}.{x}')", Dynamic(".", prefix=True)),
    ],
)
def test_imports_by_strings(call: str, expected: Dynamic) -> None:
    assert facts(call).dynamic == (expected,)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("exec('from p.q import *')", (Import("p.q", names=("*",), where=BY_NAME),)),
        ("run([python, '-c', 'import p.q; p.q.go()'])", (Import("p.q", where=BY_NAME),)),
        ("'imported from p.q'", ()),
        ("say('from p.q to r')", ()),
    ],
)
def test_import_statements_in_strings(source: str, expected: tuple[Import, ...]) -> None:
    assert facts(source).imports == expected


def test_a_librarys_data_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "parse", pytest.fail)
    rows = "ROWS = {" + "'a.b.c': 1, " * 40_000 + "}\nHERE = __file__\n"
    assert facts(rows, Origin.LIBRARY) == Facts(words=("a.b.c",), reads_data=True)


@pytest.mark.parametrize(
    "call",
    [
        "import_module(name)",
        "import_module('%s.%s' % (a, b))",
        "import_module(f'{a}.b')",
        "import_module('a b')",
        "import_module('a.*')",
        "import_module()",
        "f('a.b')",
    ],
)
def test_what_is_no_import_by_a_string(call: str) -> None:
    assert facts(call).dynamic == ()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("subprocess.run(['sort', '-r'])", ("sort",)),
        ("subprocess.run('sort')", ("sort",)),
        ("subprocess.run('seq 3 | tac', shell=True)", ("/bin/sh", "seq", "tac")),
        ("os.popen(f'convert {name} -; TZ=UTC date')", ("/bin/sh", "convert", "date")),
        ("subprocess.run(line, shell=True)", ("/bin/sh",)),
        ("subprocess.run(words)", ()),
    ],
)
def test_commands_and_command_lines(call: str, expected: tuple[str, ...]) -> None:
    assert facts(f"import subprocess, os\n{call}\n").commands == expected


@pytest.mark.parametrize(
    ("call", "computed"),
    [
        ("text.encode(name)", True),
        ("data.decode(encoding=name)", True),
        ("open(path, encoding=settings.encoding)", True),
        ("codecs.getreader(name)", True),
        ("text.encode()", False),
        ("text.encode('sjis')", False),
        ("text.encode(encoding='sjis')", False),
        ("text.encode(errors=how)", False),
        ("open(path, encoding='utf-8')", False),
        ("open(path, encoding=None)", False),
    ],
)
def test_encodings_by_computed_names(call: str, computed: bool) -> None:
    assert facts(f"{call}\n").any_encoding is computed


@pytest.mark.parametrize(
    ("source", "from_outside"),
    [
        ("body.decode(part.get_param('charset'))", True),
        (
            "def text(self, m):\n    import x\n    return str(self.content, m.get_content_charset(), errors='replace')",
            True,
        ),
        ("CHARSET = 'charset'\ncodecs.getincrementaldecoder(name)", True),
        ("def text(body, encoding):\n    return body.decode(encoding)", False),
        ("send('charset', str(code), value)", False),
        ("def page(text, charset='utf-8'):\n    return text.encode(charset).decode(charset)", False),
        ("charset = 'utf-8'\nbody.decode('utf-8')\nstr(body, 'ascii')\nbody.decode(errors=charset)", False),
    ],
)
def test_a_library_that_speaks_of_charsets_decodes_by_names_from_outside(source: str, from_outside: bool) -> None:
    assert facts(f"import codecs\n{source}\n", Origin.LIBRARY).any_encoding is from_outside


def test_words_attributes_commands_and_exports_are_read_where_they_are_asked_for() -> None:
    source = (
        b"import scipy, subprocess\nLOADER = 'web.loaders.File'\n__all__ = ['one']\n__all__ += ('two',)\n"
        b"scipy.stats.norm\nother.thing\nsubprocess.run(['convert', '-x'])\nos.system('ls -l')\nx = 'a.b:c'\n"
    )
    found = facts(source)
    assert found.exports == ("one", "two")
    assert found.commands == ("convert", "/bin/sh", "ls")
    assert "a.b:c" in found.words
    assert "scipy.stats" in found.attributes and "other.thing" not in found.attributes
    less = facts(source, Origin.LIBRARY)
    assert less.exports == ("one", "two") and (less.words, less.attributes, less.commands) == (
        ("web.loaders.File",),
        (),
        (),
    )


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("open(os.path.join(os.path.dirname(__file__), 'x'))", True),
        ("app = Flask(__name__)", True),
        ("logging.getLogger(__name__)", False),
        ("x = 1", False),
    ],
)
def test_who_reads_data_beside_itself(source: str, reads: bool) -> None:
    assert facts(source).reads_data is reads


def test_a_source_with_a_zero_byte_or_too_many_bytes_says_nothing() -> None:
    assert facts(b"import a\n\0") == facts("import a\n" + "#" * SOURCE_LIMIT) == Facts()


def test_names_in_a_compiled_module_stand_between_zero_bytes() -> None:
    content = b"\x7fELF\0csv\0ab.c\0csv\0no name\0x\xff\0last"
    assert read(Source(".so", content, Origin.LIBRARY, EXTENSION)) == Facts(words=("csv", "ab.c"))


def test_a_declared_encoding_is_obeyed() -> None:
    source = "# -*- coding: latin-1 -*-\nname = 'é'\nimport näme\n".encode("latin-1")
    assert [entry.module for entry in facts(source).imports] == ["näme"]


@pytest.mark.parametrize("encoding", ["no-such", "rot13", "hex", "idna"])
def test_an_encoding_that_is_not_for_text_does_no_harm(encoding: str) -> None:
    assert facts(f"# coding: {encoding}\nimport a\n").imports == (Import("a"),)


def test_a_source_with_a_mistake_gives_what_could_be_understood() -> None:
    assert Import("a") in facts("import a\ndef f(:\n  x = = 2\nimport b\n").imports


def test_what_is_written_down_is_read_back() -> None:
    found = facts("import a\ndef f():\n    from .b import c\n    import_module('d.e')\n'x.y'\n")
    assert load_facts(Facts, dump_facts(found)) == found


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"imports":[{"x":1}],"dynamic":[]}', b'{"imports":3}'])
def test_what_is_no_facts_is_none(data: bytes) -> None:
    assert load_facts(Facts, data) is None


HOSTILE = {
    "brackets": b"(" * 300_000,
    "calls": b"import_module(" * 60_000 + b")" * 60_000,
    "lambdas": b"lambda:" * 100_000 + b"import_module('a')",
    "attributes": b"import a\n" + b"a." * 300_000,
    "operators": b"import_module(" + b"a+" * 300_000,
    "names": b"from a import " + b"b," * 200_000,
    "tries": b"".join(b" " * depth + b"try:\n" + b" " * depth + b" import a\n" for depth in range(1000)),
    "strings": b"'\"f{" * 50_000,
    "noise": random.Random(1).randbytes(200_000).replace(b"\0", b" "),
    "nul": b"import a\n\0",
    "too long": b"import a\n" * SOURCE_LIMIT,
    "broken": b"def f(:\n" * BROKEN_LIMIT,
}


@pytest.mark.parametrize(("name", "origin"), list(product(HOSTILE, [Origin.APP, Origin.LIBRARY])))
def test_no_source_takes_for_ever(name: str, origin: Origin) -> None:
    with work_of_at_most(4000):
        facts(HOSTILE[name], origin)
