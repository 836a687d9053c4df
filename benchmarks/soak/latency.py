"""The time from an event's occurrence to its arrival at a client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


class Latencies:
    """Collects latencies in milliseconds until they are taken. All clocks are of one machine."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.deliveries = 0

    def add(self, occurred_at: datetime) -> None:
        self.values.append((datetime.now(UTC) - occurred_at).total_seconds() * 1000)

    def take(self) -> list[float]:
        """The values since the last call, sorted."""
        values, self.values = self.values, []
        return sorted(values)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which a share of the sorted values lies. None without values."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None
