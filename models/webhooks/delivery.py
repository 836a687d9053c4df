"""The deliveries of webhooks and their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import TypedDict
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from models import database
from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.time import InstantField
from models.log.event import Event
from models.webhooks.webhook import Webhook

MAX_ERROR_CHARS = 500
MAX_RESPONSE_CHARS = 2048
MAX_STORED_ATTEMPTS = 200
"""The maximum number of attempts that are stored of a delivery; the oldest ones are deleted."""
MAX_TICKETS_PER_STATEMENT = 500
MAX_ROWS_PER_STATEMENT = 500
UNPREPARED = "could not prepare: "
"""How the error of an attempt begins that sent nothing, because its body could not be prepared."""


class StoredRequest(TypedDict):
    """The URL of a request and its headers, without Host. The signatures are masked."""

    url: str
    headers: dict[str, str]


class WebhookDeliveryStatus(Enum):
    PENDING = "pending"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"


def expect_attempt(next_attempt_at: datetime | None, waits_for_earlier: bool) -> datetime | None:
    """The time of the next attempt; None while it depends on an earlier delivery."""
    return None if waits_for_earlier else next_attempt_at


class WebhookDelivery(Model):
    """The delivery of one event to one webhook.

    ticket_id         the ticket of the event; the deliveries about one ticket keep their order
    body              the body of the requests; null until it is first prepared, and after a text of
                      the ticket was erased
    body_scopes       the scopes of the owner with which the body was prepared, separated by spaces.
                      If the owner has lost one, the body may show too much
    body_position     the position of the log before the body was prepared
    attempts          how many requests have begun, and how often the body could not be prepared;
                      an attempt during an outage of the database does not count
    first_attempt_at  when the first attempt of this series began; a redelivery begins a new one
    next_attempt_at   null if there are no further attempts
    waits_for_earlier whether an earlier delivery of the ticket has further attempts, so that this
                      one can't be due; meaningless without further attempts
    delivered_at      when the receiver acknowledged the event last; a redelivery does not change it
    claimed_by        the worker that is delivering the event
    claimed_until     when other workers may take over; in real time, which the demo clock does not
                      affect
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    webhook: fields.ForeignKeyRelation[Webhook] = fields.ForeignKeyField(
        "models.Webhook", related_name=False, on_delete=fields.CASCADE
    )
    webhook_id: UUID
    event: fields.ForeignKeyRelation[Event] = fields.ForeignKeyField(
        "models.Event", related_name=False, on_delete=fields.CASCADE
    )
    event_id: int
    ticket_id = fields.UUIDField()
    # Tortoise types it as never null.
    body: str | None = fields.TextField(null=True)  # pyright: ignore[reportAssignmentType]
    body_scopes = fields.CharField(max_length=200, default="")
    body_position = fields.BigIntField(default=0, db_default=0)
    status = fields.CharEnumField(
        WebhookDeliveryStatus, max_length=16, default=WebhookDeliveryStatus.PENDING
    )
    attempts = fields.IntField(default=0)
    response_status = fields.IntField(null=True)
    last_error = fields.CharField(max_length=MAX_ERROR_CHARS, null=True)
    first_attempt_at = InstantField(null=True)
    next_attempt_at = InstantField(null=True)
    waits_for_earlier = fields.BooleanField(default=False, db_default=False)
    delivered_at = InstantField(null=True)
    claimed_by = fields.CharField(max_length=64, null=True)
    claimed_until = InstantField(null=True)
    created_at = InstantField()

    expected_at = computed_property(("next_attempt_at", "waits_for_earlier"), expect_attempt)

    class Meta:
        table = "webhook_deliveries"
        table_description = "Deliveries of events to webhooks"
        unique_together = (("webhook", "event"),)
        # The partial ones are in indexes.py.
        indexes = (
            ("webhook_id", "delivered_at", "event_id"),
            ("ticket_id",),
            ("created_at",),
        )


class WebhookAttempt(Model):
    """A request of a delivery, or why none was sent.

    requested_at  when the request began
    request       its URL and headers; null if none was built, and after the retention. The URL has
                  at most MAX_URL_CHARS, and the headers are always the same few
    status        the status code of the response; null without a response
    milliseconds  how long the request took
    response      the beginning of the response's body
    error         why there was no response, or why it is a failure
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    delivery: fields.ForeignKeyRelation[WebhookDelivery] = fields.ForeignKeyField(
        "models.WebhookDelivery", related_name=False, on_delete=fields.CASCADE
    )
    delivery_id: UUID
    requested_at = InstantField()
    # Tortoise types JSON fields as Any.
    request: StoredRequest | None = fields.JSONField(null=True)  # pyright: ignore[reportAssignmentType]
    status = fields.IntField(null=True)
    milliseconds = fields.IntField()
    response = fields.TextField(null=True)
    error = fields.CharField(max_length=MAX_ERROR_CHARS, null=True)

    class Meta:
        table = "webhook_attempts"
        table_description = "Requests of webhooks' deliveries"
        indexes = (("delivery_id", "id"),)


async def forget_bodies_of_webhook(webhook_id: UUID) -> None:
    """Remove the bodies of a webhook whose shape changes; later attempts prepare new ones.

    Claims end, so no request under way sends a body of one shape with the headers of the other.
    """
    stored = WebhookDelivery.filter(webhook_id=webhook_id)
    prepared = stored.filter(Q(body__isnull=False) | Q(claimed_by__isnull=False))
    await prepared.update(body=None, claimed_by=None, claimed_until=None)


async def forget_rewritten(webhook: Webhook, ticket_ids: Sequence[UUID]) -> None:
    """Remove the bodies of a webhook that may repeat texts which a redaction has removed.

    `forget_bodies` does so in the transaction of the redaction, but misses two kinds: a body that a
    worker prepared from the earlier text at that moment, and a body with other tickets, which a
    query of the owner's can select by links, people and teams. The deliverer calls this after the
    redaction, in several transactions.
    """
    concerned, params = "webhook_id = ?", [webhook.id]
    if not webhook.query:
        concerned += f" AND ticket_id IN ({database.placeholders(ticket_ids)})"
        params += ticket_ids
    count = MAX_ROWS_PER_STATEMENT
    while count == MAX_ROWS_PER_STATEMENT:
        rows = await database.fetch_dicts(
            "UPDATE webhook_deliveries SET body = NULL, claimed_by = NULL, claimed_until = NULL "
            f"WHERE id IN (SELECT id FROM webhook_deliveries WHERE {concerned} "
            "AND (body IS NOT NULL OR claimed_by IS NOT NULL) LIMIT ?) RETURNING id",
            [*params, MAX_ROWS_PER_STATEMENT],
        )
        count = len(rows)


async def forget_bodies(ticket_ids: Sequence[UUID]) -> None:
    """Remove what deliveries repeat of tickets whose texts were redacted or erased.

    The bodies of linked and merged tickets may repeat the texts, too. Later attempts prepare a new
    body from the texts as they are then. Claims end, so a body that a worker prepares now from the
    earlier texts is not stored.
    """
    if not ticket_ids:
        return
    listed = database.placeholders(ticket_ids)
    rows = await database.fetch(
        f"SELECT other_id FROM ticket_links WHERE ticket_id IN ({listed}) "
        f"UNION SELECT id FROM tickets WHERE merged_into_id IN ({listed}) "
        f"UNION SELECT merged_into_id FROM tickets WHERE id IN ({listed})",
        [*ticket_ids, *ticket_ids, *ticket_ids],
    )
    affected = [*ticket_ids, *(database.as_uuid(row[0]) for row in rows if row[0] is not None)]
    for start in range(0, len(affected), MAX_TICKETS_PER_STATEMENT):
        some = affected[start : start + MAX_TICKETS_PER_STATEMENT]
        concerned = f"ticket_id IN ({database.placeholders(some)})"
        await database.fetch_dicts(
            "UPDATE webhook_deliveries SET body = NULL, claimed_by = NULL, claimed_until = NULL "
            f"WHERE {concerned} AND (body IS NOT NULL OR claimed_by IS NOT NULL) RETURNING id",
            some,
        )
        await database.fetch_dicts(
            "UPDATE webhook_attempts SET response = NULL WHERE response IS NOT NULL AND "
            f"delivery_id IN (SELECT id FROM webhook_deliveries WHERE {concerned}) RETURNING id",
            some,
        )
