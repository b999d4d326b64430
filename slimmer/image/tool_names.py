"""The names of programs that an image is better off without: shells and package managers."""

from __future__ import annotations

import re

SHELLS = frozenset(
    {
        "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "ksh93", "mksh", "nu", "oksh", "posh", "rbash",
        "sh", "tcsh", "yash", "zsh",
    }
)  # fmt: skip

PACKAGE_MANAGERS = frozenset(
    {
        "apk", "apt", "apt-get", "apt-cache", "apt-config", "apt-key", "apt-mark", "aptitude", "dpkg", "dselect",
        "rpm", "rpmdb", "yum", "dnf", "microdnf", "tdnf", "zypper", "pacman",
        "pip", "easy_install", "conda", "mamba", "poetry", "pipenv", "uv", "uvx",
        "npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx", "corepack",
        "gem", "bundle", "bundler", "composer", "pear", "pecl", "cargo", "cpan", "cpanm", "luarocks", "nuget",
    }
)  # fmt: skip

_VERSION = re.compile(r"(?:[-_.]?\d[\d.]*)?(?:-\d[\d.]*)?$")


def without_version(name: str) -> str:
    """Return the name of a program without a version at its end: pip for pip3.11, gcc for gcc-12."""
    return _VERSION.sub("", name)
