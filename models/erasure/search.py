"""Finds the tickets that a person requested, wrote in, or is named in, a page of rows at a time.

No index has the authors of events, because only an erasure needs one. So the whole log is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast
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


def contains(column: str, text: str) -> Condition:
    """Whether a column contains a text, in any case. It may also match other texts.

    So callers examine each found text again. The databases can't lower letters beyond ASCII alike,
    so any character stands for such a letter.
    """
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    escaped = "".join(each if each.isascii() else "_" for each in escaped)
    return Condition(f"(LOWER(CAST({column} AS TEXT)) LIKE ? ESCAPE '\\')", (f"%{escaped}%",))


def contains_address(columns: Sequence[str], address: str) -> list[Condition]:
    """Whether a column contains the address, if there is one, as text or inside of JSON."""
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


async def search_messages(job_id: UUID, person: Person, report: ErasureReport) -> bool:
    """Add the tickets with messages of the person, or with the address in them."""
    page = await read_page("messages", "id", report.cursor, ROWS_PER_PAGE)
    if page is None:
        return False
    matches = any_of(
        [
            compare("x.author_user_id", "=", person.user_id),
            *contains_address(["x.body"], person.terms.address),
        ]
    )
    await add_tickets(job_id, "SELECT x.ticket_id FROM messages x", page & matches)
    report.cursor = last_key(page)
    return True


async def search_tickets(job_id: UUID, person: Person, report: ErasureReport) -> bool:
    """Add the tickets that the person requested, or whose texts have the address."""
    page = await read_page("tickets", "number", report.cursor, ROWS_PER_PAGE)
    if page is None:
        return False
    columns = ("subject", "description", "resolution", "satisfaction_comment", "external_id")
    matches = any_of(
        [
            compare("x.requester_id", "=", person.user_id),
            *contains_address([f"x.{column}" for column in columns], person.terms.address),
        ]
    )
    await add_tickets(job_id, "SELECT x.id FROM tickets x", page & matches)
    report.cursor = last_key(page)
    return True


async def read_page(table: str, key: str, after: Cursor, size: int) -> Condition | None:
    """The condition of the next rows `x` of a table after a key; None if there are none.

    Its last parameter is the key of the last row.
    """
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
    return Condition(f"({begin} AND x.{key} <= ?)", (*params, end))


def last_key(page: Condition) -> Cursor:
    return cast("Cursor", page.params[-1])


async def add_tickets(job_id: UUID, select: str, condition: Condition) -> None:
    """Add tickets to those of the job, unless it has them."""
    await database.fetch(
        "INSERT INTO caller_job_tickets (job_id, ticket_id, ticket_number, outcome) "
        f"SELECT j.id, t.id, t.number, '{WAITING}' FROM caller_jobs j CROSS JOIN tickets t "
        f"WHERE j.id = ? AND t.id IN ({select} WHERE {condition.text}) ORDER BY t.number "
        "ON CONFLICT (job_id, ticket_id) DO NOTHING",
        [job_id, *condition.params],
    )
