"""Helpers in the package of a server that ran stay, the smallest first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.keep.apps import servers as rule
from slimmer.keep.apps.servers import ANALYZER
from slimmer.observe.log import Listener
from slimmer.testing import LocalImage, by_rule, opened, run

BACKENDS = "/usr/lib/printd/backend"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    files = {
        "printd": [
            "/usr/sbin/printd",
            f"{BACKENDS}/ipp",
            f"{BACKENDS}/large",
            f"{BACKENDS}/x.so",
            "/usr/lib/printd/su",
            "/usr/bin/tool",
        ],
        "printd-client": ["/usr/lib/printd/bin/show"],
        "printd-more": ["/usr/lib/printd/cgi-bin/admin"],
        "other": ["/usr/lib/other/helper"],
    }
    image.add(
        "/var/lib/dpkg/status",
        "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nSource: {source}\n{needs}\n"
            for name, source, needs in (
                ("printd", "printd", "Depends: printd-client\n"),
                ("printd-client", "printd", ""),
                ("printd-more", "printd", "Depends: printd\n"),
                ("other", "other", ""),
            )
        ),
    )
    for name, paths in files.items():
        image.add(f"/var/lib/dpkg/info/{name}.list", "\n".join(paths) + "\n")
        for path in paths:
            image.add(path, "#!/bin/sh\n" + "#" * (100 if path.endswith("large") else 0), mode=0o755)
    image.add("/usr/lib/printd/su", "x", mode=0o4755)
    image.add("/bin/sh", "x", mode=0o755)
    image.add("/bin/cat", "x", mode=0o755)
    image.add("/usr/lib/printd/data", "x")
    return image


def kept(
    image: LocalImage, server: str = "/usr/sbin/printd", *, listens: bool = True, more: str = "/bin/sh"
) -> set[str]:
    view = image.view(opened(server, operation="exec"), opened(more, operation="exec"))
    listeners = (Listener("0.0.0.0", 631),) if listens else ()
    object.__setattr__(view, "log", replace(view.log, listeners=listeners))
    return by_rule(run(ANALYZER, view), rule.RULE)


def test_helpers_of_the_server_s_package_and_of_its_kin_stay(image: LocalImage) -> None:
    assert kept(image) == {
        f"{BACKENDS}/ipp",
        f"{BACKENDS}/large",
        "/usr/lib/printd/bin/show",
        "/usr/lib/printd/cgi-bin/admin",
    }
    image.add(f"{BACKENDS}/own", "#!/bin/sh\n", mode=0o700)
    assert f"{BACKENDS}/own" in kept(image)


def test_the_smallest_stay_within_the_bounds(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "HELPERS_BYTES", 50)
    assert kept(image) == {f"{BACKENDS}/ipp", "/usr/lib/printd/bin/show", "/usr/lib/printd/cgi-bin/admin"}


def test_what_is_no_server_has_no_helpers(image: LocalImage) -> None:
    assert kept(image, "/bin/bash") == set()
    assert kept(image, listens=False) == set()


def test_a_script_whose_interpreter_did_not_run_is_no_helper(image: LocalImage) -> None:
    assert kept(image, more="/bin/cat") == set()


def test_helpers_have_a_share_of_what_the_run_opened(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "LEAST_BYTES", 10)
    assert kept(image) == {f"{BACKENDS}/ipp"}
