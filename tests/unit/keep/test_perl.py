"""The Perl rule, for small apps laid out as perl expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.perl.language import PERL
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.keep.script_image import ScriptImage
from tests.unit.local_image import followed, follower, opened
from tests.work import work_of_at_most

perl = follower(LanguageAnalyzer(PERL))

APP = "/srv/app/app.pl"
CORE = "/usr/share/perl/5.36.0"
COMPILED = "/usr/lib/x86_64-linux-gnu/perl/5.36.0"
SITE = "/usr/share/perl5"
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin", "PERL5LIB=/opt/lib"))


@pytest.fixture
def image(tmp_path: Path) -> ScriptImage:
    return ScriptImage(tmp_path, perl, app=APP, program="/usr/bin/perl", config=CONFIG, always=[f"{CORE}/strict.pm"])


def test_modules_are_found_however_they_are_loaded(image: ScriptImage) -> None:
    image.add(
        APP,
        """
        use strict; use One::Inner 1.2 qw(x);
        use lib "$FindBin::Bin/lib", '/opt/more';
        sub late { require Two; Three->can('x'); eval { require Four::A } }
        use parent -norequire, 'Five'; use base qw(Six::A Six::B);
        Seven::A->new; my $class = 'Eight::A'; use if $] < 5, 'Nine';
        require "ten.pl"; do './eleven.pl';
        # use Comment;

=pod

use Documented;

=cut

        require Thirteen;
__END__
use Ended;
""",
    )
    core = ("One/Inner.pm", "Two.pm", "Seven/A.pm", "Eight/A.pm", "Nine.pm", "Thirteen.pm")
    for name in (*core, "Comment.pm", "Documented.pm", "Ended.pm", "Three.pm"):
        image.add(f"{CORE}/{name}")
    others = (
        "/srv/app/lib/Four/A.pm",
        "/opt/more/Five.pm",
        "/opt/lib/Six/A.pm",
        f"{SITE}/Six/B.pm",
        "/srv/app/ten.pl",
        "/srv/app/eleven.pl",
    )
    for name in (*others, "/srv/app/other.pl"):
        image.add(name)
    assert image.kept() == {f"{CORE}/{name}" for name in core} | set(others)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("my @found = sort(</lib/libreadline.so.?>);", "File/Glob"),
        ("for (glob('*.c')) { }", "File/Glob"),
        ("while (<$dir/{a,b}>) { }", "File/Glob"),
        ("retry() if $!{EINTR};", "Errno"),
        ("print keys %!;", "Errno"),
        ("print $+{year} if /(?<year>\\d+)/;", "Tie/Hash/NamedCapture"),
        ("open(my $in, '<', \\$text);", "PerlIO/scalar"),
        ("open my $out, '>:encoding(UTF-16)', $path;", "PerlIO/encoding"),
        ("while (<STDIN>) { $a < 2; $b{x}->{y} } my $line = <$in>; print $#- + 1; $n %= 7;", ""),
    ],
)
def test_modules_that_perl_loads_by_itself(image: ScriptImage, line: str, name: str) -> None:
    image.add(APP, line)
    names = ("File/Glob", "Errno", "Tie/Hash/NamedCapture", "PerlIO/scalar", "PerlIO/encoding")
    for one in names:
        image.add(f"{CORE}/{one}.pm")
    found = image.kept()
    assert {one for one in names if f"{CORE}/{one}.pm" in found} == ({name} if name else set())


def test_who_loads_is_told(image: ScriptImage) -> None:
    image.add(APP, "require Two;")
    image.add(f"{CORE}/Two.pm")
    context = image.context(*(opened(path, by="/usr/bin/perl") for path in (APP, f"{CORE}/strict.pm")))
    assert [str(reason) for reason in followed(context, perl, APP).reasons(f"{CORE}/Two.pm")] == [
        "perl: required by /srv/app/app.pl"
    ]


def test_compiled_parts_split_functions_and_resources_stay_with_a_module(image: ScriptImage) -> None:
    image.add(APP, "use Net::SSL; use Encode;")
    image.add(f"{COMPILED}/Net/SSL.pm")
    image.add(f"{COMPILED}/Encode.pm")
    image.add(f"{COMPILED}/Encode/Byte.pm")
    parts = (
        "auto/Net/SSL/SSL.so",
        "auto/Net/SSL/autosplit.ix",
        "auto/Net/SSL/late.al",
        "auto/Encode/Byte/Byte.so",
        "Net/SSL/public/x.css",
    )
    for name in (*parts, "auto/Net/Other/Other.so", "Encode/TW.pm"):
        image.add(f"{COMPILED}/{name}")
    image.add("/usr/lib/x86_64-linux-gnu/perl-base/auto/Net/SSL/SSL.so")
    modules = ("Net/SSL.pm", "Encode.pm", "Encode/Byte.pm")
    assert image.kept() == {f"{COMPILED}/{name}" for name in (*parts, *modules)}


def test_resources_may_lie_beside_the_module(image: ScriptImage) -> None:
    image.add(APP, "use Mojo::Util;")
    for name in ("Mojo/Util.pm", "Mojo/resources/entities.txt", "resources/other.txt"):
        image.add(f"{SITE}/{name}")
    assert image.kept() == {f"{SITE}/Mojo/Util.pm", f"{SITE}/Mojo/resources/entities.txt"}


def test_encodings_that_the_app_names(image: ScriptImage) -> None:
    image.add(APP, "encode('Shift_JIS', $x)")
    image.add(f"{COMPILED}/Encode/JP.pm")
    image.add(f"{COMPILED}/Encode/KR.pm")
    assert image.kept() == {f"{COMPILED}/Encode/JP.pm"}


@pytest.mark.parametrize(
    ("source", "old", "expected"),
    [
        ("print 1;", True, set()),
        ("/\\p{Greek}/", False, set()),
        ("/\\p{Greek}/", True, {"Heavy.pl", "lib/Sc/Grek.pl", "To/Lower.pl"}),
        ("use utf8;", True, {"To/Lower.pl"}),
        ('"\\N{BULLET}"', False, {"Name.pl"}),
        ("use Unicode::UCD;", False, {"Name.pl", "lib/Sc/Grek.pl", "To/Lower.pl"}),
    ],
)
def test_unicode_tables_stay_for_sources_that_use_them(
    image: ScriptImage, source: str, old: bool, expected: set[str]
) -> None:
    image.add(APP, source)
    for name in ("Name.pl", "lib/Sc/Grek.pl", "To/Lower.pl", *(["Heavy.pl"] if old else [])):
        image.add(f"{CORE}/unicore/{name}")
    assert image.kept() == {f"{CORE}/unicore/{name}" for name in expected}


def test_libraries_bring_their_own_modules_and_perls(image: ScriptImage) -> None:
    image.add(APP, "use Lib::A; DBI->connect('dbi:SQLite:x');")
    image.add(
        f"{SITE}/Lib/A.pm",
        'use Used; sub f { require Lib::B; require Core; require Chance; require Small; require "Lib/Part/$x.pm" } $n = "Lib::Named";',
    )
    own = ("Lib/A.pm", "Lib/B.pm", "Used.pm", "Lib/Part/X.pm", "Lib/Named.pm", "DBD/SQLite.pm", "Small.pm")
    for name in own[1:]:
        image.add(f"{SITE}/{name}")
    image.add(f"{SITE}/Small.pm", "#" * 20_000)
    image.add(f"{SITE}/Chance.pm", "#" * (1 << 15))
    image.add(f"{CORE}/Core.pm")
    assert image.kept() == {f"{SITE}/{name}" for name in own} | {f"{CORE}/Core.pm"}


def test_a_librarys_own_folder_is_no_place_of_modules(image: ScriptImage) -> None:
    image.add(APP, "use Lib::Config;")
    image.add(f"{SITE}/Lib/Config.pm", "our %KNOWN = (a => 'Lib::Late');")
    image.add(f"{SITE}/Lib/Late.pm")
    assert image.kept(APP, f"{SITE}/Lib/Config.pm") == {f"{SITE}/Lib/Late.pm"}


def test_what_a_library_requires_as_it_is_loaded(image: ScriptImage) -> None:
    image.add(APP, "use Lib;")
    image.add(
        f"{SITE}/Lib.pm",
        "BEGIN { require Early }\nBEGIN {\n  if ($x) {\n    require Needed;\n  }\n}\nsub late {\n  require Later;\n}\n",
    )
    for name in ("Early", "Needed", "Later"):
        image.add(f"{SITE}/{name}.pm", "#" * (1 << 15))
    assert image.kept() == {f"{SITE}/{name}.pm" for name in ("Lib", "Early", "Needed")}


def test_parts_that_a_module_names_by_their_last_names(image: ScriptImage) -> None:
    image.add(APP, "use Hooks;")
    image.add(f"{SITE}/Hooks.pm", "build(implementations => ['XS', 'PP'], word => 'Missing');")
    parts = {f"{SITE}/Hooks/XS.pm", f"{SITE}/Hooks/PP.pm"}
    for path in (*parts, f"{SITE}/Hooks/Other.pm"):
        image.add(path)
    assert image.kept() == {f"{SITE}/Hooks.pm", *parts}


def test_a_namespace_whose_modules_are_chosen_by_computed_names(image: ScriptImage) -> None:
    image.add(APP, """use lib "$FindBin::Bin/lib"; use Lib; my $c = "Forms::$name"; my @places = ('Plugs::Own');""")
    image.add(f"{SITE}/Lib.pm", "sub load { my $c = 'Lib::Part::' . shift; my $o = \"Other::$c\"; }")
    found = {f"/srv/app/lib/{name}.pm" for name in ("Forms/Short", "Forms/Long", "Plugs/Own/A")} | {
        f"{SITE}/Lib/Part/X.pm"
    }
    for path in (*found, f"{SITE}/Other/Y.pm", "/srv/app/lib/Unused/Z.pm"):
        image.add(path)
    assert image.kept() == found | {f"{SITE}/Lib.pm"}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "use base 'Lib::Class::Core'; __PACKAGE__->load_components(qw/\n  Inflate::Date\n/);",
            "Lib/Class/Inflate/Date",
        ),
        ("use Lib::Class::Core; Lib::Class::Core->import;", "Lib/Class/Row"),
        ("use Lib qw(-Debug Part::Run);", "Lib/Part/Run"),
        ("use Lib qw/Static/;", "Lib/Plugin/Static"),
        ("use Lib::Loader;", "Lib/Handler/Forking"),
        ("use Lib::Loader;", "Lib/Loader/Late"),
    ],
)
def test_modules_that_are_named_by_the_ends_of_their_names(image: ScriptImage, line: str, name: str) -> None:
    image.add(f"{SITE}/Lib.pm")
    image.add(f"{SITE}/Lib/Class/Core.pm", "package Lib::Class::Core;\n__PACKAGE__->load_components(qw/\n  Row\n/);")
    loads = "Lib::load_class($server, 'Lib::Handler'); Lib::load_class('Late', 'Lib::Loader')"
    image.add(f"{SITE}/Lib/Loader.pm", f"sub load {{ {loads} }}")
    parts = {f"{SITE}/{part}.pm" for part in ("Lib/Class/Inflate/Date", "Lib/Class/Row", "Lib/Part/Run")}
    parts |= {f"{SITE}/{part}.pm" for part in ("Lib/Plugin/Static", "Lib/Handler/Forking", "Lib/Loader/Late")}
    for path in parts:
        image.add(path)
    image.add(APP, line)
    assert f"{SITE}/{name}.pm" in image.kept()


def test_character_names_need_a_module_that_is_otherwise_for_debugging(image: ScriptImage) -> None:
    image.add(f"{CORE}/_charnames.pm", 'use re "/aa";')
    image.add(f"{CORE}/re.pm")
    image.add(f"{COMPILED}/auto/re/re.so")
    image.add(APP, "use re;")
    assert image.kept() == {f"{CORE}/re.pm"}
    image.add(APP, "sub late { require charnames; charnames::viacode(1) }")
    assert image.kept() == {f"{CORE}/_charnames.pm", f"{CORE}/re.pm", f"{COMPILED}/auto/re/re.so"}


def test_folders_files_and_programs_that_the_app_names(image: ScriptImage) -> None:
    image.add(
        "/srv/app/script/app.pl",
        "open F, \"$FindBin::Bin/../data/terms.txt\"; system('convert a'); my $x = `git log`; qx{wc -l}",
    )
    named = ("templates/a.html.ep", "public/a.css", "data/terms.txt")
    for name in (*named, "data/other.txt", "t/basic.t"):
        image.add(f"/srv/app/{name}")
    for name in ("convert", "git", "wc", "other"):
        image.add(f"/usr/bin/{name}", mode=0o755)
    programs = {f"/usr/bin/{name}" for name in ("convert", "git", "wc")}
    assert image.kept("/srv/app/script/app.pl") == {f"/srv/app/{name}" for name in named} | programs


@pytest.mark.parametrize(
    ("statement", "namespace"),
    [
        ("use Module::Pluggable require => 1;", "My/App/Plugin"),
        ("use Module::Pluggable search_path => ['My::Tools'], require => 1;", "My/Tools"),
        ("use Module::Find; my @all = useall My::Tools;", "My/Tools"),
        ("use Module::Find; sub late { usesub('My::Tools') }", "My/Tools"),
        ("use base 'DBIx::Class::Schema'; __PACKAGE__->load_namespaces;", "My/App/Result"),
        ("use Mojo::Base 'Mojolicious';", "My/App/Controller"),
    ],
)
def test_modules_that_frameworks_find_by_their_namespace(image: ScriptImage, statement: str, namespace: str) -> None:
    image.add(APP, "use lib '/srv/app/lib'; use My::App;")
    image.add("/srv/app/lib/My/App.pm", f"package My::App;\n{statement}\n1;")
    for folder in ("My/App/Plugin", "My/Tools", "My/App/Result", "My/App/Controller", "My/Other"):
        image.add(f"/srv/app/lib/{folder}/One.pm")
    assert image.kept() == {"/srv/app/lib/My/App.pm", f"/srv/app/lib/{namespace}/One.pm"}


def test_images_without_perl_cost_nothing(image: ScriptImage) -> None:
    image.add(APP, "use Two;")
    followed(image.context(opened(APP, by="/usr/bin/cat")), perl, APP)
    assert image.reads == []


@pytest.mark.parametrize(
    "piece",
    [
        "use ", "use A", "use A::", "use A qw(", "require ", "use lib '", "'", '"', "`", "qx{", "system(", "$", "${", "$a[", "A::",
        "if 'A' ", "with ", " ", "=pod\n", "#", "use A\n\n", "\\N{", "dbi:", "load \"+", "{;", "\t\n", "do (", "qw(", "->", "\udcff", "BEGIN {\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("width", [1_000_000, 200])
def test_hostile_sources_end_soon(image: ScriptImage, piece: str, width: int) -> None:
    line = piece * (width // len(piece)) + "\n"
    image.add(APP, (line * (1_000_000 // len(line) + 1)).encode("utf-8", "surrogateescape"))
    with work_of_at_most(12000):
        assert image.kept() == set()


def test_paths_out_of_the_load_path_lead_to_no_data(image: ScriptImage) -> None:
    image.add(APP, "require '../../../../etc/shadow'; use lib '../../../..'; require \"../../etc/$x\";")
    image.add("/etc/shadow-")
    assert image.kept() == set()
