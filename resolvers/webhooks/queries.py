"""The queries for webhooks."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core import ids
from models.core.errors import BadRequest, InvalidInput
from models.core.lazy_query import ConnectionQuery, ListQuery, RecordQuery
from models.core.paging.pagination import parse_page_arguments
from models.core.sql import FALSE, Condition, in_list
from models.log import event
from models.log.event import Event, decode_cursor, encode_cursor
from models.queries import webhooks as queries
from models.queries.logs import event_log
from models.webhook_deliveries.payload_source import PayloadUnreadable, WebhookInvalid
from models.webhook_deliveries.replay import count_range
from models.webhooks.owner import read_owner
from models.webhooks.webhook import Webhook, WebhookShape
from resolvers.context import Context, context_of
from resolvers.webhooks.fields import check_query, check_shape
from resolvers.webhooks.payload_source import select_fields
from schema.filtering.stored_filter import compile_webhook_filter
from schema.pagination import After, Before, First, Last
from schema.types.webhooks import WebhookDryRun, WebhookReplayPreview


async def webhooks(info: strawberry.Info) -> ListQuery[Webhook]:
    return queries.list_webhooks(context_of(info).viewer)


async def webhook(info: strawberry.Info, id: strawberry.ID) -> RecordQuery[Webhook]:
    return queries.find_webhook(context_of(info).viewer, ids.key_of(ids.WEBHOOK, id))


async def webhook_gaps(
    info: strawberry.Info,
    webhook_id: strawberry.ID,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Event] | None:
    context = context_of(info)
    page_request = parse_page_arguments(first, after, last, before)
    key = ids.key_of(ids.WEBHOOK, webhook_id)
    found = await queries.find_webhook(context.viewer, key)
    if found is None:
        return None
    unplanned = await find_unplanned(context, found)
    return await queries.list_gaps(context.viewer, found, unplanned, page_request)


async def find_unplanned(context: Context, found: Webhook) -> Condition:
    """The events that the webhook will receive: of its types, its filter, visible to its owner.

    Raises BadRequest if they can't be determined: the webhook has not read the whole log, and its
    owner has lost its permissions or its filter is invalid. An empty list would say that everything
    is acknowledged.
    """
    at = context.now()
    reason = "the owner has lost the permissions that it needs"
    owner = await read_owner(found, at)
    if isinstance(owner, Viewer):
        try:
            matching = compile_webhook_filter(found.ticket_filter, owner, at)
            return in_list("e.type", sorted(found.types)) & visible_events(owner) & matching
        except WebhookInvalid as error:
            reason = f"the filter is no longer valid: {error}"
    if found.log_position < await event.read_head():
        raise BadRequest(
            f"The webhook has not read the whole log, and {reason}. So it is not known which "
            "events are missing. Correct this first."
        )
    return FALSE


async def webhook_replay_preview(
    info: strawberry.Info,
    webhook_id: strawberry.ID,
    after: str | None = None,
    since: datetime | None = None,
    until: str | None = None,
) -> WebhookReplayPreview | None:
    context = context_of(info)
    if (after is None) == (since is None):
        raise BadRequest("Give either `after` or `since`.")
    found = await queries.find_webhook(context.viewer, ids.key_of(ids.WEBHOOK, webhook_id))
    if found is None:
        return None
    end = found.log_position
    if until is not None:
        end = min(end, await read_position(until))
    if since is not None:
        start = await event_log.find_position_before(since)
    else:
        assert after is not None  # checked above
        start = await read_position(after)
    maximum = context.settings.limits.max_events_per_webhook_replay
    return WebhookReplayPreview(
        after=encode_cursor(start),
        until=encode_cursor(end),
        events=await count_events(context, found, start, end, maximum),
        maximum=maximum,
    )


async def read_position(cursor: str) -> int:
    """Raises CursorInvalid."""
    position = decode_cursor(cursor)
    await event_log.require_range(position)
    return position


async def count_events(context: Context, found: Webhook, start: int, end: int, maximum: int) -> int:
    """The number of events that a replay would send, counted up to one more than the maximum."""
    owner = await read_owner(found, context.now())
    if not isinstance(owner, Viewer):
        return 0
    try:
        matching = compile_webhook_filter(found.ticket_filter, owner, context.now())
    except WebhookInvalid:
        return 0
    return await count_range(found, owner, matching, start, end, maximum)


async def dry_run_webhook(
    info: strawberry.Info,
    event_id: strawberry.ID,
    query: str | None = None,
    shape: WebhookShape | None = None,
) -> WebhookDryRun:
    context = context_of(info)
    if Scope.TICKETS_READ not in context.viewer.scopes:
        raise BadRequest("A webhook needs the scope tickets:read.")
    try:
        form = shape or WebhookShape.STANDARD
        check_shape(form, query)
        cost = await check_query(context, select_fields(form, query))
        payloads = context.services.webhooks.payloads
        assert payloads is not None  # `check_query` needs it, too
        payload = await payloads.read_body(context.viewer, form, query, event_id)
    except InvalidInput as error:
        raise BadRequest(f"query {error.message}") from None
    except (WebhookInvalid, PayloadUnreadable) as error:
        raise BadRequest(f"query: {error}") from None
    return WebhookDryRun(cost=cost, payload=None if payload is None else JSON(payload))
