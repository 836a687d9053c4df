"""The payloads of mutations: notifications."""

from __future__ import annotations

import strawberry

from models.notifications.preferences import Preference
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import errors
from schema.types.notification import NotificationPreferenceType


@strawberry.type(description="What became of notifications.")
class MarkNotificationsReadPayload:
    unread: int = strawberry.field(description="How many are unread now.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What somebody wants to be told of.")
class SetNotificationPreferencePayload:
    preferences: list[Preference] = strawberry.field(
        description="All that can be chosen, as it is now.", graphql_type=list[NotificationPreferenceType]
    )
    user_errors: list[UserErrorInterface] = errors()
