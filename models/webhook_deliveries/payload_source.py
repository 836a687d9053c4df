"""What the delivery of webhooks needs of the API's schema, which models don't know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from models.access.viewer import Viewer
from models.core.sql import Condition
from models.webhooks.webhook import Webhook

CompileFilter = Callable[[object, Viewer, datetime], Condition]
"""Compiles a stored filter for a viewer to a condition on tickets `t`. Raises WebhookInvalid."""


class WebhookInvalid(Exception):
    """The stored filter or query is not valid any more, for example because a release removed a
    field. The message tells why."""


class PayloadUnreadable(Exception):
    """A payload can't be read now. The message tells the owner why, without internals."""


class PayloadSource(Protocol):
    """Reads payloads as the owner of the webhook sees them. `resolvers.webhooks` implements it."""

    async def read(self, owner: Viewer, webhook: Webhook, event_id: str) -> dict[str, Any] | None:
        """The payload of an event, as a JSON object; None if the owner may not see the event.

        Raises WebhookInvalid, PayloadUnreadable, for example after a timeout, and the exception of
        an outage of the database.
        """
        ...


Payload = Mapping[str, Any]
