"""Emails that events caused, for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import strawberry

from models.notifications.email import Mail, MailStatus
from models.notifications.mail_answer import mask_answer
from schema.context import context_of
from schema.records.relations import foreign_key_field
from schema.types.people.people import UserType


@strawberry.type(
    name="MailDelivery",
    description="The delivery record of an email about an event. Customers can't see it.",
)
class MailDeliveryType:
    recipient: Any = foreign_key_field("user", UserType, "The user to whom the email is addressed.")

    @strawberry.field(description="The email address. Null without the scope `users:read`.")
    def address(self, root: strawberry.Parent[Mail], info: strawberry.Info) -> str | None:
        context = context_of(info)
        return root.address if context.viewer.can_see_people else None

    status: MailStatus = strawberry.field(description="The delivery status.")
    attempts: int = strawberry.field(
        description="The number of attempts to send the email, 0 or more."
    )

    @strawberry.field(
        description="The last response of the mail server, or the reason for which the email was "
        "not sent. Null before the first attempt. Without the scope `users:read`, it has only the "
        "codes and the words that are usual in such responses, and `…` in place of all others, "
        "because it may quote other people's addresses."
    )
    def answer(self, root: strawberry.Parent[Mail], info: strawberry.Info) -> str | None:
        answer = cast("str | None", root.answer)
        if answer is None or context_of(info).viewer.can_see_people:
            return answer
        return mask_answer(answer)

    next_attempt_at: datetime | None = strawberry.field(
        description="The time of the next attempt, which waits for earlier emails about the same "
        "ticket to the same recipient. Null if no attempt follows."
    )
    sent_at: datetime | None = strawberry.field(
        description="The time at which the mail server accepted the email. Null until then."
    )
    created_at: datetime = strawberry.field(
        description="The time at which the server queued the email."
    )
