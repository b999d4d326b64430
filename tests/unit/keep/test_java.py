"""The Java rule, for images with the usual layouts of runtimes, class paths and servlet containers."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.image_view import ImageView
from slimmer.keep.languages.java.class_file import ClassFile, read_class
from slimmer.keep.languages.java.rule import ANALYZER
from slimmer.testing import LocalImage, files, opened, run

HOME = "/opt/jdk"
MACHINE = f"{HOME}/lib/server/libjvm.so"
PROGRAM = f"{HOME}/bin/java"


class JavaImage(LocalImage):
    """An image with a Java runtime."""

    def runtime(self, *names: str) -> None:
        """Add files to the runtime."""
        for name in ("lib/server/libjvm.so", *names):
            self.add(f"{HOME}/{name}")

    def kept(self, *paths: str, config: ImageConfig | None = None) -> set[str]:
        """Return the files and links that are kept if Java opened `paths`."""
        accesses = [opened(path, by=PROGRAM) for path in (MACHINE, *paths)]
        context = self.view(*accesses, config=config)
        return reached(context)


def reached(image: ImageView) -> set[str]:
    """Return the files and links that are kept for another reason than being opened."""
    kept = run(ANALYZER, image)
    return {path for path in files(image, kept) if any(reason.rule != "observed" for reason in kept.reasons[path])}


@pytest.fixture
def image(tmp_path: Path) -> JavaImage:
    image = JavaImage(tmp_path)
    image.runtime()
    return image


def jar(class_path: str = "", manifest: str | None = None) -> bytes:
    """Make a jar with this manifest. Its lines are folded as the jar tool folds them."""
    file = io.BytesIO()
    text = (
        manifest if manifest is not None else f"Manifest-Version: 1.0\r\n{folded('Class-Path: ' + class_path)}\r\n\r\n"
    )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", text)
    return file.getvalue()


def folded(line: str) -> str:
    return "\r\n ".join(line[start : start + 70] for start in range(0, len(line), 70))


def class_file(name: str) -> bytes:
    """Make a class with a long constant before its own name, as javac might order them."""
    text = name.encode()
    pool = b"\x05" + b"\0" * 8 + b"\x07\0\4" + b"\x01" + struct.pack(">H", len(text)) + text
    return struct.pack(">IHHH", 0xCAFEBABE, 0, 61, 5) + pool + struct.pack(">HHH", 0x21, 3, 0)


def test_the_runtime_keeps_what_it_loads_by_name_and_no_tools(image: JavaImage) -> None:
    wanted = ("lib/libnet.so", "lib/libawt_headless.so", "lib/jspawnhelper", "lib/tzdb.dat", "lib/security/cacerts",
              "conf/net.properties", "conf/security/policy/unlimited/default_US_export.policy", "lib/modules",
              "lib/jfr/default.jfc", "release")  # fmt: skip
    image.runtime(
        *wanted, "lib/libjdwp.so", "lib/ct.sym", "lib/src.zip", "lib/libjsound.so", "bin/javac", "jmods/java.base.jmod"
    )
    assert image.kept() == {f"{HOME}/{name}" for name in wanted}


def test_the_older_layout_keeps_its_jars(tmp_path: Path) -> None:
    image = JavaImage(tmp_path)
    home = "/usr/lib/jvm/java-8/jre"
    names = ("lib/amd64/server/libjvm.so", "lib/rt.jar", "lib/ext/sunec.jar", "lib/charsets.jar", "lib/amd64/libnio.so")
    for name in (*names, "lib/amd64/libjsoundalsa.so"):
        image.add(f"{home}/{name}")
    context = image.view(opened(f"{home}/{names[0]}", by="/usr/lib/jvm/java-8/jre/bin/java"))
    found = reached(context)
    assert {f"{home}/{name}" for name in names[1:]} <= found
    assert f"{home}/lib/amd64/libjsoundalsa.so" not in found


def test_configuration_behind_links_is_kept(image: JavaImage) -> None:
    image.add("/etc/java/net.properties")
    image.link(f"{HOME}/conf/net.properties", "/etc/java/net.properties")
    assert image.kept() == {f"{HOME}/conf/net.properties", "/etc/java/net.properties"}


def test_images_without_java_cost_nothing(image: JavaImage) -> None:
    image.add("/srv/a.jar", jar("b.jar"))
    assert ANALYZER.start(image.view(opened("/srv/a.jar", by="/usr/bin/unzip"))) is None
    assert image.reads == []


def test_manifests_name_jars_which_name_others(image: JavaImage) -> None:
    long = "lib/" + "long-" * 30 + ".jar"
    image.add("/srv/app.jar", jar(f"lib/a%20b.jar {long} file:/opt/c.jar http://x/y.jar lib/classes/"))
    image.add("/srv/lib/a b.jar", jar("deep.jar"))
    image.add("/srv/lib/deep.jar", jar("../app.jar"))
    image.add(f"/srv/{long}")
    image.add("/opt/c.jar")
    image.add("/srv/lib/classes/x/Y.class")
    image.add("/srv/lib/unnamed.jar")
    expected = {
        "/srv/lib/a b.jar",
        "/srv/lib/deep.jar",
        f"/srv/{long}",
        "/opt/c.jar",
        "/srv/lib/classes/x/Y.class",
        "/srv/app.jar",
    }
    assert image.kept("/srv/app.jar") == expected


def test_configured_class_paths_with_wildcards(image: JavaImage) -> None:
    for name in ("lib/a.jar", "lib/B.JAR", "lib/readme", "classes/M.class", "classes/m.properties", "extra.jar"):
        image.add(f"/srv/{name}")
    config = ImageConfig(
        "sha256:1",
        "amd64",
        "linux",
        working_dir="/srv",
        cmd=("java", "-cp", "lib/*:classes", "M"),
        env=("CLASSPATH=/srv/extra.jar",),
    )
    assert image.kept(config=config) == {
        f"/srv/{name}" for name in ("lib/a.jar", "lib/B.JAR", "classes/M.class", "classes/m.properties", "extra.jar")
    }


def test_a_loaded_class_keeps_the_folder_of_its_root_package(image: JavaImage) -> None:
    image.add("/srv/out/com/x/Main.class", class_file("com/x/Main"))
    others = ("com/x/Late.class", "com/y/Other.class", "META-INF/services/com.x.Plugin", "messages_de.properties")
    for name in others:
        image.add(f"/srv/out/{name}")
    image.add("/srv/outside.txt")
    kept = image.kept("/srv/out/com/x/Main.class")
    assert kept == {f"/srv/out/{name}" for name in (*others, "com/x/Main.class")}


def test_web_applications_are_kept_whole_with_their_server(image: JavaImage) -> None:
    app = "/opt/tomcat/webapps/ROOT"
    names = ("index.jsp", "late.jsp", "WEB-INF/web.xml", "WEB-INF/lib/a.jar", "WEB-INF/classes/A.class", "css/x.css")
    server = ("bin/bootstrap.jar", "conf/web.xml", "lib/ecj.jar", "lib/jasper.jar")
    for name in names:
        image.add(f"{app}/{name}")
    for name in (*server, "webapps/docs/index.html", "webapps/docs/WEB-INF/web.xml"):
        image.add(f"/opt/tomcat/{name}")
    kept = image.kept("/opt/tomcat/bin/bootstrap.jar", f"{app}/index.jsp")
    assert kept == {f"{app}/{name}" for name in names} | {f"/opt/tomcat/{name}" for name in server[1:]}


def test_folders_beyond_the_bounds_are_left(image: JavaImage) -> None:
    image.add("/srv/out/Main.class", class_file("Main"))
    image.add("/srv/out/data.bin", b"\0" * (61 << 20))
    assert image.kept("/srv/out/Main.class") == set()


@pytest.mark.parametrize(
    "content",
    [
        b"PK\3\4" + b"\xff" * 60,
        jar()[:40],
        jar(manifest="Class-Path: \r\n"),
        jar(manifest="Class-Path: http://[ ../../../../../../etc/passwd \0 %00\r\n"),
        jar(manifest="Class-Path: " + "a" * 5_000_000),
    ],
)
def test_hostile_jars_do_no_harm(image: JavaImage, content: bytes) -> None:
    image.add("/srv/a.jar", content)
    assert image.kept("/srv/a.jar") == set()


def entry(name: bytes, place: int, packed: int, size: int) -> bytes:
    """Make an entry of an archive's directory (APPNOTE.TXT, 4.3.12): a deflated member at an offset, with the sizes that it claims."""
    numbers = (20, 20, 0, 8, 0, 0, 0, packed, size, len(name), 0, 0, 0, 0, 0, place)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers) + name


def archive(members: bytes, directory: bytes, *, count: int = 1, place: int | None = None) -> bytes:
    """Make an archive with this directory, and with the claims about it at the archive's end."""
    claimed = len(members) if place is None else place
    return members + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), claimed, 0)


def member(name: bytes, packed: bytes, size: int) -> bytes:
    """Make a deflated member that claims a size."""
    return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0) + name + packed


MANIFEST = b"META-INF/MANIFEST.MF"
ZEROS = zlib.compress(bytes(64 << 20), wbits=-15)
BOMB = member(MANIFEST, ZEROS, 0xFFFFFFFE)
NESTED = jar() + jar(manifest="x" * (1 << 20))
BOMBS = {
    "four gigabytes of zeros": archive(BOMB, entry(MANIFEST, 0, len(ZEROS), 0xFFFFFFFE)),
    "a size that is a lie": archive(BOMB, entry(MANIFEST, 0, len(ZEROS), 1)),
    "members that overlap": archive(BOMB, entry(MANIFEST, 0, len(ZEROS), 64 << 20) * 30_000, count=30_000),
    "members inside another": archive(BOMB, entry(b"a", 0, 99, 9) + entry(MANIFEST, 20, len(ZEROS), 9), count=2),
    "three hundred thousand members": archive(b"", entry(b"a", 0, 0, 0) * 300_000, count=0xFFFF),
    "archives in archives": archive(NESTED, entry(b"a.jar", 0, len(NESTED), len(NESTED))),
    "a directory before the archive": archive(b"x" * 100, entry(MANIFEST, 0, 9, 9), place=0xFFFFFFF0),
    "a place far behind the archive": archive(b"", entry(MANIFEST, 0xFFFFFFF0, 9, 9)),
    "a name that is no text": archive(BOMB, entry(b"META-INF/\xff\0\xfe", 0, 9, 9)),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_archives_that_are_bombs_take_no_memory_and_an_ordinary_one_beside_them_is_read(
    image: JavaImage, content: bytes
) -> None:
    assert len(content) < 16 << 20
    image.add("/srv/bomb.jar", content)
    image.add("/srv/app.jar", jar("late.jar"))
    image.add("/srv/late.jar")
    before = memory()
    assert image.kept("/srv/bomb.jar", "/srv/app.jar") == {"/srv/late.jar"}
    assert memory() - before < 64


def memory() -> float:
    """Return the peak size of this process in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_places_that_many_jars_name_count_once(image: JavaImage) -> None:
    for number in range(200):
        image.add(f"/srv/classes/C{number}.class")
        image.add(f"/srv/{number}.jar", jar("classes/ ./classes/ ../srv/classes/ " * 20))
    context = image.view(
        *(opened(f"/srv/{number}.jar", by=PROGRAM) for number in range(200)), opened(MACHINE, by=PROGRAM)
    )
    analysis = ANALYZER.start(context)
    assert analysis is not None
    assert sum(finding.path == "/srv/classes/C7.class" for finding in analysis.seeds()) == 1


@pytest.mark.parametrize("size", range(40))
def test_cut_class_files_have_no_name(size: int) -> None:
    whole = class_file("com/example/Main")
    assert read_class(whole) == ClassFile("com/example/Main")
    assert read_class(whole[:size]) == ClassFile()
    assert isinstance(read_class(whole[:size] + b"\xff" * 40), ClassFile)
