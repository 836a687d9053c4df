"""Stored bodies must not repeat texts that were redacted or erased since.

The transaction of a redaction removes the bodies of its ticket, but it can't find two kinds: a body
that a worker prepares from the earlier text at that moment, and a body with other tickets, which a
query of the owner's can select. So each body has the position of the log before it was prepared. If
the log has a redaction after it, the body is not sent. The deliverer removes such bodies later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from models import database
from models.audit.directory_event import DirectoryEventType
from models.database import as_uuid
from models.log.event import REWRITING_SQL
from models.webhooks.delivery import WebhookDelivery

MAX_EVENTS_PER_READ = 100
IS_STALE = (
    "(EXISTS (SELECT 1 FROM events e WHERE e.ticket_id = {d}.ticket_id "
    f"AND e.position > {{d}}.body_position AND e.{REWRITING_SQL}) "
    "OR EXISTS (SELECT 1 FROM directory_events e WHERE e.position > {d}.body_position "
    f"AND e.type = '{DirectoryEventType.ERASED.value}') "
    "OR (EXISTS (SELECT 1 FROM webhooks w WHERE w.id = {d}.webhook_id AND w.query IS NOT NULL) "
    "AND EXISTS (SELECT 1 FROM events e WHERE e.position > {d}.body_position "
    f"AND e.{REWRITING_SQL})))"
)
"""Whether the body may repeat a removed text: of its ticket, of a person, or, if the webhook has a
query of its own, of any ticket."""


async def is_stale(delivery: WebhookDelivery) -> bool:
    rows = await database.fetch_dicts(
        f"SELECT 1 AS stale FROM webhook_deliveries d WHERE d.id = ? AND {IS_STALE.format(d='d')}",
        [delivery.id],
    )
    return bool(rows)


async def read_redactions(position: int) -> Sequence[tuple[int, UUID]]:
    """The positions and tickets of the next redactions and erasures after a position."""
    rows = await database.fetch_dicts(
        "SELECT e.position AS position, e.ticket_id AS ticket_id FROM events e "
        f"WHERE e.position > ? AND e.{REWRITING_SQL} ORDER BY e.position LIMIT ?",
        [position, MAX_EVENTS_PER_READ],
    )
    return [(cast("int", row["position"]), as_uuid(row["ticket_id"])) for row in rows]
