"""Tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models import related
from models.access.permissions import WRITE_TICKETS
from models.access.visibility import can_change_ticket
from models.core.paging.pagination import Page, parse_page_arguments
from models.log.event import Event
from models.queries.logs.timeline import list_messages, list_timeline
from models.tickets.lifecycle import Action, CloseReason, Priority, Stage, Status
from models.tickets.ticket import Ticket
from schema.context import context_of, loaders
from schema.cost import HTML_COST, TEXT_COST, cost
from schema.interfaces import Actor, LazyTicket, MessageInterface, Node, TicketEventInterface
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import (
    RELATION,
    RelatedRecords,
    first_foreign_key_field,
    foreign_key_field,
    public_column_field,
    related_list_field,
)
from schema.types.custom_fields import ticket_custom_fields
from schema.types.people.organizations import OrganizationType
from schema.types.people.people import UserType
from schema.types.people.teams import CategoryType, TeamType
from schema.types.sla import SlaClockType
from schema.types.tickets.attachments import AttachmentType
from schema.types.tickets.own_ticket_fields import TICKET_DESCRIPTION, OwnTicketFields
from schema.types.tickets.ticket_arguments import EventTypesArgument, parse_page, parse_timeline
from schema.types.tickets.ticket_parts import Satisfaction, TicketLinkType, TicketResourceType


@strawberry.type(name="Ticket", description=TICKET_DESCRIPTION)
class TicketType(OwnTicketFields, Node):
    number: int = strawberry.field(
        description="The unique number of the ticket, for people. It rises with each new ticket."
    )
    ref: str = strawberry.field(description="The number with its prefix, such as TKT-1042.")
    external_id: str | None = strawberry.field(
        description="The key of the ticket in an external system. It is unique per API client and "
        "per customer; agents and admins share one set of keys. Null if there is none."
    )
    subject: str = strawberry.field(description="The subject, 1 to 200 characters.")
    description: str = strawberry.field(
        description="The description in Markdown, as written, 1 to 65,536 characters.",
        metadata=cost(flat=TEXT_COST),
    )

    @strawberry.field(
        description="The description as sanitised HTML. If the HTML would be far longer than the "
        "description, the escaped text instead.",
        metadata=cost(flat=HTML_COST),
    )
    async def description_html(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> str:
        context = context_of(info)
        return await context.render_markdown(root.description)

    status: Status = strawberry.field(description="The status of the ticket.")
    stage: Stage = strawberry.field(description="The stage of the status.")
    priority: Priority = strawberry.field(description="The priority of the ticket.")

    category: Any = foreign_key_field("category", CategoryType, "The category of the ticket.")
    team: Any = foreign_key_field("team", TeamType, "The team that works on the ticket.")
    requester: Any = foreign_key_field("requester", UserType, "The user who makes the request.")
    organization: Any = foreign_key_field(
        "organization",
        OrganizationType | None,
        "The requester's organization when they became the requester. Null if there was none.",
    )
    assignee: Any = foreign_key_field(
        "assignee", UserType | None, "The agent or admin assigned to the ticket. Null if nobody is."
    )
    watchers: Any = related_list_field(
        related.watchers,
        list[UserType],
        "The users who watch the ticket, in the order in which they started. Customers see only "
        "the customers among them.",
    )
    participants: Any = related_list_field(
        related.participants,
        list[UserType],
        "The customers with whom a merge or `addWatcher` shared the ticket, by default up to 50. "
        "They see it, can reply to it and watch it, and are notified like the requester.",
    )
    shared_with_organization: bool = strawberry.field(
        description="Whether the ticket is shared with all customers of its `organization`: they "
        "see it, can reply to it and watch it. In a shared organization, all customers see each "
        "other's tickets, whatever this says."
    )
    tags: Any = related_list_field(
        related.tags, list[str], "The labels, in alphabetical order.", item_attribute="name"
    )
    resources: Any = related_list_field(
        related.resources, list[TicketResourceType], "The ticket's resources."
    )
    custom_fields: Any = ticket_custom_fields
    escalation_level: int = strawberry.field(description="The number of escalations, from 0.")
    held_until: datetime | None = strawberry.field(
        description="The time at which the server resumes the ticket. Null unless the ticket is "
        "ON_HOLD with an end."
    )
    resolution: str | None = strawberry.field(
        description="The resolution in Markdown. Null until the ticket is resolved, and again "
        "once it is reopened; the timeline keeps it.",
        metadata=cost(flat=TEXT_COST),
    )

    @strawberry.field(
        description="The resolution as sanitised HTML, like `descriptionHtml`. Null if there is "
        "no resolution.",
        metadata=cost(flat=HTML_COST),
    )
    async def resolution_html(
        self, root: strawberry.Parent[Ticket], info: strawberry.Info
    ) -> str | None:
        context = context_of(info)
        return await context.render_markdown(root.resolution) if root.resolution else None

    close_reason: CloseReason | None = strawberry.field(
        description="The reason of the closure. Null unless the ticket is CLOSED."
    )

    @strawberry.field(description="The customer's rating. Null until the ticket is rated.")
    def satisfaction(self, root: strawberry.Parent[Ticket]) -> Satisfaction | None:
        if root.satisfaction_score is None or root.rated_at is None:
            return None
        return Satisfaction(
            score=root.satisfaction_score, comment=root.satisfaction_comment, rated_at=root.rated_at
        )

    clocks: Any = related_list_field(
        related.clocks,
        list[SlaClockType],
        "The SLA clocks of the ticket, in the order in which they started.",
    )
    links: Any = related_list_field(
        related.links, list[TicketLinkType], "The links to tickets that the viewer may see."
    )
    merged_into: Any = foreign_key_field(
        "merged_into",
        LazyTicket | None,
        "The ticket that this one was merged into. Null if it was not merged, or if the "
        "viewer may not see the other ticket.",
    )
    merged_tickets: Any = related_list_field(
        related.merged_tickets,
        list[LazyTicket],
        "The tickets that were merged into this one, by number, by default up to 100, if the "
        "viewer may see them. Their messages are in `messages`; their descriptions are here only.",
    )
    attachments: Any = related_list_field(
        related.ticket_attachments,
        list[AttachmentType],
        "The files that came with the description. Files of messages are in `Message.attachments`.",
    )

    @strawberry.field(
        description="The messages that the viewer may read, in the order of the log and in pages "
        "of up to 100. That is the order in which they were written, except that a reply which was "
        "moved here when a merge was undone has the place of the move. Notes require the scope "
        "`notes:read`; customers never see them. Messages of tickets that were merged into this "
        "one are included, but not their descriptions: see `mergedTickets`. A message's cursor is "
        "the cursor of its event.",
        graphql_type=Connection[MessageInterface],
        metadata={RELATION: RelatedRecords(list_messages, build_read_arguments=parse_page)},
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
        return (
            await loaders(info)
            .related_page(list_messages, parse_page_arguments(first, after, last, before))
            .load(root.id)
        )

    @strawberry.field(
        description="The events of the ticket that the viewer may see, including messages, oldest "
        "first and in pages of up to 100.",
        graphql_type=Connection[TicketEventInterface],
        metadata={RELATION: RelatedRecords(list_timeline, build_read_arguments=parse_timeline)},
    )
    async def timeline(
        self,
        root: strawberry.Parent[Ticket],
        info: strawberry.Info,
        types: EventTypesArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Event]:
        return (
            await loaders(info)
            .related_page(
                list_timeline,
                *parse_timeline(types, first=first, after=after, last=last, before=before),
            )
            .load(root.id)
        )

    @strawberry.field(
        description="The actions by which the viewer may change the status now. Empty without the "
        "scope `tickets:write`, and for customers with whom the ticket is only shared."
    )
    def allowed_actions(
        self, root: strawberry.Parent[Ticket], info: strawberry.Info
    ) -> list[Action]:
        context = context_of(info)
        viewer = context.viewer
        if not WRITE_TICKETS.allows(viewer) or not can_change_ticket(viewer, root):
            return []
        return root.allowed_actions(
            context.now(), context.settings.reopen_window, is_customer=context.viewer.is_customer
        )

    created_at: datetime = strawberry.field(description="The time at which the ticket was created.")
    updated_at: Any = public_column_field(
        "updated_at",
        "public_updated_at",
        datetime,
        "The time of the last change that raised the version. Customers see that of the last "
        "change that they may see.",
    )
    first_responded_at: datetime | None = strawberry.field(
        description="The time of the team's first response: the first reply of an agent, admin or "
        "API client, or the first resolution, whichever comes first. Null until then."
    )
    last_reply_at: datetime | None = strawberry.field(
        description="The time of the last reply on the ticket, by the customer or the team. Notes, "
        "the description and replies on tickets that were merged into this one do not count. Null "
        "if there is none."
    )
    last_reply_by: Any = first_foreign_key_field(
        ("last_reply_user", "last_reply_client"),
        None,
        Actor | None,
        "The user or API client who wrote the last reply. Null if there is none.",
    )
    resolved_at: datetime | None = strawberry.field(
        description="The time of the resolution. If the ticket was closed with the reason RESOLVED "
        "without being resolved before, the time of the closure. Null until then, and again once "
        "the ticket is reopened."
    )
    closed_at: datetime | None = strawberry.field(
        description="The time of the closure. Null until then, and again once the ticket is "
        "reopened."
    )
    texts_erased_at: datetime | None = strawberry.field(
        description="The time at which a retention policy erased the texts of the ticket, which "
        "can't be reopened any more. Null unless one did."
    )
    version: Any = public_column_field(
        "version",
        "public_version",
        int,
        "The version of the ticket, from 1; send it as `expectedVersion`. It rises by one with "
        "each change of the ticket itself, not with SLA events, steps of escalation paths, "
        "reminders and failed emails. Customers see a version of their own, which rises only with "
        "changes that they may see.",
    )

    @strawberry.field(
        description="The time until which the closed ticket can be reopened. Null unless the "
        "ticket is CLOSED. Null also if it was merged into another ticket, or if a retention "
        "policy erased its texts."
    )
    def reopenable_until(
        self, root: strawberry.Parent[Ticket], info: strawberry.Info
    ) -> datetime | None:
        if root.closed_at is None or root.merged_into_id is not None:
            return None
        if root.texts_erased_at is not None:
            return None
        return root.closed_at + context_of(info).settings.reopen_window

    @strawberry.field(
        description="The time at which the server closes the ticket if nothing happens until then. "
        "Null unless the ticket is RESOLVED, or WAITING_ON_CUSTOMER with automatic closing on. A "
        "reminder that is sent late postpones it."
    )
    def closes_at(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> datetime | None:
        context = context_of(info)
        return context.settings.timers.closes_at(root, context.now())
