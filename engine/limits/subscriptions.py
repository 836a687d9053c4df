"""Limits on the open subscriptions of each viewer, and of the process.

What matters is the work that each event causes. A viewer's subscriptions may therefore cost only so
much per event together, on however many connections they are. Equal subscriptions of one viewer
share their work, so their cost counts once. Each of them counts toward the number of subscriptions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

BATCH_COST = 9
"""The cost of executing a batch of items of a subscription, besides that of each item."""


class SubscriptionLimitReached(Exception):
    """A subscription would exceed a limit."""

    def __init__(self, message: str, requested: int, limit: int) -> None:
        super().__init__(message)
        self.requested = requested
        self.limit = limit


@dataclass(eq=False, slots=True)
class CostReservation:
    """An open subscription as the limits count it, until it is released.

    Args:
        caller: The key of the viewer, under which the limits count it.
        update_cost: The cost of looking for changes after new events.
        item_cost: The cost of each item that is sent.
        key: Equal for subscriptions of a viewer that share their work.
        budgets: Where the subscription is counted; None once it is released.
    """

    caller: str
    update_cost: int = 0
    item_cost: int = 0
    key: Hashable = None
    budgets: SubscriptionBudgets | None = None

    @property
    def event_cost(self) -> int:
        """The cost of an event that causes one item."""
        return self.update_cost + self.batch_cost(1)

    def batch_cost(self, items: int) -> int:
        return BATCH_COST + items * self.item_cost

    def release(self) -> None:
        """Give the reservation back. Further calls have no effect."""
        budgets, self.budgets = self.budgets, None
        if budgets is not None:
            budgets.remove(self)


class SubscriptionBudgets:
    """Counts the open subscriptions and their costs per event.

    Args:
        max_subscriptions: The maximum number of subscriptions of one viewer.
        max_cost_per_viewer: The maximum cost of one event for a viewer's subscriptions.
        max_cost: The maximum cost of one event for all subscriptions of the process.
    """

    def __init__(
        self,
        max_subscriptions: int = 5_000,
        max_cost_per_viewer: int = 10_000,
        max_cost: int = 200_000,
    ) -> None:
        self.max_subscriptions = max_subscriptions
        self.max_cost_per_viewer = max_cost_per_viewer
        self.max_cost = max_cost
        self.open: dict[str, Counter[Hashable]] = {}
        """For each viewer, how many subscriptions have the same key."""
        self.costs: Counter[str] = Counter()
        self.total_cost = 0
        self.refused = 0

    def reserve(
        self, caller: str, share_key: Hashable, update_cost: int, item_cost: int
    ) -> CostReservation:
        """Count a new subscription. Raises SubscriptionLimitReached.

        Args:
            share_key: Equal for subscriptions that share their work; None if it is not shared.
        """
        key = object() if share_key is None else share_key
        reservation = CostReservation(caller, update_cost, item_cost, key)
        try:
            self.check(reservation)
        except SubscriptionLimitReached:
            self.refused += 1
            raise
        reservation.budgets = self
        keys = self.open.setdefault(caller, Counter())
        keys[key] += 1
        if keys[key] == 1:
            self.costs[caller] += reservation.event_cost
            self.total_cost += reservation.event_cost
        return reservation

    def check(self, reservation: CostReservation) -> None:
        keys = self.open.get(reservation.caller, Counter[Hashable]())
        count = keys.total() + 1
        if count > self.max_subscriptions:
            message = f"A viewer can have at most {self.max_subscriptions} open subscriptions."
            raise SubscriptionLimitReached(message, count, self.max_subscriptions)
        if reservation.key in keys:
            return
        cost = self.costs[reservation.caller] + reservation.event_cost
        if cost > self.max_cost_per_viewer:
            message = (
                f"With this subscription, each event would cost {cost} for your open "
                f"subscriptions; the maximum is {self.max_cost_per_viewer}."
            )
            raise SubscriptionLimitReached(message, cost, self.max_cost_per_viewer)
        total_cost = self.total_cost + reservation.event_cost
        if total_cost > self.max_cost:
            message = "The server has reached its limit for subscriptions. Try again later."
            raise SubscriptionLimitReached(message, total_cost, self.max_cost)

    def remove(self, reservation: CostReservation) -> None:
        keys = self.open[reservation.caller]
        keys[reservation.key] -= 1
        if not keys[reservation.key]:
            del keys[reservation.key]
            self.costs[reservation.caller] -= reservation.event_cost
            self.total_cost -= reservation.event_cost
        if not keys:
            del self.open[reservation.caller], self.costs[reservation.caller]

    @property
    def count(self) -> int:
        return sum(keys.total() for keys in self.open.values())
