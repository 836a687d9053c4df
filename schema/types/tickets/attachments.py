"""Attached files, and their events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from models.files.signatures import FileAction
from models.log.event import Event
from models.tickets.attachment import Attachment
from schema.context import context_of, loaders
from schema.cost import URL_COST, cost
from schema.interfaces import Node, TicketEventInterface


@strawberry.type(name="Attachment", description="A file that is attached to a ticket or message.")
class AttachmentType(Node):
    filename: str = strawberry.field(
        description="The name of the file. It is `[erased]` after the file was erased."
    )
    content_type: str = strawberry.field(
        description="The media type of the file, such as image/png."
    )
    size: int = strawberry.field(description="The size of the file in bytes.")
    sha256: str | None = strawberry.field(
        description="The SHA-256 hash of the file in hexadecimal. Null until the upload is "
        "complete, and after the file was erased."
    )

    @strawberry.field(
        description="The URL of the file, valid for 5 minutes by default. It needs no token. "
        "Browsers show images and plain text, and download all other types. A URL without a host "
        "is relative to that of the API. Null until the upload is complete, and after the file was "
        "erased.",
        metadata=cost(flat=URL_COST),
    )
    def url(self, root: strawberry.Parent[Attachment], info: strawberry.Info) -> str | None:
        return context_of(info).build_download_url(root, FileAction.DOWNLOAD)

    @strawberry.field(
        description="The URL of a thumbnail of a PNG, JPEG, GIF or WebP image, valid like `url`: "
        "WebP, at most 320 pixels wide and high. Null for other types, and until the upload is "
        "complete.",
        metadata=cost(flat=URL_COST),
    )
    def thumbnail_url(
        self, root: strawberry.Parent[Attachment], info: strawberry.Info
    ) -> str | None:
        return context_of(info).build_download_url(root, FileAction.THUMBNAIL)

    created_at: datetime = strawberry.field(
        description="The time at which the file was announced by createAttachment."
    )


@strawberry.type(
    name="TicketAttachmentAdded",
    description="A file was attached, with a message or the ticket's description.",
)
class TicketAttachmentAdded(TicketEventInterface):
    @strawberry.field(
        description="The file. Null if the viewer may not see it any more, because its message was "
        "moved to another ticket.",
        graphql_type=AttachmentType | None,
    )
    async def attachment(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> Attachment | None:
        return await loaders(info).attachments.load(UUID(str(root.value("attachment_id"))))
