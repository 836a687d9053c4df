"""Helpers of tests about jobs of callers: the worker, and what a job reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.bulk.ticket_run import RunSettings
from models.core import time
from support.admin_mutations import JOB_FIELDS
from support.client import Client
from support.commands import Command, start_command
from support.loop_limits import count_runs
from support.ticket_factory import WINDOW
from workers.caller_jobs import CallerJobs


def build_worker(**settings: Any) -> CallerJobs:
    return CallerJobs(RunSettings(WINDOW, **settings), tickets_per_second=100_000)


async def run_caller_jobs(at: datetime | None = None, worker: CallerJobs | None = None) -> None:
    """Run the jobs of callers until none waits or runs."""
    worker = worker or build_worker()
    for _ in count_runs():
        if not (await worker.run_once(at or time.now(), 0)).more:
            break


async def read_job(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    query = f"query($id: ID!) {{ job(id: $id) {{ {JOB_FIELDS} }} }}"
    return dict((await client.run(query, id=job["id"]))["job"])


async def read_rows(client: Client, job: dict[str, Any], **arguments: Any) -> list[dict[str, Any]]:
    """The tickets of a job."""
    query = """query($id: ID!, $outcomes: [JobTicketOutcome!], $first: Int, $after: String) {
      job(id: $id) { tickets(outcomes: $outcomes, first: $first, after: $after) { nodes {
        ref ticketId outcome code message ticket { id } changes { field from to } } } } }"""
    found = await client.run(query, id=job["id"], **arguments)
    return list(found["job"]["tickets"]["nodes"])


async def read_errors(client: Client, job: dict[str, Any]) -> list[tuple[str, str]]:
    """The reference and the code of each ticket that failed."""
    query = """query($id: ID!) { job(id: $id) { errors(first: 100) {
      nodes { ref code message } } } }"""
    nodes = (await client.run(query, id=job["id"]))["job"]["errors"]["nodes"]
    assert all(node["message"] for node in nodes)
    return [(node["ref"], node["code"]) for node in nodes]


def start_worker(
    url: str, tickets_per_second: int, settings: Mapping[str, str] | None = None
) -> Command:
    """Run the background jobs in a process of their own, with more settings."""
    environment = {
        "TICKETWIRE_DATABASE_URL": url,
        "TICKETWIRE_LOG_LEVEL": "error",
        "TICKETWIRE_JOB_LEASE_SECONDS": "1",
        "TICKETWIRE_JOB_TICKETS_PER_SECOND": str(tickets_per_second),
        "TICKETWIRE_EXPORT_TICKETS_PER_SECOND": str(tickets_per_second),
        **(settings or {}),
    }
    return start_command(["run-jobs"], {**os.environ, **environment})


def kill(worker: Command) -> None:
    worker.kill()
    worker.wait(60)
