"""Confine this process, and become the browser: python -I -S launch.py SETTINGS PROGRAM ARGUMENT...

It has no network (a network namespace with nothing in it), another user if slimmer runs as root, bounded files, and no way to gain
rights. What the system does not allow is left out; the file `confined` in the folder of the settings says what worked. This file
imports nothing of slimmer, because it runs without its packages.

Sources: unshare(2), user_namespaces(7), prctl(2), getrlimit(2).
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

NEW_USER, NEW_NET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38

NOBODY = 65534
"""The user and group of programs that own nothing (Linux kernel, overflowuid)."""

FILE_SIZE = 64 << 20
"""The bytes of a file that the browser writes. Its profile goes when it ends, and is small."""

NO_SANDBOX = "--no-sandbox"


def main() -> None:
    """Read the settings (JSON: `folder`, and whether to take a network namespace, `apart`), confine this process, and run the program."""
    settings: dict[str, Any] = json.loads(sys.argv[1])
    folder, program, arguments = Path(settings["folder"]), sys.argv[2], sys.argv[3:]
    wanted = bool(settings["apart"])
    apart = wanted and os.getuid() == 0 and _leave_network(NEW_NET)
    _become_nobody(folder / "home")
    apart = apart or (wanted and _leave_network(NEW_USER | NEW_NET))
    sandboxed = os.getuid() != 0 and _works(_nest)
    _limit()
    (folder / "home" / "confined").write_text(json.dumps({"apart": apart, "sandboxed": sandboxed}))
    os.execv(program, [program, *([] if sandboxed else [NO_SANDBOX]), *arguments])


def _libc(name: str, *arguments: int) -> None:
    """Call a function of Linux. Raise OSError."""
    if not sys.platform.startswith("linux"):
        raise OSError("not Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


def _unshare(flags: int) -> None:
    """Leave namespaces. Raise OSError."""
    _libc("unshare", flags)


def _nest() -> None:
    """Do what the browser's sandbox does: some systems let a user make a user namespace that has no rights in it (AppArmor)."""
    _unshare(NEW_USER)
    _unshare(NEW_NET)


def _leave_network(flags: int) -> bool:
    """Go to a network namespace in which even the loopback is down, with a new user namespace or not. Return False if that is not allowed."""
    user, group = os.getuid(), os.getgid()
    if not _works(lambda: _unshare(flags)):
        return False
    try:
        _unshare(flags)
        if flags & NEW_USER:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return False
    return True


def _works(attempt: Callable[[], object]) -> bool:
    """Return True if the attempt raises nothing. It is made in a child, because it changes the process."""
    child = os.fork()
    if not child:
        try:
            attempt()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _become_nobody(home: Path) -> None:
    """Give up root, and with it the right to read the user's files. The home is then nobody's, too."""
    if os.getuid() != 0:
        return
    try:
        os.chown(home, NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _libc("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)  # otherwise /proc/self stays root's
    except OSError:
        return  # root of a container that has no other users


def _limit() -> None:
    """Bound what is written, write no core, gain no rights, and end with the process that started this one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    with suppress(OSError):
        _libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _libc("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
