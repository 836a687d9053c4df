"""What became of the mails that entries of the log caused: for the team alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.notifications.email import Mail, MailStatus
from schema.context import context_of
from schema.relations import foreign_key_field
from schema.types.people import UserType


@strawberry.type(name="MailDelivery", description="One mail to one person about one entry of the log; never shown to customers.")
class MailDeliveryType:
    recipient: Any = foreign_key_field("user", UserType, "Whom it is for.")

    @strawberry.field(description="Where it goes; null for tokens without the scope users:read.")
    def address(self, root: strawberry.Parent[Mail], info: strawberry.Info) -> str | None:
        context = context_of(info)
        return root.address if context.viewer.can_see_people else None

    status: MailStatus = strawberry.field(description="What became of it.")
    attempts: int = strawberry.field(description="How often it was tried.")
    answer: str | None = strawberry.field(description="What the mail server last said, or why it was not sent.")
    next_attempt_at: datetime | None = strawberry.field(description="When it is tried next; null once it is over.")
    sent_at: datetime | None = strawberry.field(description="When the mail server took it.")
    created_at: datetime = strawberry.field(description="When it was queued.")
