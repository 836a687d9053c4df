"""Metrics of the background jobs, read from the database, so any process can report them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import cast

from models import database
from models.access.audience import Audience
from models.core.ids import first_id_at
from models.database import as_instant
from models.jobs.caller_job import ACTIVE_STATUSES
from models.log import event
from models.log.consumer import PERMANENT_CONSUMERS, TICKET_COUNTER, LogConsumer
from models.wall.screen import WallPairing, WallScreen, is_in_use
from models.webhooks.delivery import UNPREPARED, WebhookDeliveryStatus
from models.webhooks.webhook import WebhookState

RECENT_ATTEMPT_PERIOD = timedelta(minutes=5)
"""An attempt of a webhook is counted if its result was stored within this time."""
ATTEMPT_OUTCOMES = ("acknowledged", "refused", "no_response", "unprepared")
"""How an attempt of a webhook ends: with a status of 2xx or another one, without a response, or
without a request, because its body could not be prepared."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A value with its Prometheus name, and a label if several samples share the name."""

    name: str
    value: float
    label: tuple[str, str] | None = None

    @property
    def labels(self) -> dict[str, str]:
        return {} if self.label is None else dict([self.label])


async def read_background_metrics(at: datetime, system_time: datetime) -> Sequence[Sample]:
    """Read the log's head, and the state of the jobs, of emails and of SLA clocks.

    `at` is the service's time, which the demo may move ahead; leases use the system's time.
    """
    head = await event.read_head()
    samples = [Sample("ticketwire_log_position", head)]
    for consumer in await LogConsumer.all().order_by("name"):
        samples += build_consumer_samples(consumer, head, system_time)
    return [
        *samples,
        *await read_email_samples(),
        await read_folded_sample(),
        *await read_samples_by_audience("saved_views"),
        *await read_samples_by_audience("macros"),
        *await read_caller_job_samples(),
        *await read_retention_samples(),
        *await read_wall_samples(at),
        *await read_webhook_samples(head),
        *await read_webhook_attempt_samples(system_time),
        await read_sla_clock_sample(at),
    ]


def build_consumer_samples(consumer: LogConsumer, head: int, system_time: datetime) -> list[Sample]:
    """Build the samples of one job: its lag in events, its failures, and whether its lease is held.

    A job without work stores its position only when it renews its lease, so until then its lag
    seems larger than it is. The label is not `job`, because Prometheus sets that label itself.
    """
    label = ("background_job", consumer.name)
    has_lease = consumer.held_until is not None and consumer.held_until > system_time
    samples: list[Sample] = []
    if consumer.name in (*PERMANENT_CONSUMERS, TICKET_COUNTER):
        # The head was read before the position, which may therefore be greater.
        lag = max(0, head - consumer.position)
        samples.append(Sample("ticketwire_job_lag_events", lag, label))
    samples.append(Sample("ticketwire_job_failures", consumer.failures, label))
    samples.append(Sample("ticketwire_job_lease_held", float(has_lease), label))
    return samples


async def read_email_samples() -> list[Sample]:
    """The number of emails that will be tried, by status."""
    rows = await database.fetch_dicts(
        "SELECT status, COUNT(*) AS n FROM mails WHERE next_attempt_at IS NOT NULL "
        "GROUP BY status ORDER BY status"
    )
    samples: list[Sample] = []
    for row in rows:
        label = ("status", str(row["status"]))
        samples.append(Sample("ticketwire_emails_waiting", cast("int", row["n"]), label))
    return samples


async def read_folded_sample() -> Sample:
    """The total of notifications and emails that were folded: replaced by earlier ones."""
    rows = await database.fetch_dicts("SELECT folded FROM notification_head")
    return Sample("ticketwire_notifications_folded", cast("int", rows[0]["folded"]))


async def read_samples_by_audience(table: str) -> list[Sample]:
    """The numbers of saved views or macros; `table` is their table."""
    rows = await database.fetch_dicts(
        f"SELECT audience, COUNT(*) AS n FROM {table} GROUP BY audience"
    )
    counts = {cast("int", row["audience"]): cast("int", row["n"]) for row in rows}
    return [
        Sample(f"ticketwire_{table}", counts.get(each, 0), ("audience", each.name.lower()))
        for each in Audience
    ]


async def read_caller_job_samples() -> list[Sample]:
    """The number of jobs that viewers started and that wait, and of those that run."""
    statuses = [each.value for each in ACTIVE_STATUSES]
    rows = await database.fetch_dicts(
        "SELECT status, COUNT(*) AS n FROM caller_jobs WHERE status IN (?, ?) GROUP BY status",
        statuses,
    )
    counts = {str(row["status"]): cast("int", row["n"]) for row in rows}
    return [
        Sample("ticketwire_caller_jobs", counts.get(status, 0), ("status", status))
        for status in statuses
    ]


async def read_retention_samples() -> list[Sample]:
    """The number of retention policies, and of the tickets that these policies have erased."""
    [row] = await database.fetch_dicts(
        "SELECT COUNT(*) AS n, COALESCE(SUM(erased_tickets), 0) AS tickets FROM retention_policies"
    )
    return [
        Sample("ticketwire_retention_policies", cast("int", row["n"])),
        Sample("ticketwire_retention_tickets", float(str(row["tickets"]))),
    ]


async def read_wall_samples(at: datetime) -> list[Sample]:
    """The number of approved wallboard screens in use, and of screens that wait for approval."""
    return [
        Sample("ticketwire_wall_screens", await WallScreen.filter(is_in_use(at)).count()),
        Sample("ticketwire_wall_pairings", await WallPairing.filter(expires_at__gt=at).count()),
    ]


async def read_webhook_samples(head: int) -> list[Sample]:
    """The number of webhooks by state, of deliveries by state, and how far planning is behind."""
    rows = await database.fetch_dicts("SELECT state, COUNT(*) AS n FROM webhooks GROUP BY state")
    samples = build_state_samples("webhooks", "state", rows, WebhookState)
    rows = await database.fetch_dicts(
        "SELECT status AS state, COUNT(*) AS n FROM webhook_deliveries "
        "WHERE delivered_at IS NULL GROUP BY status"
    )
    unacknowledged = (
        WebhookDeliveryStatus.PENDING,
        WebhookDeliveryStatus.RETRYING,
        WebhookDeliveryStatus.FAILED,
    )
    samples += build_state_samples("webhook_deliveries", "status", rows, unacknowledged)
    [row] = await database.fetch_dicts(
        "SELECT MIN(log_position) AS position FROM webhooks WHERE state = ?",
        [WebhookState.ACTIVE.value],
    )
    lag = 0 if row["position"] is None else max(0, head - cast("int", row["position"]))
    return [*samples, Sample("ticketwire_webhook_lag_events", lag)]


async def read_webhook_attempt_samples(system_time: datetime) -> list[Sample]:
    """The numbers of recent attempts of webhooks, by their outcome."""
    outcome = (
        "CASE WHEN error IS NULL THEN 'acknowledged' WHEN status IS NOT NULL THEN 'refused' "
        f"WHEN error LIKE '{UNPREPARED}%' THEN 'unprepared' ELSE 'no_response' END"
    )
    rows = await database.fetch_dicts(
        f"SELECT {outcome} AS outcome, COUNT(*) AS n FROM webhook_attempts WHERE id >= ? "
        "GROUP BY 1",
        [first_id_at(system_time - RECENT_ATTEMPT_PERIOD)],
    )
    counts = {str(row["outcome"]): cast("int", row["n"]) for row in rows}
    return [
        Sample("ticketwire_webhook_recent_attempts", counts.get(each, 0), ("outcome", each))
        for each in ATTEMPT_OUTCOMES
    ]


def build_state_samples(
    name: str, label: str, rows: Sequence[Mapping[str, object]], states: Iterable[Enum]
) -> list[Sample]:
    """A sample for each state, from rows with a `state` and a count `n`. Missing rows count 0."""
    counts = {str(row["state"]): cast("int", row["n"]) for row in rows}
    return [
        Sample(f"ticketwire_{name}", counts.get(str(each.value), 0), (label, str(each.value)))
        for each in states
    ]


async def read_sla_clock_sample(at: datetime) -> Sample:
    """How long the oldest due SLA clock has waited for the job that handles it, in seconds."""
    sql = "SELECT MIN(due_at) AS due FROM sla_clocks WHERE due_at <= ?"
    due = as_instant((await database.fetch_dicts(sql, [at]))[0]["due"])
    overdue_seconds = (at - due).total_seconds() if due else 0.0
    return Sample("ticketwire_sla_clocks_overdue_seconds", overdue_seconds)
