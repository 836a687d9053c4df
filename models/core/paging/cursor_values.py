"""The sort values in list cursors, packed as bytes.

All types but TEXT have a fixed width. Each value has exactly one packed form, and `unpack` refuses
all others, because clients send cursors.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from math import isfinite
from struct import Struct
from typing import cast
from uuid import UUID

from models.core.text import is_storable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NULL_INSTANT = b"\xff" * 8
INSTANT_OFFSET = 2**63
"""Added to an instant's microseconds since 1970, so that they are positive."""
FLOAT = Struct(">d")
NULL_FLOAT = b"\xff" * 8
UUID_BYTES = 16
TEXT_LENGTH_BYTES = 2


class SortType(Enum):
    """The type of the values of a sort. It decides how a cursor holds them."""

    INSTANT = "instant"
    UUID = "uuid"
    TEXT = "text"
    """At most 65,535 bytes of UTF-8. Cursors with texts have no fixed width."""
    INTEGER = "integer"
    """From 0; as many bytes as the largest value needs."""
    FLOAT = "float"
    """A finite number, or null."""


def pack(type: SortType, value: object, integers: range) -> bytes:
    """The packed form of a sort value, from a record or from the database driver.

    Args:
        type: The type of the value.
        value: The value. SQLite returns instants and keys as text.
        integers: All possible values, if the type is INTEGER.
    """
    match type:
        case SortType.INSTANT:
            return pack_instant(cast("datetime | str | None", value))
        case SortType.UUID:
            return UUID(value).bytes if isinstance(value, str) else cast("UUID", value).bytes
        case SortType.TEXT:
            content = cast("str", value).encode()
            return len(content).to_bytes(TEXT_LENGTH_BYTES) + content
        case SortType.INTEGER:
            return int(cast("int", value)).to_bytes(integer_width(integers))
        case SortType.FLOAT:
            return NULL_FLOAT if value is None else FLOAT.pack(cast("float", value))


def pack_instant(value: datetime | str | None) -> bytes:
    if value is None:
        return NULL_INSTANT
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return ((instant - EPOCH) // MICROSECOND + INSTANT_OFFSET).to_bytes(8)


def integer_width(integers: range) -> int:
    return (integers[-1].bit_length() + 7) // 8


def unpack(type: SortType, packed: bytes, integers: range) -> tuple[object, bytes]:
    """The value at the start of `packed`, and the bytes after it.

    Keys are returned as text, null instants and numbers as None. Raises ValueError or
    OverflowError if there is no value.
    """
    width = value_width(type, packed, integers)
    content, rest = packed[:width], packed[width:]
    if len(content) != width:
        raise ValueError("the cursor is too short")
    match type:
        case SortType.INSTANT:
            return unpack_instant(content), rest
        case SortType.UUID:
            return str(UUID(bytes=content)), rest
        case SortType.TEXT:
            text = content[TEXT_LENGTH_BYTES:].decode()
            if not is_storable(text):
                raise ValueError("the text can't be stored")
            return text, rest
        case SortType.INTEGER:
            number = int.from_bytes(content)
            if number not in integers:
                raise ValueError("the number is out of range")
            return number, rest
        case SortType.FLOAT:
            return unpack_float(content), rest


def value_width(type: SortType, packed: bytes, integers: range) -> int:
    """The number of bytes of the value at the start of `packed`."""
    match type:
        case SortType.INSTANT:
            return len(NULL_INSTANT)
        case SortType.UUID:
            return UUID_BYTES
        case SortType.TEXT:
            return TEXT_LENGTH_BYTES + int.from_bytes(packed[:TEXT_LENGTH_BYTES])
        case SortType.INTEGER:
            return integer_width(integers)
        case SortType.FLOAT:
            return FLOAT.size


def unpack_float(content: bytes) -> float | None:
    """Raises ValueError for infinity, negative zero and all forms of NaN but that of null."""
    if content == NULL_FLOAT:
        return None
    number: float = FLOAT.unpack(content)[0]
    if not isfinite(number) or FLOAT.pack(number + 0.0) != content:
        raise ValueError("the number is not finite or negative zero")
    return number


def unpack_instant(content: bytes) -> datetime | None:
    if content == NULL_INSTANT:
        return None
    return EPOCH + (int.from_bytes(content) - INSTANT_OFFSET) * MICROSECOND
