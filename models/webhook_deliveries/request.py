"""Sends one signed request of a webhook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from models.core import time
from models.core.secrets import SecretStore
from models.outbound.http_client import COMMON_HEADERS, OutboundError, OutboundResponse
from models.webhook_deliveries.results import AttemptResult, Outcome
from models.webhooks.delivery import MAX_ERROR_CHARS, MAX_RESPONSE_CHARS, StoredRequest
from models.webhooks.signature import SIGNATURE_HEADER, build_headers, mask_signatures
from models.webhooks.webhook import Webhook, WebhookShape, previous_secret_of

HTTP_GONE = 410
REFUSAL = "a redirect is not followed"


class TargetClient(Protocol):
    """The part of `models.outbound.http_client.OutboundHttpClient` that deliveries use."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> OutboundResponse: ...


async def send(
    client: TargetClient,
    store: SecretStore,
    webhook: Webhook,
    message_id: str,
    body: bytes,
    at: datetime,
) -> AttemptResult:
    """Send a body and return the result. `at` decides whether the former secret signs, too.

    Raises UndecryptableSecret.
    """
    requested_at = time.now()
    headers = {"content-type": "application/json"}
    if webhook.shape is WebhookShape.STANDARD:
        headers |= build_headers(
            read_secrets(store, webhook, at), message_id, int(requested_at.timestamp()), body
        )
    request = describe_request(webhook.url, headers, body)
    try:
        response = await client.post(webhook.url, headers, body)
    except OutboundError as error:
        elapsed = time.now() - requested_at
        return AttemptResult(
            Outcome.FAILED,
            requested_at,
            round(elapsed.total_seconds() * 1000),
            error=error.message[:MAX_ERROR_CHARS],
            request=request,
        )
    return build_result(response, requested_at, request)


def describe_request(url: str, headers: dict[str, str], body: bytes) -> StoredRequest:
    """What the list of attempts shows of a request. It has no signature, and no secret."""
    shown = {**COMMON_HEADERS, **headers, "content-length": str(len(body))}
    if SIGNATURE_HEADER in shown:
        shown[SIGNATURE_HEADER] = mask_signatures(shown[SIGNATURE_HEADER])
    return {"url": url, "headers": shown}


def read_secrets(store: SecretStore, webhook: Webhook, at: datetime) -> list[str]:
    """The secrets that sign: the current one, and for a day after a rotation the former one."""
    stored = [webhook.secret, previous_secret_of(webhook, at)]
    return [store.decrypt(secret) for secret in stored if secret is not None]


def build_result(
    response: OutboundResponse, requested_at: datetime, request: StoredRequest
) -> AttemptResult:
    outcome, error = Outcome.FAILED, f"the target responded with status {response.status}"
    if 200 <= response.status < 300:
        outcome, error = Outcome.DELIVERED, None
    elif response.status == HTTP_GONE:
        outcome = Outcome.GONE
    elif 300 <= response.status < 400:
        error = f"{error}; {REFUSAL}"
    retry_after = None
    if outcome is not Outcome.DELIVERED:
        retry_after = parse_retry_after(response.headers.get("retry-after"), requested_at)
    return AttemptResult(
        outcome,
        requested_at,
        response.milliseconds,
        response.status,
        decode_response(response.body),
        error,
        retry_after,
        request,
    )


def decode_response(body: bytes) -> str:
    """The beginning of a body as a text that the database can store."""
    text = body[: 4 * MAX_RESPONSE_CHARS].decode("utf-8", "replace").replace("\0", "\ufffd")
    return text[:MAX_RESPONSE_CHARS]


def parse_retry_after(value: str | None, at: datetime) -> timedelta | None:
    """The time to wait by the header Retry-After (RFC 9110, section 10.2.3).

    None without one, and if it is malformed.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**9))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # a year may have any number of digits
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(moment - at, timedelta())
