"""Runs the job that erases a person, a bounded step at a time.

The state is in the job's row and changes in the transaction that does the work. So after a crash at
any point, a step is either done or not begun.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.bulk.starter import read_starter
from models.bulk.ticket_run import RunSettings, process_ticket, store_result
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core.time import format_instant
from models.database import search_index
from models.erasure import job as jobs
from models.erasure import search, tables
from models.erasure.job import ErasureParameters, ErasureReport
from models.erasure.start import forget_person
from models.erasure.terms import digest_text
from models.erasure.ticket_erasure import Person, erase_in_ticket
from models.erasure.ticket_records import list_stored_texts, yield_to_others
from models.jobs.caller_job import CallerJob, JobStatus, JobTicket, JobTicketOutcome
from models.tickets.draft import Draft

TICKETS_PER_TURN = 10
SEARCHES = {
    "search_events": (search.search_events, "search_tables"),
    "search_tables": (search.search_tables, "tickets"),
}
"""The stages that find tickets, each with the next stage."""


async def take_turn(job_id: UUID, at: datetime, settings: RunSettings) -> int:
    """Do the next steps of a running erasure, or end it; returns the number of steps."""
    job = await CallerJob.get(id=job_id)
    if ErasureReport.of(job).stage == "tickets":
        return await erase_tickets(job_id, at, settings)
    if ErasureReport.of(job).stage == "end" and not job.dry_run:
        # Before the end, because after a crash nobody would do it again. The end itself writes
        # nothing of the person.
        await search_index.empty_write_ahead_log()
    await database.run_in_transaction(lambda: run_step(job_id, at))
    return 1


async def run_step(job_id: UUID, at: datetime) -> None:
    """Do one step in the caller's transaction."""
    job = await CallerJob.select_for_update(no_key=True).get_or_none(
        id=job_id, status=JobStatus.RUNNING
    )
    if job is None:
        return
    report, person = ErasureReport.of(job), ErasureParameters.of(job).person
    is_search = report.stage in SEARCHES
    if is_search:
        find, next_stage = SEARCHES[report.stage]
        if not await find(job_id, person, report):
            report.go_to(next_stage)
    elif report.stage == "tables":
        if not await tables.erase_page(person, report, dry_run=job.dry_run):
            report.go_to("end" if job.dry_run else "verify_tickets")
    elif report.stage == "verify_tickets":
        if not await verify_tickets(job_id, person, report):
            report.go_to("verify_tables")
    elif report.stage == "verify_tables":
        if not await tables.verify_page(person, report):
            if person.terms.address:  # or else the verification has compared nothing
                report.verified_at = format_instant(at)
            report.go_to("clean")
    elif report.stage == "clean":
        await search_index.remove_deleted_words(*search_index.INDEXES)
        report.go_to("end")
    elif report.stage == "end":
        await end(job, at)
    if is_search:
        job.total = await JobTicket.filter(job_id=job_id).count()
        await job.save(update_fields=["total"])
    await jobs.save(job, report)


async def erase_tickets(job_id: UUID, at: datetime, settings: RunSettings) -> int:
    """Erase the person in the next tickets, or go to the next stage."""
    waiting = JobTicket.filter(job_id=job_id, outcome=JobTicketOutcome.WAITING)
    rows = await waiting.order_by("id").limit(TICKETS_PER_TURN).only("id")
    for row in rows:
        await process_ticket(job_id, row.id, at, settings, process_row)
    if not rows:
        await database.run_in_transaction(lambda: leave_tickets(job_id))
    return max(len(rows), 1)


async def leave_tickets(job_id: UUID) -> None:
    job = await CallerJob.select_for_update(no_key=True).get_or_none(
        id=job_id, status=JobStatus.RUNNING
    )
    if job is not None:
        report = ErasureReport.of(job)
        if report.stage == "tickets":
            report.go_to("tables")
            await jobs.save(job, report)


async def process_row(job: CallerJob, row: JobTicket, at: datetime, settings: RunSettings) -> bool:
    """Erase the person in one ticket, with the row's outcome, in the caller's transaction.

    A starter who has lost the permission does not stop the erasure: half of it would help nobody.
    """
    actor = await read_starter(job, at) or SYSTEM
    locked = await lock_tickets([row.ticket_id])
    change = TicketChange(
        locked[row.ticket_id], actor, at, settings.reopen_window, limits=settings.limits
    )
    parameters = ErasureParameters.of(job)
    erasure = await erase_in_ticket(change, parameters.person, parameters.reason)
    if not erasure.counts:
        await store_result(job, row, JobTicketOutcome.UNCHANGED)
        return True
    # The verification compares the fingerprints, and deletes them.
    digests = {} if job.dry_run else {"previous": {"digests": sorted(erasure.digests)}}
    await store_result(job, row, JobTicketOutcome.CHANGED, **digests)
    report = ErasureReport.of(job)
    report.add_counts(erasure.counts)
    await jobs.save(job, report)
    if not job.dry_run:
        for each in erasure.job_tickets:
            values = {"changes": each.changes, "previous": each.previous, "message": each.message}
            await JobTicket.filter(id=each.id).update(**values)
        for each in erasure.drafts:
            # A browser tab with the former version must not save the former text again.
            unchanged = Draft.filter(id=each.id, version=each.version)
            await unchanged.update(body=each.body, version=each.version + 1)
        await write(change)
    return True


async def verify_tickets(job_id: UUID, person: Person, report: ErasureReport) -> bool:
    """Search the next tickets for the name, the address and erased texts; returns whether there
    were any."""
    after = cast("int", report.cursor or 0)
    unverified = JobTicket.filter(job_id=job_id, id__gt=after, previous__isnull=False)
    rows = await unverified.order_by("id").limit(TICKETS_PER_TURN)
    for row in rows:
        assert row.previous is not None
        report.cursor = row.id
        digests = set(map(str, row.previous["digests"]))  # pyright: ignore[reportArgumentType] - it is stored by `to_json`
        texts = await list_stored_texts(row.ticket_id)
        for column, found in texts.items():
            left = 0
            for text in found:
                await yield_to_others()
                left += digest_text(text) in digests or person.terms.remain_in(text)
            if left:
                report.add_remaining({column: left})
        await JobTicket.filter(id=row.id).update(previous=None)
    return bool(rows)


async def end(job: CallerJob, at: datetime) -> None:
    """End the job. It forgets the person, unless a ticket failed and another job must go on."""
    job.status, job.finished_at = JobStatus.FINISHED, at
    await job.save(update_fields=["status", "finished_at"])
    if job.dry_run or not job.failed:
        await forget_person(job)
