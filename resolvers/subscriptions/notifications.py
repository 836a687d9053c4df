"""The subscription to the viewer's notifications: each once, in order, from a cursor on.

It works like the subscriptions to events (events.py), with the numbers of notifications as its
positions.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import strawberry

from engine.execution.source import Source
from models.access.permissions import USE_OWN_NOTIFICATIONS
from models.access.viewer import Viewer
from models.core.errors import CursorInvalid
from models.notifications import inbox, notification
from models.notifications.notification import Notification
from resolvers.context import Context, context_of
from resolvers.subscriptions.outage import retry_on_outage

MAX_BATCH_NOTIFICATIONS = 200


async def notifications(info: strawberry.Info, after: str | None = None) -> NotificationSource:
    """Raises CursorInvalid."""
    context = context_of(info)
    # As in `events.starting_position`: notifications that were stored before the call are not new.
    head = max(context.services.notification_tail.head, await notification.read_last_number())
    number = head if after is None else notification.decode_cursor(after)
    if number > head:
        raise CursorInvalid("The cursor is after the newest notification.")
    return NotificationSource(context, number)


class NotificationSource(Source[Notification]):
    """The viewer's own notifications after a number."""

    cursor_argument = "after"

    def __init__(self, context: Context, number: int) -> None:
        self.context = context
        self.position = number

    @property
    def share_key(self) -> Hashable:
        return (self.context.viewer.caller_key, self.context.viewer.visibility_key)

    @property
    def is_live(self) -> bool:
        return (
            self.position >= self.context.services.notification_tail.head - MAX_BATCH_NOTIFICATIONS
        )

    def fork(self, context: Context, position: int) -> NotificationSource:
        return NotificationSource(context, position)

    def cursor(self, position: int) -> str:
        return notification.encode_cursor(position)

    async def wait(self) -> None:
        await self.context.services.notification_tail.wait_beyond(self.position)

    async def next_batch(self) -> list[tuple[int, Notification]]:
        return await retry_on_outage(self.read_batch)

    async def read_batch(self) -> list[tuple[int, Notification]]:
        tail = self.context.services.notification_tail
        recent, end = tail.after(self.position), tail.head
        if recent is None:
            items = await self.read_page()
        else:
            items = recent[:MAX_BATCH_NOTIFICATIONS]
        if len(items) == MAX_BATCH_NOTIFICATIONS:
            end = items[-1].number
        USE_OWN_NOTIFICATIONS.check(self.context.viewer)
        visible = await visible_notifications(self.context.viewer, items)
        self.position = max(end, items[-1].number) if items else end
        return [(each.number, each) for each in visible]

    async def read_page(self) -> Sequence[Notification]:
        """The viewer's own notifications after the position, which may be far behind."""
        user_id = self.context.viewer.user_id
        page = await notification.read_own_after(user_id, self.position, MAX_BATCH_NOTIFICATIONS)
        await self.context.services.viewers.refresh()
        return page


async def visible_notifications(
    viewer: Viewer, notifications: Sequence[Notification]
) -> list[Notification]:
    """The viewer's own notifications that are visible now, with at most one statement."""
    own = [each for each in notifications if each.user_id == viewer.user_id]
    numbers = await inbox.filter_visible(viewer, [each.number for each in own])
    return [each for each in own if each.number in numbers]
