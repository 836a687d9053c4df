"""The types of events of the directory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.access.visibility import can_see_record
from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.records import MODELS_BY_KIND, record_id
from schema.context import context_of, loaders
from schema.cost import cost
from schema.interfaces import Actor, Node
from schema.records.relations import first_foreign_key_field
from schema.records.type_names import SYSTEM_ACTOR
from schema.types.custom_fields import CustomFieldNode
from schema.types.escalation import EscalationPathType
from schema.types.log.field_changes import FieldChange
from schema.types.log.record_changes import list_record_changes
from schema.types.people.organizations import OrganizationType
from schema.types.people.people import ApiClientType, UserType
from schema.types.people.teams import CategoryType, TeamType
from schema.types.sla import SlaCalendarType, SlaPolicyType


@strawberry.interface(
    name="DirectoryEvent",
    description="A change of an administrative record: a user, organization, team, category, API "
    "client, SLA policy, SLA calendar, escalation path or custom field. Its cursor is a position "
    "in the same log as that of ticket events. New types may be added, so clients should handle "
    "unknown types by the fields of this interface.",
)
class DirectoryEventInterface(Node):
    type: DirectoryEventType = strawberry.field(description="The type of the event.")
    cursor: str = strawberry.field(
        description="The position in the log, of 16 characters. Comparing two cursors of the log "
        "as strings gives the order of their events, also of ticket events."
    )
    actor: Any = first_foreign_key_field(
        ("actor_user", "actor_client"),
        SYSTEM_ACTOR,
        Actor,
        "The user, API client or system that changed the record. The command line acts as the "
        "system.",
    )
    occurred_at: datetime = strawberry.field(description="The time of the change.")

    @strawberry.field(description="The id of the record.")
    def record_id(self, root: strawberry.Parent[DirectoryEvent]) -> strawberry.ID:
        return strawberry.ID(record_id(root.record_kind, root.record_id))

    @strawberry.field(
        description="The changed fields of the record. Secrets, such as passwords, are left out.",
        metadata=cost(each=0),
    )
    def changes(self, root: strawberry.Parent[DirectoryEvent]) -> list[FieldChange]:
        return list_record_changes(root.changes)


def record_field(type: Any, noun: str) -> Any:
    """The field for the record of an event."""

    async def load(root: strawberry.Parent[DirectoryEvent], info: strawberry.Info) -> Any:
        record = await loaders(info).of_model(MODELS_BY_KIND[root.record_kind]).load(root.record_id)
        visible = record is not None and can_see_record(context_of(info).viewer, record)
        return record if visible else None

    return strawberry.field(
        resolver=load,
        graphql_type=type | None,
        description=f"The {noun} in its current state. Null if it was deleted, or if the viewer "
        "may not see it.",
    )


@strawberry.type(name="UserDirectoryEvent", description="A user was created, changed or erased.")
class UserDirectoryEvent(DirectoryEventInterface):
    user: Any = record_field(UserType, "user")


@strawberry.type(
    name="OrganizationDirectoryEvent", description="An organization was created or changed."
)
class OrganizationDirectoryEvent(DirectoryEventInterface):
    organization: Any = record_field(OrganizationType, "organization")


@strawberry.type(name="TeamDirectoryEvent", description="A team was created or changed.")
class TeamDirectoryEvent(DirectoryEventInterface):
    team: Any = record_field(TeamType, "team")


@strawberry.type(name="CategoryDirectoryEvent", description="A category was created or changed.")
class CategoryDirectoryEvent(DirectoryEventInterface):
    category: Any = record_field(CategoryType, "category")


@strawberry.type(
    name="ApiClientDirectoryEvent", description="An API client was created or changed."
)
class ApiClientDirectoryEvent(DirectoryEventInterface):
    api_client: Any = record_field(ApiClientType, "API client")


@strawberry.type(
    name="SlaPolicyDirectoryEvent",
    description="An SLA policy was created or changed. Only viewers who may read policies see it.",
)
class SlaPolicyDirectoryEvent(DirectoryEventInterface):
    sla_policy: Any = record_field(SlaPolicyType, "SLA policy")


@strawberry.type(
    name="SlaCalendarDirectoryEvent",
    description="An SLA calendar was created or changed. Only viewers who may read policies see "
    "it.",
)
class SlaCalendarDirectoryEvent(DirectoryEventInterface):
    sla_calendar: Any = record_field(SlaCalendarType, "SLA calendar")


@strawberry.type(
    name="EscalationPathDirectoryEvent",
    description="An escalation path was created or changed. Only viewers who may read policies see "
    "it.",
)
class EscalationPathDirectoryEvent(DirectoryEventInterface):
    escalation_path: Any = record_field(EscalationPathType, "escalation path")


@strawberry.type(
    name="CustomFieldDirectoryEvent", description="A custom field was created or changed."
)
class CustomFieldDirectoryEvent(DirectoryEventInterface):
    custom_field: Any = record_field(CustomFieldNode, "custom field")


DIRECTORY_EVENT_TYPES = [
    *(UserDirectoryEvent, OrganizationDirectoryEvent, TeamDirectoryEvent, CategoryDirectoryEvent),
    *(ApiClientDirectoryEvent, SlaPolicyDirectoryEvent, SlaCalendarDirectoryEvent),
    *(EscalationPathDirectoryEvent, CustomFieldDirectoryEvent),
]
