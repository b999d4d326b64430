"""Keep the certificates of authorities and OpenSSL's own files for code that trusts the system's authorities.

A server that only presents its own certificate needs none of them. They stay if a kept file imports the functions that load the
default authorities, or names a bundle. libcrypto contains the path of their folder. If the default bundle (cert.pem) is missing,
OpenSSL reads hash links (c_rehash) instead. Sources: SSL_CTX_set_default_verify_paths(3ssl),
openssl-env(7ossl), config(5ssl), provider(7ossl); Go, crypto/x509/root_linux.go (where distributions put their bundles).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from itertools import islice

from slimmer.keep.analyzer import Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_file import OPENSSL_DIRECTORY
from slimmer.keep.native.code_reader import Code, CodeFollow

RULE = "certificates"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
PHRASES = (*_BUNDLES, OPENSSL_DIRECTORY)
"""Bundles that a program may name in its own code, and a mark of statically linked OpenSSL."""

_DEFAULT_AUTHORITIES = frozenset(
    (
        "SSL_CTX_set_default_verify_paths",
        "SSL_CTX_set_default_verify_dir",
        "SSL_CTX_set_default_verify_file",
        "SSL_CTX_set_default_verify_store",
        "X509_STORE_set_default_paths",
        "X509_STORE_set_default_paths_ex",
        "X509_get_default_cert_file",
        "X509_get_default_cert_dir",
        "gnutls_certificate_set_x509_system_trust",
        "gnutls_x509_trust_list_add_system_trust",
    )
)
USERS = _DEFAULT_AUTHORITIES | {"SSL_CTX_new", "SSL_CTX_new_ex", "gnutls_init"}
"""Functions that show that a library may name a bundle itself, as libcurl does."""

_PROVIDER_LOADERS = frozenset(("OSSL_PROVIDER_load", "OSSL_PROVIDER_load_ex", "OSSL_PROVIDER_try_load"))
_OPENSSL = ("libssl", "libcrypto")
_ENVIRONMENT = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "OPENSSL_CONF",
)
_ENTRIES = 4096


def certificates(image: ImageView) -> CodeFollow:
    """Keep bundles, hash links, openssl.cnf and providers, each for the code that uses them."""
    return _Certificates(image).follow


class _Certificates:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._places: dict[str, set[str]] = {"OPENSSLDIR": set(), "MODULESDIR": set()}
        self._client = self._loader = ""
        self._answered: set[str] = set()

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield findings once OpenSSL and a user of it are both known. They may come in any order."""
        yield from self._stores_of_java(added)
        if not codes:
            return
        for code in codes:
            yield from self._named(code)
            self._sort_in(code)
        yield from self._openssl(codes)
        if self._client:
            yield from self._bundles(self._client)
            for folder in self._unanswered("OPENSSLDIR"):
                yield from self._authorities(self._client, folder)
        if self._loader:
            for folder in self._unanswered("MODULESDIR"):
                reason = Reason(RULE, f"{self._loader} loads OpenSSL's providers by name", self._loader)
                yield from self._entries(folder, reason)

    def _unanswered(self, key: str) -> list[str]:
        folders, self._places[key] = sorted(self._places[key] - self._answered), set()
        self._answered.update(folders)
        return folders

    def _sort_in(self, code: Code) -> None:
        if code.elf.soname.startswith(_OPENSSL):
            return
        if not code.elf.imports.isdisjoint(_DEFAULT_AUTHORITIES) or OPENSSL_DIRECTORY in code.mentions:
            self._client = self._client or code.path
        if not code.elf.imports.isdisjoint(_PROVIDER_LOADERS):
            self._loader = self._loader or code.path

    def _named(self, code: Code) -> Iterator[Finding]:
        for path in sorted(code.mentions.intersection(_BUNDLES)):
            yield from reach(self._tree, path, Reason(RULE, f"named in {code.path}", code.path))

    def _openssl(self, codes: Sequence[Code]) -> Iterator[Finding]:
        """Learn from OpenSSL's code where its files are, and yield its configuration, which it always reads."""
        for path, place in [(code.path, place) for code in codes for place in code.places]:
            if place.key not in self._places:
                continue
            self._places[place.key].add(place.folder)
            if place.key == "OPENSSLDIR":
                reason = Reason(RULE, f"the configuration of {path}", path)
                yield from reach(self._tree, posixpath.join(place.folder, "openssl.cnf"), reason)

    def _bundles(self, client: str) -> Iterator[Finding]:
        """Yield the usual bundles and those that the image's environment names, once."""
        if "" in self._answered:
            return
        self._answered.add("")
        reason = Reason(RULE, f"{client} trusts the system's authorities", client)
        for path in _BUNDLES:
            yield from reach(self._tree, path, reason)
        for name, value in self._image.env.items():
            if name in _ENVIRONMENT:
                for path in value.split(":"):
                    yield from self._entries(path, reason) if path.startswith("/") else ()

    def _authorities(self, client: str, folder: str) -> Iterator[Finding]:
        """Yield OpenSSL's default bundle. If there is none, yield the hash links in its default folder and what they lead to."""
        reason = Reason(RULE, f"{client} trusts the authorities of {folder}", client)
        bundle = posixpath.join(folder, "cert.pem")
        yield from reach(self._tree, bundle, reason)
        if self._image.end(bundle) is None:
            yield from self._entries(posixpath.join(folder, "certs"), reason)

    def _entries(self, folder: str, reason: Reason) -> Iterator[Finding]:
        """Yield a folder with the files and links directly in it. A path to a file yields the file."""
        yield from reach(self._tree, folder, reason)
        end = self._image.end(folder)
        for entry in islice(self._tree.children(end.path) if end is not None else (), _ENTRIES):
            if not entry.is_directory:
                yield from reach(self._tree, entry.path, reason)

    def _stores_of_java(self, added: Sequence[str]) -> Iterator[Finding]:
        """Yield the store of a Java runtime, lib/security/cacerts (jdk, sun.security.ssl.TrustStoreManager)."""
        for path in added:
            if path.endswith("/libjvm.so"):
                folder = posixpath.dirname(path)
                for above in ("..", "../.."):  # up to Java 8, there is a folder for the architecture in between
                    store = posixpath.join(folder, above, "security/cacerts")
                    yield from reach(self._tree, store, Reason(RULE, f"the authorities of {path}", path))
