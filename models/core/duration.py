"""Lengths of time that people set."""

from __future__ import annotations

from datetime import timedelta

from models.core.errors import Code, InvalidInput

SECOND = timedelta(seconds=1)


def seconds(value: timedelta, least: timedelta, most: timedelta, said: str, *path: str) -> int:
    """A length in whole seconds. Raises InvalidInput with the limits as they are `said`."""
    if not least <= value <= most:
        raise InvalidInput(Code.INVALID, said, *path)
    if value % SECOND:
        raise InvalidInput(Code.INVALID, "Whole seconds only.", *path)
    return value // SECOND
