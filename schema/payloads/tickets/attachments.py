"""The payload of the mutation createAttachment."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.tickets.attachment import Attachment
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.tickets.attachments import AttachmentType

NULL_IF_COMPLETE = "Null if the upload is complete or has expired, or if there are user errors."


@strawberry.type(description="The result of createAttachment.")
class CreateAttachmentPayload:
    attachment: Attachment | None = record_field(
        f"The file. Only the viewer sees it until it is attached. {NULL_IF_REFUSED}",
        AttachmentType | None,
    )
    upload_url: str | None = strawberry.field(
        default=None,
        description="The URL to send the file to with PUT, as the body of the request. It needs no "
        "token: keep it secret. A URL without a host is relative to that of the API. "
        f"{NULL_IF_COMPLETE}",
    )
    upload_expires_at: datetime | None = strawberry.field(
        default=None,
        description=f"The time until which the whole file must have arrived. {NULL_IF_COMPLETE}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
