"""The types of events in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import strawberry

from models.log.event import Event, Json
from models.people.team import Team
from models.people.user import Role, User
from models.tickets.link_kind import LinkKind
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from schema.context import context_of, loaders
from schema.cost import TEXT_COST, cost
from schema.interfaces import TicketEventInterface, TicketStatusEventInterface
from schema.types.log.draft_events import TicketDraftProposed
from schema.types.log.field_changes import (
    AFTER,
    BEFORE,
    USER_LIST_COLUMNS,
    FieldChange,
    find_hidden_columns,
    list_field_changes,
)
from schema.types.log.redaction_events import TicketMessageRedacted
from schema.types.log.sla_events import SLA_AND_ESCALATION_TYPES
from schema.types.people.erasure import TicketRedacted
from schema.types.people.people import UserType
from schema.types.people.teams import TeamType
from schema.types.tickets.attachments import TicketAttachmentAdded
from schema.types.tickets.messages import NoteType, ReplyType
from schema.types.tickets.tickets import TicketType


async def load_assignee(info: strawberry.Info, event: Event, index: int) -> User | None:
    value = event.changes["assignee_id"][index]
    return await loaders(info).users.load(UUID(str(value))) if value is not None else None


async def load_team(info: strawberry.Info, event: Event, index: int) -> Team | None:
    return await loaders(info).teams.load(UUID(str(event.changes["team_id"][index])))


def other_ticket_field(name: str, description: str) -> Any:
    """A field for another ticket, whose key the event's data has under this name, if any."""

    async def load_ticket(root: strawberry.Parent[Event], info: strawberry.Info) -> Ticket | None:
        value = root.value(name)
        return await loaders(info).tickets.load(UUID(str(value))) if value is not None else None

    return strawberry.field(
        resolver=load_ticket, description=description, graphql_type=TicketType | None
    )


async def load_message(info: strawberry.Info, event: Event) -> Message | None:
    return await loaders(info).messages.load(event.message_id) if event.message_id else None


async def find_staff(info: strawberry.Info, id_lists: Sequence[Json]) -> frozenset[str]:
    """Those of the user ids in the lists that are not customers'."""
    user_ids = {str(user_id) for each in id_lists for user_id in cast("Sequence[str]", each)}
    users = await loaders(info).users.load_many([UUID(user_id) for user_id in user_ids])
    customers = {str(user.id) for user in users if user and user.role is Role.CUSTOMER}
    return frozenset(user_ids - customers)


@strawberry.type(name="TicketCreated", description="A ticket was created.")
class TicketCreated(TicketStatusEventInterface):
    pass


@strawberry.type(name="TicketStatusChanged", description="The status of a ticket changed.")
class TicketStatusChanged(TicketStatusEventInterface):
    @strawberry.field(
        description="The resolution, or the reason to reopen. Null for other actions, and if a "
        "reply reopened the ticket.",
        metadata=cost(flat=TEXT_COST),
    )
    def comment(self, root: strawberry.Parent[Event]) -> str | None:
        return cast("str | None", root.value("comment"))


@strawberry.type(
    name="TicketUpdated",
    description="Fields of a ticket changed that have no event type of their own.",
)
class TicketUpdated(TicketEventInterface):
    @strawberry.field(
        description="The changed fields. Customers see no agents or admins among the watchers and "
        "participants. Changes of HIDDEN custom fields require the scope `notes:read`.",
        metadata=cost(each=0),
    )
    async def changes(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> list[FieldChange]:
        hidden = frozenset[str]()
        if context_of(info).viewer.is_customer:
            columns = [root.changes[name] for name in USER_LIST_COLUMNS if name in root.changes]
            hidden = await find_staff(info, [user_ids for pair in columns for user_ids in pair])
        return list_field_changes(root, hidden, await find_hidden_columns(info, root.changes))


@strawberry.type(description="One of the users among whom the server chose a ticket's assignee.")
class Candidate:
    user: User = strawberry.field(description="The user.", graphql_type=UserType)
    open_tickets: int = strawberry.field(
        description="The number of open tickets that were assigned to the user when the server "
        "chose."
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
        return await load_assignee(info, root, BEFORE)

    @strawberry.field(
        description="The assignee after the event. Null if nobody is assigned.",
        graphql_type=UserType | None,
    )
    async def to_assignee(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> User | None:
        return await load_assignee(info, root, AFTER)

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
        users = await loaders(info).users.load_many(list(counts))
        return [
            Candidate(user=user, open_tickets=counts[user.id]) for user in users if user is not None
        ]


@strawberry.type(name="TicketTransferred", description="A ticket was transferred to another team.")
class TicketTransferred(TicketEventInterface):
    @strawberry.field(description="The team before the event.", graphql_type=TeamType)
    async def from_team(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Team | None:
        return await load_team(info, root, BEFORE)

    @strawberry.field(description="The team after the event.", graphql_type=TeamType)
    async def to_team(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Team | None:
        return await load_team(info, root, AFTER)


@strawberry.type(name="TicketEscalated", description="The escalation level of a ticket rose.")
class TicketEscalated(TicketEventInterface):
    @strawberry.field(description="The escalation level after the event, 1 or more.")
    def level(self, root: strawberry.Parent[Event]) -> int:
        return cast("int", root.changes["escalation_level"][AFTER])

    @strawberry.field(
        description="The reason, as the `actor` gave it.", metadata=cost(flat=TEXT_COST)
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

    other: Any = other_ticket_field(
        "other_id",
        "The other ticket. Null if the viewer may not see it.",
    )


@strawberry.type(
    name="TicketUnlinked", description="A link of the ticket to another ticket was removed."
)
class TicketUnlinked(TicketEventInterface):
    @strawberry.field(description="The relation that this ticket had to the other ticket.")
    def kind(self, root: strawberry.Parent[Event]) -> LinkKind:
        return LinkKind(root.value("kind"))

    other: Any = other_ticket_field(
        "other_id",
        "The other ticket. Null if the viewer may not see it.",
    )


@strawberry.type(
    name="TicketMerged",
    description="A ticket was merged into another ticket, or another ticket into it.",
)
class TicketMerged(TicketEventInterface):
    from_ticket: Any = other_ticket_field(
        "from_id",
        "The ticket that was merged into this one. Null if this ticket was merged "
        "into another one, or if the viewer may not see it.",
    )

    into: Any = other_ticket_field(
        "into_id",
        "The ticket that this one was merged into. Null if another ticket was merged "
        "into this one, or if the viewer may not see it.",
    )


@strawberry.type(
    name="TicketUnmerged",
    description="A merge of a ticket into another ticket, or of another ticket into it, was "
    "undone.",
)
class TicketUnmerged(TicketEventInterface):
    from_ticket: Any = other_ticket_field(
        "from_id",
        "The ticket that is no longer merged into this one. Null if this ticket is the "
        "one that was merged, or if the viewer may not see it.",
    )

    into: Any = other_ticket_field(
        "into_id",
        "The ticket that this one is no longer merged into. Null if another ticket was "
        "merged into this one, or if the viewer may not see it.",
    )


@strawberry.type(
    name="TicketReplyMoved",
    description="A public message that was moved to another ticket later, when a merge was undone.",
)
class TicketReplyMoved(TicketEventInterface):
    moved_to: Any = other_ticket_field(
        "to_id",
        "The ticket that has the message now. Null if the viewer may not see it.",
    )


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
    *(TicketReplied, TicketNoted, TicketAttachmentAdded),
    *(TicketLinked, TicketUnlinked, TicketMerged, TicketUnmerged),
    *(TicketReplyMoved, TicketMessageRedacted, TicketRedacted, TicketRated),
    *SLA_AND_ESCALATION_TYPES,
    TicketDraftProposed,
]
