"""The audit log: administrators' actions and sign-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.access.viewer import SYSTEM, Viewer
from models.audit.records import RecordKind
from models.core.ids import new_id
from models.core.time import InstantField
from models.log.event import Json

if TYPE_CHECKING:
    from models.people.user import ApiClient, User


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an action comes from.

    action      the name of the mutation, or of the command line's command
    actor       who acts
    address     the client's IP address, if the action came by the API
    request_id  the id of the request in the request log, if the action came by the API
    """

    action: str
    actor: Viewer = SYSTEM
    address: str | None = None
    request_id: str | None = None


class AuditEntry(Model):
    """One action on one record, or one action without a record, such as a sign-in."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    occurred_at = InstantField()
    action = fields.CharField(max_length=64)
    actor_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_user_id: UUID | None
    actor_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_client_id: UUID | None
    address = fields.CharField(max_length=64, null=True)
    request_id = fields.CharField(max_length=64, null=True)
    record_kind: RecordKind | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        RecordKind, max_length=24, null=True, description="The record's kind"
    )
    record_id: UUID | None = fields.UUIDField(null=True)  # pyright: ignore[reportAssignmentType]
    changes: Mapping[str, Json] = fields.JSONField(  # pyright: ignore[reportAssignmentType]
        default=dict
    )
    """`[before, after]` of each changed field, without secrets."""

    @property
    def is_anonymous(self) -> bool:
        """Whether an unauthenticated client acted, for example by a failed sign-in.

        Without an address, it was the system or the command line.
        """
        return self.actor_user_id is self.actor_client_id is None and self.address is not None

    class Meta:
        table = "audit_entries"
        table_description = "Actions of administrators, and sign-ins"
        indexes = (
            ("occurred_at", "id"),
            ("actor_user_id", "occurred_at", "id"),
            ("actor_client_id", "occurred_at", "id"),
            ("record_id", "occurred_at", "id"),
            ("record_kind", "occurred_at", "id"),
            ("action", "occurred_at", "id"),
        )
