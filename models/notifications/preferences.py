"""Notification preferences: the defaults, and the users' overrides, by topic and channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from models.core.errors import InvalidInput, UserErrorCode
from models.notifications import routing
from models.notifications.notification import DEFAULT_TOPICS, Channel, NotificationPreference, Topic
from models.people.user import Role, User

PreferenceOverrides = Mapping[tuple[UUID, Topic, Channel], bool]


@dataclass(frozen=True, slots=True)
class Preference:
    """Whether a user is notified about a topic by a channel."""

    topic: Topic
    channel: Channel
    enabled: bool


def is_enabled(
    overrides: PreferenceOverrides, user_id: UUID, topic: Topic, channel: Channel
) -> bool:
    return overrides.get((user_id, topic, channel), topic in DEFAULT_TOPICS[channel])


async def read_overrides(user_ids: Iterable[UUID]) -> PreferenceOverrides:
    """The preferences of these users that differ from the defaults."""
    records = await NotificationPreference.filter(user_id__in=list(user_ids))
    return {(record.user_id, record.topic, record.channel): record.enabled for record in records}


async def list_preferences(user: User) -> list[Preference]:
    """The current value of each preference that the user can set."""
    overrides = await read_overrides([user.id])
    return [
        Preference(topic, channel, is_enabled(overrides, user.id, topic, channel))
        for topic, channel in routing.list_choices(is_customer=user.role is Role.CUSTOMER)
    ]


async def set_preference(user: User, topic: Topic, channel: Channel, enabled: bool) -> None:
    """Store a preference.

    Raises InvalidInput if users of this role never get notifications of the topic by the channel.
    """
    if (topic, channel) not in routing.list_choices(is_customer=user.role is Role.CUSTOMER):
        message = f"{topic.name} notifications are never sent to you by {channel.name}."
        raise InvalidInput(UserErrorCode.INVALID, message, "topic")
    record = NotificationPreference(user_id=user.id, topic=topic, channel=channel, enabled=enabled)
    await NotificationPreference.bulk_create(
        [record], on_conflict=["user_id", "topic", "channel"], update_fields=["enabled"]
    )
