"""The inputs of mutations: notifications."""

from __future__ import annotations

import strawberry

from models.notifications.notification import Channel, Topic
from schema.inputs.fields import given, optional


@strawberry.input(description="Notifications that were read.")
class MarkNotificationsReadInput:
    ids: list[strawberry.ID] | None = optional("At most 1,000 of the viewer's own; null marks all.")


@strawberry.input(description="What to be told of.")
class SetNotificationPreferenceInput:
    topic: Topic = given("What it is about.")
    channel: Channel = given("How it is told.")
    enabled: bool = given("Whether to be told.")
