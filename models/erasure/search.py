"""Finds the tickets that a person requested or wrote in, or whose texts have the person's address,
a page of rows at a time.

No index has the authors of events, because only an erasure needs one. So the whole log is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.core.sql import Condition, any_of, compare
from models.erasure.job import Cursor, ErasureReport
from models.erasure.ticket_erasure import Person
from models.jobs.caller_job import JobTicketOutcome
from models.log import event

EVENTS_PER_PAGE = 5000
ROWS_PER_PAGE = 2000
WAITING = JobTicketOutcome.WAITING.value


class SearchedTable(NamedTuple):
    """A table with texts of tickets.

    columns  those with texts
    person   the column with the user whose rows they are; None if the events name this user
    ticket   the column with the ticket
    """

    name: str
    columns: tuple[str, ...]
    person: str | None = None
    ticket: str = "ticket_id"
    key: str = "id"


TABLES = (
    SearchedTable("messages", ("body",), "author_user_id"),
    SearchedTable(
        "tickets",
        ("subject", "description", "resolution", "satisfaction_comment", "external_id"),
        person="requester_id",
        ticket="id",
        key="number",
    ),
    SearchedTable("ticket_resources", ("kind", "external_id", "name")),
    SearchedTable("attachments", ("filename",)),
)
"""Tags and custom values are not among them, because the log has each of them."""


def contains(column: str, text: str) -> Condition:
    """Whether a column contains a text, in any case. It may also match other texts.

    So callers examine each found text again. The databases can't lower letters beyond ASCII alike,
    so any character stands for such a letter.
    """
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    escaped = "".join(each if each.isascii() else "_" for each in escaped)
    return Condition(f"(LOWER(CAST({column} AS TEXT)) LIKE ? ESCAPE '\\')", (f"%{escaped}%",))


def contains_address(columns: Sequence[str], address: str) -> list[Condition]:
    """The conditions, one per column and spelling, that a column contains the address.

    Inside of JSON, the address may be spelled with escapes. Without an address there are none.
    """
    spellings = {address, json.dumps(address, ensure_ascii=False)[1:-1]} - {""}
    return [contains(column, spelling) for column in columns for spelling in spellings]


async def search_events(job_id: UUID, person: Person, report: ErasureReport) -> bool:
    """Add the tickets with events of or about the person; returns whether there are more pages."""
    start = cast("int", report.cursor or 0)
    end = start + EVENTS_PER_PAGE
    matches = any_of(
        [
            compare("e.actor_user_id", "=", person.user_id),
            contains("e.data", str(person.user_id)),
            *contains_address(["e.data"], person.terms.address),
        ]
    )
    condition = Condition("(e.position > ? AND e.position <= ?)", (start, end)) & matches
    await add_tickets(job_id, "SELECT e.ticket_id FROM events e", condition)
    report.cursor = end
    return end < await event.read_head()


async def search_tables(job_id: UUID, person: Person, report: ErasureReport) -> bool:
    """Add the tickets whose rows in other tables are of the person, or have the address."""
    table = TABLES[report.table]
    page = await read_page(table.name, table.key, report.cursor, ROWS_PER_PAGE)
    if page is None:
        if report.table == len(TABLES) - 1:
            return False
        report.go_to_table(report.table + 1)
        return True
    columns = [f"x.{column}" for column in table.columns]
    matches = contains_address(columns, person.terms.address)
    if table.person is not None:
        matches.append(compare(f"x.{table.person}", "=", person.user_id))
    select = f"SELECT x.{table.ticket} FROM {table.name} x"
    await add_tickets(job_id, select, page.condition & any_of(matches))
    report.cursor = page.last
    return True


class RowPage(NamedTuple):
    condition: Condition
    """Selects the rows `x` of the page."""
    last: Cursor
    """The key of the last row."""


async def read_page(table: str, key: str, after: Cursor, size: int) -> RowPage | None:
    """The next rows of a table after a key; None if there are none."""
    begin, params = ("TRUE", []) if after is None else (f"x.{key} > ?", [after])
    rows = await database.fetch_dicts(
        f"SELECT p.key AS last FROM (SELECT x.{key} AS key FROM {table} x WHERE {begin} "
        f"ORDER BY x.{key} LIMIT {size}) p ORDER BY p.key DESC LIMIT 1",
        params,
    )
    if not rows:
        return None
    last = rows[0]["last"]
    end = str(last) if isinstance(last, UUID) else last
    return RowPage(Condition(f"({begin} AND x.{key} <= ?)", (*params, end)), cast("Cursor", end))


async def add_tickets(job_id: UUID, select: str, condition: Condition) -> None:
    """Add tickets to those of the job, unless it has them."""
    await database.fetch(
        "INSERT INTO caller_job_tickets (job_id, ticket_id, ticket_number, outcome) "
        f"SELECT j.id, t.id, t.number, '{WAITING}' FROM caller_jobs j CROSS JOIN tickets t "
        f"WHERE j.id = ? AND t.id IN ({select} WHERE {condition.text}) ORDER BY t.number "
        "ON CONFLICT (job_id, ticket_id) DO NOTHING",
        [job_id, *condition.params],
    )
