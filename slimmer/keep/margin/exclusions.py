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

from slimmer.image.tree import Entry
from slimmer.keep.core.packages import is_worth_keeping
from slimmer.keep.core.shell_tools import SHELLS

_NAMES = (
    "csh tcsh fish rbash mksh su sudo doas chroot nsenter unshare setpriv capsh"
    " apk apt apt-get apt-cache apt-config apt-key apt-mark aptitude dpkg dselect rpm rpmdb yum dnf microdnf tdnf zypper pacman"
    " pip npm npx yarn yarnpkg pnpm pnpx corepack gem bundle bundler composer cargo conda mamba poetry pipenv uv uvx cpan cpanm luarocks"
    " easy_install pear pecl nuget"
    " cc c++ c89 c99 cpp gcc g++ clang clang++ tcc as ld gold ar nm ranlib objcopy objdump strip make gmake cmake ninja"
    " javac rustc go gofmt ghc ocaml gfortran f95 f77 m4 autoconf automake libtool lto-dump"
    " gdb gdbserver lldb strace ltrace perf valgrind rr bpftrace gcore"
    " curl wget nc ncat netcat socat ssh scp sftp ssh-add ssh-agent ssh-keygen ssh-keyscan slogin telnet ftp tftp lftp rsync nmap tcpdump"
    " dig host nslookup nsupdate delv whois lynx links elinks w3m aria2c axel rlogin rsh rcp mosh ping traceroute tracepath"
)
_PROGRAMS = frozenset((*SHELLS, *_NAMES.split()))
_VERSION = re.compile(r"(?:[-_.]?\d[\d.]*)?(?:-\d[\d.]*)?$")
_TRIPLET = re.compile(r"^(?:x86_64|i[3-6]86|aarch64|arm\w*|riscv64|powerpc64le|s390x)-(?:\w+-)?linux-(?:gnu|musl)\w*-")
_PARTS = re.compile(r"(?:apt|dpkg)-[\w-]+|(?:gcc|clang|llvm)-[\w-]+|gcc-\w+|collect2|cc1\w*|lto1|lto-wrapper")

_VARIANT = re.compile(
    r"\.(?:openbsd|traditional|netkit|inetutils|distrib|nosuid|static|real|bsd|gnu)$|^(?:inetutils|netkit|bsd|tn)-?"
)
"""What distributions add to the name of a program that several packages have (update-alternatives(1), dpkg-divert(1)): nc.openbsd, tnftp."""

_SECRET = re.compile(
    r"/\.(?:ssh|gnupg|aws|azure|kube|docker|config/gcloud|password-store)/"
    r"|/(?:g?shadow-?|id_(?:rsa|dsa|ecdsa|ed25519)\w*|\.env(?:\.[\w-]+)*|\.netrc|_netrc|\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|\.pgpass|\.my\.cnf|\.git-credentials"
    r"|\.htpasswd|htpasswd|\.dockercfg|\.\w*_history|master\.key|wp-config\.php|ssh_host_\w+_key)$"
    r"|\.(?:pem|key|p12|pfx|jks|keystore|kdbx?|ppk|asc|gpg|pgp|ovpn|der)$"
    r"|/[^/]*(?:secret|credential|passw(?:or)?d|api[-_]?key|private[-_]?key)[^/]*\.(?:json|ya?ml|toml|ini|cfg|conf|env|txt|properties|xml|csv)$",
    re.IGNORECASE,
)
_BARE_SECRET = re.compile(
    r"/\.?secrets?/[^/.]+$|/[^/.]*(?:secret|credential|password|api[-_]?key|private[-_]?key)[^/.]*$", re.IGNORECASE
)
"""Files without a suffix, as `_FILE` variables and mounts of secrets name them (/app/secrets/token, /app/db_password)."""

_USELESS = re.compile(
    r"/\.(?:git|svn|hg|bzr|cache|npm|yarn/cache|tox|mypy_cache|pytest_cache|nyc_output|cargo)/"
    r"|/(?:__pycache__|gconv|ensurepip|idlelib|turtledemo|lib2to3/tests|config-\d[\w.-]*|pkgconfig|aclocal|cmake)/"
    r"|^/(?:boot|dev|proc|run|sys|tmp|var/(?:cache|log|tmp|run|backups|lib/(?:apt|dpkg|apk|rpm|dnf|yum|pacman))|lib/apk|usr/lib/(?:apt|dpkg|apk|sysimage|rpm))/"
    r"|^/etc/(?:apt|apk|dpkg|yum|yum\.repos\.d|dnf|cron\.\w+|init\.d|rc\w\.d|logrotate\.d|default|kernel|systemd|bash_completion\.d|skel)/"
    r"|^/usr/(?:local/)?share/(?:bash-completion|zsh|fish|lintian|bug|dpkg|keyrings|debhelper|menu|applications|icons|pixmaps|i18n|common-licenses|licenses)/"
    r"|/node_modules/(?:npm|corepack|yarn|pnpm)/|/(?:site|dist)-packages/(?:pip|setuptools|pkg_resources|wheel|_distutils_hack)[/-]"
    r"|-info/(?:RECORD|SOURCES\.txt)$"
    r"|\.(?:whl|deb|rpm|apk|orig|bak|swp|map|ts|flow|c|cc|cpp|cxx|hh|hxx|pxd|pyx|in|am|m4|log|lock|pid|exe|pdb|o|bc|sha256|md5sums)$",
)
_LOCALE = re.compile(r"/(?:locales?|lang|translations|i18n)/([A-Za-z]{2,3})(?:[_@-][\w@.-]{1,30})?/")

_AUTHORITIES = re.compile(
    r"/(?:ca-?certs?|ca-?bundle|ca-certificates|certs|cert|root-ca)[^/]*(?:/[^/]*)?\.pem$|/certifi/", re.IGNORECASE
)
_CAPABILITIES = "security.capability"
_MORE_RIGHTS = 0o6000


def is_never_added(entry: Entry) -> bool:
    """Return True for files with more rights than their user, for such programs, and for what looks like a secret."""
    if entry.mode & _MORE_RIGHTS or any(name == _CAPABILITIES for name, _ in entry.xattrs):
        return entry.is_file
    return _is_program(entry) or _is_secret(entry)


def is_useful(path: str, languages: frozenset[str], *, is_own: bool = False) -> bool:
    """Return False for files that no program of the app reads. `languages` are those that the image's environment asks for.

    `is_own` is true for a file of the app's own folders, where catalogues of other languages may be its content.
    """
    if _USELESS.search(path) or not is_worth_keeping(path, languages):
        return False
    locale = None if is_own else _LOCALE.search(path)
    return locale is None or locale[1].lower() in languages | {"en"}


def _is_secret(entry: Entry) -> bool:
    if entry.is_file and not entry.mode & 0o111 and _BARE_SECRET.search(entry.path):
        return True
    return _SECRET.search(entry.path) is not None and not _AUTHORITIES.search(entry.path)


def _is_program(entry: Entry) -> bool:
    is_command = entry.mode & 0o111 or "/bin/" in entry.path or "/sbin/" in entry.path
    return bool(is_command and not entry.is_directory and has_program_name(posixpath.basename(entry.path)))


def has_program_name(name: str) -> bool:
    """Return True if this is the name of a shell, package manager, compiler, debugger or network client, also with a version or a target."""
    plain = _TRIPLET.sub("", name)
    names = (plain, _VERSION.sub("", plain), _VARIANT.sub("", plain))
    return not _PROGRAMS.isdisjoint(names) or _PARTS.fullmatch(plain) is not None
