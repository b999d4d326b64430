"""Applications of Erlang and Elixir: those of which a module was loaded stay whole, with those that they need."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.keepset import KeepSet
from slimmer.keep.languages.erlang import applications as rule
from slimmer.keep.languages.erlang.applications import ANALYZER
from slimmer.keep.languages.erlang.escripts import Escript, read_escript
from slimmer.testing import LocalImage, by_rule, opened, run

OTP = "/usr/lib/erlang/lib"
MACHINE = "/usr/lib/erlang/erts-13.1.5/bin/beam.smp"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for name, needed in (
        ("ssl-10.8", "crypto, public_key"),
        ("crypto-5.1", "kernel"),
        ("snmp-5.1", "ssl"),
        ("public_key", ""),
    ):
        plain = name.partition("-")[0]
        image.add(f"{OTP}/{name}/ebin/{plain}.app", f"{{application, {plain}, [\n {{applications, [{needed}]}}]}}.")
        image.add(f"{OTP}/{name}/ebin/{plain}.beam")
        image.add(f"{OTP}/{name}/ebin/{plain}_late.beam")
    image.add(f"{OTP}/crypto-5.1/priv/lib/crypto.so")
    image.add(f"{OTP}/ssl-10.8/src/ssl.erl")
    for name in ("inet_gethost", "dialyzer"):
        image.add(f"/usr/lib/erlang/erts-13.1.5/bin/{name}", mode=0o755)
    return image


def kept(image: LocalImage, *paths: str) -> KeepSet:
    return run(ANALYZER, image.view(*(opened(path, by=MACHINE) for path in paths)))


def test_applications_in_use_stay_with_those_that_they_need(image: LocalImage) -> None:
    found = kept(image, f"{OTP}/ssl-10.8/ebin/ssl.beam")
    late = {path.rpartition("/")[2] for path in by_rule(found, rule.RULE) if path.endswith("_late.beam")}
    assert late == {"ssl_late.beam", "crypto_late.beam", "public_key_late.beam"}
    assert f"{OTP}/crypto-5.1/priv/lib/crypto.so" in found
    assert f"{OTP}/ssl-10.8/src/ssl.erl" not in found and f"{OTP}/snmp-5.1/ebin/snmp.beam" not in found
    assert "/usr/lib/erlang/erts-13.1.5/bin/inet_gethost" in found
    assert "/usr/lib/erlang/erts-13.1.5/bin/dialyzer" not in found


def test_an_application_whose_description_was_read_is_not_in_use(image: LocalImage) -> None:
    found = kept(image, f"{OTP}/public_key/ebin/public_key.beam", f"{OTP}/snmp-5.1/ebin/snmp.app")
    assert f"{OTP}/snmp-5.1/ebin/snmp_late.beam" not in found


def test_a_release_stays_with_its_settings(image: LocalImage) -> None:
    for name in ("0.1.0/start.boot", "0.1.0/sys.config", "0.1.0/runtime.exs", "COOKIE"):
        image.add(f"/app/releases/{name}")
    image.add("/app/lib/shop-0.1.0/ebin/Elixir.Shop.beam")
    image.add("/app/lib/shop-0.1.0/priv/static/app.css")
    found = kept(image, "/app/releases/0.1.0/start.boot", "/app/lib/shop-0.1.0/ebin/Elixir.Shop.beam")
    assert {
        "/app/releases/0.1.0/runtime.exs",
        "/app/releases/COOKIE",
        "/app/lib/shop-0.1.0/priv/static/app.css",
    } <= set(by_rule(found, rule.RULE))


def test_large_parts_and_images_without_erlang_add_nothing(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "PART_FILES", 1)
    assert f"{OTP}/ssl-10.8/ebin/ssl_late.beam" not in kept(image, f"{OTP}/ssl-10.8/ebin/ssl.beam")
    assert ANALYZER.start(image.view(opened("/usr/bin/env", by="/bin/sh"))) is None


def escript(*needed: str, own: str = "ctl") -> bytes:
    """Return an archive as rebar3 and mix make it, with an application that needs others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{own}/ebin/{own}.app", f"{{application, {own}, [{{applications, [{', '.join(needed)}]}}]}}.")
        archive.writestr(f"{own}/ebin/{own}.beam", "FOR1")
    return b"#!/usr/bin/env escript\n%% \n%%! -hidden\n" + packed.getvalue()


def test_an_escript_that_stays_has_its_program_and_the_applications_that_it_needs(image: LocalImage) -> None:
    image.add("/opt/ctl", escript("kernel", "snmp", "ctl"), mode=0o755)
    image.add("/opt/data.zip", escript("ssl"))
    image.add("/opt/other", b"\x7fELF" + escript("ssl"), mode=0o755)
    image.add("/usr/bin/escript", mode=0o755)
    config = ImageConfig("sha256:1", "amd64", "linux", env=("PATH=/usr/bin",))
    loaded = opened(f"{OTP}/public_key/ebin/public_key.beam", by=MACHINE)
    others = [opened(path, by="/bin/sh") for path in ("/opt/data.zip", "/opt/other")]
    found = run(ANALYZER, image.view(loaded, *others, config=config), "/opt/data.zip", "/opt/other")
    assert f"{OTP}/snmp-5.1/ebin/snmp_late.beam" not in found and "/usr/bin/escript" not in found
    found = run(ANALYZER, image.view(loaded, config=config), "/opt/ctl")
    assert {f"{OTP}/snmp-5.1/ebin/snmp_late.beam", f"{OTP}/crypto-5.1/ebin/crypto.beam", "/usr/bin/escript"} <= set(
        by_rule(found, rule.RULE)
    )


@pytest.mark.parametrize(
    ("content", "is_escript"),
    [
        (b"#!/usr/bin/escript\nmain(_) -> ok.\n", True),
        (b"#! /usr/bin/env escript", True),
        (b"#!/usr/bin/env python3\n# escript\n", False),
        (b"#!/usr/bin/escript\nPK\3\4" + b"\0" * 100 + b"PK\5\6" + b"\xff" * 18, True),
        (b"PK", False),
        (b"", False),
    ],
)
def test_what_counts_as_an_escript(content: bytes, is_escript: bool) -> None:
    assert read_escript(content) == Escript(is_escript=is_escript)


def test_circles_of_needs_end(image: LocalImage) -> None:
    image.add(f"{OTP}/public_key/ebin/other.app", "{application, x, [{applications, [ssl, ssl, x]}]}")
    assert f"{OTP}/crypto-5.1/ebin/crypto.beam" in kept(image, f"{OTP}/public_key/ebin/public_key.beam")
