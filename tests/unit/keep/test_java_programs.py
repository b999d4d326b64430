"""Programs that Java code starts: the commands in the classes of the app itself."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.java.class_file import ClassFile, read_class
from slimmer.keep.languages.java.jar import Jar, read_jar
from slimmer.keep.languages.java.rule import ANALYZER
from slimmer.testing import LocalImage, files, opened, run

MACHINE = "/opt/jdk/lib/server/libjvm.so"
JAVA = "/opt/jdk/bin/java"
BUILDER = ("java/lang/ProcessBuilder", "<init>")
EXEC = ("java/lang/Runtime", "exec")
TOOLS = ("date", "sort", "uniq", "sh", "tail")


class Pool:
    """The constants of a class file. Each method adds one, and returns its index."""

    def __init__(self) -> None:
        self.constants: list[bytes] = []

    def add(self, tag: int, content: bytes) -> int:
        self.constants.append(bytes([tag]) + content)
        return len(self.constants)

    def text(self, text: str) -> int:
        content = text.encode()
        return self.add(1, struct.pack(">H", len(content)) + content)

    def named(self, tag: int, text: str) -> int:
        """Add a class (tag 7) or a string literal (tag 8)."""
        return self.add(tag, struct.pack(">H", self.text(text)))

    def method(self, owner: str, name: str) -> int:
        kind = self.add(12, struct.pack(">HH", self.text(name), self.text("()V")))
        return self.add(10, struct.pack(">HH", self.named(7, owner), kind))

    def class_file(self, name: str) -> bytes:
        this = self.named(7, name)
        head = struct.pack(">IHHH", 0xCAFEBABE, 0, 61, len(self.constants) + 1)
        return head + b"".join(self.constants) + struct.pack(">HHH", 0x21, this, 0)


def starter(name: str, *texts: str, calls: tuple[str, str] = BUILDER) -> bytes:
    """Make a class that calls a method and has these string literals."""
    pool = Pool()
    pool.method(*calls)
    for text in texts:
        pool.named(8, text)
    return pool.class_file(name)


def jar(members: Mapping[str, bytes], manifest: str = "Main-Class: com.shop.web.Main") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\n{manifest}\r\n\r\n")
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add(MACHINE)
    for tool in TOOLS:
        image.add(f"/usr/bin/{tool}", b"\x7fELF", mode=0o755)
    return image


def started(image: LocalImage, *paths: str, cmd: tuple[str, ...] = ("java",)) -> set[str]:
    """Return the names of the programs that are kept if Java opened `paths`."""
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv", cmd=cmd, env=("PATH=/usr/bin",))
    view = image.view(*(opened(path, by=JAVA) for path in (MACHINE, *paths)), config=config)
    kept = run(ANALYZER, view)
    programs = {path for path in files(view, kept) if any(reason.rule == "program" for reason in kept.reasons[path])}
    return {path.removeprefix("/usr/bin/") for path in programs}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (starter("App", "date", "+%Y", "no-such-tool"), {"date"}),
        (starter("App", "/usr/bin/date"), {"date"}),
        (starter("App", "sort -r list | uniq", calls=EXEC), {"sort"}),
        (starter("App", "sh", "-c", "sort -r list | uniq"), {"sh", "sort", "uniq"}),
        (starter("App", "/usr/bin/sh -c date"), {"sh"}),
        (starter("App", "up to date", "please sort"), set()),
        (starter("App", "date", calls=("java/lang/Runtime", "availableProcessors")), set()),
        (starter("App", "date", calls=("com/shop/Jobs", "exec")), set()),
    ],
)
def test_classes_that_start_programs_keep_the_commands_that_they_name(
    image: LocalImage, content: bytes, expected: set[str]
) -> None:
    image.add("/srv/out/App.class", content)
    assert started(image, "/srv/out/App.class") == expected


def test_classes_of_the_folder_that_were_not_loaded_count_and_those_elsewhere_do_not(image: LocalImage) -> None:
    image.add("/srv/out/com/App.class", starter("com/App"))
    image.add("/srv/out/com/jobs/Late.class", starter("com/jobs/Late", "sort"))
    image.add("/srv/old/com/App.class", starter("com/App", "tail"))
    assert started(image, "/srv/out/com/App.class") == {"sort"}


def test_jars_with_a_main_class_count_with_the_classes_of_its_packages(image: LocalImage) -> None:
    members = {
        "com/shop/jobs/Nightly.class": starter("com/shop/jobs/Nightly", "sort"),
        "org/library/Shell.class": starter("org/library/Shell", "tail"),
    }
    image.add("/srv/app.jar", jar(members))
    image.add("/srv/library.jar", jar({"com/shop/Other.class": starter("com/shop/Other", "uniq")}, manifest="A: b"))
    assert started(image, "/srv/app.jar", "/srv/library.jar") == {"sort"}


def test_a_main_class_without_a_package_makes_all_classes_the_apps(image: LocalImage) -> None:
    image.add("/app.jar", jar({"App.class": starter("App", "date")}, manifest="Main-Class: App"))
    assert started(image, "/app.jar") == {"date"}


def test_classes_of_spring_boot_lie_in_a_folder_of_its_jar(image: LocalImage) -> None:
    main = "Main-Class: org.springframework.boot.loader.JarLauncher\r\nStart-Class: com.shop.Main"
    members = {
        "BOOT-INF/classes/com/shop/Jobs.class": starter("com/shop/Jobs", "sort"),
        "org/springframework/boot/loader/Tool.class": starter("org/springframework/boot/loader/Tool", "tail"),
    }
    image.add("/srv/app.jar", jar(members, main))
    assert started(image, "/srv/app.jar") == {"sort"}


@pytest.mark.parametrize(
    "cmd", [("java", "-cp", "app.jar", "com.shop.Main"), ("sh", "-c", "java -cp app.jar com.shop.Main")]
)
def test_the_command_may_name_the_main_class(image: LocalImage, cmd: tuple[str, ...]) -> None:
    image.add("/srv/app.jar", jar({"com/shop/Main.class": starter("com/shop/Main", "sort")}, manifest="A: b"))
    assert started(image, "/srv/app.jar", cmd=cmd) == {"sort"}
    assert started(image, "/srv/app.jar") == set()


WHOLE = starter("com/shop/Main", "sh", "-c", "sort | uniq", calls=EXEC)


@pytest.mark.parametrize("size", range(0, len(WHOLE), 3))
def test_cut_classes_do_no_harm(size: int) -> None:
    assert read_class(WHOLE).commands == ("sh", "-c", "sort | uniq")
    assert read_class(WHOLE[:size]) == ClassFile()
    assert isinstance(read_class(WHOLE[:size] + b"\xff" * 40), ClassFile)
    assert isinstance(read_class(WHOLE[:size] + WHOLE[size + 1 :]), ClassFile)


def test_a_text_that_many_constants_refer_to_counts_once() -> None:
    pool = Pool()
    pool.method(*BUILDER)
    text = pool.text("sort " + "x" * 60_000)
    for _ in range(60_000):
        pool.add(8, struct.pack(">H", text))
    assert read_class(pool.class_file("App")).commands == ("sort",)


def test_long_lines_are_cut_and_many_are_left_out() -> None:
    lines = [f"sort {number} " + "x" * 2000 for number in range(200)]
    found = read_class(starter("App", "sh", "-c", *lines)).commands
    assert len(found) == 202
    assert max(map(len, found)) == 1024


def test_texts_that_are_broken_or_of_the_wrong_kind_do_no_harm() -> None:
    pool = Pool()
    pool.method(*BUILDER)
    pool.add(8, struct.pack(">H", pool.named(7, "date")))
    pool.add(8, struct.pack(">H", pool.add(1, b"\0\4so\xc0\x80")))
    pool.named(8, "sort")
    assert read_class(pool.class_file("App")).commands == ("sort",)
    pool.add(8, struct.pack(">H", 9999))
    assert read_class(pool.class_file("App")) == ClassFile()


def test_a_class_that_is_a_bomb_is_not_unpacked_whole() -> None:
    bombs = {f"com/shop/Bomb{number}.class": bytes(2 << 20) for number in range(20)}
    last = {"com/shop/Zero.class": starter("com/shop/Zero", "sort")}
    assert read_jar(jar(last | bombs)) == Jar((), ("sort",))
    assert read_jar(jar(bombs | last)) == Jar((), ())


def test_a_broken_member_leaves_the_others() -> None:
    members = {name: starter(f"com/shop/{name}", name) for name in ("sort", "uniq")}
    content = jar({f"com/shop/{name}.class": content for name, content in members.items()})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        place = archive.getinfo("com/shop/sort.class").header_offset
    broken = content[:place] + b"XXXX" + content[place + 4 :]
    assert read_jar(broken) == Jar((), ("uniq",))


def test_texts_beyond_the_bound_on_an_image_are_not_looked_for(image: LocalImage) -> None:
    for number in range(4):
        texts = (f"no-tool-{number}-{index}" for index in range(18_000))
        image.add(f"/srv/{number}.jar", jar({"com/shop/Main.class": starter("com/shop/Main", *texts)}))
    for place, tool in (("0", "date"), ("9", "sort")):
        image.add(f"/srv/{place}-last.jar", jar({"com/shop/Main.class": starter("com/shop/Main", tool)}))
    paths = [f"/srv/{name}.jar" for name in ("0", "0-last", "1", "2", "3", "9-last")]
    assert started(image, *paths) == {"date"}
