"""Replies, notes and their attachments."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import MessageInterface, Node


@strawberry.type(name="Attachment", description="A file that is attached to a ticket or message.")
class AttachmentType(Node):
    filename: str = strawberry.field(description="The name of the file.")
    content_type: str = strawberry.field(
        description="The media type of the file, such as image/png."
    )
    size: int = strawberry.field(description="The size of the file in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 hash of the file in hexadecimal.")
    created_at: datetime = strawberry.field(description="The time at which the file was attached.")


@strawberry.type(name="Reply", description="A public message, which the customer can read.")
class ReplyType(MessageInterface):
    pass


@strawberry.type(
    name="Note",
    description="An internal message. Requires the scope `notes:read`; customers never see it.",
)
class NoteType(MessageInterface):
    pass
