"""What redactions do to exports: a file that may hold redacted text must not be used any more.

The log tells which messages were redacted after an export has read its tickets. A redaction whose
event is before `export_start` was committed before the export read anything. So no lock is needed
between redactions and exports.

The file of a person's export has no list of tickets: after another one became the requester, the
ticket is not the person's any more. So any redaction outdates it. A retention policy erases many
tickets each night, so its erasures outdate the file only if the person was involved in the ticket.

An erased person may be the assignee, a watcher or an actor of a ticket without any text that is
redacted. So the erasure of a person outdates the files of all exports that began before it.
"""

from __future__ import annotations

from uuid import UUID

from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.jobs.caller_job import CallerJob, JobKind
from models.log import event
from models.log.event import Event, EventType
from models.queries.exported_tickets import has_redaction_for_person, has_ticket_with_event

REDACTIONS = (EventType.MESSAGE_REDACTED, EventType.TICKET_REDACTED)
"""The events after which a file with the ticket is outdated."""


async def check_outdated(job: CallerJob) -> bool:
    """Whether a person was erased, or a text of the job's file redacted, since it has begun.

    If not, it stores how far it has looked, so that the next check is short.
    """
    head, checked = await event.read_head(), job.export_checked
    assert checked is not None  # every export has it
    if head <= checked:
        return False
    if await has_erasure(checked, head):
        return True
    if await has_redaction(job, checked, head):
        return True
    same_run = CallerJob.filter(id=job.id, export_start=job.export_start, export_checked=checked)
    await same_run.update(export_checked=head)
    job.export_checked = head
    return False


async def has_redaction(job: CallerJob, after: int, head: int) -> bool:
    """Whether a text was redacted that may be in the file.

    See `has_redaction_for_person` for the export of a person.
    """
    if job.kind is JobKind.EXPORT_PERSON:
        user_id = UUID(str(job.parameters["user_id"]))
        return await has_redaction_for_person(user_id, REDACTIONS, after, head)
    return await has_ticket_with_event(job.id, REDACTIONS, after, head)


async def find_outdated_files() -> list[CallerJob]:
    """The exports with a file for which `check_outdated` is true.

    Usually nothing was redacted or erased. Then one statement stores how far all are checked.
    """
    head, stored = await event.read_head(), CallerJob.filter(export_key__isnull=False)
    first = await stored.order_by("export_checked").first()
    if first is None or first.export_checked is None or first.export_checked >= head:
        return []
    start = first.export_checked
    redacted = Event.filter(position__gt=start, position__lte=head, type__in=REDACTIONS)
    if await has_erasure(start, head) or await redacted.exists():
        return [job for job in await stored if await check_outdated(job)]
    # A file that was finished since then may have been checked less far than all others.
    await stored.filter(export_checked__gte=start, export_checked__lt=head).update(
        export_checked=head
    )
    return []


async def has_erasure(after: int, head: int) -> bool:
    """Whether a person was erased between two positions of the log."""
    return await DirectoryEvent.filter(
        position__gt=after, position__lte=head, type=DirectoryEventType.ERASED
    ).exists()
