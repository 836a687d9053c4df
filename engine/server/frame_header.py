"""The header of a WebSocket frame."""

from __future__ import annotations

LENGTH_16_BIT_FROM = 126
LENGTH_64_BIT_FROM = 1 << 16


def encode_frame_header(length: int) -> bytes:
    """Encode the header of an unmasked, final text frame (RFC 6455, section 5.2).

    Args:
        length: the bytes of the payload.
    """
    if length < LENGTH_16_BIT_FROM:
        return bytes((0x81, length))
    if length < LENGTH_64_BIT_FROM:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
