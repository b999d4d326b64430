"""What holds of every value: what is written is read back the same, and what is taken apart can be put together again."""

from __future__ import annotations

import io
import json
import os
import stat

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from slimmer.artifacts.manifest import KINDS, Line, read_manifest, write_manifest
from slimmer.artifacts.tree_file import read_tree, write_tree
from slimmer.engine.streams import MultiplexedStream
from slimmer.exercise.headers import telling_headers
from slimmer.exercise.media_type import normal_media_type
from slimmer.formatting import printable
from slimmer.image.path_index import sorting_key
from slimmer.image.tree import Tree
from slimmer.keep.keepset import Reason
from slimmer.observe.log import Access, AccessLog, Listener, Operation, Recorder, read_log, write_log
from slimmer.observe.records import RecordReader
from slimmer.verify.alignment import aligned
from slimmer.verify.bodies import compare_texts
from slimmer.verify.json_values import changes
from slimmer.verify.noise import lines_of, template
from tests.fuzz.targets.engine import _Connection

NAME_BYTES = st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_"))
PATHS = st.lists(NAME_BYTES, max_size=4).map(lambda names: os.fsdecode(b"/" + b"/".join(names)))
NAMES = st.binary(max_size=20).map(lambda name: os.fsdecode(name.replace(b"\0", b"_")))
COUNTS = st.integers(0, (1 << 64) - 1)
PORTS = st.integers(1, (1 << 16) - 1)
TIMES = st.tuples(st.integers(-(1 << 40), 1 << 40), st.integers(0, 999_999_999))
LINES = st.lists(
    st.sampled_from(["a", "b", "c 1", "c 2", "", "x=17", "a long line that is the same in all"]), max_size=14
)
JSON: SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)

ACCESSES = st.builds(Access, st.sampled_from(Operation), PATHS, PATHS, st.booleans(), st.integers(0, 1 << 22), PATHS)
LOGS = st.builds(
    AccessLog,
    image_id=NAMES,
    accesses=st.lists(ACCESSES, max_size=6).map(tuple),
    recorders=st.lists(st.builds(Recorder, NAMES, st.booleans(), NAMES), max_size=2).map(tuple),
    listeners=st.lists(st.builds(Listener, NAMES, PORTS), max_size=2).map(tuple),
    counters=st.dictionaries(NAMES, COUNTS, max_size=3),
    complete=st.booleans(),
    probe=NAMES,
)


@given(LOGS)
def test_an_access_log_is_read_as_it_was_written(log: AccessLog) -> None:
    file = io.StringIO()
    write_log(log, file)
    assert read_log(io.StringIO(file.getvalue())) == log


@given(st.lists(ACCESSES, max_size=8), st.integers(1, 40))
def test_a_record_stream_says_the_same_in_pieces_of_any_size(accesses: list[Access], size: int) -> None:
    stream = b"".join(map(_records, accesses))
    reader = RecordReader()
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    told = [(access.operation, access.asked, access.found, access.pid, access.executable) for access in reader.accesses]
    assert told == [(a.operation, a.asked, a.found, a.pid, a.executable) for a in accesses]


def _records(access: Access) -> bytes:
    """As the probe writes an access of an executable that is new."""
    head = f"{access.operation} {'found' if access.found else 'missing'} {access.pid} 1".encode()
    fields = (b"exe 1", os.fsencode(access.executable), b"", head, os.fsencode(access.asked), b"")
    return b"".join(field + b"\0" for field in fields)


@given(st.dictionaries(PATHS, st.tuples(st.sampled_from(list(KINDS)), NAMES), max_size=8))
def test_a_tree_is_read_as_it_was_written_and_finds_each_of_its_paths(found: dict[str, tuple[int, str]]) -> None:
    tree = Tree(
        b"".join(_entry(path, *found[path]) for path in sorted(found, key=lambda p: sorting_key(os.fsencode(p))))
    )
    file = io.BytesIO()
    write_tree(tree, "sha256:1", file)
    image, again = read_tree(io.BytesIO(file.getvalue()))
    assert image == "sha256:1"
    assert list(again) == list(tree)
    assert {entry.path for entry in tree} == set(found)
    for path in found:
        entry, end = tree.get(path), tree.resolve(path).end
        assert entry is not None
        assert entry.path == path
        assert end is None or end in found


def _entry(path: str, kind: int, target: str) -> bytes:
    """As the probe writes it."""
    link = os.fsencode(target) if kind == stat.S_IFLNK else b""
    return b"%o 0 0 0 1 2 1 1 0 0 0\0%s\0%s\x00757365722e61=00\0" % (kind | 0o644, os.fsencode(path), link)


MANIFEST_LINES = st.builds(
    Line,
    path=PATHS,
    kind=st.sampled_from(list(KINDS.values())),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, (1 << 32) - 1),
    gid=st.integers(0, (1 << 32) - 1),
    mtime=TIMES,
    reasons=st.lists(st.builds(Reason, NAMES, NAMES, NAMES), max_size=2).map(tuple),
    size=st.none() | COUNTS,
    sha256=st.sampled_from(["", "ab" * 32]),
    target=NAMES,
    device=st.none() | st.tuples(st.integers(0, 4095), st.integers(0, 1 << 20)),
    xattrs=st.dictionaries(NAMES, st.binary(max_size=4).map(bytes.hex), max_size=2).map(
        lambda found: tuple(sorted(found.items()))
    ),
)


@given(st.lists(MANIFEST_LINES, max_size=4, unique_by=lambda line: line.path))
def test_a_manifest_is_read_as_it_was_written(lines: list[Line]) -> None:
    file = io.StringIO()
    write_manifest("sha256:1", lines, file)
    assert list(read_manifest(io.StringIO(file.getvalue()))) == lines


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=9)), max_size=9), st.integers(1, 30))
def test_a_stream_of_frames_gives_what_was_put_into_it(frames: list[tuple[int, bytes]], piece: int) -> None:
    data = b"".join(bytes([kind, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload for kind, payload in frames)
    stream = MultiplexedStream(_Connection(data, piece))
    assert b"".join(iter(stream.recv, b"")) == b"".join(payload for kind, payload in frames if kind == 1)
    assert stream.stderr == b"".join(payload for kind, payload in frames if kind == 2).decode(errors="replace")


@given(LINES, LINES)
def test_aligned_lines_make_both_texts_again(first: list[str], second: list[str]) -> None:
    blocks = list(aligned(first, second))
    assert [line for _, side, _ in blocks for line in side] == first
    assert [line for _, _, side in blocks for line in side] == second
    assert all(list(one) == list(other) for common, one, other in blocks if common)


@given(LINES, LINES, LINES)
def test_the_original_itself_always_fits_its_template(first: list[str], second: list[str], third: list[str]) -> None:
    texts = ["\n".join(lines) for lines in (first, second, third)]
    assert template(*texts).fits(texts[0])
    assert all("".join(lines_of(text)) == text for text in texts)


@given(st.text(max_size=99), st.text(max_size=99), st.text(max_size=99))
def test_a_difference_between_any_texts_can_be_shown_and_nothing_differs_from_itself(a: str, b: str, c: str) -> None:
    assert compare_texts(a, a, [c]) == ""
    shown = compare_texts(a, b, [c])
    assert all(character.isprintable() or character in "\n\t" for character in shown)


@given(JSON, JSON)
def test_json_documents_change_only_where_they_differ(before: object, after: object) -> None:
    before, after = json.loads(json.dumps(before)), json.loads(json.dumps(after))
    assert not list(changes(before, before))
    if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True) and not isinstance(before, int | float):
        list(changes(before, after, before))


@given(
    st.lists(
        st.tuples(st.sampled_from(["Vary", "vary", "Set-Cookie", "Allow", "Location", "X-A"]), st.text(max_size=9))
    )
)
def test_the_order_of_header_lines_of_different_names_means_nothing(headers: list[tuple[str, str]]) -> None:
    by_name = sorted(headers, key=lambda header: header[0].lower())
    assert telling_headers(headers) == telling_headers(by_name)


@given(st.text(alphabet="aZ/;=\"\\ *0'%", max_size=40))
def test_a_media_type_has_one_way_of_writing_without_line_ends(value: str) -> None:
    assert "\n" not in normal_media_type(value)


@given(st.text(max_size=60))
def test_text_of_an_image_is_shown_on_one_line(text: str) -> None:
    assert printable(text).isprintable()
