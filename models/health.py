"""How far those are who follow the log and the clock: what an operator watches. From the database, so any process can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from models import database
from models.database import as_instant
from models.log import event
from models.log.consumer import PERMANENT_CONSUMERS, LogConsumer


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure under its Prometheus name, with the label that tells it from its like."""

    name: str
    value: float
    label: tuple[str, str] | None = None


async def background_metrics(at: datetime, machine_time: datetime) -> Sequence[Metric]:
    """The head of the log; each worker's lag in entries, failures and lease; mails under way; clocks overdue, in seconds.

    A worker that passes entries without work for it stores how far it is with its lease: its lag is as old as that.
    """
    head = await event.read_head()
    found = [Metric("ticketwire_log_position", head)]
    for reader in await LogConsumer.all().order_by("name"):
        job = ("job", reader.name)
        held = reader.held_until is not None and reader.held_until > machine_time
        if reader.name in PERMANENT_CONSUMERS:
            found.append(Metric("ticketwire_job_lag_events", head - reader.position, job))
        found.append(Metric("ticketwire_job_failures", reader.failures, job))
        found.append(Metric("ticketwire_job_lease_held", float(held), job))
    mails = "SELECT status, COUNT(*) AS n FROM mails WHERE next_attempt_at IS NOT NULL GROUP BY status ORDER BY status"
    for row in await database.fetch_dicts(mails):
        found.append(Metric("ticketwire_emails_waiting", cast("int", row["n"]), ("status", str(row["status"]))))  # noqa: PERF401
    oldest = await database.fetch_dicts("SELECT MIN(due_at) AS due FROM sla_clocks WHERE due_at <= ?", [at])
    due = as_instant(oldest[0]["due"])
    found.append(Metric("ticketwire_sla_clocks_overdue_seconds", (at - due).total_seconds() if due else 0.0))
    return found
