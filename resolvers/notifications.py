"""The viewer's own notifications and notification preferences."""

from __future__ import annotations

import strawberry

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, Refusal, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.notifications import inbox, preferences
from models.notifications.notification import Notification
from resolvers.context import context_of
from resolvers.mutations.resolver import to_user_errors
from schema.inputs.notifications import MarkNotificationsReadInput, SetNotificationPreferenceInput
from schema.pagination import After, Before, First, Last
from schema.payloads.notifications import (
    MarkNotificationsReadPayload,
    SetNotificationPreferencePayload,
)

MAX_MARKED_NOTIFICATIONS = 1000


async def notifications(
    info: strawberry.Info,
    unread_only: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Notification]:
    page = parse_page_arguments(first, after, last, before)
    return inbox.build_page(context_of(info).viewer, page, unread_only=bool(unread_only))


async def mark_notifications_read(
    info: strawberry.Info, input: MarkNotificationsReadInput
) -> MarkNotificationsReadPayload:
    # @simple_mutation returns only user errors after a refusal, but `unread` is required.
    context = context_of(info)
    viewer, errors = context.viewer, []
    try:
        numbers = None if input.ids is None else await find_own_numbers(viewer, input.ids)
    except Refusal as refusal:
        errors = to_user_errors(refusal)
    else:
        await inbox.mark_read(viewer, numbers, context.now())
        context.renew_loaders()
    unread = await inbox.count_unread(viewer)
    return MarkNotificationsReadPayload(unread=unread, user_errors=errors)


async def find_own_numbers(viewer: Viewer, notification_ids: list[strawberry.ID]) -> set[int]:
    """The primary keys of the notifications with these global ids.

    Raises InvalidInput unless the viewer can see all of them.
    """
    if len(notification_ids) > MAX_MARKED_NOTIFICATIONS:
        message = f"must have at most {MAX_MARKED_NOTIFICATIONS:,} ids"
        raise InvalidInput(UserErrorCode.INVALID, message, "ids", limit_name="marked_notifications")
    numbers: set[int] = set()
    for decoded in map(ids.decode, notification_ids):
        if decoded is not None and decoded[0] == ids.NOTIFICATION:
            numbers.add(int(decoded[1]))
    visible = await inbox.filter_visible(viewer, numbers)
    if len(numbers) < len(set(notification_ids)) or len(visible) < len(numbers):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such notification.", "ids")
    return numbers


async def set_notification_preference(
    info: strawberry.Info, input: SetNotificationPreferenceInput
) -> SetNotificationPreferencePayload:
    user, errors = context_of(info).viewer.user, []
    assert user is not None  # the permission is only for users
    try:
        await preferences.set_preference(user, input.topic, input.channel, input.enabled)
    except Refusal as refusal:
        errors = to_user_errors(refusal)
    return SetNotificationPreferencePayload(
        preferences=await preferences.list_preferences(user), user_errors=errors
    )
