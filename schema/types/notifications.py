"""Notifications, and the preferences for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.notifications.notification import Channel, NotificationReason, Topic
from schema.interfaces import Node, TicketEventInterface
from schema.records.relations import foreign_key_field


@strawberry.type(name="Notification", description="A notification of the viewer about an event.")
class NotificationType(Node):
    cursor: str = strawberry.field(
        description="The position among the viewer's notifications, for the arguments `after` and "
        "`before` of `notifications`. It is not a cursor of the log."
    )
    event: Any = foreign_key_field("event", TicketEventInterface, "The event.")

    reason: NotificationReason = strawberry.field(
        description="The reason for which the viewer receives the notification."
    )
    read_at: datetime | None = strawberry.field(
        description="The time at which the notification was marked as read. Null while it is "
        "unread."
    )
    created_at: datetime = strawberry.field(
        description="The time at which the notification was created."
    )


@strawberry.type(
    name="NotificationPreference",
    description="Whether the server notifies a user of a topic by a channel.",
)
class NotificationPreferenceType:
    topic: Topic = strawberry.field(description="The topic.")
    channel: Channel = strawberry.field(description="The channel.")
    enabled: bool = strawberry.field(
        description="Whether such notifications are sent: the user's choice, or the default."
    )
