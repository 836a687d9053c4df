"""The services that the resolvers of webhooks need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from models.access.viewer import Viewer
from models.outbound.http_client import OutboundHttpClient
from models.webhooks.webhook import WebhookShape


class PayloadReader(Protocol):
    """Computes the costs of queries, and reads payloads.

    `resolvers.webhooks.payload_source` implements it.
    """

    async def find_query_cost(self, viewer: Viewer, query: str) -> int: ...

    async def read_body(
        self, owner: Viewer, shape: WebhookShape, query: str | None, event_id: str
    ) -> dict[str, Any] | None: ...


def build_default_client() -> OutboundHttpClient:
    return OutboundHttpClient(
        allowed_networks=(), allow_http=False, timeout_seconds=15.0, max_response_bytes=65_536
    )


@dataclass(slots=True)
class WebhookServices:
    """`payloads` is None until the schema is built."""

    client: OutboundHttpClient = field(default_factory=build_default_client)
    payloads: PayloadReader | None = None
    pings: set[str] = field(default_factory=set[str])
    """The keys of the viewers with a ping that has not ended. Each may have one."""
