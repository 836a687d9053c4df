"""Stores the changes of a transaction in the audit log and as directory events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from tortoise.models import Model

from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.entry import AuditEntry, Origin
from models.audit.records import LOGGED_RECORDS, directory_values, visible_values
from models.core.record_changes import RecordChange, RecordChanges, Value
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
    in_directory = [each for each in logged if is_in_directory(each)]
    await event.append([build_event(each, origin, at) for each in in_directory])


def is_in_directory(change: RecordChange) -> bool:
    """Whether the change is also a directory event. A change of a secret, such as a password, is
    only in the audit log."""
    is_visible = change.is_new or bool(directory_values(change))
    return is_visible and LOGGED_RECORDS[type(change.record)].in_directory


async def write_action(
    origin: Origin, at: datetime, data: Json = None, *, record: Model | None = None
) -> None:
    """Store an action that changes no administrative record, such as a sign-in, in the audit log.

    `record` is what the action is about, if anything; `data` has `[before, after]` by name.
    """
    changes = cast("dict[str, Json]", data or {})
    await batch.execute(batch.insert([new_entry(origin, at, changes, record)]))


def build_entry(change: RecordChange, origin: Origin, at: datetime) -> AuditEntry:
    return new_entry(origin, at, build_changes(visible_values(change)), change.record)


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
        data={"changes": build_changes(directory_values(change))},
    )


def build_changes(values: Mapping[str, tuple[Value, Value]]) -> dict[str, Json]:
    return {name: cast("Sequence[Json]", list(pair)) for name, pair in values.items()}
