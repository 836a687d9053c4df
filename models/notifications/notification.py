"""Notifications in the application, and the preferences for each topic and channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.sql import Condition, compare
from models.core.time import InstantField
from models.log.event import Event
from models.people.user import User


class Topic(Enum):
    """A subject of notifications that users can turn on or off."""

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
    """Why a user is notified. If several reasons apply, the first one is used."""

    MENTIONED = "mentioned"
    ESCALATION = "escalation"
    REQUESTER = "requester"
    ASSIGNEE = "assignee"
    WATCHER = "watcher"
    TEAM = "team"


class NotificationHead(Model):
    """The number of the newest notification; one row.

    folded  how many notifications and emails were folded into earlier ones
    """

    id = fields.SmallIntField(primary_key=True, generated=False)
    number = fields.BigIntField(default=0)
    folded = fields.BigIntField(default=0, db_default=0)

    class Meta:
        table = "notification_head"
        table_description = "The number of the newest notification"


NEWEST_FIRST = Order((Sort("n.number", "pk", True, SortType.INTEGER, integers=range(2**63)),))
"""The order of a user's list of notifications."""


def encode_cursor(number: int) -> str:
    """The cursor of a notification, for the list and for the subscription."""
    return NEWEST_FIRST.encode_cursor([number])


def decode_cursor(cursor: str) -> int:
    """The number of a notification. Raises CursorInvalid."""
    return cast("int", NEWEST_FIRST.decode_cursor(cursor)[0])


class Notification(Model):
    """A notification of one user about one event.

    Numbers have no gaps and follow the order of commits, as positions in the log do.
    """

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

    cursor = computed_property(("number",), encode_cursor)

    class Meta:
        table = "notifications"
        table_description = "Notifications in the application"
        unique_together = (("event", "user"),)
        indexes = (("user_id", "number"),)


class NotificationPreference(Model):
    """A user's choice for a topic and a channel, which overrides DEFAULT_TOPICS."""

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
        table_description = "Notification preferences"
        unique_together = (("user", "topic", "channel"),)


DEFAULT_TOPICS: Mapping[Channel, frozenset[Topic]] = {
    Channel.IN_APP: frozenset(Topic),
    Channel.EMAIL: frozenset(Topic) - {Topic.NOTES, Topic.MENTIONS},
}
"""The topics that a user without preferences receives. Notes are never sent by email."""


async def append_notifications(notifications: Sequence[Notification], folded: int = 0) -> None:
    """Number and store notifications; count those that were `folded` into earlier ones.

    Call it last in a transaction: it locks the counter of all notifications until the commit.
    """
    if not notifications and not folded:
        return
    count = len(notifications)
    rows = await database.fetch_dicts(
        "UPDATE notification_head SET number = number + ?, folded = folded + ? RETURNING number",
        [count, folded],
    )
    if not notifications:
        return
    first = cast("int", rows[0]["number"]) - count + 1
    for number, notification in enumerate(notifications, start=first):
        notification.number = number
    await Notification.bulk_create(notifications)


async def read_last_number() -> int:
    """The number of the newest notification, or 0 if there is none."""
    rows = await database.fetch_dicts("SELECT number FROM notification_head")
    return cast("int", rows[0]["number"])


async def read_own_after(user_id: UUID | None, number: int, limit: int) -> list[Notification]:
    """The notifications of one user after `number`, in order."""
    own = compare("n.user_id", "=", user_id) & Condition("(n.number > ?)", (number,))
    return await ListQuery(LazyQuery(Notification, "n", "notifications n", own, "n.number", limit))


async def read_notifications_after(number: int, limit: int) -> list[Notification]:
    """The notifications of all users after `number`, in order."""
    condition = Condition("(n.number > ?)", (number,))
    return await ListQuery(
        LazyQuery(Notification, "n", "notifications n", condition, "n.number", limit)
    )
