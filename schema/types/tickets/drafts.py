"""Drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models import related
from models.tickets.message import MessageKind
from schema.cost import TEXT_COST, cost
from schema.interfaces import Actor, Node
from schema.records.relations import foreign_key_field, related_list_field
from schema.types.tickets.attachments import AttachmentType


@strawberry.type(
    name="Draft",
    description="A reply or note that the viewer is writing on a ticket. Each person has at most "
    "one draft on a ticket. Only this person can read it, and only while they can see the ticket.",
)
class DraftType(Node):
    kind: MessageKind = strawberry.field(description="Whether it becomes a reply or a note.")
    body: str = strawberry.field(
        description="The text in Markdown, as saved, 0 to 65,536 characters by default.",
        metadata=cost(flat=TEXT_COST),
    )
    attachments: Any = related_list_field(
        related.draft_attachments,
        list[AttachmentType],
        "The files of the draft, in the order of their announcement. To send them, name their ids "
        "in replyToTicket, addNote or applyMacro.",
    )
    proposed_by: Any = foreign_key_field(
        "proposed_by",
        Actor | None,
        "The API client that proposed the text. Null once the viewer has saved the draft.",
    )
    version: int = strawberry.field(
        description="The version of the draft; send it as `expectedVersion` of saveDraft and as "
        "`draftVersion` of replyToTicket, addNote and applyMacro. It rises by one with each "
        "change. A new draft does not begin with 1, so that its versions are not those of an "
        "earlier draft."
    )
    created_at: datetime = strawberry.field(description="The time at which the draft was created.")
    updated_at: datetime = strawberry.field(
        description="The time of the last change. The server deletes a draft 30 days after it, by "
        "default."
    )
