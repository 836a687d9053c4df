"""How far those are who follow the log and the clock: what an operator watches. From the database, so any process can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from models import database
from models.database import as_instant
from models.log import event
from models.log.consumer import FOLLOWERS, LogConsumer


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure under its Prometheus name, with the label that tells it from its like."""

    name: str
    value: float
    label: tuple[str, str] | None = None


async def figures(at: datetime, machine_time: datetime) -> Sequence[Figure]:
    """The head of the log; each worker's lag in entries, failures and lease; mails under way; clocks overdue, in seconds.

    A worker that passes entries without work for it stores how far it is with its lease: its lag is as old as that.
    """
    head = await event.head()
    found = [Figure("ticketwire_log_position", head)]
    for reader in await LogConsumer.all().order_by("name"):
        job = ("job", reader.name)
        held = reader.held_until is not None and reader.held_until > machine_time
        if reader.name in FOLLOWERS:
            found.append(Figure("ticketwire_job_lag_events", head - reader.position, job))
        found.append(Figure("ticketwire_job_failures", reader.failures, job))
        found.append(Figure("ticketwire_job_lease_held", float(held), job))
    mails = "SELECT status, COUNT(*) AS n FROM mails WHERE next_attempt_at IS NOT NULL GROUP BY status ORDER BY status"
    for row in await database.rows(mails):
        found.append(Figure("ticketwire_emails_waiting", cast("int", row["n"]), ("status", str(row["status"]))))  # noqa: PERF401
    oldest = await database.rows("SELECT MIN(due_at) AS due FROM sla_clocks WHERE due_at <= ?", [at])
    due = as_instant(oldest[0]["due"])
    found.append(Figure("ticketwire_sla_clocks_overdue_seconds", (at - due).total_seconds() if due else 0.0))
    return found
