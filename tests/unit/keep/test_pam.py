"""Services and modules of PAM stay for programs that start it, and shells for those that log users in."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.native import pam as rule
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, by_rule, run
from tests.unit.elf_maker import compile_c, make_elf

MODULES = "/lib/x86_64-linux-gnu/security"
SERVER = "void {0}(void); int main(void) {{ {0}(); return 0; }}"
TERMINALS = "int openpty(); int {0}(); int main(void) {{ return openpty() + {0}(); }}"
LATE = ("-shared",)


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.add("/usr/sbin/ftpd", compile_c(tmp_path, SERVER.format("pam_start"), *LATE), mode=0o755)
    image.add(
        "/etc/pam.d/ftpd",
        "# auth required pam_rootok.so\n@include common-auth\n-session optional pam_env.so\nauth substack more\n"
        "auth required pam_listfile.so item=user file=/etc/ftpusers onerr=succeed\n",
    )
    image.add(
        "/etc/pam.d/common-auth", "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"
    )
    image.add("/etc/pam.d/more", "auth required \\\n /opt/own/pam_own.so\n")
    image.add("/etc/pam.d/other", "auth required pam_warn.so\n")
    image.add("/etc/pam.d/chsh", "auth sufficient pam_rootok.so\n")
    image.add("/var/lib/dpkg/status", _package("ftpd", "1") + _package("passwd", "1"))
    image.add("/var/lib/dpkg/info/ftpd.list", "/usr/sbin/ftpd\n/etc/pam.d/ftpd\n")
    image.add(
        "/var/lib/dpkg/info/passwd.list", "/etc/pam.d/chsh\n/etc/pam.d/other\n/etc/pam.d/common-auth\n/etc/pam.d/more\n"
    )
    for name in ("unix", "deny", "env", "listfile", "warn", "rootok"):
        image.add(f"{MODULES}/pam_{name}.so", make_elf())
    image.add("/opt/own/pam_own.so", make_elf())
    image.add("/sbin/unix_chkpwd", make_elf(), mode=0o2755)
    for path in ("/etc/ftpusers", "/etc/security/pam_env.conf", "/etc/login.defs"):
        image.add(path, "x\n")
    return image


def _package(name: str, version: str) -> str:
    return f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"


def kept(image: LocalImage, path: str, name: str = rule.RULE) -> set[str]:
    found = by_rule(run(ANALYZER, image.view(), path), name)
    return {one for one in found if not (entry := image.tree().get(one)) or not entry.is_directory}


def test_a_program_that_starts_pam_keeps_its_service_with_all_that_this_names(image: LocalImage) -> None:
    modules = {f"{MODULES}/pam_{name}.so" for name in ("unix", "deny", "env", "listfile", "warn")}
    services = {f"/etc/pam.d/{name}" for name in ("ftpd", "common-auth", "more", "other")}
    settings = {"/etc/ftpusers", "/etc/security/pam_env.conf", "/etc/login.defs"}
    assert kept(image, "/usr/sbin/ftpd") == {*modules, *services, *settings, "/opt/own/pam_own.so", "/sbin/unix_chkpwd"}


def test_a_service_of_the_program_s_package_or_of_no_package_stays(image: LocalImage) -> None:
    """As dovecot's `auth` uses the service dovecot, and an author writes /etc/pam.d/smtp for saslauthd."""
    image.add("/etc/pam.d/smtp", "auth required pam_rootok.so\n")
    assert {"/etc/pam.d/smtp", f"{MODULES}/pam_rootok.so"} <= kept(image, "/usr/sbin/ftpd")


def test_other_programs_keep_nothing_of_pam(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/bin/plain", compile_c(tmp_path, SERVER.format("other"), *LATE), mode=0o755)
    assert kept(image, "/usr/bin/plain") == set()


def test_a_service_that_includes_itself_or_names_nothing_ends(image: LocalImage) -> None:
    image.add("/etc/pam.d/ftpd", "@include ftpd\nauth required pam_gone.so\nauth\n\0\n")
    assert "/etc/pam.d/ftpd" in kept(image, "/usr/sbin/ftpd")


def test_a_program_that_gives_users_a_terminal_keeps_their_shells(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/sbin/sshd", compile_c(tmp_path, TERMINALS.format("updwtmp"), *LATE), mode=0o755)
    image.add(
        "/etc/passwd",
        "root:x:0:0::/root:/bin/bash\nsync:x:4:65534::/bin:/bin/sync\nann:x:1000:1000::/home/ann:/usr/bin/git-shell\n"
        "www:x:33:33::/var/www:/bin/zsh\nbob:x:1001:1001::/:/usr/sbin/nologin\nold:x:1002:1002::/:\nbroken:x\n",
    )
    for shell in ("/bin/bash", "/bin/sync", "/usr/bin/git-shell", "/bin/zsh", "/usr/sbin/nologin", "/bin/sh"):
        image.add(shell, make_elf(), mode=0o755)
    assert kept(image, "/usr/sbin/sshd") == {"/bin/bash", "/usr/bin/git-shell", "/bin/sh"}
    image.add("/usr/bin/python3", compile_c(tmp_path, TERMINALS.format("initgroups"), *LATE), mode=0o755)
    assert kept(image, "/usr/bin/python3") == set()


def test_the_homes_of_users_stay_with_what_is_in_them(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    image.add(
        "/etc/passwd",
        "ann:x:1000:1000::/home/ann:/bin/sh\nftp:x:101:65534::/srv/ftp:/bin/false\neve:x:1001:1::/var/mail:/bin/sh\n",
    )
    for path in ("/home/ann/.profile", "/home/ann/p.git/HEAD", "/var/mail/x", "/home/old/x"):
        image.add(path, "x")
    assert kept(image, "/usr/sbin/ftpd", rule.HOME) == {
        "/home/ann/.profile",
        "/home/ann/p.git/HEAD",
    }
