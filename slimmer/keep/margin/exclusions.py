"""The files that a margin never adds, no matter what they are near to.

- Files with more rights than their user (setuid, setgid, file capabilities).
- Programs that help an attacker more than the app: shells, package managers, compilers, debuggers and network clients.
- Files that look like secrets.
- Files that no program of the app reads: documents, tests and the like (slimmer.keep.core.packages), caches, histories of version
  control, parts of package managers, foreign locales, and the character sets of glibc, which have a rule of their own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from itertools import pairwise

from slimmer.image.tree import Entry
from slimmer.keep.core.packages import is_worth_keeping
from slimmer.keep.folders import UNREAD
from slimmer.keep.program_names import is_tool_of_attackers
from slimmer.keep.word_tables import like, words

_SECRET_FOLDERS = words(".ssh .gnupg .aws .azure .kube .docker .password-store .config/gcloud")
_SECRET_NAMES = like(
    "shadow shadow- gshadow gshadow- id_rsa* id_dsa* id_ecdsa* id_ed25519* ssh_host_*_key master.key",
    ".env .env.* .netrc _netrc .npmrc .yarnrc .yarnrc.yml .pypirc .pgpass .my.cnf .git-credentials .dockercfg",
    ".htpasswd htpasswd .*_history wp-config.php",
    "*.pem *.key *.p12 *.pfx *.jks *.keystore *.kdb *.kdbx *.ppk *.asc *.gpg *.pgp *.ovpn *.der",
)
"""Keys and certificates with keys, passwords of clients, settings with passwords, and histories of shells."""

_TELLING = re.compile(r"secret|credential|password|api[-_]?key|private[-_]?key")
_TELLING_DATA = re.compile(
    rf"(?:{_TELLING.pattern}|passwd).*\.(?:json|ya?ml|toml|ini|cfg|conf|env|txt|properties|xml|csv)$"
)
_BARE_FOLDERS = words("secret secrets .secret .secrets")
"""Folders of files without a suffix, as `_FILE` variables and mounts of secrets name them (/app/secrets/token, /app/db_password)."""

_UNREAD_FOLDERS = words(
    ".git .svn .hg .bzr",
    ".cache .npm .yarn/cache .tox .mypy_cache .pytest_cache .nyc_output .cargo __pycache__",
    "ensurepip idlelib turtledemo",
    "pkgconfig aclocal cmake",
    "node_modules/npm node_modules/corepack node_modules/yarn node_modules/pnpm",
    "gconv",
)
"""Histories of version control; caches; parts of Python for developers; what compilers read; package managers; character sets."""

_UNREAD = re.compile(
    r"/config-\d[\w.-]*/"  # what Python was built with
    r"|/(?:site|dist)-packages/(?:pip|setuptools|pkg_resources|wheel|_distutils_hack)[/-]"
    r"|-info/(?:RECORD|SOURCES\.txt)$"
)
_UNREAD_SUFFIXES = words(
    "whl deb rpm apk",
    "orig bak swp log lock pid",
    "ts flow c cc cpp cxx hh hxx pxd pyx in am m4 o map",
    "exe pdb bc",
    "sha256 md5sums",
)
"""Packages; copies and marks; sources that something else was made of; programs of another system, and LLVM's bitcode; checksums."""

_LOCALE = re.compile(r"/(?:locales?|lang|translations|i18n)/([A-Za-z]{2,3})(?:[_@-][\w@.-]{1,30})?/")
_AUTHORITIES = re.compile(
    r"/(?:ca-?certs?|ca-?bundle|ca-certificates|certs|cert|root-ca)[^/]*(?:/[^/]*)?\.pem$|/certifi/", re.IGNORECASE
)
_CAPABILITIES = "security.capability"


def is_never_added(entry: Entry) -> bool:
    """Return True for files with more rights than their user, for such programs, and for what looks like a secret."""
    if entry.is_setid or any(name == _CAPABILITIES for name, _ in entry.xattrs):
        return entry.is_file
    return _is_program(entry) or _is_secret(entry)


def is_useful(path: str, languages: frozenset[str], *, is_own: bool = False) -> bool:
    """Return False for files that no program of the app reads. `languages` are those that the image's environment asks for.

    `is_own` is true for a file of the app's own folders, where catalogues of other languages may be its content.
    """
    if _is_unread(path) or not is_worth_keeping(path, languages):
        return False
    locale = None if is_own else _LOCALE.search(path)
    return locale is None or locale[1].lower() in languages | {"en"}


def _is_unread(path: str) -> bool:
    if path in UNREAD or path.rpartition(".")[2] in _UNREAD_SUFFIXES:
        return True
    return _is_in(path.split("/")[:-1], _UNREAD_FOLDERS) or _UNREAD.search(path) is not None


def _is_in(folders: Sequence[str], names: frozenset[str]) -> bool:
    """Return True if a folder has one of these names, which may be those of a folder and of the one above it: node_modules/npm."""
    return not names.isdisjoint(folders) or not names.isdisjoint(map("/".join, pairwise(folders)))


def _is_secret(entry: Entry) -> bool:
    *folders, name = entry.path.lower().split("/")
    if (
        entry.is_file
        and not entry.mode & 0o111
        and "." not in name
        and (_TELLING.search(name) or folders[-1] in _BARE_FOLDERS)
    ):
        return True
    is_secret = _is_in(folders, _SECRET_FOLDERS) or _SECRET_NAMES.match(name) or _TELLING_DATA.search(name)
    return bool(is_secret) and not _AUTHORITIES.search(entry.path)


def _is_program(entry: Entry) -> bool:
    is_command = entry.mode & 0o111 or "/bin/" in entry.path or "/sbin/" in entry.path
    return bool(is_command and not entry.is_directory and is_tool_of_attackers(posixpath.basename(entry.path)))
