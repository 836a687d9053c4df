"""The memory of live sources, reserved from the budget of the viewer who opened them."""

from __future__ import annotations

import weakref

from engine.limits.memory import MemoryBudget, MemoryLimitReached, MemoryReservation
from models.core.errors import TooExpensive


def reserve_memory(source: object, budget: MemoryBudget, key: str) -> MemoryReservation:
    """A reservation under a key of the budget. It ends at the latest when the source is deleted."""
    reservation = budget.open_reservation(key)
    weakref.finalize(source, reservation.release)
    return reservation


def resize_memory(reservation: MemoryReservation, size: int) -> None:
    """Change the reservation to this number of bytes. Raises TooExpensive."""
    try:
        reservation.resize(size)
    except MemoryLimitReached as error:
        raise TooExpensive(str(error)) from None
