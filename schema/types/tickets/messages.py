"""Replies and notes."""

from __future__ import annotations

import strawberry

from schema.interfaces import MessageInterface


@strawberry.type(name="Reply", description="A public message, which the customer can read.")
class ReplyType(MessageInterface):
    pass


@strawberry.type(
    name="Note",
    description="An internal message. Requires the scope `notes:read`; customers never see it.",
)
class NoteType(MessageInterface):
    pass
