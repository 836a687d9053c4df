"""What is measured, as records: a plan, events at a steady rate, and the figures of one contender with so many subscribers."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.fanout.client import Answer

BOUND_MS = 250.0
SHORT_OF = 0.95


@dataclass(frozen=True)
class Plan:
    """How long it may take: seconds of a window, of connecting, and of a contender at one size once it is connected."""

    seconds: float = 3.0
    connect: float = 60.0
    budget: float = 60.0


@dataclass
class Step:
    """Events at a steady rate, and what became of them."""

    rate: float
    published: int
    answer: Answer
    seconds: float
    """Until the last was out."""
    server_cpu: float
    load_busy: float
    """The share of the load's cores that was in use, whoever by."""
    given_up: bool = False

    @property
    def achieved(self) -> float:
        return self.published / self.seconds

    @property
    def is_limited(self) -> bool:
        """Whether the events came slower than they were to come, so that it says nothing of the server."""
        return not self.given_up and self.achieved < self.rate * SHORT_OF

    @property
    def is_good(self) -> bool:
        whole = self.answer.behind == 0 and self.answer.wrong == 0 and self.answer.closed == 0
        return whole and not self.given_up and self.answer.p99 < BOUND_MS


@dataclass
class Found:
    """The figures of a cell; None where there is none, with the reason in `reasons`."""

    figures: dict[str, float] = field(default_factory=dict[str, float])
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    events: int = 0
    deliveries: int = 0
    wrong: int = 0
