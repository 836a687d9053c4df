"""Which records stand behind the types of the API, and who sees what refers to them: what compiled plans are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tortoise.models import Model

from engine.execution.plans.schema_map import Kinds, Words
from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.hydration import row_hydrator
from models.core.sql import TRUE, Condition
from models.log.event import Event
from models.notifications.email import Mail
from models.sla.records import SlaClock
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketLink, TicketResource
from schema.interfaces import EVENT_TYPE_NAMES, RECORD_TYPE_NAMES, type_name

RESTRICTED = frozenset({Ticket, Event, Message})
"""Models whose records are not seen by everybody who sees what refers to them."""
NEVER_JOINED = frozenset({Event, Message})
"""Those of them that are looked up by loaders, which know who may see them."""

TYPES: dict[type[Model], str | Kinds] = {
    **{model: name for model, name in RECORD_TYPE_NAMES.items() if issubclass(model, Model)},
    TicketResource: "TicketResource",
    TicketLink: "TicketLink",
    SlaClock: "SlaClock",
    Mail: "MailDelivery",
    Message: Kinds("kind", {MessageKind.REPLY.value: "Reply", MessageKind.NOTE.value: "Note"}),
    Event: Kinds("type", {kind.value: name for kind, name in EVENT_TYPE_NAMES.items()}),
}


def visibility(model: type[Model], context: Any, alias: str) -> Condition | None:
    """What must hold for the caller to see a joined record."""
    assert model is Ticket
    condition = visible_tickets(viewer_of(context), alias)
    return None if condition is TRUE else condition


def record_factory(model: type[Model]) -> Callable[[Sequence[Any]], Model]:
    return row_hydrator(model, database.dialect())


def viewer_of(context: Any) -> Viewer:
    viewer: Viewer = context.viewer
    return viewer


WORDS = Words(
    types=TYPES,
    type_name=type_name,
    sight=visibility,
    hidden=RESTRICTED,
    apart=NEVER_JOINED,
    maker=record_factory,
    caller=viewer_of,
    fetch=database.fetch,
    dialect=database.dialect,
)
