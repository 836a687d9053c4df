"""The mutations for notifications and their preferences."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import CHANGE_OWN_NOTIFICATIONS
from resolvers import notifications
from schema.fields import mutation
from schema.payloads.notifications import (
    MarkNotificationsReadPayload,
    SetNotificationPreferencePayload,
)


@strawberry.type
class NotificationMutations:
    mark_notifications_read: Any = mutation(
        notifications.mark_notifications_read,
        CHANGE_OWN_NOTIFICATIONS,
        "Marks notifications of the viewer as read. Notifications that are read already stay "
        "unchanged.",
        MarkNotificationsReadPayload | None,
        errors=("NOT_FOUND (ids)", "INVALID (ids): more than 1,000 ids"),
    )
    set_notification_preference: Any = mutation(
        notifications.set_notification_preference,
        CHANGE_OWN_NOTIFICATIONS,
        "Turns the viewer's notifications of one topic by one channel on or off.",
        SetNotificationPreferencePayload | None,
        errors=("INVALID (topic): the viewer's role has no such topic and channel",),
    )
