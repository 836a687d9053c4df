"""Positions of administrative records that the server tries in order."""

from __future__ import annotations

POSITION_GAP = 100
"""The distance of a new record from the last one, so that others fit between them."""
MAX_POSITION = 2**31 - 1


def next_position(last: int | None) -> int:
    """The position after the last one; `last` is None if there is no record."""
    return min((last or 0) + POSITION_GAP, MAX_POSITION)
