"""Enums of the log and of live lists."""

from __future__ import annotations

from models.log.event import EventType
from models.queries.live_list import ChangeKind
from schema.enums.registration import register_enum

register_enum(
    EventType,
    "TicketEventType",
    "The type of an event in the log.",
    {
        "TICKET_CREATED": "A ticket was created.",
        "TICKET_UPDATED": "The ticket's subject, priority, category, requester, organization, "
        "tags, resources, custom fields, watchers, participants or external id changed, or whether "
        "it is shared with its organization.",
        "STATUS_CHANGED": "The ticket's status changed.",
        "ASSIGNED": "The ticket's assignee changed.",
        "TRANSFERRED": "The ticket's team changed.",
        "ESCALATED": "The ticket's escalation level rose.",
        "REPLY_ADDED": "A public message was added.",
        "NOTE_ADDED": "An internal message was added. Customers never see this event.",
        "ATTACHMENT_ADDED": "A file was attached, with a message or the ticket's description. "
        "Customers don't see this event if the message is a note.",
        "LINKED": "The ticket was linked to another ticket.",
        "UNLINKED": "A link of the ticket to another ticket was removed.",
        "MERGED": "The ticket was merged into another ticket, or another ticket into it.",
        "UNMERGED": "A merge of the ticket into another ticket, or of another ticket into it, was "
        "undone.",
        "REPLY_MOVED": "A public message that was moved to another ticket later, when a merge was "
        "undone. It was of type REPLY_ADDED until then.",
        "MESSAGE_REDACTED": "A text was removed from a message. Copies of the message must be "
        "replaced. Customers see it for replies only.",
        "TICKET_REDACTED": "Texts were removed from the ticket, its messages and its events, by "
        "`redactTicket`, a retention policy or the erasure of a person. Copies must be replaced. "
        "Customers see it unless only what they can't see has changed.",
        "RATED": "The ticket was rated.",
        "SLA_AT_RISK": "An SLA clock passed the at-risk percentage of its target, 75 percent by "
        "default.",
        "SLA_BREACHED": "An SLA clock passed its target before the response or resolution.",
        "SLA_ACHIEVED": "The response or resolution that an SLA clock measures took place, in time "
        "or late.",
        "SLA_RETARGETED": "Another SLA policy, or a changed one, applies to the ticket. Its "
        "clocks keep the time that they have spent.",
        "ESCALATION_STEP": "The server ran a step of an escalation path. Customers never see this "
        "event.",
        "REMINDED": "The server reminded the customer that the ticket waits for a reply or will "
        "close soon.",
        "MAIL_FAILED": "An email about the ticket could not be delivered. Customers never see "
        "this event.",
        "DRAFT_PROPOSED": "An API client proposed a draft to an agent or admin. Customers never "
        "see this event.",
    },
)
register_enum(
    ChangeKind,
    "ChangeKind",
    "The kind of a change in a live list. Clients should handle ADDED and UPDATED alike: the "
    "ticket is in the list, in the state that the change shows. They should ignore REMOVED for a "
    "ticket "
    "that is not in their list.",
    {
        "SNAPSHOT": "The ticket is part of the initial snapshot of the list.",
        "SNAPSHOT_END": "The snapshot is complete. Changes follow.",
        "ADDED": "The ticket has begun to match the filter, or the viewer may see it now.",
        "UPDATED": "The ticket has changed and is still in the list.",
        "REMOVED": "The ticket no longer matches the filter, or the viewer may no longer see it.",
        "GAP": "The server cannot tell all changes since the cursor. A new snapshot follows and "
        "replaces the list. A client that resumes from a cursor gets it if the cursor is too "
        "old, or older than a change of the viewer's role or organization, if the filter "
        "compares ages, or if the viewer does not see every ticket.",
        "HEARTBEAT": "Nothing has changed for 15 seconds. The cursor is the head of the log.",
    },
)
