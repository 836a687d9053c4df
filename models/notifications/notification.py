"""What people are told in the app, and what they want to be told of, by which channel."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, Many
from models.core.sql import Condition
from models.core.time import InstantField
from models.log.event import Event
from models.people.user import User

if TYPE_CHECKING:
    from collections.abc import Sequence


class Topic(Enum):
    """What a person can choose to be told of."""

    RAISED = "raised"
    REPLIES = "replies"
    NOTES = "notes"
    MENTIONS = "mentions"
    STATUS = "status"
    ASSIGNMENT = "assignment"
    ESCALATION = "escalation"
    SLA = "sla"
    REMINDERS = "reminders"


class Channel(Enum):
    IN_APP = "in_app"
    EMAIL = "email"


class NotificationReason(Enum):
    """Why somebody hears of an entry; the first that fits is the one told."""

    MENTIONED = "mentioned"
    ESCALATION = "escalation"
    REQUESTER = "requester"
    ASSIGNEE = "assignee"
    WATCHER = "watcher"
    TEAM = "team"


class NotificationHead(Model):
    """The number of the newest notification; one row."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    number = fields.BigIntField(default=0)

    class Meta:
        table = "notification_head"
        table_description = "The number of the newest notification"


class Notification(Model):
    """One person told of one entry. Numbers are gapless and in the order of commits, as the log's positions are."""

    number = fields.BigIntField(primary_key=True, generated=False)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    event: fields.ForeignKeyRelation[Event] = fields.ForeignKeyField(
        "models.Event", related_name=False, on_delete=fields.CASCADE
    )
    event_id: int
    reason = fields.CharEnumField(NotificationReason, max_length=16)
    created_at = InstantField()
    read_at = InstantField(null=True)

    class Meta:
        table = "notifications"
        table_description = "What people are told in the app"
        unique_together = (("event", "user"),)
        indexes = (("user_id", "number"),)


class NotificationPreference(Model):
    """Where somebody departs from what is usual."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    topic = fields.CharEnumField(Topic, max_length=16)
    channel = fields.CharEnumField(Channel, max_length=8)
    enabled = fields.BooleanField()

    class Meta:
        table = "notification_preferences"
        table_description = "What people want to be told of"
        unique_together = (("user", "topic", "channel"),)


DEFAULT_TOPICS: Mapping[Channel, frozenset[Topic]] = {
    Channel.IN_APP: frozenset(Topic),
    Channel.EMAIL: frozenset(Topic) - {Topic.NOTES, Topic.MENTIONS},
}
"""What is sent unless somebody chose otherwise. Notes never leave by e-mail, so nothing about them can be chosen there."""


async def append_notifications(notifications: Sequence[Notification]) -> None:
    """Number the notifications and store them: the last step of the transaction that makes them."""
    if not notifications:
        return
    count = len(notifications)
    advanced = await database.fetch_dicts(
        "UPDATE notification_head SET number = number + ? RETURNING number", [count]
    )
    first = cast("int", advanced[0]["number"]) - count + 1
    for place, each in enumerate(notifications):
        each.number = first + place
    await Notification.bulk_create(notifications)


async def read_last_number() -> int:
    """The number of the newest notification, 0 where there is none."""
    found = await database.fetch_dicts("SELECT number FROM notification_head")
    return cast("int", found[0]["number"])


async def read_notifications_after(number: int, limit: int) -> list[Notification]:
    """Everybody's notifications after a number: what the tail follows."""
    newer = Condition("(n.number > ?)", (number,))
    return await Many(LazyQuery(Notification, "n", "notifications n", newer, "n.number", limit))
