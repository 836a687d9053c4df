"""The types of events in the log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

import strawberry

from models.core import ids
from models.log.event import Event, Json
from models.people.team import Team
from models.people.user import User
from models.tickets.message import Message
from models.tickets.ticket import LinkKind, Ticket
from schema.context import context_of, loaders
from schema.cost import TEXT_COST, cost
from schema.interfaces import TicketEventInterface, TicketStatusEventInterface
from schema.types.message import NoteType, ReplyType
from schema.types.people import TeamType, UserType
from schema.types.sla_event import SLA_AND_ESCALATION_TYPES
from schema.types.ticket import TicketType

ID_COLUMNS = {
    "category_id": ids.CATEGORY,
    "team_id": ids.TEAM,
    "assignee_id": ids.USER,
    "requester_id": ids.USER,
    "organization_id": ids.ORGANIZATION,
    "merged_into_id": ids.TICKET,
}
UNEXPOSED_COLUMNS = frozenset({"external_scope", "sla_terms"})


@strawberry.type(description="A change of one field of a ticket, with the values as text.")
class FieldChange:
    field: str = strawberry.field(
        description="The name of the field in the type Ticket, such as subject or tags."
    )
    from_: str | None = strawberry.field(
        name="from",
        description="The value before the event: an id for a record, a name for an "
        "enum value, items separated by commas for a list. Null if there was none.",
    )
    to: str | None = strawberry.field(
        description="The value after the event, in the same form. Null if there is none."
    )


def format_value(name: str, value: Json) -> str | None:
    if value is None:
        return None
    if name == "watchers":
        return (", ").join(
            ids.encode(ids.USER, UUID(str(each))) for each in cast("Sequence[Json]", value)
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    if name in ID_COLUMNS:
        return ids.encode(ID_COLUMNS[name], UUID(str(value)))
    if name in ("status", "priority", "close_reason"):
        return str(value).upper()
    return str(value)


def field_changes(event: Event) -> list[FieldChange]:
    """The entry's changes in the API's words."""
    return [
        FieldChange(
            field=to_camel_case(name.removesuffix("_id") if name in ID_COLUMNS else name),
            from_=format_value(name, old),
            to=format_value(name, new),
        )
        for name, (old, new) in event.changes.items()
        if name not in UNEXPOSED_COLUMNS
    ]


def to_camel_case(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


async def load_assignee(info: strawberry.Info, event: Event, place: int) -> User | None:
    value = event.changes["assignee_id"][place]
    return await loaders(info).users.load(UUID(str(value))) if value is not None else None


async def load_team(info: strawberry.Info, event: Event, place: int) -> Team | None:
    return await loaders(info).teams.load(UUID(str(event.changes["team_id"][place])))


async def load_ticket(info: strawberry.Info, event: Event, name: str) -> Ticket | None:
    value = event.value(name)
    return await loaders(info).tickets.load(UUID(str(value))) if value is not None else None


async def load_message(info: strawberry.Info, event: Event) -> Message | None:
    return await loaders(info).messages.load(event.message_id) if event.message_id else None


@strawberry.type(name="TicketCreated", description="A ticket was created.")
class TicketCreated(TicketStatusEventInterface):
    pass


@strawberry.type(name="TicketStatusChanged", description="The status of a ticket changed.")
class TicketStatusChanged(TicketStatusEventInterface):
    @strawberry.field(
        description="The resolution, or the reason to reopen. Null for other actions.",
        metadata=cost(flat=TEXT_COST),
    )
    def comment(self, root: strawberry.Parent[Event]) -> str | None:
        return cast("str | None", root.value("comment"))


@strawberry.type(
    name="TicketUpdated",
    description="Fields of a ticket changed that have no event type of their own.",
)
class TicketUpdated(TicketEventInterface):
    @strawberry.field(description="The changed fields.", metadata=cost(each=0))
    def changes(self, root: strawberry.Parent[Event]) -> list[FieldChange]:
        return field_changes(root)


@strawberry.type(description="A user to whom the server could have assigned a ticket.")
class Candidate:
    user: User = strawberry.field(description="The user.", graphql_type=UserType)
    open_tickets: int = strawberry.field(
        description="The number of open tickets that were assigned to the user at that time."
    )


@strawberry.type(name="TicketAssigned", description="The assignee of a ticket changed.")
class TicketAssigned(TicketEventInterface):
    @strawberry.field(
        description="The assignee before the event. Null if nobody was assigned.",
        graphql_type=UserType | None,
    )
    async def from_assignee(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> User | None:
        return await load_assignee(info, root, 0)

    @strawberry.field(
        description="The assignee after the event. Null if nobody is assigned.",
        graphql_type=UserType | None,
    )
    async def to_assignee(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> User | None:
        return await load_assignee(info, root, 1)

    @strawberry.field(
        description="The users among whom the server chose the one with the fewest open tickets. "
        "Null if a user or API client chose the assignee. Requires the scope `users:read`; null "
        "for customers and without the scope."
    )
    async def candidates(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> list[Candidate] | None:
        viewer = context_of(info).viewer
        choice = cast("Mapping[str, Mapping[str, int]] | None", root.value("choice"))
        if choice is None or not viewer.can_see_people:
            return None
        counts = {UUID(key): count for key, count in choice["open"].items()}
        found = await loaders(info).users.load_many(list(counts))
        return [
            Candidate(user=user, open_tickets=counts[user.id]) for user in found if user is not None
        ]


@strawberry.type(name="TicketTransferred", description="A ticket was transferred to another team.")
class TicketTransferred(TicketEventInterface):
    @strawberry.field(description="The team before the event.", graphql_type=TeamType)
    async def from_team(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Team | None:
        return await load_team(info, root, 0)

    @strawberry.field(description="The team after the event.", graphql_type=TeamType)
    async def to_team(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Team | None:
        return await load_team(info, root, 1)


@strawberry.type(name="TicketEscalated", description="The escalation level of a ticket rose.")
class TicketEscalated(TicketEventInterface):
    @strawberry.field(description="The escalation level after the event, 1 or more.")
    def level(self, root: strawberry.Parent[Event]) -> int:
        return cast("int", root.changes["escalation_level"][1])

    @strawberry.field(
        description="The reason, as the caller gave it.", metadata=cost(flat=TEXT_COST)
    )
    def reason(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("reason"))


@strawberry.type(name="TicketReplied", description="A public message was added to a ticket.")
class TicketReplied(TicketEventInterface):
    @strawberry.field(description="The message.", graphql_type=ReplyType)
    async def reply(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Message | None:
        return await load_message(info, root)


@strawberry.type(
    name="TicketNoted",
    description="An internal message was added to a ticket. Customers never see this event.",
)
class TicketNoted(TicketEventInterface):
    @strawberry.field(description="The message.", graphql_type=NoteType)
    async def note(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Message | None:
        return await load_message(info, root)


@strawberry.type(name="TicketLinked", description="A ticket was linked to another ticket.")
class TicketLinked(TicketEventInterface):
    @strawberry.field(description="The relation of this ticket to the other ticket.")
    def kind(self, root: strawberry.Parent[Event]) -> LinkKind:
        return LinkKind(root.value("kind"))

    @strawberry.field(
        description="The other ticket. Null if the viewer may not see it.",
        graphql_type=TicketType | None,
    )
    async def other(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Ticket | None:
        return await load_ticket(info, root, "other_id")


@strawberry.type(
    name="TicketMerged",
    description="A ticket was merged into another ticket, or another ticket into it.",
)
class TicketMerged(TicketEventInterface):
    @strawberry.field(
        description="The ticket that was merged into this one. Null if this ticket was merged "
        "into another one, or if the viewer may not see it.",
        graphql_type=TicketType | None,
    )
    async def from_ticket(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> Ticket | None:
        return await load_ticket(info, root, "from_id")

    @strawberry.field(
        description="The ticket that this one was merged into. Null if another ticket was merged "
        "into this one, or if the viewer may not see it.",
        graphql_type=TicketType | None,
    )
    async def into(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Ticket | None:
        return await load_ticket(info, root, "into_id")


@strawberry.type(name="TicketRated", description="A ticket was rated.")
class TicketRated(TicketEventInterface):
    @strawberry.field(description="The score, from 1 (very dissatisfied) to 5 (very satisfied).")
    def score(self, root: strawberry.Parent[Event]) -> int:
        return cast("int", root.value("score"))

    @strawberry.field(
        description="The comment of the rating. Null if there is none.",
        metadata=cost(flat=TEXT_COST),
    )
    def comment(self, root: strawberry.Parent[Event]) -> str | None:
        return cast("str | None", root.value("comment"))


EVENT_TYPES = [
    *(
        TicketCreated,
        TicketStatusChanged,
        TicketUpdated,
        TicketAssigned,
        TicketTransferred,
        TicketEscalated,
    ),
    *(TicketReplied, TicketNoted, TicketLinked, TicketMerged, TicketRated),
    *SLA_AND_ESCALATION_TYPES,
]
