"""The ticket and what hangs on it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models import related
from models.access.permissions import WRITE_TICKETS
from models.core.pagination import Page, PageRequest, page_request
from models.log.event import Event, EventType
from models.queries.timeline import EventFilter, list_messages, list_record
from models.tickets.lifecycle import Action, CloseReason, Priority, Stage, Status
from models.tickets.ticket import LinkKind, Ticket
from schema.context import context_of, loaders
from schema.cost import TEXT_COST, cost
from schema.interfaces import LazyTicket, MessageInterface, Node, TicketEventInterface
from schema.pagination import After, Before, Connection, First, Last
from schema.relations import RELATION, RelatedRecords, related_list_field, foreign_key_field
from schema.types.message import AttachmentType
from schema.types.people import CategoryType, OrganizationType, TeamType, UserType
from schema.types.sla import SlaClockType


def event_filter(types: list[EventType] | None) -> EventFilter:
    return EventFilter(None if types is None else frozenset(types))


def page_arguments(**asked: Any) -> tuple[PageRequest]:
    return (page_request(**asked),)


def timeline_arguments(types: list[EventType] | None, **asked: Any) -> tuple[EventFilter, PageRequest]:
    return (event_filter(types), page_request(**asked))


Types = Annotated[list[EventType] | None, strawberry.argument(description="Only entries of these types.")]


@strawberry.type(name="TicketResource", description="Something at the provider that a ticket is about.")
class TicketResourceType:
    kind: str = strawberry.field(description="What it is, such as server, invoice or plan.")
    external_id: str = strawberry.field(description="Its key at the provider.")
    name: str | None = strawberry.field(description="Its name, for people.")


@strawberry.type(description="How satisfied the customer is.")
class Satisfaction:
    score: int = strawberry.field(description="1 to 5.")
    comment: str | None = strawberry.field(description="What the customer said.", metadata=cost(flat=TEXT_COST))
    rated_at: datetime = strawberry.field(description="When.")


@strawberry.type(name="TicketLink", description="What this ticket is to another one.")
class TicketLinkType:
    kind: LinkKind = strawberry.field(description="What this ticket is to the other.")

    ticket: Any = foreign_key_field("other", LazyTicket, "The other ticket.")


@strawberry.type(name="Ticket", description="A customer's request, from its creation to its closure.")
class TicketType(Node):
    number: int = strawberry.field(description="Human number, unique, rising by creation.")
    ref: str = strawberry.field(description="The number as people write it, such as TKT-1042.")
    external_id: str | None = strawberry.field(description="The integrator's own key, unique per API client.")
    subject: str = strawberry.field(description="What it is about, in a line.")
    description: str = strawberry.field(description="Markdown as written.", metadata=cost(flat=TEXT_COST))
    status: Status = strawberry.field(description="Where it stands.")
    stage: Stage = strawberry.field(description="The stage that its status belongs to.")
    priority: Priority = strawberry.field(description="How pressing it is.")

    category: Any = foreign_key_field("category", CategoryType, "What it is about; it decided the team.")

    team: Any = foreign_key_field("team", TeamType, "Who works on it.")

    requester: Any = foreign_key_field("requester", UserType, "Whose request it is.")

    organization: Any = foreign_key_field("organization", OrganizationType | None, "The requester's account when the ticket was raised.")

    assignee: Any = foreign_key_field("assignee", UserType | None, "Who answers for it; null while nobody does.")

    watchers: Any = related_list_field(related.watchers, list[UserType], "Who follows it.")
    tags: Any = related_list_field(related.tags, list[str], "Labels, in alphabetical order.", value="name")
    resources: Any = related_list_field(
        related.resources, list[TicketResourceType], "What the ticket is about at the provider: servers, invoices, plans."
    )
    escalation_level: int = strawberry.field(description="0 until somebody escalates; each escalation adds one.")
    held_until: datetime | None = strawberry.field(description="When a ticket ON_HOLD is to be taken up again.")
    resolution: str | None = strawberry.field(
        description="The answer, once resolved; reopening clears it, the timeline keeps it.", metadata=cost(flat=TEXT_COST)
    )
    close_reason: CloseReason | None = strawberry.field(description="Why it was closed.")

    @strawberry.field(description="How satisfied the customer is; null until rated.")
    def satisfaction(self, root: strawberry.Parent[Ticket]) -> Satisfaction | None:
        if root.satisfaction_score is None or root.rated_at is None:
            return None
        return Satisfaction(score=root.satisfaction_score, comment=root.satisfaction_comment, rated_at=root.rated_at)

    clocks: Any = related_list_field(
        related.clocks,
        list[SlaClockType],
        "What is promised, and how each promise stands, in the order in which they started.",
    )
    links: Any = related_list_field(related.links, list[TicketLinkType], "Ties to other tickets that the viewer may see.")
    merged_into: Any = foreign_key_field(
        "merged_into", LazyTicket | None, "The ticket that this one was merged into, where the viewer may see it."
    )
    attachments: Any = related_list_field(
        related.ticket_attachments, list[AttachmentType], "Files that came with it, apart from those of its messages."
    )

    @strawberry.field(
        description="Messages the viewer may read, oldest first: replies for everyone, notes for the team only. "
        "Those of tickets merged into this one are among them. A message's cursor is its log entry's.",
        graphql_type=Connection[MessageInterface],
        metadata={RELATION: RelatedRecords(list_messages, which=page_arguments)},
    )
    async def messages(
        self,
        root: strawberry.Parent[Ticket],
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Any]:
        return await loaders(info).related_page(list_messages, page_request(first, after, last, before)).load(root.id)

    @strawberry.field(
        description="The whole record: messages and changes in one order, oldest first.",
        graphql_type=Connection[TicketEventInterface],
        metadata={RELATION: RelatedRecords(list_record, which=timeline_arguments)},
    )
    async def timeline(
        self,
        root: strawberry.Parent[Ticket],
        info: strawberry.Info,
        types: Types = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Event]:
        return await loaders(info).related_page(list_record, event_filter(types), page_request(first, after, last, before)).load(root.id)

    @strawberry.field(description="What the viewer could do next with the status.")
    def allowed_actions(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[Action]:
        context = context_of(info)
        if not WRITE_TICKETS.allows(context.viewer):
            return []
        return root.allowed_actions(context.now(), context.rules.reopen_window, customer=context.viewer.is_customer)

    created_at: datetime = strawberry.field(description="When it was raised.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    first_responded_at: datetime | None = strawberry.field(description="When the team first replied.")
    resolved_at: datetime | None = strawberry.field(description="When it was resolved, unless it was reopened since.")
    closed_at: datetime | None = strawberry.field(description="When it was closed, unless it was reopened since.")
    version: int = strawberry.field(description="Rises by one with each change; send it back as expectedVersion.")
