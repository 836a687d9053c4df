"""What running statistics keep of each ticket, and the numbers of tickets in each bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from models import database
from models.core.sql import Condition, exists
from models.queries.statistics.stats_groups import COLUMNS, GroupBy, GroupCounts
from models.queries.statistics.stats_statements import IS_OPEN
from models.sla.clock import ClockStatus

Keys = tuple[object, ...]


class TicketFacts(NamedTuple):
    """What the statistics count of a ticket.

    The first three are the buckets that count the ticket as created, as resolved and as closed.
    """

    created: Keys
    resolved: Keys
    closed: Keys
    is_open: bool
    is_unassigned: bool
    """Whether the ticket is open and has no assignee."""
    is_at_risk: bool
    is_breached: bool


FactValues = tuple[Keys, Keys, Keys, bool, bool, bool, bool]
"""The values of a TicketFacts, to which it is equal. A plain tuple is faster to create."""


def build_fact_columns(group: GroupBy | None) -> Condition:
    """Return the columns that a TicketFacts is made of."""
    bucket = "NULL" if group is None else COLUMNS.get(group, "NULL")
    if group is GroupBy.TAG:
        bucket = select_tags()
    text = (
        f", {bucket} AS bucket, t.created_at AS created_at, t.resolved_at AS resolved_at, "
        f"t.closed_at AS closed_at, CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END AS is_open, "
        "CASE WHEN t.assignee_id IS NULL THEN 1 ELSE 0 END AS is_unassigned, "
        f"{has_clock_sql()} AS is_at_risk, {has_clock_sql()} AS is_breached"
    )
    return Condition(text, (*IS_OPEN.params, ClockStatus.AT_RISK.value, ClockStatus.BREACHED.value))


def select_tags() -> str:
    """Return the expression for a JSON list of the keys of the ticket's tags.

    It is null or empty if the ticket has none, and may have a key several times.
    """
    is_postgres = database.dialect() == "postgres"
    tags = "CAST(json_agg(g.key) AS TEXT)" if is_postgres else "json_group_array(g.key)"
    return f"(SELECT {tags} FROM ticket_tags g WHERE g.ticket_id = t.id AND g.key <> '')"


def has_clock_sql() -> str:
    """Return the expression for whether the ticket has a clock with a status, its parameter."""
    has_clock = exists("sla_clocks c WHERE c.ticket_id = t.id AND c.status = ?", per_row=True)
    return f"CASE WHEN {has_clock.text} THEN 1 ELSE 0 END"


class GroupTally:
    """The numbers of tickets in each bucket, by its raw value, without zeros."""

    def __init__(self) -> None:
        self.created: Counter[object] = Counter()
        self.resolved: Counter[object] = Counter()
        self.closed: Counter[object] = Counter()

    def add(self, facts: TicketFacts, amount: int) -> None:
        """Add a ticket with the amount 1, or take it away with -1."""
        for counter, keys in (
            (self.created, facts.created),
            (self.resolved, facts.resolved),
            (self.closed, facts.closed),
        ):
            for key in keys:
                counter[key] += amount
                if not counter[key]:
                    del counter[key]

    def count(self, keys: Iterable[object]) -> dict[object, GroupCounts]:
        return {
            key: GroupCounts(self.created[key], self.resolved[key], self.closed[key])
            for key in keys
        }
