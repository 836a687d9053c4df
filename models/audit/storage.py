"""Stores the changes of a transaction in the audit log and as directory events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from tortoise.models import Model

from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.entry import AuditEntry, Origin
from models.audit.records import LOGGED_RECORDS, visible_values
from models.core.record_changes import RecordChange, RecordChanges
from models.database import batch
from models.log import event
from models.log.event import Json


async def write(changes: RecordChanges, origin: Origin, at: datetime) -> None:
    """Store the changes as the last step of the caller's transaction.

    An action that changed nothing leaves no trace.
    """
    logged = changes.changes
    if not logged:
        return
    await batch.execute(batch.insert([build_entry(each, origin, at) for each in logged]))
    in_directory = [each for each in logged if LOGGED_RECORDS[type(each.record)].in_directory]
    await event.append([build_event(each, origin, at) for each in in_directory])


async def write_action(
    origin: Origin, at: datetime, data: Json = None, *, record: Model | None = None
) -> None:
    """Store an action that changes no administrative record, such as a sign-in, in the audit log.

    `record` is what the action is about, if anything; `data` has `[before, after]` by name.
    """
    changes = cast("dict[str, Json]", data or {})
    await batch.execute(batch.insert([new_entry(origin, at, changes, record)]))


def build_entry(change: RecordChange, origin: Origin, at: datetime) -> AuditEntry:
    return new_entry(origin, at, build_changes(change), change.record)


def new_entry(
    origin: Origin, at: datetime, changes: dict[str, Json], record: Model | None
) -> AuditEntry:
    return AuditEntry(
        record_kind=None if record is None else LOGGED_RECORDS[type(record)].kind,
        record_id=None if record is None else record.pk,
        occurred_at=at,
        action=origin.action,
        actor_user_id=origin.actor.user_id,
        actor_client_id=origin.actor.client_id,
        address=origin.address,
        request_id=origin.request_id,
        changes=changes,
    )


def build_event(change: RecordChange, origin: Origin, at: datetime) -> DirectoryEvent:
    return DirectoryEvent(
        type=DirectoryEventType.CREATED if change.is_new else DirectoryEventType.UPDATED,
        record_kind=LOGGED_RECORDS[type(change.record)].kind,
        record_id=change.record.pk,
        actor_user_id=origin.actor.user_id,
        actor_client_id=origin.actor.client_id,
        occurred_at=at,
        data={"changes": build_changes(change)},
    )


def build_changes(change: RecordChange) -> dict[str, Json]:
    values = visible_values(change)
    return {name: cast("Sequence[Json]", list(pair)) for name, pair in values.items()}
