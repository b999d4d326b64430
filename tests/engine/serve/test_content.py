"""`read` and `hash`: contents, errors by number, and that no path leads out of the image."""

from __future__ import annotations

import errno
import hashlib
import tarfile

import pytest

from slimmer.observe.pristine import PristineImage
from tests.engine.serve.everything import HASHED, THINGS
from tests.engine.serve.serving import Serve, lines


def test_hashes_are_right_for_every_size(pristine: PristineImage) -> None:
    wanted = {path: hashlib.sha256(content).hexdigest() for path, content in HASHED.items()}
    assert dict(pristine.hash(list(HASHED))) == wanted


def test_contents_are_read_in_order(pristine: PristineImage) -> None:
    contents = {thing.path: thing.content for thing in THINGS if thing.kind == tarfile.REGTYPE}
    assert dict(pristine.read(list(contents))) == contents
    assert list(pristine.read(list(reversed(contents)))) == list(reversed(contents.items()))


def test_an_answer_that_nobody_reads_to_its_end_does_not_spoil_the_next(pristine: PristineImage) -> None:
    contents = {thing.path: thing.content for thing in THINGS if thing.kind == tarfile.REGTYPE}
    first, *_ = contents
    for path, content in pristine.read(list(contents)):
        assert (path, content) == (first, contents[first])
        break
    assert dict(pristine.read(list(contents))) == contents


@pytest.mark.parametrize("order", ["read", "hash"])
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/links/own", errno.ELOOP),
        ("/links/dangling", errno.ELOOP),
        ("/files", errno.EISDIR),
        ("/special/fifo", errno.EINVAL),
        ("/special/char", errno.EINVAL),
        ("/files/none", errno.ENOENT),
        ("/files/empty/none", errno.ENOTDIR),
        ("", errno.ENOENT),
        ("/" + "long/" * 1000, errno.ENAMETOOLONG),
    ],
)
def test_what_is_no_file_is_an_error_by_number(serve: Serve, order: str, path: str, error: int) -> None:
    first, *rest = lines(serve.ask(order, path.encode(), b"/files/empty"))
    assert first == b"-%d" % error
    assert rest == ([b"0"] if order == "read" else [hashlib.sha256().hexdigest().encode()])


@pytest.mark.parametrize("path", ["/etc/own", "/links/root/etc/own", "/links/out/etc/own", "/../../etc/own", "etc/own"])
def test_no_path_leads_out_of_the_image(serve: Serve, path: str) -> None:
    assert lines(serve.ask("read", path.encode())) == [b"16", b"the image's own"]


def test_what_the_engine_mounts_over_a_file_is_not_read(serve: Serve) -> None:
    """Its /etc/hosts has content; the mount point below it is an empty file, made by the engine, too."""
    assert lines(serve.ask("read", b"/etc/hosts", b"/links/out/etc/resolv.conf")) == [b"0", b"0"]


@pytest.mark.parametrize("path", ["/proc/self/status", "/links/out/proc/1/cmdline", "/dev/null", "/sys/kernel/notes"])
def test_the_containers_own_mounts_cannot_be_read(serve: Serve, path: str) -> None:
    assert lines(serve.ask("read", path.encode())) == [b"-%d" % errno.ENOENT]
