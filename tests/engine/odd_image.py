"""An image FROM scratch with every kind of file that is easily lost, made from a tar archive without any tool's help."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slimmer.engine.connection import Engine

CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
"""cap_net_raw=ep, as in security.capability (linux/capability.h, struct vfs_cap_data, revision 2)."""

XATTR = "SCHILY.xattr."
CAFE = os.fsdecode(b"srv/caf\xe9\n ")
LONG = "srv/" + "/".join(["d" * 200, "e" * 200])


def archive(*, user_xattrs: bool) -> bytes:
    """The image's files. User xattrs are what only loading keeps."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for name, mode in (("srv", 0o1777), ("srv/empty", 0o700), ("srv/owned", 0o2750), ("data", 0o755)):
            _add(tar, name, type=tarfile.DIRTYPE, mode=mode, uid=1234, gid=4321)
        _add(tar, "data/seed", b"in a volume")
        _add(tar, "srv/plain", b"plain\n", pax_headers={"mtime": "1000000000.123456789"})
        _add(tar, "srv/nothing", b"", mtime=0)
        _add(tar, "srv/large", bytes(range(256)) * 12_000)
        _add(tar, CAFE, b"odd name")
        _add(tar, LONG, b"long name")
        _add(tar, "srv/setuid", b"program", mode=0o6755, uid=1, gid=2)
        _add(tar, "srv/hard-1", b"shared", mode=0o640)
        _add(tar, "srv/hard-2", type=tarfile.LNKTYPE, linkname="srv/hard-1")
        _add(tar, "srv/link", type=tarfile.SYMTYPE, linkname="/" + CAFE)
        _add(tar, "srv/dangling", type=tarfile.SYMTYPE, linkname="../nowhere")
        _add(tar, "srv/pipe", type=tarfile.FIFOTYPE, mode=0o622)
        _add(tar, "srv/null", type=tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3)
        _add(tar, "srv/capable", b"ping", mode=0o755, pax_headers=_xattr("security.capability", CAPABILITY))
        if user_xattrs:
            _add(tar, "srv/noted", b"noted", pax_headers=_xattr("user.note", b"a=b\n\xc3\xa9"))
        _add(tar, "srv/unwanted", b"not kept")
        _add(tar, "etc", type=tarfile.DIRTYPE, mode=0o755)
        for name in ("hosts", "hostname", "resolv.conf"):
            _add(tar, f"etc/{name}", b"the image's own\n")
        _add(tar, "etc/mtab", type=tarfile.SYMTYPE, linkname="/proc/mounts")
    return file.getvalue()


@contextmanager
def odd_image(engine: Engine, tag: str, *, user_xattrs: bool) -> Iterator[str]:
    """The image under `tag`, removed at the end."""
    content = archive(user_xattrs=user_xattrs)
    engine.api.import_image_from_data(content, repository=tag, changes=["VOLUME /data", 'CMD ["/srv/setuid"]'])
    try:
        yield tag
    finally:
        engine.api.remove_image(tag, force=True)


def _add(tar: tarfile.TarFile, name: str, content: bytes | None = None, **values: Any) -> None:
    member = tarfile.TarInfo(name)
    member.mtime = 1_234_567_890
    for key, value in values.items():
        setattr(member, key, value)
    if content is not None:
        member.size = len(content)
    tar.addfile(member, io.BytesIO(content or b""))


def _xattr(name: str, value: bytes) -> dict[str, str]:
    """Python writes pax headers in UTF-8; bytes that are none survive as escapes only where the archive says so."""
    return {XATTR + name: value.decode()}
