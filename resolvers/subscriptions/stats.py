"""The subscription `ticketStats`: live statistics.

All subscribers with the same arguments and visibility share one `LiveStats`. The subscriber that
waits for new statistics computes them for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import strawberry

from engine.execution.source import Item, Source
from models.access.permissions import READ_TICKETS
from models.access.viewer import Viewer
from models.queries.filters.filter import serialize_filter
from models.queries.statistics.stats import Stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.statistics.time_buckets import StatsPeriod
from resolvers.context import Context, context_of
from resolvers.subscriptions.arguments import parse_filter
from resolvers.subscriptions.live_stats import LiveStats
from resolvers.subscriptions.outage import retry_on_outage
from schema.filtering.filters import TicketFilter
from schema.inputs.tickets.stats import TicketStatsPeriod, build_period


async def live_ticket_stats(
    info: strawberry.Info,
    filter: TicketFilter | None = None,
    group_by: GroupBy | None = None,
    period: TicketStatsPeriod | None = None,
) -> AsyncIterable[Stats]:
    context = context_of(info)
    stats_period = build_period(group_by, period)
    return LiveStatsSource(context, parse_filter(context, filter), group_by, stats_period)


class LiveStatsSource(Source[Stats]):
    """The statistics for one group of subscribers.

    `version` is that of the statistics that were sent last. Statistics below `min_position` are not
    sent, because the subscriber has already received newer ones.
    """

    def __init__(
        self,
        context: Context,
        filter: Mapping[str, Any] | None,
        group: GroupBy | None,
        period: StatsPeriod | None = None,
        min_position: int = 0,
    ) -> None:
        self.context = context
        self.filter = filter
        self.group = group
        self.period = period
        self.min_position = min_position
        self.position = -1  # until the first statistics were sent
        self.version = 0
        self.live = self.find_live_stats(context.viewer)

    def find_live_stats(self, viewer: Viewer) -> LiveStats:
        """The shared statistics for the viewer's visibility. Creates them at first use."""
        services = self.context.services
        key = self.build_key(viewer)
        live: LiveStats | None = services.live_stats.get(key)
        if live is None:
            tail, memory = services.event_tail, services.live_memory
            live = LiveStats(
                viewer, self.filter, self.group, self.period, tail, services.now, memory
            )
            services.live_stats[key] = live
        live.sources.add(self)
        return live

    def build_key(self, viewer: Viewer) -> Hashable:
        """The key under which sources of equal visibility share their statistics."""
        return (serialize_filter(self.filter), self.group, self.period, viewer.visibility_key)

    def leave_live_stats(self) -> None:
        """Release the statistics unless another source sends them."""
        live, live_stats = self.live, self.context.services.live_stats
        live.sources.discard(self)
        if not live.sources:
            key = self.build_key(live.viewer)
            if live_stats.get(key) is live:
                del live_stats[key]
            live.release()

    def close(self) -> None:
        self.leave_live_stats()

    @property
    def share_key(self) -> Hashable:
        # If the statistics depend on the time, equal positions do not imply equal statistics.
        if self.live.is_polled or (self.period is not None and self.period.is_rolling):
            return None
        filter = serialize_filter(self.filter)
        return ("stats", filter, self.group, self.period, self.live.viewer.visibility_key)

    def fork(self, context: Context, position: int) -> LiveStatsSource:
        """The statistics for one subscriber, with another context.

        If the context's visibility differs, the next batch has the statistics for it.
        """
        other = LiveStatsSource(
            context, self.filter, self.group, self.period, max(self.min_position, position)
        )
        if other.live is self.live and position >= self.position:
            other.position, other.version = self.position, self.version
        return other

    async def next_batch(self) -> Sequence[Item[Stats]]:
        stats = await retry_on_outage(self.next_stats)
        if stats is None:
            return []
        self.context.renew_loaders()
        return [(stats.position, stats)]

    async def wait(self) -> None:
        if not self.has_news(self.live) and not self.has_visibility_changed():
            await self.live.wait()

    def has_visibility_changed(self) -> bool:
        return self.context.viewer.visibility_key != self.live.viewer.visibility_key

    async def next_stats(self) -> Stats | None:
        """The next statistics. None if there are none yet."""
        live = self.live
        if not self.has_news(live) or not live.lock.locked():
            await live.update()
        if self.version != live.version:
            await self.context.services.viewers.refresh()
        viewer = self.context.viewer
        READ_TICKETS.check(viewer)
        if self.has_visibility_changed():
            self.min_position = max(self.min_position, self.position)
            self.leave_live_stats()
            self.live, self.version = self.find_live_stats(viewer), 0
            return None
        if live.latest is None or not self.has_news(live):
            return None
        self.version, self.position = live.version, live.position
        return replace(live.latest, position=live.position)

    def has_news(self, live: LiveStats) -> bool:
        """Whether there are statistics that the subscriber has not received."""
        return self.version != live.version and live.position >= self.min_position
