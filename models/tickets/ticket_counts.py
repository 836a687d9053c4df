"""Stored counts of tickets, so that statistics over all tickets need not read each of them.

`TicketCount` has the number of tickets of one group, and `CountedTicket` the group in which a
ticket was counted. A background job counts the tickets that have changed (workers/ticket_counter).
A ticket that changed since then is subtracted from the group in which it was counted, and added to
its current one (models/queries/statistics/counted_tickets). So the result is exact at any time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple, cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.database import Row, as_uuid

MAX_INSERTED_ROWS = 500
GROUP_COLUMNS = ("status", "priority", "category_id", "team_id", "assignee_id")
"""The columns of tickets by which they are counted, beside whether they are resolved and closed."""


class TicketCount(Model):
    """The number of tickets of a group. `id` is the digest of the group."""

    id = fields.BigIntField(primary_key=True, generated=False)
    status = fields.CharField(max_length=24)
    priority = fields.SmallIntField()
    category_id = fields.UUIDField()
    team_id = fields.UUIDField()
    assignee_id = fields.UUIDField(null=True)
    is_resolved = fields.BooleanField()
    is_closed = fields.BooleanField()
    tickets = fields.BigIntField()

    class Meta:
        table = "ticket_counts"
        table_description = "Numbers of tickets, for statistics over all tickets"


class CountedTicket(Model):
    """A ticket that is counted in the group with the id `count_id`.

    `ticket_id` is no foreign key, because Postgres would lock the row of each ticket to check it.
    """

    ticket_id = fields.UUIDField(primary_key=True)
    count_id = fields.BigIntField()

    class Meta:
        table = "counted_tickets"
        table_description = "The group in which each ticket is counted"


class TicketGroup(NamedTuple):
    """The values of a ticket by which it is counted. Ids are texts, as SQLite stores them."""

    status: str
    priority: int
    category_id: str
    team_id: str
    assignee_id: str | None
    is_resolved: bool
    is_closed: bool

    @property
    def id(self) -> int:
        """A positive number that other groups have with a probability of 1 in 2^63."""
        digest = blake2b(repr(tuple(self)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1


CHANGED_SQL = (
    "SELECT t.id AS id, "
    + "".join(f"t.{column} AS new_{column}, " for column in GROUP_COLUMNS)
    + "CASE WHEN t.resolved_at IS NULL THEN 0 ELSE 1 END AS new_is_resolved, "
    "CASE WHEN t.closed_at IS NULL THEN 0 ELSE 1 END AS new_is_closed, "
    + ", ".join(f"k.{column} AS old_{column}" for column in TicketGroup._fields)
    + " FROM (SELECT DISTINCT e.ticket_id AS ticket_id FROM events e "
    "WHERE e.position > ? AND e.position <= ?) c JOIN tickets t ON t.id = c.ticket_id "
    "LEFT JOIN counted_tickets x ON x.ticket_id = t.id "
    "LEFT JOIN ticket_counts k ON k.id = x.count_id"
)


async def count_changed_tickets(after: int, until: int) -> int:
    """Count the tickets that have events from after one position to another; returns how many.

    It must run inside the transaction that moves the job's position, which locks its row, because
    two processes that count at once would count a ticket twice.
    """
    rows = await database.fetch_dicts(CHANGED_SQL, [after, until])
    changes = Counter[TicketGroup]()
    counted = list[tuple[object, ...]]()
    for row in rows:
        group = parse_group(row, "new")
        assert group is not None
        before = parse_group(row, "old")
        if before == group:
            continue
        changes[group] += 1
        if before is not None:
            changes[before] -= 1
        counted.append((row["id"], group.id))
    await add_to_counts(changes)
    await upsert(CountedTicket, counted, "ticket_id", "count_id = excluded.count_id")
    return len(rows)


def parse_group(row: Row, prefix: str) -> TicketGroup | None:
    """The group of a row of CHANGED_SQL; None if the ticket was not counted yet."""
    status, priority, category_id, team_id, assignee_id, is_resolved, is_closed = (
        row[f"{prefix}_{column}"] for column in TicketGroup._fields
    )
    if status is None:
        return None
    return TicketGroup(
        str(status),
        cast("int", priority),
        str(as_uuid(category_id)),
        str(as_uuid(team_id)),
        None if assignee_id is None else str(as_uuid(assignee_id)),
        bool(is_resolved),
        bool(is_closed),
    )


async def add_to_counts(changes: Counter[TicketGroup]) -> None:
    """Add the changes to the stored counts, and delete those of groups that have no tickets now."""
    rows = [(group.id, *group, count) for group, count in changes.items() if count]
    await upsert(TicketCount, rows, "id", "tickets = ticket_counts.tickets + excluded.tickets")
    for chunk in split([(row[0],) for row in rows]):
        ids = [row[0] for row in chunk]
        await database.fetch(
            f"DELETE FROM ticket_counts WHERE tickets = 0 AND id IN ({database.placeholders(ids)}) "
            "RETURNING id",
            ids,
        )


async def upsert(
    model: type[Model], rows: Sequence[tuple[object, ...]], key: str, update: str
) -> None:
    """Insert the rows, with the model's columns in order, or update those whose key exists."""
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    columns = ", ".join(meta.fields_db_projection.values())
    for chunk in split(rows):
        values = ", ".join(f"({database.placeholders(row)})" for row in chunk)
        await database.fetch(
            f"INSERT INTO {meta.db_table} ({columns}) VALUES {values} "
            f"ON CONFLICT ({key}) DO UPDATE SET {update} RETURNING {key}",
            [value for row in chunk for value in row],
        )


def split(rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    for start in range(0, len(rows), MAX_INSERTED_ROWS):
        yield rows[start : start + MAX_INSERTED_ROWS]
