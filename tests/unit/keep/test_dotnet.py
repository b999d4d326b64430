"""What the .NET rule keeps, for small apps on Mono and on .NET (Core)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.keepset import KeepSet
from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.dotnet.language import DOTNET
from slimmer.keep.languages.dotnet.metadata import read_metadata
from slimmer.keep.languages.dotnet.reader import Dialect, Facts, Reference, Trait, read
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.sandbox.facts import dump_facts, load_facts
from slimmer.testing import LocalImage, by_rule, files, opened, run
from tests.unit.assembly_maker import make_assembly

ANALYZER = LanguageAnalyzer(DOTNET)
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/app", env=("PATH=/usr/bin",))
MONO = "/usr/lib/mono"
CORE = "/opt/dotnet/shared/Microsoft.NETCore.App/8.0.1"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept_of(image: LocalImage, *paths: str, by: str) -> KeepSet:
    return run(ANALYZER, image.view(*(opened(path, by=by) for path in paths), config=CONFIG))


def cached(image: LocalImage, name: str, content: bytes = b"", version: str = "4.0.0.0") -> str:
    """Put an assembly into Mono's cache, with the link that its compiler's folder has."""
    path = f"{MONO}/gac/{name}/{version}__b77a5c561934e089/{name}.dll"
    image.add(path, content or make_assembly())
    if version == "4.0.0.0":
        image.link(f"{MONO}/4.5/{name}.dll", path)
    return path


def on_mono(image: LocalImage, app: bytes, *others: str) -> KeepSet:
    """What the rule keeps after Mono has run an app."""
    image.add("/app/App.exe", app)
    image.add(f"{MONO}/4.5/mscorlib.dll", make_assembly(calls=["System.Native"]))
    return kept_of(image, "/app/App.exe", f"{MONO}/4.5/mscorlib.dll", *others, by="/usr/bin/mono-sgen")


def test_assemblies_refer_to_others_in_monos_cache_and_beside_them(image: LocalImage) -> None:
    data = cached(image, "System.Data", make_assembly(["System.Xml", "Missing"]))
    xml, old = cached(image, "System.Xml"), cached(image, "System.Xml", version="2.0.0.0")
    cached(image, "System.Web")
    image.add("/app/Shop.Core.dll", make_assembly())
    kept = on_mono(image, make_assembly(["mscorlib", "System.Data", "Shop.Core"]))
    assert by_rule(kept, "dotnet") == {data, xml, "/app/App.exe", "/app/Shop.Core.dll", f"{MONO}/4.5/mscorlib.dll"}
    assert old not in kept and f"{MONO}/4.5/System.Data.dll" in kept
    assert str(kept.reasons[xml][0]) == f"dotnet: referred to by {data}"


def test_code_pages_and_zones_come_with_code_that_asks_for_them_by_name(image: LocalImage) -> None:
    pages = {cached(image, name) for name in ("I18N", "I18N.West")}
    image.add("/usr/share/zoneinfo/Asia/Tokyo", "TZif")
    assert not pages & set(by_rule(on_mono(image, make_assembly()), "dotnet"))
    kept = on_mono(image, make_assembly(members=["GetEncoding", "FindSystemTimeZoneById"]))
    assert pages <= by_rule(kept, "dotnet")
    assert "/usr/share/zoneinfo/Asia/Tokyo" in kept


def test_monos_settings_say_what_native_libraries_are_called_here(image: LocalImage) -> None:
    image.add(
        "/etc/mono/config",
        '<configuration><dllmap dll="i:sqlite3.dll" target="libsqlite3.so.0" os="!windows"/>'
        '<dllmap dll="helper" target="$mono_libdir/libhelper.so"/><dllmap dll="mac" target="m.dylib" os="osx"/>',
    )
    image.add("/etc/mono/4.5/machine.config", '<section type="X.Y, System.Web"/>')
    web = cached(image, "System.Web")
    for name in ("libsqlite3.so.0", "libhelper.so", "libplain.so", "m.dylib", "libother.so"):
        image.add(f"/usr/lib/{name}")
    kept = on_mono(image, make_assembly(calls=["sqlite3.dll", "helper", "plain", "mac"]), "/etc/mono/config")
    libraries = {path for path in by_rule(kept, "dotnet") if path.startswith("/usr/lib/lib")}
    assert libraries == {"/usr/lib/libsqlite3.so.0", "/usr/lib/libhelper.so", "/usr/lib/libplain.so"}
    assert "/etc/mono/4.5/machine.config" in kept and web not in kept


def test_an_app_brings_what_it_names_and_what_lies_beside_it(image: LocalImage) -> None:
    for path in ("data/rates.csv", "App.exe.config", "appsettings.json", "de/App.resources.dll", "notes.bin"):
        image.add(f"/app/{path}", "<x/>")
    image.add("/app/Unnamed.dll", make_assembly())
    image.add("/app/parts/Late.dll", make_assembly(["System.Xml"]))
    xml = cached(image, "System.Xml")
    for name in ("uname", "sort"):
        image.add(f"/usr/bin/{name}", mode=0o755)
    app = make_assembly(literals=["data/rates.csv", "uname", "parts/Late.dll"], members=["ProcessStartInfo"])
    kept = on_mono(image, app)
    found = {path.removeprefix("/app/") for path in files(image.view(), kept) if path.startswith("/app/")}
    assert found == {
        "App.exe",
        "App.exe.config",
        "Unnamed.dll",
        "appsettings.json",
        "data/rates.csv",
        "de/App.resources.dll",
        "parts/Late.dll",
    }
    assert xml in kept, "a part that is named is followed"
    assert "/usr/bin/uname" in kept and "/usr/bin/sort" not in kept


def test_types_are_named_with_their_assemblies(image: LocalImage) -> None:
    lazy, drawing = cached(image, "System.Lazy"), cached(image, "System.Drawing")
    cached(image, "System.Own", make_assembly(literals=["System.Drawing.Color, System.Drawing, Version=4.0.0.0"]))
    name = "System.Lazy.Thing, System.Lazy, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
    kept = on_mono(image, make_assembly(["System.Own"], literals=[name]))
    assert lazy in kept
    assert drawing not in kept, "Mono names assemblies that may not be installed"


def on_core(image: LocalImage, app: bytes, manifest: object = None) -> KeepSet:
    """What the rule keeps after .NET has run an app that publishing made."""
    image.add("/app/Shop.dll", app)
    image.add("/app/Shop.runtimeconfig.json", '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App"}}}')
    image.add(f"{CORE}/System.Private.CoreLib.dll", make_assembly())
    opened_ones = ["/app/Shop.dll", "/app/Shop.runtimeconfig.json", f"{CORE}/System.Private.CoreLib.dll"]
    if manifest is not None:
        image.add("/app/Shop.deps.json", json.dumps(manifest))
        opened_ones.append("/app/Shop.deps.json")
    return kept_of(image, *opened_ones, by="/opt/dotnet/dotnet")


def test_references_are_found_in_the_framework_that_runs(image: LocalImage) -> None:
    image.add(f"{CORE}/System.Runtime.dll", make_assembly(["System.Private.CoreLib"]))
    image.add(f"{CORE}/System.Xml.dll", make_assembly(["System.Runtime"]))
    image.add(f"{CORE}/System.Data.dll", make_assembly())
    image.add(f"{CORE}/libSystem.Native.so")
    image.add("/opt/dotnet/shared/Microsoft.AspNetCore.App/8.0.1/Other.dll", make_assembly())
    kept = on_core(image, make_assembly(["System.Xml"], calls=["libSystem.Native"], wide=True))
    names = {path.rpartition("/")[2] for path in by_rule(kept, "dotnet")}
    assert {"System.Xml.dll", "System.Runtime.dll", "libSystem.Native.so"} <= names
    assert names.isdisjoint({"System.Data.dll", "Other.dll"})


def test_a_manifest_lists_the_assets_of_this_system(image: LocalImage) -> None:
    manifest = {
        "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
        "targets": {
            ".NETCoreApp,Version=v8.0": {
                "Shop/1.0.0": {"runtime": {"Shop.dll": {}}},
                "Pdf/2.0": {
                    "runtime": {"lib/net8.0/Pdf.dll": {"assemblyVersion": "2.0.0.0"}},
                    "resources": {"lib/net8.0/de/Pdf.resources.dll": {"locale": "de"}},
                    "runtimeTargets": {
                        "runtimes/linux-x64/native/libpdf.so": {"rid": "linux-x64", "assetType": "native"},
                        "runtimes/win-x64/native/pdf.dll": {"rid": "win-x64", "assetType": "native"},
                        "runtimes/linux-arm64/native/libpdf.so": {"rid": "linux-arm64", "assetType": "native"},
                    },
                },
            },
            "other": {"Old/1.0": {"runtime": {"Old.dll": {}}}},
        },
        "libraries": {"Shop/1.0.0": {"type": "project"}, "Pdf/2.0": {"type": "package"}},
    }
    image.add("/app/Pdf.dll", make_assembly())
    wanted = ("de/Pdf.resources.dll", "runtimes/linux-x64/native/libpdf.so")
    others = ("runtimes/win-x64/native/pdf.dll", "runtimes/linux-arm64/native/libpdf.so")
    for path in (*wanted, *others):
        image.add(f"/app/{path}")
    kept = on_core(image, make_assembly(), manifest)
    assert {f"/app/{path}" for path in (*wanted, "Pdf.dll")} <= set(by_rule(kept, "dotnet"))
    assert not any(f"/app/{path}" in kept for path in others)


def test_an_image_with_programs_for_windows_does_not_use_dotnet(image: LocalImage) -> None:
    image.add("/usr/lib/python3/t64.exe", b"MZ" + bytes(200))
    image.add("/etc/mono/config", "<x/>")
    kept = kept_of(image, "/usr/lib/python3/t64.exe", by="/usr/bin/python3.11")
    assert not by_rule(kept, "dotnet")


def facts(content: bytes, dialect: str = Dialect.ASSEMBLY) -> Facts:
    return read(Source(".dll", content, Origin.APP, dialect))


@pytest.mark.parametrize("wide", [False, True])
def test_facts_survive_the_cache(wide: bool) -> None:
    content = make_assembly(["A.B"], calls=["z"], literals=["x" * 200, "N.T, N"], members=["GetEncoding"], wide=wide)
    found = facts(content)
    assert found == Facts(
        is_assembly=True,
        references=(Reference("A.B", "4.0.0.0"),),
        libraries=("z",),
        named=("N",),
        words=("x" * 200, "N.T, N"),
        traits=frozenset((Trait.ENCODINGS,)),
    )
    assert load_facts(Facts, dump_facts(found)) == found


def test_a_broken_assembly_says_nothing_or_less() -> None:
    content = make_assembly(["A"] * 50, calls=["z"], literals=["text"] * 20)
    for place in range(0, len(content), 7):
        for broken in (content[:place], content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :]):
            found = read_metadata(broken)
            assert found is None or len(found.references) <= 10_000


@pytest.mark.parametrize("dialect", [Dialect.DEPENDENCIES, Dialect.RUNTIME, Dialect.SETTINGS])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"targets": 7, "libraries": [1], "runtimeOptions": "x"}',
        b"<dllmap " * 10_000,
    ],
)
def test_manifests_and_settings_may_be_anything(content: bytes, dialect: str) -> None:
    assert facts(content, dialect) == Facts()
