"""Files that code needs to look up hosts, users and services."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.native.name_service import parse_switch
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, run
from tests.unit.elf_maker import compile_c, library, make_elf
from tests.work import work_of_at_most

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
CALL = "void {0}(void); void use(void) {{ {0}(); }}"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """A glibc image with the usual files of the name service and modules for several services."""
    image = LocalImage(tmp_path / "image")
    image.add("/etc/nsswitch.conf", "passwd: files compat\nhosts: files mdns4_minimal [NOTFOUND=return] dns # name\n")
    for name in ("passwd", "group", "shadow", "services", "protocols", "hosts", "host.conf", "gai.conf", "rpc"):
        image.add(f"/etc/{name}", "x")
    for service in ("files", "compat", "dns", "mdns4_minimal", "return", "hesiod"):
        image.add(f"{LIBRARIES}/libnss_{service}.so.2", make_elf(soname=[f"libnss_{service}.so.2"]))
    image.add(f"{LIBRARIES}/libc.so.6", make_elf(soname=["libc.so.6"]))
    image.link("/lib", "usr/lib")
    return image


def using(tmp_path: Path, function: str) -> bytes:
    """Compile code that calls a function of the C library."""
    needs = tmp_path / "needs"
    library(needs, "libc.so.6", source=f"void {function}(void) {{}}")
    return library(needs, "", "-Wl,--no-as-needed", "-L.", "-l:libc.so.6", source=CALL.format(function))


def kept(image: LocalImage, path: str) -> set[str]:
    keepset = run(ANALYZER, image.view(), path)
    files = {entry.path for entry in image.tree() if entry.is_file and entry.path in keepset}
    return {name.removeprefix(LIBRARIES + "/") for name in files} - {path, "libc.so.6"}


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("getpwnam_r", {"/etc/passwd", "/etc/nsswitch.conf", "libnss_files.so.2", "libnss_compat.so.2"}),
        ("getgrgid", {"/etc/group", "/etc/nsswitch.conf", "libnss_files.so.2"}),
        (
            "getaddrinfo",
            {"/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/nsswitch.conf",
             "libnss_files.so.2", "libnss_dns.so.2", "libnss_mdns4_minimal.so.2"},
        ),
        ("getprotobyname", {"/etc/protocols", "/etc/nsswitch.conf", "libnss_files.so.2"}),
        ("getpgrp", set()),
        ("gethostname", set()),
        ("getgroups", set()),
    ],
)  # fmt: skip
def test_a_function_keeps_its_databases(image: LocalImage, tmp_path: Path, function: str, found: set[str]) -> None:
    image.add("/app/use.so", using(tmp_path, function))
    assert kept(image, "/app/use.so") == found


def test_without_a_configuration_hosts_are_sought_in_files_and_dns(image: LocalImage, tmp_path: Path) -> None:
    (image.root / "etc/nsswitch.conf").unlink()
    image.add("/app/use.so", using(tmp_path, "gethostbyname"))
    assert {"libnss_files.so.2", "libnss_dns.so.2"} == {name for name in kept(image, "/app/use.so") if "nss" in name}


def test_the_chain_of_reasons_leads_back_to_the_user(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/use.so", using(tmp_path, "gethostbyname"))
    reason = run(ANALYZER, image.view(), "/app/use.so").reasons[f"{LIBRARIES}/libnss_dns.so.2"][0]
    assert reason.cause == "/app/use.so"
    assert reason.detail == "/etc/nsswitch.conf has dns for hosts, and /app/use.so calls gethostbyname"


def test_a_static_program_keeps_the_files_that_it_names(image: LocalImage, tmp_path: Path) -> None:
    source = 'int main(int count, char **words) { return words[0] == "/etc/services"; }'
    image.add("/app/static", compile_c(tmp_path, source, "-O0", "-nostdlib", "-static", "-e", "main"), mode=0o755)
    assert kept(image, "/app/static") == {"/etc/services"}


def test_musl_has_no_modules(image: LocalImage, tmp_path: Path) -> None:
    (image.root / f"{LIBRARIES.lstrip('/')}/libc.so.6").unlink()
    image.add("/usr/lib/ld-musl-x86_64.so.1", make_elf(soname=["libc.musl-x86_64.so.1"]))
    image.add("/app/use.so", using(tmp_path, "getpwnam"))
    assert kept(image, "/app/use.so") == {"/etc/passwd"}


def test_reading_the_configuration_keeps_what_it_names(image: LocalImage) -> None:
    image.add("/app/other.so", make_elf(needed=["libc.so.6"]))
    keepset = run(ANALYZER, image.view(), "/app/other.so", "/etc/nsswitch.conf")
    assert f"{LIBRARIES}/libnss_mdns4_minimal.so.2" in keepset


def test_who_looks_nothing_up_keeps_nothing_and_reads_nothing_more(image: LocalImage) -> None:
    image.add("/app/plain.so", make_elf())
    assert kept(image, "/app/plain.so") == set()
    assert image.reads == ["/app/plain.so"]


def test_actions_and_comments_are_no_services() -> None:
    text = b"hosts: files [!UNAVAIL=return dns=x] db# dns\n\xff\nbroken\n: x\npasswd:\tcompat  systemd [\n"
    assert parse_switch(text)["hosts"] == ("files", "db")
    assert parse_switch(text)["passwd"] == ("compat", "systemd")


@pytest.mark.parametrize("line", [b"a[" * 30_000, b"a" * 60_000 + b"]", b"[" * 60_000, b"files " * 10_000])
def test_a_hostile_line_takes_no_time(line: bytes) -> None:
    with work_of_at_most(200):
        assert len(parse_switch(b"hosts: " + line)["hosts"]) <= 32
