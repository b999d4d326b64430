"""The sizes of layers from what `docker save` gives, in the layouts of older and newer engines."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zstandard

from slimmer.engine.connection import Engine
from slimmer.engine.saved import layer_sizes, read_layers
from slimmer.errors import EngineError
from slimmer.image.layer_sizes import LayerSizes

WORDS = random.Random(1)
ONE, TWO = (b" ".join(b"%x" % WORDS.getrandbits(30) for _ in range(count)) for count in (30_000, 200_000))


def archive(files: dict[str, bytes | str]) -> bytes:
    """An archive of files (bytes) and symbolic links (text)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, what in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(what, str):
                member.type, member.linkname = tarfile.SYMTYPE, what
            else:
                member.size = len(what)
            tar.addfile(member, io.BytesIO(what) if isinstance(what, bytes) else None)
    return file.getvalue()


def manifest(*layers: str) -> bytes:
    return json.dumps([{"Config": "c", "RepoTags": [], "Layers": layers}]).encode()


def saving(saved: bytes) -> Engine:
    """An engine that saves this, in pieces of an odd size."""

    def get_image(image: str, chunk_size: int) -> Iterator[bytes]:
        return (saved[position : position + 77_777] for position in range(0, len(saved), 77_777))

    return cast(Engine, SimpleNamespace(api=SimpleNamespace(get_image=get_image)))


def size(saved: bytes, passed: Any = lambda size: None) -> LayerSizes:
    """What layer_sizes says of an engine that saves this."""
    return layer_sizes(saving(saved), "image", passed)


def near(*layers: bytes) -> Any:
    """The sizes of these layers. Compressors differ by a few per cent."""
    zstd = [zstandard.ZstdCompressor().compressobj() for _ in layers]  # which are not told the size, as of a stream
    compressed: list[Any] = [
        pytest.approx(sum(len(gzip.compress(layer, 6)) for layer in layers), rel=0.05),
        pytest.approx(sum(len(z.compress(layer) + z.flush()) for z, layer in zip(zstd, layers, strict=True)), rel=0.05),
    ]
    return LayerSizes(sum(map(len, layers)), *compressed)


def test_layers_of_an_older_engine_are_counted_and_nothing_else() -> None:
    files: dict[str, bytes | str] = {"a/layer.tar": ONE, "a/json": TWO, "b/layer.tar": TWO, "c.json": TWO}
    assert size(archive(files | {"manifest.json": manifest("a/layer.tar", "b/layer.tar")})) == near(ONE, TWO)


def test_a_layer_that_comes_twice_is_held_once() -> None:
    files: dict[str, bytes | str] = {"a/layer.tar": ONE, "b/layer.tar": "../a/layer.tar"}
    saved = archive(files | {"manifest.json": manifest("a/layer.tar", "b/layer.tar", "a/layer.tar")})
    assert size(saved) == near(ONE)


def test_blobs_of_a_newer_engine_are_counted_by_its_manifest() -> None:
    files: dict[str, bytes | str] = {"manifest.json": manifest("blobs/sha256/1"), "blobs/sha256/1": ONE}
    assert size(archive(files | {"blobs/sha256/2": TWO, "oci-layout": b"{}"})) == near(ONE)


def in_members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[place : place + 50_000], 1) for place in range(0, len(data), 50_000))


def in_frames(data: bytes) -> bytes:
    zstd = zstandard.ZstdCompressor(level=19)
    return b"".join(zstd.compress(data[place : place + 50_000]) for place in range(0, len(data), 50_000))


@pytest.mark.parametrize("compress", [gzip.compress, in_members, zstandard.compress, in_frames])
def test_a_layer_that_is_compressed_has_the_sizes_of_its_content(compress: Callable[[bytes], bytes]) -> None:
    content = TWO + bytes(3_000_000)
    assert size(archive({"1": compress(content), "manifest.json": manifest("1")})) == near(content)


@pytest.mark.parametrize("name", ["\x1f\udc8b", "(\udcb5/\udcfd"])
def test_a_layer_whose_first_file_has_an_odd_name_is_an_archive(name: str) -> None:
    layer = archive({name: ONE})
    assert layer.startswith((b"\x1f\x8b", b"(\xb5/\xfd"))
    assert size(archive({"1": layer, "manifest.json": manifest("1")})) == near(layer)


def test_progress_counts_every_byte_and_can_stop_the_work() -> None:
    saved = archive({"1": ONE, "manifest.json": manifest("1")})
    passed: list[int] = []
    size(saved, passed.append)
    assert sum(passed) == len(saved)

    def stop(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        size(saved, stop)


@pytest.mark.parametrize(
    "saved",
    [
        b"",
        b"nonsense" * 1000,
        archive({"1": ONE, "manifest.json": manifest("2")}),
        archive({"manifest.json": b"[]", "1": ONE}),
        archive({"manifest.json": b"{", "1": ONE}),
        archive({"manifest.json": manifest("1"), "1": ONE})[:50_000],
        archive({"manifest.json": manifest("1"), "1": gzip.compress(ONE)[:-9]}),
        archive({"manifest.json": manifest("1"), "1": gzip.compress(ONE)[:5000] + bytes(5000)}),
        archive({"manifest.json": manifest("1"), "1": zstandard.compress(ONE)[:4] + b"\xff" * 5000}),
    ],
)
def test_what_is_not_understood_is_an_error(saved: bytes) -> None:
    with pytest.raises(EngineError):
        size(saved)


def test_an_image_without_layers_has_no_size() -> None:
    assert size(archive({"manifest.json": manifest().replace(b"[]}", b"null}"), "1": ONE})) == LayerSizes()


def test_an_image_without_a_manifest_is_an_error() -> None:
    with pytest.raises(EngineError):
        size(archive({"1": ONE}))


def test_layers_are_read_from_the_lowest_one_on_and_each_once() -> None:
    files: dict[str, bytes | str] = {"b/layer.tar": TWO, "c/layer.tar": "../a/layer.tar", "a/layer.tar": ONE}
    saved = archive(files | {"manifest.json": manifest("a/layer.tar", "b/layer.tar", "c/layer.tar")})
    read: list[int] = []

    def length(pieces: Iterator[bytes]) -> int:
        read.append(sum(map(len, pieces)))
        return read[-1]

    found = read_layers(saving(saved), "image", length)
    assert [size for _, size in found] == [len(ONE), len(TWO), len(ONE)]
    assert sorted(read) == sorted([len(ONE), len(TWO)])


def test_a_reader_need_not_take_a_whole_layer() -> None:
    saved = archive({"1": TWO, "2": ONE, "manifest.json": manifest("1", "2")})
    found = read_layers(saving(saved), "image", lambda pieces: next(pieces)[:3])
    assert [start for _, start in found] == [TWO[:3], ONE[:3]]
