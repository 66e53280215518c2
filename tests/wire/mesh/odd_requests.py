"""Requests a careless or hostile caller sends, made from the contract's descriptors.

Each is a good request with one field missing, over-long, negative, not a number, out of its enum, not UTF-8, or
said twice; or bytes that are no message at all. They are bytes, because typed bindings would refuse to send some.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

Path = tuple[FieldDescriptor, ...]
DEPTH_MAX = 6
LONG = 70_000
MANY = 2_000
NOT_UTF8 = b"\xff\xfe"
STRUCT = "google.protobuf.Struct"
_SCALARS: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.CPPTYPE_INT32: (-1, 2**31 - 1, -(2**31)),
    FieldDescriptor.CPPTYPE_INT64: (-1, 2**63 - 1, -(2**63)),
    FieldDescriptor.CPPTYPE_DOUBLE: (math.nan, math.inf, -1.0),
    FieldDescriptor.CPPTYPE_BOOL: (True,),
    FieldDescriptor.CPPTYPE_ENUM: (99, -1),
}
_TEXTS = ("x" * LONG, "\x00\x1b[2J\u202e", "../../etc/passwd", "jobs/", "jobs/../x", "²", "A" * 64, "%00%ff")
_BYTES = (b"", b"\xff" * ((1 << 20) + 1))


def odd_requests(base: Message) -> Iterator[tuple[str, bytes]]:
    """Make odd requests from a good one: what is odd about each, and its bytes."""
    yield "nothing", b""
    yield "no message", b"\xff\xff\xff\xff"
    yield "cut short", b"\x0a\x7f"
    for path in _paths(base.DESCRIPTOR):
        name = ".".join(field.name for field in path)
        for number, changed in enumerate(_changed(base, path)):
            yield f"{name} #{number}", changed.SerializeToString()
        yield f"{name} missing", _without(base, path).SerializeToString()
        if (
            path[-1].cpp_type == FieldDescriptor.CPPTYPE_STRING
            and path[-1].type != FieldDescriptor.TYPE_BYTES
        ):
            yield f"{name} not UTF-8", base.SerializeToString() + _raw(path, NOT_UTF8)
        if path[-1].containing_oneof is not None:
            yield f"{name} beside another", base.SerializeToString() + _raw(path, b"")


def _paths(descriptor: Descriptor, above: Path = ()) -> Iterator[Path]:
    for field in descriptor.fields:
        path = (*above, field)
        yield path
        inner = field.message_type
        if inner is not None and inner.full_name != STRUCT and len(path) < DEPTH_MAX and not _is_map(field):
            yield from _paths(inner, path)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _holder(message: Message, path: Path) -> Any:
    """Reach the message that holds a path's last field, making what is on the way."""
    holder: Any = message
    for field in path[:-1]:
        inner = getattr(holder, field.name)
        if field.is_repeated:
            holder = inner[0] if inner else inner.add()
        else:
            holder = inner
            holder.SetInParent()
    return holder


def _copy(base: Message) -> Any:
    made = type(base)()
    made.CopyFrom(base)
    return made


def _without(base: Message, path: Path) -> Message:
    made = _copy(base)
    _holder(made, path).ClearField(path[-1].name)
    return made


def _changed(base: Message, path: Path) -> Iterator[Message]:
    """Make copies of a message, each with another odd value in a field."""
    field = path[-1]
    if _is_map(field):
        for values in ({"": ""}, {"k" * LONG: "v"}, {str(n): "" for n in range(MANY)}):
            made = _copy(base)
            getattr(_holder(made, path), field.name).update(values)
            yield made
    elif field.message_type is not None and field.message_type.full_name == STRUCT:
        for struct in _structs():
            made = _copy(base)
            getattr(_holder(made, path), field.name).CopyFrom(struct)
            yield made
    elif field.message_type is not None:
        for count in (1, MANY) if field.is_repeated else (1,):
            made = _copy(base)
            target = getattr(_holder(made, path), field.name)
            if field.is_repeated:
                for _ in range(count):
                    target.add()
            else:
                target.SetInParent()
            yield made
    else:
        yield from _scalars(base, path)


def _scalars(base: Message, path: Path) -> Iterator[Message]:
    field = path[-1]
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        values: tuple[Any, ...] = _BYTES if field.type == FieldDescriptor.TYPE_BYTES else _TEXTS
    else:
        values = _SCALARS[field.cpp_type]
    for value in values:
        made = _copy(base)
        holder = _holder(made, path)
        if field.is_repeated:
            getattr(holder, field.name).extend([value] * (1 if len(str(value)) > 100 else MANY))
        else:
            setattr(holder, field.name, value)
        yield made


def _structs() -> Iterator[struct_pb2.Struct]:
    for number in (math.nan, math.inf):
        made = struct_pb2.Struct()
        made["a"] = number
        yield made
    unset = struct_pb2.Struct()
    unset.fields["a"].SetInParent()
    yield unset
    deep: Any = struct_pb2.Struct()
    top = deep
    for _ in range(20):
        deep = deep.fields["a"].struct_value
    deep["a"] = 1
    yield top


def _raw(path: Path, payload: bytes) -> bytes:
    """Encode a length-delimited value at a path by hand; a scalar of another kind is broken by it."""
    for field in reversed(path):
        payload = _varint(field.number << 3 | 2) + _varint(len(payload)) + payload
    return payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
