"""What people want to be told of, by which channel: what is usual, but for where they chose otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from models.core.errors import Code, InvalidInput
from models.notifications import routing
from models.notifications.notification import DEFAULT_TOPICS, Channel, NotificationPreference, Topic
from models.people.user import Role, User

PreferenceOverrides = Mapping[tuple[UUID, Topic, Channel], bool]


@dataclass(frozen=True, slots=True)
class Preference:
    """One combination, and whether the person is told so."""

    topic: Topic
    channel: Channel
    enabled: bool


def is_enabled(chosen: PreferenceOverrides, user_id: UUID, topic: Topic, channel: Channel) -> bool:
    return chosen.get((user_id, topic, channel), topic in DEFAULT_TOPICS[channel])


async def read_overrides(user_ids: Iterable[UUID]) -> PreferenceOverrides:
    """Where these people depart from what is usual."""
    found = await NotificationPreference.filter(user_id__in=list(user_ids))
    return {(each.user_id, each.topic, each.channel): each.enabled for each in found}


async def list_preferences(user: User) -> list[Preference]:
    """All that the person can choose, as it is now."""
    own = await read_overrides([user.id])
    can = routing.list_choices(customer=user.role is Role.CUSTOMER)
    return [
        Preference(topic, channel, is_enabled(own, user.id, topic, channel))
        for topic, channel in can
    ]


async def set_preference(user: User, topic: Topic, channel: Channel, enabled: bool) -> None:
    """Raises InvalidInput where nobody of the person's role is ever told so."""
    if (topic, channel) not in routing.list_choices(customer=user.role is Role.CUSTOMER):
        raise InvalidInput(
            Code.INVALID, f"You are never told of {topic.name} by {channel.name}.", "topic"
        )
    row = NotificationPreference(user_id=user.id, topic=topic, channel=channel, enabled=enabled)
    await NotificationPreference.bulk_create(
        [row], on_conflict=["user_id", "topic", "channel"], update_fields=["enabled"]
    )
