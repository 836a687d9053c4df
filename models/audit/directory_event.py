"""The events of the directory, which share the positions of the log of ticket events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tortoise import fields

from models.audit.records import RecordKind
from models.core.computed import computed_property
from models.core.time import InstantField
from models.log.event import Json, LogEntry, encode_cursor

if TYPE_CHECKING:
    from models.people.user import ApiClient, User


class DirectoryEventType(Enum):
    CREATED = "created"
    UPDATED = "updated"
    ERASED = "erased"


class DirectoryEvent(LogEntry):
    """A change of an administrative record.

    `data["changes"]` maps each changed field to `[from, to]`. The actor is a user or an API client;
    if both are null, it is the system or the command line.
    """

    type = fields.CharEnumField(
        DirectoryEventType, max_length=16, description="The type of the event"
    )
    record_kind = fields.CharEnumField(RecordKind, max_length=24, description="The record's kind")
    record_id = fields.UUIDField()
    actor_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_user_id: UUID | None
    actor_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_client_id: UUID | None
    occurred_at = InstantField()
    data: Mapping[str, Json] = fields.JSONField(  # pyright: ignore[reportAssignmentType]
        default=dict
    )

    cursor = computed_property(("position",), encode_cursor)

    class Meta:
        table = "directory_events"
        table_description = "The changes of administrative records, with positions of the log"
        indexes = (("record_id", "position"),)

    @property
    def changes(self) -> Mapping[str, Sequence[Json]]:
        """The `[from, to]` of each changed field."""
        return cast("Mapping[str, Sequence[Json]]", self.data.get("changes", {}))
