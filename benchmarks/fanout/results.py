"""Records of a measurement: its plan, a window at a steady rate, and the figures of one cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.fanout.client import PAYLOAD, Answer

LATENCY_LIMIT_MS = 250.0
"""A rate is sustained if the p99 latency is below this."""
MIN_RATE_SHARE = 0.95
"""A window must publish at least this share of its rate."""


@dataclass(frozen=True)
class Plan:
    """Time limits in seconds: a window at one rate, connecting, and a cell after it has
    connected. `payload` is that of the subscribe messages."""

    seconds: float = 3.0
    connect: float = 60.0
    budget: float = 60.0
    payload: Mapping[str, object] = field(default_factory=lambda: PAYLOAD)


@dataclass
class Step:
    """Events at a steady rate, and their deliveries."""

    rate: float
    published: int
    answer: Answer
    seconds: float
    """From the first event to the last."""
    server_cpu: float
    load_busy: float
    """The share of the load cores that any process used."""
    given_up: bool = False

    @property
    def achieved(self) -> float:
        return self.published / self.seconds

    @property
    def is_limited(self) -> bool:
        """Whether the events were published too slowly, so that the window says nothing about the
        server."""
        return not self.given_up and self.achieved < self.rate * MIN_RATE_SHARE

    @property
    def is_sustained(self) -> bool:
        is_complete = self.answer.behind == 0 and self.answer.wrong == 0 and self.answer.closed == 0
        return is_complete and not self.given_up and self.answer.p99 < LATENCY_LIMIT_MS


@dataclass
class CellResult:
    """The figures of a cell. If a phase has none, `reasons` says why."""

    figures: dict[str, float] = field(default_factory=dict[str, float])
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    events: int = 0
    deliveries: int = 0
    wrong: int = 0
