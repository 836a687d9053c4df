"""Inputs of the mutations for notifications and their preferences."""

from __future__ import annotations

import strawberry

from models.notifications.notification import Channel, Topic
from schema.inputs.fields import optional, required


@strawberry.input(description="The notifications to mark as read.")
class MarkNotificationsReadInput:
    ids: list[strawberry.ID] | None = optional(
        "The ids of at most 1,000 of the viewer's notifications. Null: all of the viewer's "
        "notifications."
    )


@strawberry.input(description="The viewer's preference for one topic and one channel.")
class SetNotificationPreferenceInput:
    topic: Topic = required(
        "The topic. `Viewer.notificationPreferences` lists the topics of the viewer."
    )
    channel: Channel = required("The channel, one of those that the topic has for the viewer.")
    enabled: bool = required("Whether the server notifies the viewer of the topic by the channel.")
