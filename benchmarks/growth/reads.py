"""The measured reads: pages of tickets and of the log, records of tickets, counts and statistics.

They call the functions of `models`, so they measure statements and rows, and no GraphQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from benchmarks.growth.context import OPEN, WINDOW, Context, Read, ReadFunction
from benchmarks.growth.log_reads import log_reads
from benchmarks.growth.ticket_pages import build_order, customer_reads, filter_reads, order_reads
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery
from models.database import as_uuid
from models.queries import tickets
from models.queries.filters.filter import FilterData
from models.queries.logs import timeline
from models.queries.logs.event_log import EventFilter
from models.queries.statistics import stats
from models.queries.statistics.stats_groups import GroupBy
from models.tickets.ticket import Ticket

COUNTS = "counts and statistics"
"""The group of reads that scan a whole set, and so may grow with it."""


async def record_reads(context: Context) -> list[Read]:
    """Timelines and messages of tickets."""
    newest = await Ticket.all().order_by("-updated_at").limit(20)
    all_ids: list[UUID] = [ticket.id for ticket in newest]
    first_id = all_ids[:1]
    agent, ten = context.agent, replace(WINDOW, size=10)
    no_filter = EventFilter()

    def fetch(ids: Sequence[UUID], query: ConnectionQuery[Any]) -> ReadFunction:
        return lambda: query.fetch_by_owner(ids, as_uuid)

    async def count_events() -> object:
        return await timeline.count_events(agent, all_ids)

    one_timeline = timeline.list_timeline(agent, first_id, no_filter, ten)
    one_messages = timeline.list_messages(agent, first_id, ten)
    all_messages = timeline.list_messages(agent, all_ids, ten)
    return [
        Read("records", "a ticket's timeline", fetch(first_id, one_timeline)),
        Read("records", "a ticket's messages", fetch(first_id, one_messages)),
        Read("records", "messages of 20 tickets", fetch(all_ids, all_messages)),
        Read("records", "counts of 20 tickets", count_events),
    ]


def count_reads(context: Context) -> list[Read]:
    agent, customer = context.agent, context.customer

    def count(viewer: Viewer, filter: FilterData | None) -> ReadFunction:
        async def read() -> object:
            window = replace(WINDOW, size=1)
            page = await tickets.list_tickets(viewer, filter, build_order(), window, context.at)
            return await page.count_total()

        return read

    def read_stats(
        viewer: Viewer, filter: FilterData | None, group: GroupBy | None
    ) -> ReadFunction:
        return lambda: stats.read_stats(viewer, filter, group, context.at)

    return [
        Read(COUNTS, "totalCount, all", count(agent, None)),
        Read(COUNTS, "totalCount, open", count(agent, OPEN)),
        Read(COUNTS, "totalCount, customer", count(customer, None)),
        Read(COUNTS, "ticketStats by status, all", read_stats(agent, None, GroupBy.STATUS)),
        Read(COUNTS, "ticketStats by status, open", read_stats(agent, OPEN, GroupBy.STATUS)),
        Read(COUNTS, "ticketStats, customer", read_stats(customer, None, None)),
    ]


async def create_reads() -> list[Read]:
    context = await Context.load()
    return [
        *await order_reads(context),
        *filter_reads(context),
        *await customer_reads(context),
        *await record_reads(context),
        *await log_reads(context),
        *count_reads(context),
    ]
