"""What people are told in the app, and what they want to be told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.notifications.notification import Channel, NotificationReason, Topic
from schema.interfaces import Node, TicketEventInterface
from schema.relations import foreign_key_field


@strawberry.type(name="Notification", description="One person told of one entry of the log.")
class NotificationType(Node):
    event: Any = foreign_key_field("event", TicketEventInterface, "What happened.")

    reason: NotificationReason = strawberry.field(description="Why the viewer is told; the first that fits.")
    read_at: datetime | None = strawberry.field(description="When it was marked as read; null while it is unread.")
    created_at: datetime = strawberry.field(description="When the viewer was told.")


@strawberry.type(name="NotificationPreference", description="Whether somebody is told of something, by a channel.")
class NotificationPreferenceType:
    topic: Topic = strawberry.field(description="What it is about.")
    channel: Channel = strawberry.field(description="How it is told.")
    enabled: bool = strawberry.field(description="Whether it is told; what is usual, unless the person chose.")
