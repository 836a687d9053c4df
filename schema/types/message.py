"""Replies, notes and what is attached to them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import MessageInterface, Node


@strawberry.type(name="Attachment", description="A file on a ticket.")
class AttachmentType(Node):
    filename: str = strawberry.field(description="The name it was given.")
    content_type: str = strawberry.field(description="Its media type.")
    size: int = strawberry.field(description="In bytes.")
    sha256: str = strawberry.field(description="Its SHA-256 in hexadecimal.")
    created_at: datetime = strawberry.field(description="When it came.")


@strawberry.type(name="Reply", description="Public: the customer reads it.")
class ReplyType(MessageInterface):
    pass


@strawberry.type(name="Note", description="Internal: agents and admins only.")
class NoteType(MessageInterface):
    pass
