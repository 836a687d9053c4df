"""A person's own notifications: reading them, marking them as read, and choosing what to be told of."""

from __future__ import annotations

from typing import Annotated

import strawberry

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import Code, InvalidInput, Refusal
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import parse_page_arguments
from models.notifications import inbox
from models.notifications import preferences as preference
from models.notifications.notification import Notification
from resolvers.context import context_of
from schema.inputs.notifications import MarkNotificationsReadInput, SetNotificationPreferenceInput
from schema.pagination import After, Before, First, Last
from schema.payloads.notifications import MarkNotificationsReadPayload, SetNotificationPreferencePayload
from schema.types.errors import user_error

MAX_MARKED_NOTIFICATIONS = 1000


async def notifications(
    info: strawberry.Info,
    unread_only: Annotated[bool | None, strawberry.argument(description="Only those that are unread.")] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Notification]:
    asked = parse_page_arguments(first, after, last, before)
    return inbox.build_page(context_of(info).viewer, asked, unread_only=bool(unread_only))


async def mark_notifications_read(info: strawberry.Info, input: MarkNotificationsReadInput) -> MarkNotificationsReadPayload:
    context = context_of(info)
    try:
        numbers = None if input.ids is None else await find_own_numbers(context.viewer, input.ids)
    except Refusal as refusal:
        return MarkNotificationsReadPayload(unread=await inbox.count_unread(context.viewer), user_errors=[user_error(refusal)])
    await inbox.mark_read(context.viewer, numbers, context.now())
    context.refresh()
    return MarkNotificationsReadPayload(unread=await inbox.count_unread(context.viewer))


async def find_own_numbers(viewer: Viewer, named: list[strawberry.ID]) -> set[int]:
    """The numbers of the viewer's own notifications. Raises InvalidInput where one of them does not exist for the viewer."""
    if len(named) > MAX_MARKED_NOTIFICATIONS:
        raise InvalidInput(Code.INVALID, f"At most {MAX_MARKED_NOTIFICATIONS} notifications at once.", "ids")
    found = [ids.decode(each) for each in named]
    numbers = {int(each[1]) for each in found if each is not None and each[0] == ids.NOTIFICATION}
    if len(numbers) < len(set(named)) or len(await inbox.filter_visible(viewer, numbers)) < len(numbers):
        raise InvalidInput(Code.NOT_FOUND, "There is no such notification.", "ids")
    return numbers


async def set_notification_preference(
    info: strawberry.Info, input: SetNotificationPreferenceInput
) -> SetNotificationPreferencePayload:
    user = context_of(info).viewer.user
    assert user is not None  # the row is for people
    try:
        await preference.set_preference(user, input.topic, input.channel, input.enabled)
    except Refusal as refusal:
        return SetNotificationPreferencePayload(
            preferences=await preference.list_preferences(user), user_errors=[user_error(refusal)]
        )
    return SetNotificationPreferencePayload(preferences=await preference.list_preferences(user))
