"""Inputs of the mutations for webhooks."""

from __future__ import annotations

import strawberry

from models.log.event import EventType
from models.webhooks.webhook import WebhookShape, WebhookState
from schema.filtering.filters import TicketFilter
from schema.inputs.fields import (
    KEEP,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

URL = (
    "An https URL of at most 2,048 characters, without a user name and a fragment. Addresses that "
    "are not public are refused, unless the operator permits them."
)
TYPES = "The types of the events to receive, at least one. Duplicates are left out."
FILTER = (
    "The tickets whose events to receive, as they are when the server reads the event; at most "
    "8,192 bytes as JSON (by default). Must not refer to the viewer."
)
QUERY = (
    "The selection on TicketEvent that makes the payload's `data`, such as "
    "`{ ticket { ref } ... on TicketReplied { reply { body } } }`, at most 8,192 bytes and with a "
    "cost of at most 1,000 (by default). Fragments may follow it. Must be null for the shape SLACK."
)
SHAPE = "The form of the requests' bodies."
WEBHOOK_ID = "The id of the webhook."


@strawberry.input(description="A new webhook.")
class CreateWebhookInput:
    url: str = required(URL)
    types: list[EventType] = required(TYPES)
    filter: TicketFilter | None = optional(f"{FILTER} Absent or null: all tickets.")
    query: str | None = optional(f"{QUERY} Absent or null: a default selection without texts.")
    shape: WebhookShape | None = optional(f"{SHAPE} Absent or null: STANDARD.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a webhook.")
class UpdateWebhookInput:
    webhook_id: strawberry.ID = required(WEBHOOK_ID)
    url: str | None = optional(f"{URL} {KEEP}")
    types: list[EventType] | None = optional(f"{TYPES} {KEEP}")
    filter: TicketFilter | None = optional(
        f"{FILTER} Absent: unchanged. Null: all tickets.", strawberry.UNSET
    )
    query: str | None = optional(f"{QUERY} Absent: unchanged. Null: the default.", strawberry.UNSET)
    shape: WebhookShape | None = optional(f"{SHAPE} {KEEP}")
    state: WebhookState | None = optional(
        "The new state. ACTIVE continues a paused or disabled webhook, and tries failed deliveries "
        f"again. {KEEP}"
    )
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A webhook to delete.")
class DeleteWebhookInput:
    webhook_id: strawberry.ID = required(WEBHOOK_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A webhook to test.")
class PingWebhookInput:
    webhook_id: strawberry.ID = required(WEBHOOK_ID)


@strawberry.input(description="A webhook whose secret to replace.")
class RotateWebhookSecretInput:
    webhook_id: strawberry.ID = required(WEBHOOK_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A delivery to send again.")
class RedeliverWebhookInput:
    delivery_id: strawberry.ID = required("The id of the delivery.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="The events to send again.")
class ReplayWebhookInput:
    webhook_id: strawberry.ID = required(WEBHOOK_ID)
    after: str = required("A cursor of the log. The replay begins with the event after it.")
    until: str | None = optional(
        "A cursor of the log. The replay ends with its event. Absent or null: the newest event "
        "that the server has read for the webhook."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
