"""Reads everything that is stored about one person, for `ticketwire user export` and exportPerson.

Each row of a table that refers to the person becomes one JSON object with all columns of the table,
except secrets, digests and derived texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from tortoise.models import Model

from models import database
from models.audit.entry import AuditEntry
from models.core.sql import Condition
from models.erasure.job import Cursor
from models.erasure.search import read_page
from models.erasure.tables import Table, models_by_table
from models.jobs.caller_job import CallerJob, JobKind
from models.people.user import User
from models.privacy.registry import COLUMNS, TREATMENTS, Holding, Treatment

ROWS_PER_PAGE = 500
OF_TICKETS = "x.ticket_id IN (SELECT t.id FROM tickets t WHERE t.requester_id = ?)"
REFERENCES = {
    "users": "x.id = ?",
    **dict.fromkeys(("identities", "second_factors", "account_links", "tokens"), "x.user_id = ?"),
    **dict.fromkeys(("memberships", "presences", "notification_preferences"), "x.user_id = ?"),
    "tickets": "x.requester_id = ?",
    **dict.fromkeys(("ticket_tags", "ticket_resources", "ticket_custom_values"), OF_TICKETS),
    "messages": "x.author_user_id = ?",
    "attachments": "x.uploader_user_id = ?",
    "events": "x.actor_user_id = ?",
    **dict.fromkeys(("ticket_watchers", "ticket_participants"), "x.user_id = ?"),
    **dict.fromkeys(("ticket_read_marks", "notifications", "mails"), "x.user_id = ?"),
    "saved_views": "x.owner_id = ?",
    "macros": "x.owner_id = ?",
    "drafts": "x.user_id = ?",
    "webhooks": "x.user_id = ?",
    "wall_screens": "x.approved_by_id = ?",
    "caller_jobs": "x.created_by_user_id = ?",
    "directory_events": "x.record_id = ?",
    "audit_entries": "? IN (x.record_id, x.actor_user_id)",
}
"""The tables that are exported, in order, each with the condition on its rows `x`."""
TABLES = tuple(REFERENCES)
NOT_EXPORTED = COLUMNS[Holding.DIGEST] | TREATMENTS[Treatment.DERIVED]
"""The columns that are not exported, as `table.column`."""


@dataclass(frozen=True, slots=True)
class DataPosition:
    """How much of a person's data has been written: the name of the next table, and its last row.

    The name is stored, not the place, because another version of the server may continue the job.

    table  None after the last one
    rows   the number of rows that were written
    """

    table: str | None = TABLES[0]
    after: Cursor = None
    rows: int = 0

    @property
    def is_end(self) -> bool:
        return self.table is None

    @property
    def progress(self) -> float:
        """The share of the tables that are written, from 0 to 1."""
        return 1.0 if self.table is None else TABLES.index(self.table) / len(TABLES)

    def skip_table(self) -> DataPosition:
        """The start of the table after this one."""
        assert self.table is not None
        following = TABLES[TABLES.index(self.table) + 1 :]
        return DataPosition(following[0] if following else None, None, self.rows)


async def export_person(user: User, write: Callable[[bytes], object]) -> None:
    """Write a line of JSON for each row: `{"table": …, "row": {column: value}}`.

    Holds 500 rows in memory. Reads the tables of messages and events as a whole, because no index
    has their authors.
    """
    position = DataPosition()
    while not position.is_end:
        position = await write_page(user, position, write)


async def write_page(
    user: User, position: DataPosition, write: Callable[[bytes], object]
) -> DataPosition:
    """Read the next page of a table, and write its rows that are the person's.

    Returns the position after the page.
    """
    name = position.table
    assert name is not None
    table = Table(name, models_by_table()[name], ())
    page = await read_page(name, table.key, position.after, ROWS_PER_PAGE)
    if page is None:
        return position.skip_table()
    own = Condition(f"({REFERENCES[name]})", (user.id,))
    records = await read_rows(table, page.condition & own)
    for record in records:
        line = {"table": name, "row": show_columns(record, name, user)}
        write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
    return DataPosition(name, page.last, position.rows + len(records))


async def read_rows(table: Table, condition: Condition) -> Sequence[Model]:
    """The rows `x` of a table with the condition, in the order of the keys."""
    rows = await database.fetch_dicts(
        f"SELECT x.{table.key} AS key FROM {table.name} x WHERE {condition.text}",
        condition.params,
    )
    if not rows:
        return []
    return await table.model.filter(pk__in=[row["key"] for row in rows]).order_by(table.key)


def show_columns(record: Model, table: str, user: User) -> dict[str, Any]:
    """The columns of a row, with enums by name, without secrets, digests and derived words."""
    meta = record._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    names = [name for name in meta.fields_db_projection if f"{table}.{name}" not in NOT_EXPORTED]
    row = {name: getattr(record, name) for name in names}
    if isinstance(record, AuditEntry):
        hide_others_in_audit(row, record, user)
    if isinstance(record, CallerJob) and record.kind is JobKind.ERASE_PERSON:
        row["parameters"] = None  # the address, the name and the reason are about another person
    return row


def hide_others_in_audit(row: dict[str, Any], entry: AuditEntry, user: User) -> None:
    """Hide the IP addresses of others who changed the account, and changes of other records.

    An agent's changes hold the names and addresses of all users that the agent created.
    """
    if entry.actor_user_id != user.id:
        row["address"] = None
    if entry.record_id not in (None, user.id):
        row["changes"] = None


async def find_person(reference: str) -> User | None:
    """The user with this email address, in any case, or with this id."""
    by_email = await User.get_or_none(email=reference.strip().lower())
    if by_email is not None:
        return by_email
    try:
        key = UUID(reference.removeprefix("usr_"))
    except ValueError:
        return None
    return await User.get_or_none(id=key)
