"""Charges the caller's rate limit for work whose cost is known only while an operation runs.

The execution of an operation sets the functions that charge its caller.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

CHARGE: ContextVar[Callable[[int], None] | None] = ContextVar("CHARGE", default=None)
"""Adds to the cost of the current operation, if there is one."""

TRY_CHARGE: ContextVar[Callable[[int], int] | None] = ContextVar("TRY_CHARGE", default=None)
"""Like CHARGE, but charges nothing if the caller's budget does not suffice. Returns 0, or the
milliseconds to wait."""


def charge(points: int) -> None:
    """Charge the caller for work that could not be foreseen from the operation alone."""
    function = CHARGE.get()
    if function is not None and points:
        function(points)


def try_charge(points: int) -> int:
    """Charge the caller for expensive work that has not begun.

    Returns 0, or the milliseconds until the caller's budget suffices; then nothing is charged.
    """
    function = TRY_CHARGE.get()
    return 0 if function is None else function(points)
