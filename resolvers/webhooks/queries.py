"""The queries for webhooks."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core import ids
from models.core.errors import BadRequest, InvalidInput
from models.core.lazy_query import ConnectionQuery, Many, One
from models.core.paging.pagination import parse_page_arguments
from models.core.sql import FALSE, Condition, in_list
from models.log.event import Event
from models.queries import webhooks as queries
from models.webhook_deliveries.payload_source import PayloadUnreadable, WebhookInvalid
from models.webhooks.owner import read_owner
from models.webhooks.webhook import Webhook
from resolvers.context import Context, context_of
from resolvers.webhooks.fields import check_query
from schema.filtering.stored_filter import compile_webhook_filter
from schema.pagination import After, Before, First, Last
from schema.types.webhooks import WebhookDryRun


async def webhooks(info: strawberry.Info) -> Many[Webhook]:
    return queries.list_webhooks(context_of(info).viewer)


async def webhook(info: strawberry.Info, id: strawberry.ID) -> One[Webhook]:
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
    """The events that the webhook will receive: of its types, its filter, visible to its owner."""
    at = context.now()
    owner = await read_owner(found, at)
    if not isinstance(owner, Viewer):
        return FALSE
    try:
        matching = compile_webhook_filter(found.ticket_filter, owner, at)
    except WebhookInvalid:
        return FALSE
    return in_list("e.type", sorted(found.types)) & visible_events(owner) & matching


async def dry_run_webhook(
    info: strawberry.Info, query: str, event_id: strawberry.ID
) -> WebhookDryRun:
    context = context_of(info)
    if Scope.TICKETS_READ not in context.viewer.scopes:
        raise BadRequest("A webhook needs the scope tickets:read.")
    try:
        cost = await check_query(context, query)
        payloads = context.services.webhooks.payloads
        assert payloads is not None  # `check_query` needs it, too
        payload = await payloads.read_selection(context.viewer, query, event_id)
    except InvalidInput as error:
        raise BadRequest(f"query {error.message}") from None
    except (WebhookInvalid, PayloadUnreadable) as error:
        raise BadRequest(f"query: {error}") from None
    return WebhookDryRun(cost=cost, payload=None if payload is None else JSON(payload))
