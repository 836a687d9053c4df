"""The records behind the GraphQL types, and their visibility. Compiled plans read this map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from strawberry.extensions import FieldExtension
from tortoise.models import Model

from engine.execution.plans import SchemaMap, TypeByColumn
from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.audit.directory_event import DirectoryEvent
from models.core.hydration import row_hydrator
from models.core.sql import TRUE, Condition
from models.custom_fields.custom_field import TicketCustomValue
from models.log.event import Event
from models.notifications.email import Mail
from models.people.identity import Identity
from models.sla.records import SlaClock
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketLink, TicketResource
from schema.fields import PermissionCheck
from schema.records.type_names import (
    DIRECTORY_EVENT_TYPE_NAMES,
    EVENT_TYPE_NAMES,
    RECORD_TYPE_NAMES,
    type_name,
)

RESTRICTED = frozenset({Ticket, Event, Message})
"""Models whose records can be invisible to a viewer who sees a record that refers to them."""
NEVER_JOINED = frozenset({Event, Message})
"""Restricted models that loaders read, because their visibility depends on more than their row."""

TYPES: dict[type[Model], str | TypeByColumn] = {
    **{model: name for model, name in RECORD_TYPE_NAMES.items() if issubclass(model, Model)},
    TicketResource: "TicketResource",
    TicketLink: "TicketLink",
    SlaClock: "SlaClock",
    Identity: "Identity",
    TicketCustomValue: "CustomFieldValue",
    Mail: "MailDelivery",
    Message: TypeByColumn(
        "kind", {MessageKind.REPLY.value: "Reply", MessageKind.NOTE.value: "Note"}
    ),
    Event: TypeByColumn("type", {kind.value: name for kind, name in EVENT_TYPE_NAMES.items()}),
    DirectoryEvent: TypeByColumn(
        "record_kind", {kind.value: name for kind, name in DIRECTORY_EVENT_TYPE_NAMES.items()}
    ),
}


def visibility(model: type[Model], context: Any, alias: str) -> Condition | None:
    """The condition under which the viewer may see a joined record; None if the viewer sees all."""
    assert model is Ticket  # the only restricted model that is joined
    condition = visible_tickets(viewer_of(context), alias)
    return None if condition is TRUE else condition


def record_factory(model: type[Model]) -> Callable[[Sequence[Any]], Model]:
    return row_hydrator(model, database.dialect())


def permission_check(extension: FieldExtension) -> Callable[[Any], None]:
    """The check of a context's viewer, which raises Unauthenticated or Forbidden.

    Raises TypeError if the extension is no permission check.
    """
    if not isinstance(extension, PermissionCheck):
        raise TypeError(f"{type(extension).__name__} is no permission check")
    permission = extension.permission
    return lambda context: permission.check(viewer_of(context))


def viewer_of(context: Any) -> Viewer:
    viewer: Viewer = context.viewer
    return viewer


SCHEMA_MAP = SchemaMap(
    types=TYPES,
    get_type_name=type_name,
    build_visibility=visibility,
    restricted_models=RESTRICTED,
    never_joined_models=NEVER_JOINED,
    build_hydrator=record_factory,
    get_permission_check=permission_check,
    get_viewer=viewer_of,
    fetch=database.fetch,
    fetch_lookup=database.fetch_lookup,
    get_dialect=database.dialect,
)
