"""What each recorder is expected to see: the table of docs/recorders.md, and the cases behind each of its lines.

A case is a function of the same name in tests/engine/images/probe, with a folder of the same name to work in. An
expectation is a line `OPERATION PATH` or `OPERATION PATH => RESOLVED`; `OPERATION! PATH` is an access to what does not exist.
Paths are in the case's folder unless they begin with a slash. What a case needs in its folder is written `file`,
`folder/`, `link -> target`, `program *` (a copy of touch.c; `*4755:1234` with a mode and an owner) or `script #! interpreter`.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

DEEP = 18 * ("n" * 200 + "/") + "file"
BACK_AND_FORTH = 18 * ("n" * 200 + "/") + 18 * ("../" + "n" * 200 + "/") + "file"
CAFE = b"caf\xe9".decode(errors="surrogateescape")
LOADER = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}[platform.machine()]
"""The dynamic loader of this machine's programs."""


@dataclass(frozen=True, slots=True)
class Case:
    """`calls` is what the recorders of system calls see (notify, ptrace, bpf), `events` what fanotify sees.

    With fanotify the filter stays for execve, so what `calls` says of that holds for all recorders.
    """

    name: str
    needs: tuple[str, ...]
    calls: tuple[str, ...]
    events: tuple[str, ...] = ()
    alone: bool = False
    """Whether fanotify sees it only without company: the other recorders refuse what it would see."""

    only: str = ""
    """The one build of the programs (native or i386) in which there is anything to see."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table in the docs, in words; the recorders' fields are "yes", "no" or more words."""

    what: str
    notify: str
    ptrace: str
    fanotify: str
    bpf: str
    cases: tuple[Case, ...]


def _calls(what: str, *cases: Case) -> Line:
    return Line(what, "yes", "yes", "no", "yes", cases)


def _all(what: str, *cases: Case) -> Line:
    return Line(what, "yes", "yes", "yes", "yes", cases)


TABLE = (
    _all(
        "opens a file (`open`, `openat`, `openat2`), also through links and relative paths",
        Case("open", ("file",), ("open file",), ("open file",)),
        Case("openat", ("dir/file", "other"), ("open dir", "open dir/file", "open dir/../other => other"),
             ("open dir/file", "open other")),
        Case("openat2", ("file",), ("open file",), ("open file",)),
        Case("openat2-in-root", ("dir/file", "dir/link -> /file"),
             ("open dir", "open dir/file", "open dir/link => dir/file"), ("open dir/file",)),
        Case("chain", ("a -> b", "b -> real/c", "real/c", "folder-link -> real", "c"),
             ("open a => real/c", "open folder-link/../c => c"), ("open real/c", "open c")),
        Case("relative", ("dir/file", "other"), ("look-up dir", "open dir/file", "open dir/../other => other"),
             ("open dir/file", "open other")),
        Case("untidy", ("dir/file",), ("open dir/file",), ("open dir/file",)),
        Case("names", (CAFE, "with space", "with\nnewline"),
             (f"open {CAFE}", "open with space", "open with\nnewline"),
             (f"open {CAFE}", "open with space", "open with\nnewline")),
        Case("long", (DEEP,), (f"open {DEEP}",), (f"open {DEEP}",)),
        Case("long-relative", (DEEP,), (f"look-up {DEEP.removesuffix('/file')}", f"open {BACK_AND_FORTH} => {DEEP}"),
             (f"open {DEEP}",)),
        Case("page-edge", ("file",), ("open file",), ("open file",)),
        Case("by-descriptor", ("file", "other"),
             ("open file", "open /proc/self/fd/77 => file", "open /dev/fd/77 => file",
              "open /proc/self/root{folder}/other => other"),
             ("open file", "open other")),
        Case("by-working-folder", ("one/file", "two/file"),
             ("look-up one", "open /proc/self/cwd/file => one/file",
              "look-up two", "open /proc/self/cwd/file => two/file"),
             ("open one/file", "open two/file")),
        Case("relinked", ("one/file", "two/file", "three/file", "link -> one", "other-link -> three"),
             ("open link/file => one/file", "change link", "create! link", "open link/file => two/file",
              "change other-link", "create link", "open link/file => three/file"),
             ("open one/file", "open two/file", "open three/file")),
        Case("opened-and-removed", ("file",), ("open file", "change file"), ("open file",)),
        Case("beside-removed-folder", ("file", "other", "gone/"), ("look-up gone", "change gone", "open gone/../file => file", "look-up gone/../other => other"), ("open file",)),
        Case("twice", ("file",), ("open file",), ("open file",)),
    ),
    _all(
        "opens a file in a VOLUME",
        Case("volume", ("file", "looked-at"), ("open file", "look-up looked-at"), ("open file",)),
    ),
    _all(
        "opens a file in a thread, or in another root (`chroot`)",
        Case("threads", ("one", "two", "three", "four"), ("open one", "open two", "open three", "open four"),
             ("open one", "open two", "open three", "open four")),
        Case("chroot", ("root/file", "root/file-too", "root/folder/", "root/link -> /file", "outside"),
             ("look-up root", "open root/file", "open root/link => root/file",
              "open root/folder/../file-too => root/file-too", "look-up! root/missing", "open outside"),
             ("open root/file", "open root/file-too", "open outside")),
    ),
    _all(
        "opens a folder",
        Case("folder", ("dir/",), ("open dir",), ("open dir",)),
    ),
    _all(
        "makes or writes a file",
        Case("create", ("old",), ("create! new", "create old", "create! new-too"),
             ("open new", "open old", "open new-too")),
        Case("write", ("write", "append", "truncate"), ("write write", "write append", "write truncate"),
             ("open write", "open append", "open truncate")),
    ),
    _all(
        "starts a program (`execve`, `execveat`, `fexecve`, `vfork`, `posix_spawn`), and its interpreters",
        Case("exec", ("program *", "file"), ("exec program", "open file"), ("exec program", "open file")),
        Case("vfork", ("program *",), ("exec program",), ("exec program",)),
        Case("spawn", ("program *", "file"), ("exec program", "open file"), ("exec program", "open file")),
        Case("fexecve", ("program *", "file"), ("open program", "exec program", "open file"),
             ("exec program", "open file")),
        Case("execveat", ("dir/program *", "file"), ("open dir", "exec dir/program", "open file"),
             ("exec dir/program", "open file")),
        Case("exec-chain", ("program *", "second *", "file"), ("exec program", "exec second", "open file"),
             ("exec program", "exec second", "open file")),
        Case("exec-in-thread", ("program *", "file"), ("exec program", "open file"), ("exec program", "open file")),
        Case("exec-in-chroot", ("root/program *", "root/file"), ("look-up root", "exec root/program", "open root/file"),
             ("exec root/program", "open root/file")),
        Case("memory", ("program *", "file"), ("open program", "open file"), ("open program", "open file")),
        Case("script", ("script #! program", "program *", "file"),
             ("exec script", "exec program", "open script", "open file"),
             ("exec script", "exec program", "open script", "open file")),
        Case("script-of-script", ("script #! middle", "middle #! program", "program *"),
             ("exec script", "exec middle", "exec program", "open middle", "open script"),
             ("exec script", "exec middle", "exec program", "open middle", "open script")),
        Case("dynamic", ("dynamic *dynamic", f"loader -> {LOADER}", "file"),
             ("look-up dynamic", "exec dynamic", f"exec loader => {LOADER}", "open file"),
             ("exec dynamic", "open file"), only="native"),
        Case("setuid", ("program *4755:1234", "secret *400:1234"), ("open secret", "exec program"),
             ("exec program", "open secret")),
    ),
    _all(
        "tries to start what is not there, or is no program",
        Case("exec-missing", ("file",), ("exec! missing", "exec file")),
    ),
    _calls(
        "tries to open what is not there",
        Case("open-missing", ("file",), ("open! missing", "open! no-folder/missing", "open! file/below")),
        Case("removed-folder", ("gone/",), ("look-up gone", "change gone", "open! gone/file")),
    ),
    _calls(
        "opens only a path (`O_PATH`)",
        Case("o-path", ("file", "link -> file"), ("open file", "open link")),
    ),
    _calls(
        "opens a file that has no name (`O_TMPFILE`): its folder",
        Case("unnamed", ("dir/",), ("open dir",)),
    ),
    Line(
        "lists a folder (`getdents`)", "yes", "yes", "only that it is opened", "yes",
        (Case("list", ("dir/file",), ("open dir", "read-dir dir"), ("open dir",)),),
    ),
    _calls(
        "looks at a file (`stat`, `statx`, `access`, `statfs`, `chdir`, file handles)",
        Case("stat", ("file",), ("look-up file", "look-up! missing")),
        Case("link", ("link -> file", "folder-link -> dir", "dir/", "dangling -> nowhere", "loop -> loop"),
             ("look-up link", "look-up folder-link => dir", "look-up dangling", "look-up! dangling", "look-up! loop")),
        Case("fstatat", ("dir/file", "link -> dir"),
             ("open dir", "look-up dir/file", "look-up dir/../link => link")),
        Case("statx", ("file",), ("look-up file",)),
        Case("access", ("one", "dir/only-access"), ("look-up one", "look-up dir", "look-up dir/only-access")),
        Case("faccessat", ("dir/file",), ("open dir", "look-up dir/file")),
        Case("faccessat2", ("file",), ("look-up file",)),
        Case("chdir", ("dir/",), ("look-up dir",)),
        Case("statfs", ("file",), ("look-up file",)),
        Case("kernel-link", ("link -> /proc/version",), ("look-up link => /proc/version",)),
        Case("handle", ("file",), ("look-up file",)),
    ),
    _calls(
        "reads a link (`readlink`)",
        Case("readlink", ("link -> file", "dir/link -> file", "file"),
             ("read-link link", "open dir", "read-link dir/link", "read-link file")),
    ),
    _calls(
        "watches a file (`inotify`)",
        Case("inotify", ("file", "link -> file"), ("look-up file", "look-up link")),
    ),
    _calls(
        "reads or writes extended attributes",
        Case("xattrs", ("get", "link -> get", "list"), ("look-up get", "look-up link", "look-up list")),
        Case("set-xattr", ("file",), ("change file",)),
    ),
    _calls(
        "changes mode, owner, times or size by path",
        Case("mode", ("file", "other"), ("change file", "change other")),
        Case("owner", ("file", "link -> file", "other"), ("change file", "change link", "change other")),
        Case("truncate", ("file",), ("write file",)),
    ),
    Line(
        "changes times by path or by descriptor", "yes", "yes", "only what is opened for it", "yes",
        (Case("times", ("file", "other"), ("change file", "open other"), ("open other",)),),
    ),
    _calls(
        "renames, links, makes folders, removes",
        Case("rename", ("old", "one", "two"), ("change old", "create! new", "change one", "change two")),
        Case("hard-link", ("old", "dir/file"),
             ("look-up old", "create! new", "open dir", "look-up dir/file", "create! dir/linked")),
        Case("make", (), ("create! folder", "create! link", "create! fifo")),
        Case("remove", ("file", "empty/", "dir/file"), ("change file", "change empty", "open dir", "change dir/file")),
    ),
    _calls(
        "binds or reaches a socket with a path (`bind`, `connect`, `sendto`, `sendmsg`, `sendmmsg`)",
        Case("connect", (), ("create! socket", "look-up socket", "look-up! missing")),
        Case("sendto", (), ("create! socket", "look-up socket")),
        Case("sendmsg", (), ("create! socket", "look-up socket")),
        Case("sendmmsg", (), ("create! socket", "create! second", "look-up socket", "look-up second")),
        Case("socketcall", (), ("create! socket", "look-up socket"), only="i386"),
    ),
    Line(
        "opens a file by way of io_uring", "refused (`ENOSYS`) and counted", "refused (`ENOSYS`) and counted", "yes",
        "refused (`ENOSYS`) and counted",
        (Case("io-uring", ("by-ring", "by-call"), ("open by-call",), ("open by-ring",), alone=True),),
    ),
    Line(
        "looks at kernel files (/proc, /sys), abstract sockets, descriptors", "no", "no", "no", "no",
        (Case("nothing", (), ()), Case("abstract", (), ())),
    ),
    Line("runs beside the app, started by `slimmer` (HEALTHCHECK, `--exec`)", "yes", "yes", "yes", "yes", ()),
    Line("runs beside the app, started by `docker exec`", "no", "no", "yes", "yes", ()),
    Line("traces its own processes (`ptrace`: strace, gdb)", "works", "fails (`EPERM`)", "works", "works", ()),
    Line("installs a filter that asks for a listener", "fails (`EBUSY`) and is counted", "works", "fails (`EBUSY`) and is counted",
         "fails (`EBUSY`) and is counted", ()),
)  # fmt: skip

CASES = tuple(case for line in TABLE for case in line.cases)
