"""Ways to an engine that is not behind a socket: dockerd with TLS, and sshd, each on loopback with keys of a test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.own_engine import end_engine, engine_folder, start

DEADLINE = 30.0
UNPACKED = Path(__file__).parents[2] / ".cache/sshd"
"""Where scripts/setup.sh unpacks Debian's openssh-server."""

_FOLDERS = ("/usr/sbin", "/usr/local/sbin", os.environ.get("PATH", ""), str(UNPACKED / "usr/sbin"))
SSHD = shutil.which("sshd", path=os.pathsep.join(_FOLDERS))
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """Signs certificates in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        openssl(
            "req",
            "-x509",
            *CURVE,
            "-days",
            "2",
            "-subj",
            f"/CN={folder.name}",
            "-keyout",
            folder / "ca.key",
            "-out",
            folder / "ca.pem",
        )

    def certify(self, place: Path, usage: str, names: str = "IP:127.0.0.1", days: int = 2) -> Path:
        """Make a folder as DOCKER_CERT_PATH names it: ca.pem, cert.pem and key.pem. Negative `days`: it has expired."""
        place.mkdir()
        shutil.copy(self.folder / "ca.pem", place)
        (place / "more").write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
        openssl("req", *CURVE, "-subj", "/CN=x", "-keyout", place / "key.pem", "-out", place / "csr")
        signing = ("-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        made = ("-days", str(days), "-extfile", place / "more", "-out", place / "cert.pem")
        openssl("x509", "-req", "-in", place / "csr", *signing, *made)
        return place


@dataclass(frozen=True, slots=True)
class TlsEngine:
    """An engine that listens with TLS in a network namespace of its own. `inside` is how a command gets there."""

    url: str
    socket: str
    inside: tuple[str, ...]


@contextmanager
def tls_engine(certificates: Path, port: int = 2376) -> Iterator[TlsEngine]:
    """An engine with this certificate, which wants one of the same authority from its clients."""
    files = [f"--tls{name}={certificates / file}" for name, file in (("cacert", "ca.pem"), ("cert", "cert.pem"))]
    options = ["--tlsverify", *files, f"--tlskey={certificates / 'key.pem'}", f"--host=tcp://127.0.0.1:{port}"]
    with engine_folder() as folder:
        started = start(folder, options=" ".join(options))
        assert started.returncode == 0, started.stderr
        inside = ("nsenter", "--net", "--target", (folder / "docker.pid").read_text().strip())
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        yield TlsEngine(f"tcp://127.0.0.1:{port}", f"unix://{folder}/docker.sock", inside)
        end_engine(folder)


@dataclass(frozen=True, slots=True)
class SshServer:
    """An sshd that lets this user in. `environment`: what the `ssh` of a test needs to find its key."""

    url: str
    folder: Path
    environment: Mapping[str, str]

    def configure(self, **changed: str) -> None:
        """Write the settings of the tests' ssh, which stand for ~/.ssh/config."""
        settings = {
            "IdentityFile": str(self.folder / "key"),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.folder / "known"),
            "GlobalKnownHostsFile": "/dev/null",
        }
        lines = [f"{name} {value}" for name, value in (settings | changed).items()]
        (self.folder / "ssh_config").write_text("\n".join(lines) + "\n")


def _sshd(folder: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment. One that was only unpacked lacks its library and its user: it gets both for itself alone."""
    assert SSHD is not None
    if not SSHD.startswith(str(UNPACKED)):
        return [SSHD, *options], dict(os.environ)
    users = folder / "passwd"
    users.write_text(Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    enter = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', str(users)]
    libraries = os.pathsep.join(str(path.parent) for path in UNPACKED.glob("usr/lib/*/libwrap.so.0"))
    return [*enter, SSHD, *options], {**os.environ, "LD_LIBRARY_PATH": libraries}


@contextmanager
def ssh_server(folder: Path, *settings: str) -> Iterator[SshServer]:
    """An sshd on loopback, with further settings."""
    for name in ("key", "host", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key}\n")
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'authorized'}",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PidFile none",
        *settings,
    )
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    (folder / "bin").mkdir()
    real = shutil.which("ssh")
    (folder / "bin/ssh").write_text(f'#!/bin/sh\nexec {real} -F {folder / "ssh_config"} "$@"\n')
    (folder / "bin/ssh").chmod(0o755)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd is without root's rights for a moment
    command, environment = _sshd(folder, "-D", "-e", "-f", str(folder / "sshd_config"))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as server:
        try:
            wait_for(port)
            path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
            found = SshServer(f"ssh://root@127.0.0.1:{port}", folder, {"PATH": path})
            found.configure()
            yield found
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
