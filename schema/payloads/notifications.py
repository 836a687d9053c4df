"""Payloads of the mutations for notifications and their preferences."""

from __future__ import annotations

import strawberry

from models.notifications.preferences import Preference
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import user_errors_field
from schema.types.notifications import NotificationPreferenceType


@strawberry.type(description="The result of the mutation markNotificationsRead.")
class MarkNotificationsReadPayload:
    unread: int = strawberry.field(
        description="The number of the viewer's notifications that are unread now."
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation setNotificationPreference.")
class SetNotificationPreferencePayload:
    preferences: list[Preference] = strawberry.field(
        description="All preferences of the viewer, including the defaults.",
        graphql_type=list[NotificationPreferenceType],
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
