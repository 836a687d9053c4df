"""The ticket and what hangs on it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models.access import TAKE_PART
from models.attachment import Attachment
from models.event import Event, EventType
from models.lifecycle import Action, CloseReason, Priority, Stage, Status
from models.page import Page, window
from models.person import Organization, User
from models.team import Category, Team
from models.ticket import LinkKind, Ticket, TicketLink, TicketResource
from models.timeline import Extract
from schema.arguments import After, Before, First, Last
from schema.interfaces import LazyTicket, MessageInterface, Node, TicketEventInterface, loaders
from schema.paging import Connection
from schema.types.message import AttachmentType
from schema.types.people import CategoryType, OrganizationType, TeamType, UserType

if TYPE_CHECKING:
    from resolvers.context import Context

Types = Annotated[list[EventType] | None, strawberry.argument(description="Only entries of these types.")]


@strawberry.type(name="TicketResource", description="Something at the provider that a ticket is about.")
class TicketResourceType:
    kind: str = strawberry.field(description="What it is, such as server, invoice or plan.")
    external_id: str = strawberry.field(description="Its key at the provider.")
    name: str | None = strawberry.field(description="Its name, for people.")


@strawberry.type(description="How satisfied the customer is.")
class Satisfaction:
    score: int = strawberry.field(description="1 to 5.")
    comment: str | None = strawberry.field(description="What the customer said.")
    rated_at: datetime = strawberry.field(description="When.")


@strawberry.type(name="TicketLink", description="What this ticket is to another one.")
class TicketLinkType:
    kind: LinkKind = strawberry.field(description="What this ticket is to the other.")

    @strawberry.field(description="The other ticket.", graphql_type=LazyTicket)
    async def ticket(self, root: strawberry.Parent[TicketLink], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.other_id)


@strawberry.type(name="Ticket", description="A customer's request, from its creation to its closure.")
class TicketType(Node):
    number: int = strawberry.field(description="Human number, unique, rising by creation.")
    ref: str = strawberry.field(description="The number as people write it, such as TKT-1042.")
    external_id: str | None = strawberry.field(description="The integrator's own key, unique per API client.")
    subject: str = strawberry.field(description="What it is about, in a line.")
    description: str = strawberry.field(description="Markdown as written.")
    status: Status = strawberry.field(description="Where it stands.")
    stage: Stage = strawberry.field(description="The stage that its status belongs to.")
    priority: Priority = strawberry.field(description="How pressing it is.")

    @strawberry.field(description="What it is about; it decided the team.", graphql_type=CategoryType)
    async def category(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Category | None:
        return await loaders(info).categories.load(root.category_id)

    @strawberry.field(description="Who works on it.", graphql_type=TeamType)
    async def team(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Team | None:
        return await loaders(info).teams.load(root.team_id)

    @strawberry.field(description="Whose request it is.", graphql_type=UserType)
    async def requester(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(root.requester_id)

    @strawberry.field(description="The requester's account when the ticket was raised.", graphql_type=OrganizationType | None)
    async def organization(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Organization | None:
        return await loaders(info).organizations.load(root.organization_id) if root.organization_id else None

    @strawberry.field(description="Who answers for it; null while nobody does.", graphql_type=UserType | None)
    async def assignee(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(root.assignee_id) if root.assignee_id else None

    @strawberry.field(description="Who follows it.", graphql_type=list[UserType])
    async def watchers(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[User]:
        return await loaders(info).watchers.load(root.id)

    @strawberry.field(description="Labels, in alphabetical order.")
    async def tags(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[str]:
        return await loaders(info).tags.load(root.id)

    @strawberry.field(
        description="What the ticket is about at the provider: servers, invoices, plans.",
        graphql_type=list[TicketResourceType],
    )
    async def resources(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[TicketResource]:
        return await loaders(info).resources.load(root.id)

    escalation_level: int = strawberry.field(description="0 until somebody escalates; each escalation adds one.")
    held_until: datetime | None = strawberry.field(description="When a ticket ON_HOLD is to be taken up again.")
    resolution: str | None = strawberry.field(
        description="The answer, once resolved; reopening clears it, the timeline keeps it."
    )
    close_reason: CloseReason | None = strawberry.field(description="Why it was closed.")

    @strawberry.field(description="How satisfied the customer is; null until rated.")
    def satisfaction(self, root: strawberry.Parent[Ticket]) -> Satisfaction | None:
        if root.satisfaction_score is None or root.rated_at is None:
            return None
        return Satisfaction(score=root.satisfaction_score, comment=root.satisfaction_comment, rated_at=root.rated_at)

    @strawberry.field(description="Ties to other tickets that the viewer may see.", graphql_type=list[TicketLinkType])
    async def links(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[TicketLink]:
        links = await loaders(info).links.load(root.id)
        seen = await loaders(info).tickets.load_many([link.other_id for link in links])
        return [link for link, other in zip(links, seen, strict=True) if other is not None]

    @strawberry.field(
        description="The ticket that this one was merged into, where the viewer may see it.",
        graphql_type=LazyTicket | None,
    )
    async def merged_into(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.merged_into_id) if root.merged_into_id else None

    @strawberry.field(description="Files that came with it, apart from those of its messages.", graphql_type=list[AttachmentType])
    async def attachments(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[Attachment]:
        return await loaders(info).ticket_attachments.load(root.id)

    @strawberry.field(
        description="Messages the viewer may read, oldest first: replies for everyone, notes for the team only. "
        "Those of tickets merged into this one are among them. A message's cursor is its log entry's.",
        graphql_type=Connection[MessageInterface],
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
        return await loaders(info).conversation(root.id, window(first, after, last, before))

    @strawberry.field(
        description="The whole record: messages and changes in one order, oldest first.",
        graphql_type=Connection[TicketEventInterface],
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
        extract = Extract(None if types is None else frozenset(types))
        return await loaders(info).record(root.id, extract, window(first, after, last, before))

    @strawberry.field(description="What the viewer could do next with the status.")
    def allowed_actions(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> list[Action]:
        context: Context = info.context
        if not TAKE_PART.allows(context.viewer):
            return []
        return root.allowed_actions(context.now(), context.rules.reopen_window, customer=context.viewer.is_customer)

    created_at: datetime = strawberry.field(description="When it was raised.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    first_responded_at: datetime | None = strawberry.field(description="When the team first replied.")
    resolved_at: datetime | None = strawberry.field(description="When it was resolved, unless it was reopened since.")
    closed_at: datetime | None = strawberry.field(description="When it was closed, unless it was reopened since.")
    version: int = strawberry.field(description="Rises by one with each change; send it back as expectedVersion.")
