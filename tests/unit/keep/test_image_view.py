from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.image_view import ImageView, above, reach, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.testing import LocalImage


@pytest.fixture
def image(tmp_path: Path) -> ImageView:
    image = LocalImage(tmp_path)
    image.add("/usr/bin/tool-1.2", mode=0o755)
    image.link("/usr/bin/tool", "tool-1.2")
    image.link("/bin", "usr/bin")
    image.add("/opt/bin/tool", "not executable")
    image.add("/srv/app/run", mode=0o700)
    image.link("/usr/bin/broken", "/nowhere")
    image.add("/opt/bin/folder/file", mode=0o755)
    env = ("PATH=/opt/bin:/usr/bin:/bin", "LANG=C", "LANG=de_DE.UTF-8", "OPTIONS=-a=b", "EMPTY=")
    return image.view(config=ImageConfig("sha256:1", "amd64", "linux", env=env, working_dir="/srv/app"))


def test_env_has_each_variable_with_its_last_value(image: ImageView) -> None:
    assert image.env["LANG"] == "de_DE.UTF-8"
    assert image.env["OPTIONS"] == "-a=b"
    assert image.env["EMPTY"] == ""
    assert "HOME" not in image.env


def test_end_is_the_entry_behind_all_links(image: ImageView) -> None:
    entry = image.end("/bin/tool")
    assert entry is not None and entry.path == "/usr/bin/tool-1.2"
    assert image.end("/bin/broken") is None
    assert image.end("/nowhere") is None
    root = image.end("/")
    assert root is not None and root.is_directory


@pytest.mark.parametrize(
    ("path", "executable"),
    [
        ("/usr/bin/tool-1.2", True),
        ("/bin/tool", True),
        ("/srv/app/run", True),
        ("/opt/bin/tool", False),
        ("/opt/bin/folder", False),
        ("/bin/broken", False),
        ("/nowhere", False),
    ],
)
def test_executable_is_a_regular_file_with_an_x_bit(image: ImageView, path: str, executable: bool) -> None:
    assert image.is_executable(path) is executable


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tool", "/usr/bin/tool"),
        ("broken", None),
        ("folder", None),
        ("", None),
        ("absent", None),
        ("/bin/tool", "/bin/tool"),
        ("/opt/bin/tool", None),
        ("./run", "/srv/app/./run"),
    ],
)
def test_which_finds_commands_as_a_shell_does(image: ImageView, name: str, found: str | None) -> None:
    assert image.which(name) == found


def test_which_all_has_every_place_in_the_order_of_the_path(image: ImageView) -> None:
    assert list(image.which_all("tool")) == ["/usr/bin/tool", "/bin/tool"]


def test_which_without_a_path_seeks_where_the_engine_would(tmp_path: Path) -> None:
    local = LocalImage(tmp_path)
    local.add("/usr/local/bin/tool", mode=0o755)
    assert local.view().which("tool") == "/usr/local/bin/tool"


def test_reach_marks_the_end_alone_to_be_followed(image: ImageView) -> None:
    reason = Reason("test")
    findings = list(reach(image.tree, "/bin/tool", reason, follow=True))
    assert findings[0] == Finding("/usr/bin/tool-1.2", reason, follow=True)
    assert len(findings) > 1
    assert not any(finding.follow for finding in findings[1:])
    assert not any(finding.follow for finding in reach(image.tree, "/bin/tool", reason))


@pytest.mark.parametrize(
    ("path", "is_file"),
    [
        ("/usr/bin/tool-1.2", True),
        ("/bin/tool", True),
        ("/opt/bin/folder", False),
        ("/bin/broken", False),
        ("/nowhere", False),
    ],
)
def test_a_file_is_a_regular_file_behind_all_links(image: ImageView, path: str, is_file: bool) -> None:
    assert image.tree.is_file(path) is is_file


def test_an_absolute_path_starts_from_workdir(image: ImageView) -> None:
    assert image.absolute() == "/srv/app"
    assert image.absolute("../x/./y") == "/srv/x/y"
    assert image.absolute("/etc") == "/etc"


def test_folders_above_a_folder_end_below_the_root_or_at_the_bound() -> None:
    assert list(above("/a/b/c", 9)) == ["/a/b/c", "/a/b", "/a"]
    assert list(above("/a/b/c", 2)) == ["/a/b/c", "/a/b"]
    assert not list(above("/", 9))


def test_a_suffix_is_in_lower_case() -> None:
    assert [suffix_of(path) for path in ("/a/B.TAR.GZ", "/a.b/c", "/a/.env")] == [".gz", "", ""]
