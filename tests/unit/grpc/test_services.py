"""What is read of a server's description of itself, and which methods seem to read, to take something away or to end the app."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from slimmer.exercise.grpc.services import Method, methods
from slimmer.exercise.grpc.wire_format import encoded, fields, integer, part, text_of
from slimmer.exercise.protocols.wire import Nonsense


def described(*names: str, **options: int) -> tuple[Method, ...]:
    """The methods of a service, as protobuf's own library describes it."""
    file = descriptor_pb2.FileDescriptorProto(name="a.proto", package="shop.v1")
    file.message_type.add(name="Empty").field.add(name="text", number=1)
    service = file.service.add(name="Shop")
    for name in names:
        method = service.method.add(name=name, input_type=".shop.v1.Empty", output_type=".shop.v1.Empty")
        method.server_streaming = "Watch" in name
        method.client_streaming = "Upload" in name
        if "Safe" in name:
            method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    other = descriptor_pb2.FileDescriptorProto(name="b.proto").SerializeToString()
    answer = encoded(4, encoded(1, other) + encoded(1, file.SerializeToString()))
    return methods(answer, "shop.v1.Shop")


def test_methods_are_read_from_a_real_description() -> None:
    assert described("GetItem", "WatchItems", "UploadItems", "SafeDance") == (
        Method("shop.v1.Shop", "GetItem"),
        Method("shop.v1.Shop", "WatchItems", gives_stream=True),
        Method("shop.v1.Shop", "UploadItems", takes_stream=True),
        Method("shop.v1.Shop", "SafeDance", is_safe=True),
    )
    assert described("GetItem")[0].path == "/shop.v1.Shop/GetItem" and str(described("GetItem")[0]) == "Shop/GetItem"


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("GetItem", True),
        ("ListItems", True),
        ("searchFlightsAndHotels", True),
        ("GetDataSet", True),
        ("Ping", True),
        ("GetOrCreateItem", False),
        ("CreateItem", False),
        ("Process", False),
        ("Getaway", False),
        ("CheckAndDelete", False),
        ("GetThenRemove", False),
    ],
)
def test_a_method_that_reads_is_known_by_its_name(name: str, reads: bool) -> None:
    assert Method("shop.v1.Shop", name).reads is reads


def test_options_say_that_a_method_changes_nothing() -> None:
    assert described("SafeDance")[0].reads and not described("Dance")[0].reads


@pytest.mark.parametrize(
    ("service", "name", "ends"),
    [
        ("a.Shop", "Shutdown", True),
        ("a.Shop", "ShutDown", True),
        ("a.Shop", "RestartServer", True),
        ("a.Shop", "GetShutdown", True),
        ("a.Shop", "StopServer", True),
        ("a.Shop", "KillAll", True),
        ("a.ShutdownService", "Run", True),
        ("a.Shop", "GetStop", False),
        ("a.Shop", "ListStops", False),
        ("shutdown.v1.Shop", "Run", False),
        ("a.Shop", "CreateItem", False),
    ],
)
def test_a_method_that_may_end_the_app_is_known_by_its_name(service: str, name: str, ends: bool) -> None:
    assert Method(service, name).ends_app is ends


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_nonsense(data: bytes) -> None:
    try:
        for number, _, _ in fields(data):
            assert 0 < number < 1 << 29
    except Nonsense:
        pass
    shown = text_of(data)
    assert shown == text_of(data) and (shown.endswith("\n") or not data)


@given(st.integers(1, 1000), st.binary(max_size=300))
def test_what_is_encoded_is_read(number: int, value: bytes) -> None:
    assert part(encoded(number, value), number) == value


def test_messages_are_shown_line_by_line() -> None:
    point = descriptor_pb2.FieldDescriptorProto(name="a\nb", number=7)
    message = descriptor_pb2.DescriptorProto(name="é")
    message.field.append(point)
    data = message.SerializeToString() + b"\x19\0\0\0\0\0\0\xf0\x3f\x25\1\0\0\0\x2a\2\xff\xfe"
    assert text_of(data) == (
        '  1: "é"\n  2 {\n    1: "a\\nb"\n    3: 7\n  }\n  3: 0x3ff0000000000000\n  4: 0x00000001\n  5: fffe\n'
    )
    assert integer(point.SerializeToString(), 3) == 7
