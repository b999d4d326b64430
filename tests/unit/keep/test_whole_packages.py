"""Whole packages under the policy `generous`."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import registry
from slimmer.keep.core.packages import ANALYZER, is_worth_keeping
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.testing import LocalImage, run

PART = "/usr/share/tool/part"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    local = LocalImage(tmp_path / "image")
    files = ["/usr/bin/tool", PART, "/usr/share/man/man1/tool.1.gz", "/usr/include/tool.h", "/usr/lib/libtool.a"]
    files += ["/usr/share/locale/de/LC_MESSAGES/tool.mo", "/usr/share/locale/fr/LC_MESSAGES/tool.mo"]
    for path in files:
        local.add(path)
    local.add("/usr/bin/other")
    local.add("/usr/share/other/part")
    local.add("/var/lib/dpkg/info/tool.list", "\n".join(["/.", "/usr", *files]))
    local.add("/var/lib/dpkg/info/other.list", "/usr/bin/other\n/usr/share/other/part\n")
    return local


def test_a_package_in_use_is_kept_less_what_no_program_reads(image: LocalImage) -> None:
    context = image.view(config=ImageConfig("sha256:1", "amd64", "linux", env=("LANG=de_DE.UTF-8",)))
    keepset = run(ANALYZER, context, "/usr/bin/tool")
    kept = {e.path for e in context.tree if e.path in keepset and e.is_file}
    assert kept == {"/usr/bin/tool", PART, "/usr/share/locale/de/LC_MESSAGES/tool.mo"}
    assert keepset.reasons[PART] == (
        Reason("package", "part of deb package tool, of which /usr/bin/tool is used", "/usr/bin/tool"),
    )


def test_a_file_that_only_fills_does_not_bring_its_package_until_it_is_used(image: LocalImage) -> None:
    context = image.view()
    builder = KeepSetBuilder(context.tree, evidence=registry.evidence())
    analysis = ANALYZER.start(context)
    assert analysis is not None
    for rule in ("not-hollow", "link", "listed", "licence", "package"):
        builder.add([Finding("/usr/bin/tool", Reason(rule))])
        builder.add(analysis.follow(builder.take_added(), builder))
    assert PART not in builder
    builder.add([Finding("/usr/bin/tool", Reason("elf", "needed by /app"))])
    builder.add(analysis.follow(builder.take_added(), builder))
    assert PART in builder


@pytest.mark.parametrize(
    "path",
    [
        "/usr/share/doc/x/README", "/usr/share/info/x.info.gz", "/usr/local/include/x.h", "/usr/lib/libx.la",
        "/app/node_modules/x/test/a.js", "/app/node_modules/x/index.d.ts", "/usr/lib/python3/x/tests/test_a.py",
        "/app/node_modules/x/README.md", "/usr/share/locale/pt_BR/LC_MESSAGES/x.mo",
    ],
)  # fmt: skip
def test_what_no_program_reads(path: str) -> None:
    assert not is_worth_keeping(path)


@pytest.mark.parametrize(
    "path", ["/usr/lib/libx.so", "/usr/share/x/data", "/app/node_modules/x/contest/a.js", "/usr/bin/test"]
)
def test_what_is_worth_keeping(path: str) -> None:
    assert is_worth_keeping(path)


def test_the_languages_of_the_environment_stay() -> None:
    assert is_worth_keeping("/usr/share/locale/pt_BR/LC_MESSAGES/x.mo", frozenset({"pt"}))
