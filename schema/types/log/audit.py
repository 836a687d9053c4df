"""Entries of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.access.audience import can_see_shared
from models.access.viewer import Viewer
from models.access.visibility import can_see_record
from models.audit.entry import AuditEntry
from models.audit.records import MODELS_BY_KIND, RecordKind
from models.audit.records import record_id as to_global_id
from models.macros.macro import Macro
from models.views.saved_view import SavedView
from schema.context import context_of, loaders
from schema.cost import cost
from schema.filtering.conditions import DateTimeFilter, optional_condition
from schema.interfaces import Actor, Node
from schema.records.type_names import SYSTEM_ACTOR
from schema.types.log.field_changes import FieldChange
from schema.types.log.record_changes import list_record_changes


@strawberry.type(
    name="AuditEntry",
    description="An entry of the audit log: an action of an administrator or of the command line, "
    "or a sign-in.",
)
class AuditEntryType(Node):
    occurred_at: datetime = strawberry.field(description="The time of the action.")
    action: str = strawberry.field(
        description="The name of the mutation, such as updateTeam, or of the command. A failed "
        "sign-in to an existing account is signInFailed."
    )

    @strawberry.field(
        description="The user or API client that acted, or the system, which also stands for the "
        "command line. "
        "Null if the client was not authenticated, as after a failed sign-in.",
        graphql_type=Actor | None,
    )
    async def actor(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info) -> Any:
        if root.actor_user_id is not None:
            return await loaders(info).users.load(root.actor_user_id)
        if root.actor_client_id is not None:
            return await loaders(info).clients.load(root.actor_client_id)
        return None if root.is_anonymous else SYSTEM_ACTOR

    address: str | None = strawberry.field(
        description="The IP address of the client. Null for actions of the system and of the "
        "command line."
    )
    request_id: str | None = strawberry.field(
        description="The id of the request, as in the request log. Null for actions of the system "
        "and of the command line."
    )
    record_kind: RecordKind | None = strawberry.field(
        description="The kind of the record that the action is about. Null if there is none."
    )

    @strawberry.field(
        description="The id of the record that the action is about. Null if there is none."
    )
    def record_id(self, root: strawberry.Parent[AuditEntry]) -> strawberry.ID | None:
        if root.record_kind is None or root.record_id is None:
            return None
        return strawberry.ID(to_global_id(root.record_kind, root.record_id))

    @strawberry.field(
        description="The record that the action is about, in its current state. Null if there is "
        "none, if it was deleted, or if the viewer may not see it.",
        graphql_type=Node | None,
    )
    async def record(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info) -> Any:
        if root.record_kind is None or root.record_id is None:
            return None
        loader = loaders(info).of_model(MODELS_BY_KIND[root.record_kind])
        record = await loader.load(root.record_id)
        return record if can_see_logged_record(context_of(info).viewer, record) else None

    @strawberry.field(
        description="The changed fields of the record. Secrets, such as passwords, are left out.",
        metadata=cost(each=0),
    )
    def changes(self, root: strawberry.Parent[AuditEntry]) -> list[FieldChange]:
        return list_record_changes(root.changes)


def can_see_logged_record(viewer: Viewer, record: object) -> bool:
    """Whether the viewer, who may read the audit log, can see a record that an entry is about.

    A view or a macro can have become a personal one since. Admins see those of all teams, so the
    viewer's own teams don't matter.
    """
    if isinstance(record, (SavedView, Macro)):
        return can_see_shared(viewer, record, frozenset())
    return record is not None and can_see_record(viewer, record)


@strawberry.input(
    description="Conditions on entries of the audit log; all that are given must hold. Null is the "
    "same as absent."
)
class AuditLogFilter:
    actor_id: strawberry.ID | None = optional_condition(
        "The actor is the user or API client with this id."
    )
    actions: list[str] | None = optional_condition(
        "The action has one of these names, at most 1,000. An empty list matches nothing."
    )
    record_kind: RecordKind | None = optional_condition("The record is of this kind.")
    record_id: strawberry.ID | None = optional_condition("The record has this id.")
    occurred_at: DateTimeFilter | None = optional_condition("Conditions on the time.")
