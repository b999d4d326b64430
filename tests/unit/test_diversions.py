"""Files that dpkg has diverted belong to the package that put them there, and are listed where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.diversions import LIMIT, Diversions
from slimmer.image.lines import Unreadable
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Package
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage
from tests.unit.test_package_data import data

STATUS = "".join(
    f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n" for name in ("bash", "dash")
)


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """bash and dash both have /bin/sh; dash has diverted that of bash."""
    image = LocalImage(tmp_path / "image")
    image.link("/bin", "usr/bin")
    image.add("/usr/bin/sh", "dash")
    image.add("/usr/bin/sh.distrib", "bash")
    image.add("/var/lib/dpkg/status", STATUS)
    for name in ("bash", "dash"):
        image.add(f"/var/lib/dpkg/info/{name}.list", "/bin/sh\n")
        image.add(f"/var/lib/dpkg/info/{name}.md5sums", f"{name[0] * 32}  bin/sh\n")
    image.add("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n")
    return image


def owner(image: LocalImage, path: str) -> list[str]:
    found = PackageFiles(image.tree(), image.stream, Sandbox()).owners([path])[path]
    assert all(isinstance(package, Package) for package in found)
    return [package.name for package in found]


def test_each_file_belongs_to_the_package_that_put_it_there(image: LocalImage) -> None:
    assert owner(image, "/usr/bin/sh") == ["dash"]
    assert owner(image, "/usr/bin/sh.distrib") == ["bash"]


def test_a_diversion_of_the_administrator_is_for_all_packages(image: LocalImage) -> None:
    image.add("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\n:\n")
    assert owner(image, "/usr/bin/sh") == []
    assert owner(image, "/usr/bin/sh.distrib") == ["bash"]


def test_only_the_package_of_the_kept_file_is_described_with_the_sum_under_the_files_own_path(
    image: LocalImage,
) -> None:
    parts = "/var/lib/dpkg/status.d"
    diverted = data(image, ["/var/lib/dpkg", "/usr/bin/sh.distrib"])
    assert diverted[f"{parts}/bash.md5sums"] == f"{'b' * 32}  bin/sh.distrib\n" and f"{parts}/dash" not in diverted
    own = data(image, ["/var/lib/dpkg", "/usr/bin/sh"])
    assert own[f"{parts}/dash.md5sums"] == f"{'d' * 32}  bin/sh\n" and f"{parts}/bash" not in own


@pytest.mark.parametrize(
    "lines",
    [[b"/bin/sh", b"/bin/sh.distrib"], [b"bin/sh", b"/x", b"dash"], [b"/bin/sh", b"../../etc/passwd", b"dash"], []],
)
def test_a_list_that_is_cut_or_has_no_absolute_paths_diverts_nothing(lines: list[bytes]) -> None:
    diversions = Diversions()
    list(diversions.read(lines))
    assert diversions.place("bash", lines[0] if lines else b"/x") == (lines[0] if lines else b"/x")


def test_there_are_not_endlessly_many() -> None:
    lines = (text for number in range(LIMIT + 1) for text in (b"/%d" % number, b"/x", b":"))
    with pytest.raises(Unreadable):
        list(Diversions().read(lines))
