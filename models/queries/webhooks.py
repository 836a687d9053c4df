"""Lists of webhooks, of their deliveries and attempts, and of the events that were missed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast
from uuid import UUID

from models import database
from models.access.permissions import ADMINISTER, MANAGE_WEBHOOKS
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.errors import CursorExpired
from models.core.lazy_query import ConnectionQuery, LazyQuery, ListQuery, RecordQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare, in_list
from models.log.event import Event, decode_cursor, encode_cursor
from models.queries.connection import build_connection, count_rows, has_rows
from models.queries.logs.event_log import (
    between_cursors,
    build_cursor,
    outside_start_cursor,
    require_range,
)
from models.queries.webhook_bodies import IS_STALE
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.indexes import FAILED_SQL
from models.webhooks.webhook import Webhook

POSITIONS = range(2**63)
NEWEST_FIRST = Order((Sort("d.event_id", "event_id", True, SortType.INTEGER, integers=POSITIONS),))
"""Deliveries in the order of their events, newest first. A webhook has one for each event."""
DELIVERIES = (
    "webhook_deliveries d JOIN events e ON e.position = d.event_id JOIN tickets t "
    "ON t.id = e.ticket_id"
)

UNFINISHED = frozenset({WebhookDeliveryStatus.PENDING, WebhookDeliveryStatus.RETRYING})


def visible_webhooks(viewer: Viewer) -> Condition:
    """The webhooks that the viewer may see, as `can_see_webhook` decides for a loaded one."""
    return TRUE if ADMINISTER.allows(viewer) else own_webhooks(viewer)


def own_webhooks(viewer: Viewer) -> Condition:
    """The webhooks whose owner the viewer is, as `is_owner` decides for a loaded one."""
    if viewer.client_id is not None:
        return compare("w.client_id", "=", viewer.client_id)
    return compare("w.user_id", "=", viewer.user_id) if viewer.user_id else FALSE


def list_webhooks(viewer: Viewer) -> ListQuery[Webhook]:
    """The webhooks that the viewer may see, in the order of creation. A limit bounds them."""
    return ListQuery(LazyQuery(Webhook, "w", "webhooks w", visible_webhooks(viewer), "w.id"))


def find_webhook(viewer: Viewer, key: UUID | None) -> RecordQuery[Webhook]:
    """The webhook with this key, if the viewer may see it. None stands for an unknown one."""
    condition = FALSE if key is None else compare("w.id", "=", key)
    return RecordQuery(LazyQuery(Webhook, "w", "webhooks w", condition & visible_webhooks(viewer)))


def list_deliveries(
    viewer: Viewer,
    webhook_id: UUID,
    statuses: Collection[WebhookDeliveryStatus] | None,
    page_request: PageRequest,
) -> ConnectionQuery[WebhookDelivery]:
    """A page of the deliveries of a visible webhook whose events the viewer may see, newest first.

    `statuses` selects some of them; None selects all. Raises CursorInvalid.
    """
    condition = compare("d.webhook_id", "=", webhook_id) & visible_events(viewer)
    if statuses is not None:
        condition &= in_list("d.status", sorted(each.value for each in set(statuses)))
        if UNFINISHED.issuperset(statuses):
            condition &= Condition("(d.next_attempt_at IS NOT NULL)")  # by an index
        elif set(statuses) == {WebhookDeliveryStatus.FAILED}:
            condition &= Condition(f"(d.{FAILED_SQL})")  # by an index
    return build_connection(WebhookDelivery, "d", DELIVERIES, condition, NEWEST_FIRST, page_request)


async def read_deliveries(viewer: Viewer, keys: Sequence[UUID]) -> list[WebhookDelivery]:
    """Those of the deliveries whose webhook and event the viewer may see."""
    source = f"{DELIVERIES} JOIN webhooks w ON w.id = d.webhook_id"
    condition = in_list("d.id", keys) & visible_events(viewer) & visible_webhooks(viewer)
    return await ListQuery(LazyQuery(WebhookDelivery, "d", source, condition))


async def read_bodies(viewer: Viewer, keys: Sequence[UUID]) -> list[str | None]:
    """The stored bodies of deliveries, each None unless the viewer may read it.

    A body shows what the owner could see with its scopes at that time. So only the owner reads it,
    with all these scopes, and with the permission that the owner of an active webhook needs. Nobody
    reads a body that may repeat a text which was redacted or erased since: none is sent, either.
    """
    if not (MANAGE_WEBHOOKS.allows(viewer) and Scope.TICKETS_READ in viewer.scopes):
        return [None] * len(keys)
    condition = in_list("d.id", keys) & own_webhooks(viewer) & visible_events(viewer)
    rows = await database.fetch_dicts(
        f"SELECT d.id, d.body, d.body_scopes FROM {DELIVERIES} "
        "JOIN webhooks w ON w.id = d.webhook_id "
        f"WHERE d.body IS NOT NULL AND {condition.text} AND NOT {IS_STALE.format(d='d')}",
        condition.params,
    )
    scopes = {scope.value for scope in viewer.scopes}
    bodies = {
        database.as_uuid(row["id"]): cast("str", row["body"])
        for row in rows
        if scopes.issuperset(str(row["body_scopes"]).split())
    }
    return [bodies.get(key) for key in keys]


def list_attempts(viewer: Viewer, delivery_ids: Sequence[object]) -> ListQuery[WebhookAttempt]:
    """The attempts of visible deliveries, in the order of time."""
    condition = in_list("a.delivery_id", delivery_ids)
    query = LazyQuery(WebhookAttempt, "a", "webhook_attempts a", condition, "a.id")
    return ListQuery(query, "a.delivery_id")


async def list_gaps(
    viewer: Viewer, webhook: Webhook, unplanned: Condition, page_request: PageRequest
) -> ConnectionQuery[Event]:
    """A page of the events that the receiver of a webhook has not acknowledged, oldest first.

    These are the events with a delivery that was never acknowledged, and the events after the
    webhook's position in the log that meet the condition `unplanned`: its types, its filter and
    what its owner may see. Raises CursorInvalid, and CursorExpired if deliveries after the cursor,
    or after the start of the log without one, were deleted without an acknowledgement.
    """
    after = None if page_request.after is None else decode_cursor(page_request.after)
    if after is not None:
        await require_range(after)
    if (after or 0) < webhook.pruned_position:
        message = (
            "Failed deliveries after this cursor were deleted. Replay the events after it, and "
            f"then read the gaps after {encode_cursor(webhook.pruned_position)}."
        )
        raise CursorExpired(message)
    missed = Condition("(d.id IS NOT NULL AND d.delivered_at IS NULL)")
    is_new = Condition("(d.id IS NULL AND e.position > ?)", (webhook.log_position,))
    first = Condition("(e.position >= ?)", (await find_first_gap(webhook),))
    condition = first & (missed | (is_new & unplanned)) & visible_events(viewer)
    source = (
        "events e JOIN tickets t ON t.id = e.ticket_id LEFT JOIN webhook_deliveries d "
        "ON d.webhook_id = ? AND d.event_id = e.position"
    )
    params = (webhook.id,)

    async def count_total(_: object) -> int:
        return await count_rows(source, condition, params)

    async def has_rows_before_page(_: object) -> bool:
        return await has_rows(source, condition & outside_start_cursor(page_request), params)

    order = f"e.position {'DESC' if page_request.backward else 'ASC'}"
    on_page = condition & between_cursors(page_request)
    row_query = LazyQuery(Event, "e", source, on_page, order, page_request.size + 1, params)
    return ConnectionQuery(
        row_query, page_request, ("e.position",), build_cursor, count_total, has_rows_before_page
    )


async def find_first_gap(webhook: Webhook) -> int:
    """The position before which all planned events are acknowledged, so that no page reads them."""
    rows = await database.fetch_dicts(
        "SELECT MIN(event_id) AS position FROM webhook_deliveries "
        "WHERE webhook_id = ? AND delivered_at IS NULL",
        [webhook.id],
    )
    position = cast("int | None", rows[0]["position"])
    return webhook.log_position + 1 if position is None else position
