"""What became of findings in a slim image: gone only if that is proven. The package databases are real files that slimmer reads."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import slimmer
from slimmer.artifacts.build_output import BuildOutput
from slimmer.errors import UsageError
from slimmer.report.contents import Contents
from slimmer.report.strays import COPY_SIZE
from slimmer.report.verdict import Judged, Verdict, judge_findings
from slimmer.report.vulnerabilities import as_table, in_words, vulnerabilities
from slimmer.scans.scan import Scan, ScannedImage
from slimmer.scans.scan_file import read_scan
from slimmer.testing import LocalImage
from tests.unit.scan_maker import ORIGINAL, OTHER, grype, grype_match, trivy, trivy_finding, trivy_result, written
from tests.unit.test_baseline import built
from tests.unit.test_explanation import output

__all__ = ["output"]  # a fixture

GONE, PARTLY, THERE, UNKNOWN = Verdict.GONE, Verdict.PARTLY, Verdict.THERE, Verdict.UNKNOWN
SITE, OTHER_SITE = "/venv/lib/python3.11/site-packages", "/usr/lib/python3/dist-packages"
BASH = grype_match(paths=("/usr/share/doc/bash/copyright", "/var/lib/dpkg/status"))


def debian(image: LocalImage, *packages: tuple[str, str, tuple[str, ...]]) -> None:
    """Add packages of dpkg, each with its name, version and files."""
    status = "\n".join(f"Package: {n}\nStatus: install ok installed\nVersion: {v}\n" for n, v, _ in packages)
    image.add("/var/lib/dpkg/status", status)
    for name, _, paths in packages:
        image.add(f"/var/lib/dpkg/info/{name}.list", "".join(f"{path}\n" for path in paths))


def distribution(image: LocalImage, site: str, name: str, version: str, *paths: str) -> str:
    """Add a Python distribution with a RECORD of these paths, relative to its site. Returns the path of its METADATA."""
    folder = f"{name}-{version}.dist-info"
    names = (*paths, f"{folder}/METADATA", f"{folder}/RECORD")
    for path in (*paths, f"{folder}/METADATA"):
        image.add(os.path.normpath(f"{site}/{path}"), f"{path} of {site}")
    image.add(f"{site}/{folder}/RECORD", "".join(f"{path},,\n" for path in names))
    return f"{site}/{folder}/METADATA"


def contents(image: LocalImage, *kept: str, new: dict[str, int] | None = None) -> Contents:
    """An image of which these paths are kept."""
    view = image.view()
    view.packages.know_all()
    entries = {path: view.tree.get(path) for path in kept}
    assert None not in entries.values(), entries
    sizes = {path: entry.size if entry.is_file else -1 for path, entry in entries.items() if entry}
    return Contents(view.tree, view.packages.entries, sizes | (new or {}), tuple(view.packages.unreadable))


def judged(tmp_path: Path, contents: Contents, *matches: object) -> list[Judged]:
    """The verdicts on matches of Grype, or on results of Trivy."""
    is_match = all(isinstance(one, dict) and "artifact" in one for one in matches)
    document = grype(*matches) if is_match else trivy(*matches)  # type: ignore[arg-type]
    return list(judge_findings(read_scan("--scan", written(tmp_path, document)).findings, contents))


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """Bash, and another package that shares folders with it."""
    image = LocalImage(tmp_path / "image")
    for path in ("/usr/bin/bash", "/usr/share/doc/bash/copyright", "/etc/bash.bashrc", "/usr/bin/other"):
        image.add(path, path)
    image.link("/usr/bin/rbash", "bash")
    image.link("/bin", "usr/bin")
    files = ("/bin/bash", "/bin/rbash", "/usr/share/doc/bash/copyright", "/etc/bash.bashrc")
    debian(image, ("bash", "5.2-1", files), ("other", "1", ("/usr/bin/other",)), ("meta", "1", ("/usr",)))
    return image


@pytest.mark.parametrize(
    ("kept", "verdict", "number"),
    [
        ((), GONE, 0),
        (("/usr/bin/other", "/var/lib/dpkg/status"), GONE, 0),
        (("/usr/share/doc/bash/copyright",), PARTLY, 1),
        (("/usr/bin/bash",), PARTLY, 1),
        (("/usr/bin/rbash",), PARTLY, 1),
        (("/usr/bin/bash", "/usr/bin/rbash", "/usr/share/doc/bash/copyright", "/etc/bash.bashrc"), THERE, 4),
    ],
)
def test_a_package_is_gone_if_none_of_its_files_is_kept(
    tmp_path: Path, image: LocalImage, kept: tuple[str, ...], verdict: Verdict, number: int
) -> None:
    """dpkg lists /bin/bash, which is /usr/bin/bash here. Its own databases are no files of bash."""
    (grypes,) = judged(tmp_path, contents(image, *kept), BASH)
    (trivys,) = judged(tmp_path, contents(image, *kept), trivy_result(trivy_finding()))
    for found in (grypes, trivys):
        assert (found.verdict, found.kept, found.files, found.reason) == (verdict, number, 4, "")
        assert found.absent is (verdict is GONE)
        assert set(found.paths) <= {*kept}


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        (grype_match(name="zsh"), "slimmer knows no files of this package"),
        (grype_match(version="5.1-1"), "the original has bash 5.2-1, but no files of this version are known"),
        (grype_match(name="meta", version="1"), "slimmer knows no files of this package"),
        (grype_match(type="conda", name="bash"), "slimmer does not know the files of packages of type ?"),
        (grype_match(type="rust-crate", name="bash", paths=("/Cargo.lock",)), "slimmer does not know the files of packages of type cargo"),
        (grype_match(type="binary", name="jdk", purl="pkg:generic/oracle/jdk@21", paths=("/usr/bin/other",)), "slimmer does not know the files of packages of type generic"),
        (grype_match(type="npm", name="left-pad"), "slimmer knows no files of this package"),
    ],
)  # fmt: skip
def test_what_slimmer_does_not_know_is_never_gone(
    tmp_path: Path, image: LocalImage, match: object, reason: str
) -> None:
    (found,) = judged(tmp_path, contents(image), match)
    assert (found.verdict, found.reason, found.absent) == (UNKNOWN, reason, False)


def test_an_epoch_that_the_scanner_leaves_out_is_no_other_version(tmp_path: Path, image: LocalImage) -> None:
    debian(image, ("bash", "1:5.2-1", ("/bin/bash",)))
    for match in (grype_match(), grype_match(purl="pkg:deb/debian/bash@1:5.2-1?distro=debian-12")):
        (found,) = judged(tmp_path, contents(image), match)
        assert found.verdict is GONE


def test_a_database_that_cannot_be_read_proves_nothing(tmp_path: Path, image: LocalImage) -> None:
    image.add("/var/lib/rpm/Packages", "Berkeley DB")
    found = contents(image)
    assert found.unread == ("/var/lib/rpm/Packages",)
    (verdict,) = judged(tmp_path, found, BASH)
    assert verdict.verdict is UNKNOWN
    assert verdict.reason == "/var/lib/rpm/Packages could not be read, so there may be more files"


@pytest.mark.parametrize("target", ["/data/jdk", "../../../data/jdk"])
def test_a_folder_that_was_moved_and_linked_is_still_the_package_s(
    tmp_path: Path, image: LocalImage, target: str
) -> None:
    """`mv /usr/lib/jvm/jdk /data; ln -s /data/jdk /usr/lib/jvm` in a Dockerfile: dpkg goes on to list the old paths."""
    image.add("/data/jdk/bin/java", "java")
    image.add("/usr/share/doc/jdk/copyright", "free")
    image.link("/usr/lib/jvm/jdk", target)
    debian(image, ("jdk", "21", ("/usr/lib/jvm/jdk/bin/java", "/usr/share/doc/jdk/copyright")))
    match = grype_match(name="jdk", version="21")
    (found,) = judged(tmp_path, contents(image, "/data/jdk/bin/java"), match)
    assert (found.verdict, found.paths, found.files) == (PARTLY, ("/data/jdk/bin/java",), 2)
    assert judged(tmp_path, contents(image), match)[0].verdict is GONE


@pytest.mark.parametrize("database", ["/srv/root/var/lib/dpkg/status", "/srv/root/var/lib/dpkg/status.d/bash"])
def test_a_package_of_another_root_is_not_the_image_s(tmp_path: Path, image: LocalImage, database: str) -> None:
    """Syft also reads databases of a chroot within the image, where the same version may be."""
    image.add("/srv/root/bin/bash", "bash")
    image.add(database, "Package: bash")
    match = grype_match(paths=(database,))
    inner, outer = judged(tmp_path, contents(image, "/srv/root/bin/bash"), match, BASH)
    assert (inner.verdict, inner.reason) == (UNKNOWN, f"slimmer does not read the database {database}")
    assert (outer.verdict, outer.absent) == (GONE, False)


def test_a_database_behind_a_link_is_the_image_s(tmp_path: Path, image: LocalImage) -> None:
    root = tmp_path / "image"
    (root / "data").mkdir()
    (root / "var").rename(root / "data/var")
    image.link("/var", "/data/var")
    (found,) = judged(tmp_path, contents(image), grype_match(paths=("/data/var/lib/dpkg/status",)))
    assert found.verdict is GONE


class TestOtherNames:
    """Files of a package that no list has, or that are there under another name."""

    def test_a_hard_link_is_the_file(self, tmp_path: Path, image: LocalImage) -> None:
        (tmp_path / "image/opt").mkdir()
        os.link(tmp_path / "image/usr/bin/bash", tmp_path / "image/opt/shell")
        (found,) = judged(tmp_path, contents(image, "/opt/shell"), BASH)
        assert (found.verdict, found.paths) == (PARTLY, ("/opt/shell",))

    def test_a_file_that_was_moved_and_linked_is_still_the_package_s(self, tmp_path: Path, image: LocalImage) -> None:
        (tmp_path / "image/data").mkdir()
        (tmp_path / "image/usr/bin/bash").rename(tmp_path / "image/data/moved")
        image.link("/usr/bin/bash", "../../data/moved")
        (found,) = judged(tmp_path, contents(image, "/data/moved"), BASH)
        assert (found.verdict, found.paths) == (PARTLY, ("/data/moved",))
        assert judged(tmp_path, contents(image), BASH)[0].verdict is GONE

    def test_a_file_of_nobodys_with_the_same_name_and_size_may_be_a_copy(
        self, tmp_path: Path, image: LocalImage
    ) -> None:
        image.add("/app/bash", "/usr/bin/bash")
        (found,) = judged(tmp_path, contents(image, "/app/bash"), BASH)
        assert (found.verdict, found.absent) == (UNKNOWN, False)
        assert found.reason == "/app/bash may be a copy of /usr/bin/bash: it has the same size"

    def test_a_large_file_of_the_same_size_may_be_a_copy_under_any_name(
        self, tmp_path: Path, image: LocalImage
    ) -> None:
        image.add("/usr/bin/bash", "b" * COPY_SIZE)
        image.add("/app/shell", "s" * COPY_SIZE)
        (found,) = judged(tmp_path, contents(image, "/app/shell"), BASH)
        assert found.reason == "/app/shell may be a copy of /usr/bin/bash: it has the same size"

    def test_so_may_a_file_that_only_the_slim_image_has(self, tmp_path: Path, image: LocalImage) -> None:
        (found,) = judged(tmp_path, contents(image, new={"/app/bash": len("/usr/bin/bash")}), BASH)
        assert found.verdict is UNKNOWN

    def test_a_small_file_with_another_name_and_one_of_another_package_are_no_copies(
        self, tmp_path: Path, image: LocalImage
    ) -> None:
        image.add("/app/shell", "/usr/bin/bash")
        image.add("/usr/bin/other", "/usr/bin/bash")
        (found,) = judged(tmp_path, contents(image, "/app/shell", "/usr/bin/other"), BASH)
        assert found.verdict is GONE

    @pytest.mark.parametrize("path", ["/usr/bin/bash.distrib", "/etc/bash.bashrc.dpkg-old"])
    def test_what_dpkg_put_aside_is_the_packages(self, tmp_path: Path, image: LocalImage, path: str) -> None:
        image.add(path, "aside")
        (found,) = judged(tmp_path, contents(image, path), BASH)
        assert (found.verdict, found.paths) == (PARTLY, (path,))

    def test_compiled_python_is_the_packages(self, tmp_path: Path, image: LocalImage) -> None:
        image.add("/usr/lib/tool/run.py", "import os")
        image.add("/usr/lib/tool/__pycache__/run.cpython-311.opt-1.pyc", "code")
        image.add("/usr/lib/tool/__pycache__/own.cpython-311.pyc", "code")
        debian(image, ("tool", "1", ("/usr/lib/tool/run.py",)), ("more", "1", ("/usr/lib/tool/more.py",)))
        tool = grype_match(name="tool", version="1")
        (found,) = judged(tmp_path, contents(image, "/usr/lib/tool/__pycache__/run.cpython-311.opt-1.pyc"), tool)
        assert found.verdict is PARTLY
        (found,) = judged(tmp_path, contents(image, "/usr/lib/tool/__pycache__/own.cpython-311.pyc"), tool)
        assert found.verdict is GONE

    def test_a_file_in_a_folder_of_one_package_alone_is_the_packages(self, tmp_path: Path, image: LocalImage) -> None:
        for path in ("/usr/lib/tool/run", "/usr/lib/tool/made", "/usr/lib/free", "/usr/bin/script"):
            image.add(path, path)
        debian(image, ("tool", "1", ("/usr/lib/tool/run", "/usr/bin/tool")))
        tool = grype_match(name="tool", version="1")
        (found,) = judged(tmp_path, contents(image, "/usr/lib/tool/made"), tool)
        assert (found.verdict, found.paths, found.kept, found.files) == (PARTLY, ("/usr/lib/tool/made",), 1, 2)
        (found,) = judged(tmp_path, contents(image, "/usr/lib/free", "/usr/bin/script"), tool)
        assert found.verdict is GONE


class TestPlaces:
    """Packages of languages, of which an image may have several copies."""

    def test_each_copy_of_an_npm_package_has_a_verdict_of_its_own(self, tmp_path: Path, image: LocalImage) -> None:
        places = ("/app/node_modules/a", "/app/node_modules/b/node_modules/a")
        for place in (*places, "/app/node_modules/b"):
            image.add(f"{place}/package.json", "{}")
            image.add(f"{place}/index.js", place)
        matches = [
            grype_match(name="a", version=version, type="npm", paths=(f"{place}/package.json",))
            for place, version in zip(places, ("1", "2"), strict=True)
        ]
        first, second = judged(tmp_path, contents(image, "/app/node_modules/b/node_modules/a/index.js"), *matches)
        assert (first.verdict, first.files) == (GONE, 2)
        assert (second.verdict, second.kept, second.files) == (PARTLY, 1, 2)
        assert not first.absent, "an npm package of this name is kept, and nobody knows its version"

    def test_what_is_nested_in_a_package_is_not_the_packages(self, tmp_path: Path, image: LocalImage) -> None:
        for place in ("/app/node_modules/b", "/app/node_modules/b/node_modules/a"):
            image.add(f"{place}/package.json", "{}")
        path = "app/node_modules/b/package.json"
        result = trivy_result(trivy_finding(name="b", path=path), target="Node.js", kind="node-pkg")
        (found,) = judged(tmp_path, contents(image, "/app/node_modules/b/node_modules/a/package.json"), result)
        assert (found.verdict, found.absent) == (GONE, True)

    def test_each_copy_of_a_python_distribution_has_one(self, tmp_path: Path, image: LocalImage) -> None:
        paths = [distribution(image, site, "Foo_Bar", "1.0", "foo.py") for site in (SITE, OTHER_SITE)]
        matches = [grype_match(name="foo-bar", version="1.0", type="python", paths=(path,)) for path in paths]
        first, second = judged(tmp_path, contents(image, f"{OTHER_SITE}/foo.py"), *matches)
        assert (first.verdict, first.absent) == (GONE, False)
        assert (second.verdict, second.paths) == (PARTLY, (f"{OTHER_SITE}/foo.py",))

    @pytest.mark.parametrize("stray", ["foo/native.so", "foo/a.pyc"])
    def test_a_file_that_no_record_has_is_the_distributions_if_the_folder_is(
        self, tmp_path: Path, image: LocalImage, stray: str
    ) -> None:
        """Distributions download or compile code when they are used for the first time."""
        paths = [distribution(image, site, "foo", "1.0", "foo/a.py", "foo.py") for site in (SITE, OTHER_SITE)]
        for path in (f"{SITE}/{stray}", f"{SITE}/own.py"):
            image.add(path, "made")
        matches = [grype_match(name="foo", version="1.0", type="python", paths=(path,)) for path in paths]
        first, second = judged(tmp_path, contents(image, f"{SITE}/{stray}"), *matches)
        assert (first.verdict, first.paths) == (PARTLY, (f"{SITE}/{stray}",))
        assert (second.verdict, second.absent) == (GONE, False)
        assert judged(tmp_path, contents(image, f"{SITE}/own.py"), *matches)[0].verdict is GONE

    @pytest.mark.parametrize("place", [f"{SITE}/setuptools/_vendor", "/app/packages"])
    def test_a_python_copy_in_an_unknown_place_is_not_judged_by_a_known_one(
        self, tmp_path: Path, image: LocalImage, place: str
    ) -> None:
        """As setuptools has it in setuptools/_vendor, and pip install --target makes it."""
        distribution(image, SITE, "wheel", "0.45.1", "wheel/code.py")
        path = distribution(image, place, "wheel", "0.45.1", "wheel/code.py")
        match = grype_match(name="wheel", version="0.45.1", type="python", paths=(path,))
        (found,) = judged(tmp_path, contents(image, f"{place}/wheel/code.py"), match)
        assert (found.verdict, found.absent) == (UNKNOWN, False)

    def test_an_npm_copy_outside_of_node_modules_is_not_judged_by_one_inside(
        self, tmp_path: Path, image: LocalImage
    ) -> None:
        """As the image of Node.js has Yarn."""
        for path in ("/opt/yarn-v1/package.json", "/opt/yarn-v1/lib/cli.js", "/app/node_modules/yarn/package.json"):
            image.add(path, path)
        match = grype_match(name="yarn", version="1", type="npm", paths=("/opt/yarn-v1/package.json",))
        (found,) = judged(tmp_path, contents(image, "/opt/yarn-v1/lib/cli.js"), match)
        assert (found.verdict, found.absent) == (UNKNOWN, False)

    def test_a_command_of_a_distribution_is_outside_of_its_folder(self, tmp_path: Path, image: LocalImage) -> None:
        path = distribution(image, SITE, "foo", "1.0", "foo.py", "../../../bin/foo")
        match = grype_match(name="foo", version="1.0", type="python", paths=(path,))
        (found,) = judged(tmp_path, contents(image, "/venv/bin/foo"), match)
        assert (found.verdict, found.paths) == (PARTLY, ("/venv/bin/foo",))

    def test_a_distribution_without_a_record_is_that_of_a_deb_package(self, tmp_path: Path, image: LocalImage) -> None:
        info, code = f"{OTHER_SITE}/foo-1.0.egg-info/PKG-INFO", f"{OTHER_SITE}/foo.py"
        for path in (info, code):
            image.add(path, path)
        match = grype_match(name="foo", version="1.0", type="python", paths=(info,))
        (found,) = judged(tmp_path, contents(image), match)
        assert found.verdict is UNKNOWN
        debian(image, ("python3-foo", "1.0-1", (info, code)))
        (found,) = judged(tmp_path, contents(image), match)
        assert (found.verdict, found.files) == (GONE, 2)
        (found,) = judged(tmp_path, contents(image, code), match)
        assert found.verdict is PARTLY

    def test_a_gem_is_where_its_description_says(self, tmp_path: Path, image: LocalImage) -> None:
        home = "/var/lib/gems/3.1.0"
        for path in ("specifications/rails-6.0.gemspec", "gems/rails-6.0/lib/rails.rb"):
            image.add(f"{home}/{path}", path)
        match = grype_match(
            name="rails", version="6.0", type="gem", paths=(f"{home}/specifications/rails-6.0.gemspec",)
        )
        (found,) = judged(tmp_path, contents(image), match)
        assert found.verdict is GONE
        for path in ("specifications/rails-6.0.gemspec", "gems/rails-6.0/lib/rails.rb"):
            (found,) = judged(tmp_path, contents(image, f"{home}/{path}"), match)
            assert found.verdict is (THERE if path.startswith("gems") else PARTLY)
            assert found.paths == (f"{home}/{path}",)

    def test_a_gem_that_comes_with_ruby_is_not_judged_by_one_that_was_installed(
        self, tmp_path: Path, image: LocalImage
    ) -> None:
        home, code = "/usr/lib/ruby/gems/3.1.0", "/usr/lib/ruby/3.1.0/json.rb"
        specification = f"{home}/specifications/default/json-2.6.gemspec"
        for path in (specification, code, f"{home}/specifications/json-2.6.gemspec", f"{home}/gems/json-2.6/json.rb"):
            image.add(path, path)
        match = grype_match(name="json", version="2.6", type="gem", paths=(specification,))
        (found,) = judged(tmp_path, contents(image, code), match)
        assert (found.verdict, found.absent) == (UNKNOWN, False)

    def test_a_package_of_composer_is_beside_the_list(self, tmp_path: Path, image: LocalImage) -> None:
        """A plugin of Composer may put it elsewhere, as with Drupal."""
        code = "/app/web/core/index.php"
        for path in (code, "/old/vendor/drupal/core/index.php"):
            image.add(path, path)
        for folder in ("/app", "/old"):
            image.add(f"{folder}/vendor/composer/installed.json", "{}")
        matches = [
            grype_match(name="drupal/core", type="php-composer", paths=(f"{folder}/vendor/composer/installed.json",))
            for folder in ("/app", "/old")
        ]
        first, second = judged(tmp_path, contents(image, code), *matches)
        assert (first.verdict, first.absent) == (UNKNOWN, False)
        assert (second.verdict, second.absent) == (GONE, False)

    def test_what_was_compiled_for_a_gem_is_the_gems(self, tmp_path: Path, image: LocalImage) -> None:
        home = "/var/lib/gems/3.1.0"
        compiled = f"{home}/extensions/x86_64-linux/3.1.0/nokogiri-1.15/nokogiri.so"
        for path in (f"{home}/specifications/nokogiri-1.15.gemspec", f"{home}/gems/nokogiri-1.15/a.rb", compiled):
            image.add(path, path)
        match = grype_match(
            name="nokogiri", version="1.15", type="gem", paths=(f"{home}/specifications/nokogiri-1.15.gemspec",)
        )
        (found,) = judged(tmp_path, contents(image, compiled), match)
        assert (found.verdict, found.paths, found.absent) == (PARTLY, (compiled,), False)

    def test_a_finding_without_a_place_is_about_all_copies(self, tmp_path: Path, image: LocalImage) -> None:
        for site in (SITE, OTHER_SITE):
            distribution(image, site, "foo", "1.0", "foo.py")
        match = grype_match(name="foo", version="1.0", type="python", paths=("/nowhere",))
        (found,) = judged(tmp_path, contents(image, f"{SITE}/foo.py"), match)
        assert (found.verdict, found.kept, found.files) == (PARTLY, 1, 6)


class TestWholeFiles:
    """Packages that are in one file: jars and programs."""

    @pytest.fixture(autouse=True)
    def _files(self, image: LocalImage) -> None:
        image.add("/srv/app.war", "a jar in it")
        image.add("/usr/local/bin/tool", "t" * COPY_SIZE)

    def test_a_jar_is_there_if_its_file_is(self, tmp_path: Path, image: LocalImage) -> None:
        match = grype_match(name="log4j", type="java-archive", paths=("/srv/app.war",))
        assert judged(tmp_path, contents(image, "/srv/app.war"), match)[0].verdict is THERE
        assert judged(tmp_path, contents(image), match)[0].verdict is GONE

    def test_a_jar_in_a_jar_is_where_the_outer_one_is(self, tmp_path: Path, image: LocalImage) -> None:
        result = trivy_result(
            trivy_finding(name="org:log4j", path="srv/app.war/WEB-INF/lib/log4j.jar"), target="Java", kind="jar"
        )
        assert judged(tmp_path, contents(image, "/srv/app.war"), result)[0].verdict is THERE
        assert judged(tmp_path, contents(image), result)[0].verdict is GONE

    def test_a_program_is_the_target_of_a_result(self, tmp_path: Path, image: LocalImage) -> None:
        result = trivy_result(trivy_finding(name="stdlib"), target="usr/local/bin/tool", kind="gobinary")
        assert judged(tmp_path, contents(image, "/usr/local/bin/tool"), result)[0].verdict is THERE
        assert judged(tmp_path, contents(image), result)[0].verdict is GONE
        image.add("/app/renamed", "r" * COPY_SIZE)
        (found,) = judged(tmp_path, contents(image, "/app/renamed"), result)
        assert (found.verdict, found.paths) == (UNKNOWN, ("/app/renamed",))

    @pytest.mark.parametrize("path", ["/nowhere", "/srv", "/dangling"])
    def test_a_file_that_the_original_does_not_have_is_not_gone(
        self, tmp_path: Path, image: LocalImage, path: str
    ) -> None:
        image.link("/dangling", "/missing")
        match = grype_match(name="log4j", type="java-archive", paths=(path,))
        (found,) = judged(tmp_path, contents(image), match)
        assert (found.verdict, found.reason) == (UNKNOWN, "the original has no such file as the scanner names")


def test_counts_are_by_severity_the_worst_first(tmp_path: Path, image: LocalImage) -> None:
    document = grype(
        BASH,
        grype_match("CVE-2", "other", "1", severity="Critical"),
        grype_match("CVE-3", "other", "1", severity="Negligible"),
        grype_match("CVE-4", "zsh", "1", severity="Strange"),
        grype_match("CVE-5", "bash", "5.2-1", severity="critical"),
    )
    scan = read_scan("--scan", written(tmp_path, document))
    found = vulnerabilities(scan, contents(image, "/usr/bin/other"))
    assert [(severity, count.before, count.after) for severity, count in found.counts.items()] == [
        ("critical", 2, 1), ("high", 1, 0), ("negligible", 1, 1), ("unknown", 1, 1),
    ]  # fmt: skip
    total = found.total
    assert (total.before, total.gone, total.partly, total.there, total.unknown) == (5, 2, 0, 2, 1)
    assert [one.finding.vulnerability for one in found.judged] == ["CVE-2", "CVE-5", "CVE-2023-1", "CVE-3", "CVE-4"]
    assert len(found.left) == 3


def test_a_verdict_in_words_is_one_line(tmp_path: Path, image: LocalImage) -> None:
    odd = "/usr/lib/odd\n/name\x1b"
    image.add(odd, "x")
    for name in "abc":
        image.add(f"/usr/lib/odd/{name}", "x")
    files = tuple(f"/usr/lib/odd/{name}" for name in "abc")
    debian(image, ("odd", "1", files), ("bash", "5.2-1", ("/usr/bin/bash",)))
    match = grype_match(name="odd", version="1", type="java-archive", paths=(odd,))
    (found,) = judged(tmp_path, contents(image, odd), match)
    assert in_words(found) == r"there: 1 of 1 file: /usr/lib/odd\n/name\x1b"
    (found,) = judged(tmp_path, contents(image, *files), grype_match(name="odd", version="1"))
    assert in_words(found) == "there: 3 of 3 files: /usr/lib/odd/a, /usr/lib/odd/b and 1 more"
    (found,) = judged(tmp_path, contents(image), BASH)
    assert in_words(found) == "gone (1 file)"


def test_long_paths_do_not_hide_how_many_files_are_left(tmp_path: Path, image: LocalImage) -> None:
    files = tuple(f"/usr/lib/{name * 180}" for name in "abc")
    for path in files:
        image.add(path, "x")
    debian(image, ("odd", "1", files))
    scan = read_scan("--scan", written(tmp_path, grype(grype_match(name="odd", version="1"))))
    console = Console(width=2000, record=True, file=StringIO())
    console.print(as_table(vulnerabilities(scan, contents(image, *files)), "title"))
    assert f"there: 3 of 3 files: {files[0]}, {files[1]} and 1 more " in console.export_text()


class TestOfABuild:
    """The output folder of a build: nothing was kept of ssl but its library."""

    SSL = grype_match(name="ssl", version="3")

    def test_the_manifest_tells_what_is_kept(self, output: BuildOutput, tmp_path: Path) -> None:
        scan = written(tmp_path, grype(self.SSL))
        (found,) = slimmer.vulnerabilities(output, scan, force=True).judged
        assert (found.verdict, found.kept, found.files) == (PARTLY, 1, 3)
        assert found.paths == ("/usr/lib/libssl.so.3",)

    def test_the_scan_must_be_of_the_original(self, output: BuildOutput, tmp_path: Path) -> None:
        report = json.loads((output.folder / "report.json").read_text())
        built(output.folder, target={**report["target"], "id": ORIGINAL, "name": "app:latest"})
        folder = BuildOutput(output.folder)
        assert slimmer.vulnerabilities(folder, written(tmp_path, grype(self.SSL))).total.before == 1
        with pytest.raises(
            UsageError, match="the scan is of another image with the name app:latest: it has no digest "
        ):
            slimmer.vulnerabilities(folder, written(tmp_path, grype(self.SSL, image=OTHER)))
        assert slimmer.vulnerabilities(folder, written(tmp_path, grype(image=OTHER)), force=True).judged == ()

    def test_a_scan_of_the_slim_image_is_refused(self, output: BuildOutput, tmp_path: Path) -> None:
        report = json.loads((output.folder / "report.json").read_text())
        built(output.folder, slim={**report["target"], "name": "app:slim", "id": OTHER, "tag": "app:slim"})
        with pytest.raises(UsageError, match="the scan is of the slim image app:slim, not of the original"):
            slimmer.vulnerabilities(BuildOutput(output.folder), written(tmp_path, grype(image=OTHER)))


def test_an_empty_scan_has_no_counts(image: LocalImage) -> None:
    found = vulnerabilities(Scan("grype", ScannedImage("image"), ()), contents(image))
    assert dict(found.counts) == {}
    assert found.total.before == 0
