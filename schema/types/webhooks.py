"""Webhooks, their deliveries and attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.log.event import EventType
from models.queries.webhooks import list_attempts, list_deliveries
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import (
    Webhook,
    WebhookPauseReason,
    WebhookShape,
    WebhookState,
    previous_secret_of,
)
from schema.context import context_of
from schema.cost import TEXT_COST, WEBHOOK_BODY_COST, cost
from schema.interfaces import Actor, Node, RecordType, TicketEventInterface
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import (
    first_foreign_key_field,
    foreign_key_field,
    personal_field,
    related_list_field,
)
from schema.types.people.people import VERSION


@strawberry.type(description="A header of a request.")
class WebhookHeader:
    name: str = strawberry.field(description="The name, in lower case.")
    value: str = strawberry.field(
        description="The value. In `webhook-signature`, only the version of each signature, such "
        "as `v1,…`."
    )


@strawberry.type(
    description="The POST request of an attempt. Its body is that of the delivery.",
)
class WebhookRequest:
    url: str = strawberry.field(
        description="The URL that the webhook had at the time of the attempt. It has no user name "
        "and no password."
    )
    headers: list[WebhookHeader] = strawberry.field(
        description="The headers, except `host`, because `url` has it."
    )


@strawberry.type(
    name="WebhookAttempt", description="A request of a webhook, or why the server sent none."
)
class WebhookAttemptType(RecordType):
    requested_at: datetime = strawberry.field(description="The time at which the request began.")

    @strawberry.field(
        description="The request, also if the connection failed or was refused. Null if the body "
        "could not be prepared or signed, and for old attempts whose request was not stored."
    )
    def request(self, root: strawberry.Parent[WebhookAttempt]) -> WebhookRequest | None:
        if root.request is None:
            return None
        headers = [
            WebhookHeader(name=name, value=value) for name, value in root.request["headers"].items()
        ]
        return WebhookRequest(url=root.request["url"], headers=headers)

    status: int | None = strawberry.field(
        description="The status code of the response. Null if there was no response."
    )
    milliseconds: int = strawberry.field(
        description="How long the request took, in milliseconds. 0 if none was sent."
    )
    response: str | None = strawberry.field(
        description="The beginning of the response's body, at most 2,048 characters. Null without "
        "a response, and after a text of the ticket was redacted or erased.",
        metadata=cost(flat=TEXT_COST),
    )
    error: str | None = strawberry.field(
        description="Why the attempt failed. Null if the receiver acknowledged the event."
    )


@strawberry.type(
    name="WebhookDelivery", description="The delivery of one event to the URL of a webhook."
)
class WebhookDeliveryType(Node):
    event: Any = foreign_key_field("event", TicketEventInterface, "The event.")
    status: WebhookDeliveryStatus = strawberry.field(description="The state of the delivery.")
    request_body: Any = personal_field(
        "webhook_bodies",
        str | None,
        "The exact body that the requests send, as it was prepared last. It is kept as long as "
        "the delivery, also after it was delivered.\n\n- Null before the first attempt.\n- Null "
        "after it was removed: because a text was redacted or a person or text erased, because the "
        "webhook has another shape or no longer a query, or because the delivery failed long ago. "
        "An attempt prepares another one.\n- Only the owner of the webhook may read it, with "
        "`tickets:read`, `webhooks:manage` and all scopes with which it was prepared. Null for "
        "others, and also for admins.",
        flat=WEBHOOK_BODY_COST,
    )
    attempts: int = strawberry.field(
        description="The number of attempts that have begun in the current series. A "
        "redelivery, a replay and the end of a pause begin a new series."
    )
    response_status: int | None = strawberry.field(
        description="The status code of the last response. Null if the last attempt had none."
    )
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed. Null if none did."
    )
    expected_at: datetime | None = strawberry.field(
        name="nextAttemptAt",
        description="The time of the next attempt. Null if none follows, and while an earlier "
        "event of the ticket is not finished.",
    )
    delivered_at: datetime | None = strawberry.field(
        description="The time at which the receiver acknowledged the event last. Null if it never "
        "has."
    )
    created_at: datetime = strawberry.field(
        description="The time at which the server found the event in the log."
    )
    attempt_log: Any = related_list_field(
        list_attempts,
        list[WebhookAttemptType],
        "The newest attempts, at most 200, in chronological order.",
    )


@strawberry.type(
    name="Webhook",
    description="A URL to which the server sends events in signed requests, by Standard Webhooks. "
    "The requests about one ticket keep the order of the log.",
)
class WebhookType(Node):
    owner: Any = first_foreign_key_field(
        ("user", "client"),
        None,
        Actor | None,
        "The owner. The server reads the payloads with this owner's permissions.",
    )
    url: str = strawberry.field(description="The URL to which the server sends requests.")

    @strawberry.field(description="The types of the events that the webhook receives.")
    def types(self, root: strawberry.Parent[Webhook]) -> list[EventType]:
        return root.event_types

    @strawberry.field(
        description="The filter of the events' tickets, a value of the input TicketFilter. An "
        "empty object matches every ticket."
    )
    def filter(self, root: strawberry.Parent[Webhook]) -> JSON:
        return JSON(root.ticket_filter)

    query: str | None = strawberry.field(
        description="The selection on TicketEvent that makes the payload's `data`. Null: the "
        "default.",
        metadata=cost(flat=TEXT_COST),
    )
    shape: WebhookShape = strawberry.field(description="The form of the requests' bodies.")
    state: WebhookState = strawberry.field(description="Whether the server sends requests.")
    pause_reason: WebhookPauseReason | None = strawberry.field(
        description="Why the webhook is not active. Null if it is."
    )
    paused_at: datetime | None = strawberry.field(
        description="The time since which the webhook is not active. Null if it is."
    )
    failing_since: datetime | None = strawberry.field(
        description="The time of the first failed attempt since the last success. Null if the last "
        "attempt succeeded."
    )
    cursor: str = strawberry.field(
        description="The log's cursor up to which the server has read the events for the webhook."
    )

    @strawberry.field(
        description="The time until which the secret before the last rotation also signs requests. "
        "Null if there is none."
    )
    def previous_secret_until(
        self, root: strawberry.Parent[Webhook], info: strawberry.Info
    ) -> datetime | None:
        is_valid = previous_secret_of(root, context_of(info).now()) is not None
        return root.previous_secret_until if is_valid else None

    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")

    @strawberry.field(
        description="The deliveries of events that the viewer may see, newest event first, in "
        "pages of up to 100. Acknowledged deliveries are deleted after 30 days, by default.",
        graphql_type=Connection[WebhookDeliveryType],
    )
    def deliveries(
        self,
        root: strawberry.Parent[Webhook],
        info: strawberry.Info,
        status: Annotated[
            list[WebhookDeliveryStatus] | None,
            strawberry.argument(description="Returns those in these states. Default: all."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ConnectionQuery[WebhookDelivery]:
        page_request = parse_page_arguments(first, after, last, before)
        return list_deliveries(context_of(info).viewer, root.id, status, page_request)


@strawberry.type(description="What a webhook with a query would send about an event.")
class WebhookDryRun:
    cost: int = strawberry.field(
        description="The cost of the query for each event. The maximum is 1,000, by default."
    )
    payload: JSON | None = strawberry.field(
        description="The body of the request. Null if there is no such event, or if the viewer may "
        "not see it."
    )


@strawberry.type(description="What a replay of a webhook would send.")
class WebhookReplayPreview:
    after: str = strawberry.field(
        description="The cursor after which the events begin, for `after` of `replayWebhook`."
    )
    until: str = strawberry.field(
        description="The cursor of the last event, for `until` of `replayWebhook`."
    )
    events: int = strawberry.field(
        description="The number of events. If there are more than `maximum`, `maximum` plus 1."
    )
    maximum: int = strawberry.field(description="The number of events that one replay may send.")
