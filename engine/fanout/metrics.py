"""Metrics of the connections and subscriptions of this process."""

from __future__ import annotations

from engine.fanout.group import SubscriptionGroups
from engine.limits.connections import ConnectionRegistry
from engine.telemetry.metrics import Measure, of_process


def live(places: ConnectionRegistry, groups: SubscriptionGroups, process: str) -> list[Measure]:
    """What this process holds and has told since it began. Backlogs are bytes that wait for readers."""
    backlogs = [each.outbox.backlog for each in places.connections]
    return of_process(
        process,
        connections=len(places.connections),
        subscriptions=sum(len(group.members) for group in groups.running),
        groups=len(groups.running),
        group_items_total=groups.counts.items,
        deliveries_total=groups.counts.deliveries,
        slow_readers_closed_total=places.slow,
        connections_refused_total=places.refused,
        backlog_bytes=sum(backlogs),
        largest_backlog_bytes=max(backlogs, default=0),
    )
