"""Exports the audit log as JSON lines, for `ticketwire audit export`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson
from graphql import GraphQLError

from models.audit.entry import AuditEntry
from models.audit.records import record_id
from models.core import ids
from models.core.time import format_instant, now
from models.provisioning import InvalidArgument
from models.queries.logs import audit_log
from models.queries.logs.audit_log import AuditConditions
from schema.scalars import ISO_DATE, parse_date_time
from schema.types.log.field_changes import FieldChange
from schema.types.log.record_changes import list_record_changes


async def export(since: str | None, until: str | None, write: Callable[[bytes], object]) -> None:
    """Write a line for each entry, oldest first, with few entries in memory.

    Args:
        since: The earliest time of an entry, as parse_time takes it; None means no bound.
        until: The time before which an entry must lie.

    Raises:
        InvalidArgument: If a time is invalid.
    """
    bounds = {"gte": parse_time(since), "lt": parse_time(until)}
    given = {operator: bound for operator, bound in bounds.items() if bound is not None}
    async for entries in audit_log.read_in_batches(AuditConditions(occurred_at=given), now()):
        for entry in entries:
            write(format_entry(entry))


def parse_time(text: str | None) -> datetime | None:
    """A time from RFC 3339 text, or from a date, which stands for its start in UTC.

    Raises InvalidArgument.
    """
    if text is None:
        return None
    try:
        return parse_date_time(f"{text}T00:00:00Z" if ISO_DATE.fullmatch(text) else text)
    except GraphQLError as error:
        message = "use a date such as 2026-01-31, or a time such as 2026-01-31T09:30:00Z"
        raise InvalidArgument(f"{text!r} is no time: {message}") from error


def format_entry(entry: AuditEntry) -> bytes:
    """One line with the fields of the type AuditEntry of the API."""
    kind, key = entry.record_kind, entry.record_id
    line = {
        "id": ids.encode(ids.AUDIT_ENTRY, entry.id),
        "occurredAt": format_instant(entry.occurred_at),
        "action": entry.action,
        "actorId": find_actor_id(entry),
        "address": entry.address,
        "requestId": entry.request_id,
        "recordKind": None if kind is None else kind.name,
        "recordId": None if kind is None or key is None else record_id(kind, key),
        "changes": [format_change(change) for change in list_record_changes(entry.changes)],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def find_actor_id(entry: AuditEntry) -> str | None:
    """The global id of the user or API client that acted, if any."""
    if entry.actor_client_id is not None:
        return ids.encode(ids.API_CLIENT, entry.actor_client_id)
    return None if entry.actor_user_id is None else ids.encode(ids.USER, entry.actor_user_id)


def format_change(change: FieldChange) -> dict[str, object]:
    formatted: dict[str, object] = {
        "field": change.field,
        "from": change.from_,
        "to": change.to,
    }
    if change.from_items is not None or change.to_items is not None:
        formatted |= {"fromItems": change.from_items, "toItems": change.to_items}
    return formatted
