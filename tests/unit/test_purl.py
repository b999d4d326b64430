"""Package URLs: as Syft writes them, and of names that a hostile database may hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, strategies
from packageurl import PackageURL

from slimmer.image.os_release import SIZE_LIMIT, Release, parse_release
from slimmer.image.packages import Package
from slimmer.image.purl import Origin, package_url

NAMES = strategies.text(max_size=20) | strategies.text(alphabet="a /:@?#%+.\n\udcff", max_size=10)
DEBIAN = Release("debian", "12")
DPKG = """Package: libstdc++6
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 1:12.2.0-14+deb12u1~x

Package: base
Status: install ok installed
Architecture: all
Version: 1.2
"""
APK = "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl-src\n\nP:py3.11-foo++\nV:1-r0\nA:x86_64\no:py3.11-foo++\n\n"
METADATA = "Metadata-Version: 2.1\nName: Foo.Bar_x\nVersion: 1.0+local\n"
GEMSPEC = 'Gem::Specification.new do |s|\n  s.name = "rake".freeze\n  s.version = "13.0.6"\nend\n'


def scanned(root: Path, files: dict[str, str]) -> dict[str, str]:
    """The package URLs that Syft finds in a folder with these files, by name."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    done = subprocess.run(
        [Path(sys.executable).with_name("syft"), "scan", "--quiet", "--output", "json", f"dir:{root}"],
        check=True,
        capture_output=True,
        timeout=300,
        env={"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(root.parent)},
    )
    return {found["name"]: found["purl"] for found in json.loads(done.stdout)["artifacts"]}


def test_debians_packages_have_the_urls_of_syft(tmp_path: Path) -> None:
    files = {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": DPKG,
        "usr/lib/python3/dist-packages/Foo.Bar_x-1.0+local.dist-info/METADATA": METADATA,
        "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec": GEMSPEC,
    }
    gcc = Package("deb", "libstdc++6", "1:12.2.0-14+deb12u1~x")
    assert scanned(tmp_path / "root", files) == {
        "libstdc++6": package_url(gcc, DEBIAN, Origin("amd64", source="gcc-12@12.2.0-14")),
        "base": package_url(Package("deb", "base", "1.2"), DEBIAN, Origin("all")),
        "foo-bar-x": package_url(Package("python", "Foo.Bar_x", "1.0+local"), DEBIAN),
        "rake": package_url(Package("ruby", "rake", "13.0.6"), DEBIAN),
    }


def test_alpines_packages_have_the_urls_of_syft(tmp_path: Path) -> None:
    files = {"etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\n", "lib/apk/db/installed": APK}
    release = parse_release(files["etc/os-release"].encode())
    assert scanned(tmp_path / "root", files) == {
        "musl": package_url(Package("apk", "musl", "1.2.5-r0"), release, Origin("x86_64", source="musl-src")),
        "py3.11-foo++": package_url(
            Package("apk", "py3.11-foo++", "1-r0"), release, Origin("x86_64", source="py3.11-foo++")
        ),
    }


@pytest.mark.parametrize(
    ("package", "url"),
    [
        (Package("node", "@scope/name", "1.0.0+b"), "pkg:npm/%40scope/name@1.0.0%2Bb"),
        (Package("node", "name", ""), "pkg:npm/name"),
        (Package("php", "Monolog/Monolog", "2.1"), "pkg:composer/monolog/monolog@2.1"),
        (Package("go", "github.com/BurntSushi/toml/v2", "v2.0.0"), "pkg:golang/github.com/BurntSushi/toml@v2.0.0#v2"),
        (Package("go", "stdlib", "go1.22.1"), "pkg:golang/stdlib@1.22.1"),
        (Package("go", "golang.org/x/net", "v0.1.0"), "pkg:golang/golang.org/x/net@v0.1.0"),
        (Package("java", "org.x:log", "1"), "pkg:maven/org.x/log@1"),
        (Package("lua", "lpeg", "1.1-1"), "pkg:luarocks/lpeg@1.1-1"),
        (Package("dotnet", "Serilog", "3.0.0"), "pkg:nuget/Serilog@3.0.0"),
        (Package("erlang", "jason", "1.4"), "pkg:hex/jason@1.4"),
        (Package("other", "thing", "1"), "pkg:generic/thing@1"),
    ],
)
def test_languages_have_their_types(package: Package, url: str) -> None:
    assert package_url(package, DEBIAN) == url


def test_rpm_has_an_epoch_and_the_vendor_of_its_release() -> None:
    package, release = Package("rpm", "bash", "5.1.8-9.el9"), Release("rhel", "9.3", ("fedora",))
    origin = Origin("x86_64", "1", "bash-5.1.8-9.el9.src.rpm")
    expected = "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&distro=rhel-9.3&epoch=1&upstream=bash-5.1.8-9.el9.src.rpm"
    assert package_url(package, release, origin) == expected


def test_an_image_may_not_say_its_release() -> None:
    assert package_url(Package("deb", "bash", "5")) == "pkg:deb/bash@5"
    assert package_url(Package("apk", "x", "1"), Release("wolfi")) == "pkg:apk/wolfi/x@1?distro=wolfi"


@pytest.mark.parametrize("name", ["", " ", "\t\x1f", "/", "//", "a/b", "/a", "a/"])
@pytest.mark.parametrize("manager", ["deb", "apk", "rpm", "python", "ruby", "other"])
def test_a_name_that_no_url_can_have_has_none(manager: str, name: str) -> None:
    assert package_url(Package(manager, name, "1"), DEBIAN) == ""


@pytest.mark.parametrize("name", ["a\nb", "a?x=1#y@z", "caf�", "%2e%2e", "a b", "..", "é"])
@pytest.mark.parametrize("manager", ["deb", "ruby", "node", "go"])
def test_odd_names_are_escaped(manager: str, name: str) -> None:
    url = package_url(Package(manager, name, "1 \n?#"), DEBIAN)
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
    assert (PackageURL.from_string(url).name, PackageURL.from_string(url).version) == (name, "1 \n?#")


@given(strategies.sampled_from(["deb", "apk", "rpm", "python", "node", "php", "go", "java", "x"]), NAMES, NAMES, NAMES)
@example("deb", "a", "1", "\udcff")
def test_any_name_has_a_url_or_none(manager: str, name: str, version: str, other: str) -> None:
    url = package_url(Package(manager, name, version), Release(), Origin(other, other, other))
    assert url.isascii() and url.isprintable() and " " not in url
    assert not url or PackageURL.from_string(url).type


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert package_url(Package("python", "a\udcffb", "1\udcfe")) == "pkg:pypi/a%EF%BF%BDb@1%EF%BF%BD"


@pytest.mark.parametrize(
    ("content", "release"),
    [
        (b'ID=debian\nVERSION_ID="12"\n', DEBIAN),
        (b"ID='opensuse-leap'\nID_LIKE=\"suse opensuse\"\n", Release("opensuse-leap", "", ("suse", "opensuse"))),
        (b"ID=arch\nBUILD_ID=rolling\n", Release("arch", "rolling")),
        (b"ID=Debian Linux\nVERSION_ID=\n", Release()),
        (b"ID=a\nID=b\n", Release("b")),
        (b'ID="a\nVERSION_ID=\x1b[1m\n', Release()),
        (b"\xff\xfe\0ID=x\nnonsense", Release()),
        (b"ID=" + b"x" * SIZE_LIMIT, Release()),
        (b"", Release()),
    ],
)
def test_a_release_is_read_from_untrusted_text(content: bytes, release: Release) -> None:
    assert parse_release(content) == release
