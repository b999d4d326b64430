"""Code that checks certificates keeps the authorities; a server that only presents its own does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, run
from tests.unit.elf_maker import compile_c, library, make_elf

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OPENSSL = '__attribute__((used)) const char where[] = "OPENSSLDIR: \\"/usr/lib/ssl\\"\\0MODULESDIR: \\"/usr/lib/ossl-modules\\"";'


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """An image with OpenSSL, a bundle, a folder of hash links, and a provider."""
    image = LocalImage(tmp_path / "image")
    image.add("/usr/lib/libcrypto.so.3", library(tmp_path, "libcrypto.so.3", source=OPENSSL))
    image.add(BUNDLE, "all")
    image.add("/usr/share/ca-certificates/mozilla/One.crt", "one")
    image.link("/etc/ssl/certs/One.pem", "/usr/share/ca-certificates/mozilla/One.crt")
    image.link("/etc/ssl/certs/0123abcd.0", "One.pem")
    image.add("/etc/ssl/openssl.cnf", "configuration")
    image.link("/usr/lib/ssl/certs", "/etc/ssl/certs")
    image.link("/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf")
    image.add("/usr/lib/ossl-modules/legacy.so", make_elf())
    return image


def client(tmp_path: Path, *functions: str) -> bytes:
    """Compile code that is linked with libcrypto and calls these functions."""
    needs = tmp_path / "needs"
    library(needs, "libcrypto.so.3", source="".join(f"void {name}(void) {{}}" for name in functions))
    calls = "".join(f"void {name}(void);" for name in functions)
    body = "".join(f"{name}();" for name in functions)
    flags = ("-Wl,--no-as-needed", "-L.", "-l:libcrypto.so.3")
    return library(needs, "", *flags, source=f"{calls} void use(void) {{ {body} }}")


def kept(image: LocalImage, *start: str, env: tuple[str, ...] = ()) -> set[str]:
    config = ImageConfig("sha256:1", "amd64", "linux", env=env)
    keepset = run(ANALYZER, image.view(config=config), *start)
    return {entry.path for entry in image.tree() if not entry.is_directory and entry.path in keepset} - set(start)


def test_hash_links_and_what_they_lead_to_stay_where_there_is_no_default_bundle(
    image: LocalImage, tmp_path: Path
) -> None:
    image.add("/app/client.so", client(tmp_path, "SSL_CTX_set_default_verify_paths"))
    assert kept(image, "/app/client.so") == {
        BUNDLE, "/usr/lib/libcrypto.so.3", "/usr/lib/ssl/certs", "/etc/ssl/certs/One.pem", "/etc/ssl/certs/0123abcd.0",
        "/usr/share/ca-certificates/mozilla/One.crt", "/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf",
    }  # fmt: skip


def test_the_default_bundle_alone_stays_where_there_is_one(image: LocalImage, tmp_path: Path) -> None:
    image.link("/usr/lib/ssl/cert.pem", BUNDLE)
    image.add("/app/client.so", client(tmp_path, "X509_STORE_set_default_paths"))
    found = kept(image, "/app/client.so")
    assert {BUNDLE, "/usr/lib/ssl/cert.pem"} <= found
    assert "/etc/ssl/certs/One.pem" not in found


def test_a_server_keeps_openssls_configuration_and_no_authorities(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/server.so", client(tmp_path, "SSL_CTX_new"))
    openssl = {"/usr/lib/libcrypto.so.3", "/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf"}
    assert kept(image, "/app/server.so") == openssl


def test_openssl_may_be_met_after_its_user(image: LocalImage, tmp_path: Path) -> None:
    image.add(
        "/app/client.so",
        library(
            tmp_path,
            "",
            source="void X509_STORE_set_default_paths(void); void use(void){X509_STORE_set_default_paths();}",
        ),
    )
    image.add("/app/late.so", make_elf(needed=["libcrypto.so.3"]))
    assert "/etc/ssl/certs/One.pem" not in kept(image, "/app/client.so")
    assert "/etc/ssl/certs/One.pem" in kept(image, "/app/client.so", "/app/late.so")


def test_providers_stay_for_code_that_loads_one(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/hash.so", client(tmp_path, "OSSL_PROVIDER_try_load"))
    assert "/usr/lib/ossl-modules/legacy.so" in kept(image, "/app/hash.so")


def test_a_program_keeps_the_bundle_that_it_names(image: LocalImage, tmp_path: Path) -> None:
    source = f'int main(int count, char **words) {{ return words[0] == "{BUNDLE}"; }}'
    image.add("/app/static", compile_c(tmp_path, source, "-O0", "-nostdlib", "-static", "-e", "main"), mode=0o755)
    assert kept(image, "/app/static") == {BUNDLE}


def test_the_environments_bundle_stays_with_its_users(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/own.pem", "own")
    image.add("/app/client.so", client(tmp_path, "SSL_CTX_set_default_verify_paths"))
    image.add("/app/plain.so", make_elf())
    assert "/app/own.pem" in kept(image, "/app/client.so", env=("SSL_CERT_FILE=/app/own.pem",))
    assert "/app/own.pem" not in kept(image, "/app/plain.so", env=("SSL_CERT_FILE=/app/own.pem",))


def test_a_java_runtime_keeps_its_store(image: LocalImage) -> None:
    image.add("/opt/java/lib/server/libjvm.so", make_elf(soname=["libjvm.so"]))
    image.add("/etc/ssl/certs/java/cacerts", "store")
    image.link("/opt/java/lib/security/cacerts", "/etc/ssl/certs/java/cacerts")
    assert kept(image, "/opt/java/lib/server/libjvm.so") == {
        "/opt/java/lib/security/cacerts",
        "/etc/ssl/certs/java/cacerts",
    }
