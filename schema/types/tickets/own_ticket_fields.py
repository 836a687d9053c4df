"""The fields of a ticket that depend on the viewer's account."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.cost import UNREAD_COST
from schema.records.relations import personal_field
from schema.types.tickets.drafts import DraftType

TICKET_DESCRIPTION = (
    "A customer's request, from its creation to its closure. It is open while its status is "
    "neither RESOLVED nor CLOSED. With the scope `tickets:read`, agents, admins and API clients "
    "see every ticket. Customers see the tickets that they requested, those that are shared with "
    "them as participants, those that are shared with their organization, and all tickets of "
    "their organization if it is a shared one. A ticket is only shared with customers who neither "
    "requested it nor belong to a shared organization that has it: they can read it, reply to it "
    'and watch it. "The team\'s reply" is a reply of any agent, admin or API client, whatever '
    "`team` is."
)


@strawberry.type(description="The fields of a ticket that depend on the viewer's account.")
class OwnTicketFields:
    viewer_is_watching: Any = personal_field(
        "watching", bool, "Whether the viewer watches the ticket. False for API clients."
    )
    viewer_has_unread: Any = personal_field(
        "unread",
        bool,
        "Whether somebody else changed the ticket, visibly to the viewer, after the viewer's last "
        "markTicketRead for it.\n\n- Only changes that raised `version` count, but not "
        "TICKET_REDACTED.\n- The viewer's own changes never count, and do not mark earlier changes "
        "as read.\n- Changes older than 90 days count as read.\n- If two responses with the same "
        "`version` have different values, false is the newer one, because markTicketRead has set "
        "it. The only exception: the server has deleted the mark.\n- It is false for API "
        "clients.\n- Subscriptions read it for each item, but send no item for markTicketRead.",
        flat=UNREAD_COST,
    )
    viewer_draft: Any = personal_field(
        "own_drafts",
        DraftType | None,
        "The viewer's unsent draft on the ticket: what saveDraft stored, or what an API client "
        "proposed. Null if there is none, and for API clients. Nobody else can read it, except in "
        "the file of exportPerson. A draft of a note requires the scope `notes:read`. "
        "Subscriptions read it for each item, but send no item for a draft.",
    )
