"""Jobs of users and API clients, and the results of their tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from models.access.scopes import Scope
from models.core import ids
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.erasure.job import ErasureReport
from models.erasure.person_export import progress_of
from models.exports.access import has_file
from models.jobs.caller_job import (
    CallerJob,
    ExportFormat,
    JobErrorCode,
    JobErrorPolicy,
    JobKind,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.log.event import Json, encode_cursor
from models.queries.records.caller_jobs import list_job_tickets
from schema.context import context_of
from schema.cost import URL_COST, cost
from schema.interfaces import Actor, Node, RecordType
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import first_foreign_key_field, foreign_key_field
from schema.types.log.field_changes import FieldChange, build_field_changes, find_hidden_columns
from schema.types.people.erasure import ErasureReportType
from schema.types.tickets.tickets import TicketType


@strawberry.type(
    name="JobTicket",
    description="A ticket of a job, and what the job did with it.",
)
class JobTicketType(RecordType):
    ref: str = strawberry.field(description="The number with its prefix, such as TKT-1042.")

    @strawberry.field(description="The id of the ticket.")
    def ticket_id(self, root: strawberry.Parent[JobTicket]) -> strawberry.ID:
        return strawberry.ID(ids.encode(ids.TICKET, root.ticket_id))

    ticket: Any = foreign_key_field(
        "ticket",
        TicketType | None,
        "The ticket in its current state. Null if the viewer may not see it.",
    )
    outcome: JobTicketOutcome = strawberry.field(description="What the job did with the ticket.")
    code: JobErrorCode | None = strawberry.field(
        description="The reason for the failure, for programs. Null if the ticket did not fail."
    )
    message: str | None = strawberry.field(
        description="The reason for the failure, for people, at most 500 characters. Null if the "
        "ticket did not fail."
    )

    @strawberry.field(
        description="In a dry run, the changes that the job would make. Empty without the scope "
        "`tickets:read`, and for other jobs: the ticket's timeline has its changes. Changes of "
        "HIDDEN custom fields require the scope `notes:read`.",
        metadata=cost(each=0),
    )
    async def changes(
        self, root: strawberry.Parent[JobTicket], info: strawberry.Info
    ) -> list[FieldChange]:
        # Without this check, a token that may only write tickets could read them by dry runs.
        if not context_of(info).viewer.can_see_all_tickets:
            return []
        changes = cast("dict[str, Sequence[Json]]", root.changes or {})
        hidden = await find_hidden_columns(info, changes)
        return build_field_changes({name: changes[name] for name in changes if name not in hidden})


@strawberry.type(description="The result of a job that has ended.")
class JobResult:
    changed: int = strawberry.field(
        description="The number of tickets that the job changed, or would change in a dry run."
    )
    unchanged: int = strawberry.field(
        description="The number of tickets that had the values already."
    )
    exported: int = strawberry.field(
        description="The number of tickets that an export wrote, or of rows for EXPORT_PERSON. 0 "
        "for other jobs."
    )
    unprocessed: int = strawberry.field(
        description="The number of tickets that were left as they are, because the job was "
        "cancelled or stopped."
    )


@strawberry.type(description="The file of an export that has finished.")
class TicketExport:
    format: ExportFormat = strawberry.field(description="The format of the file.")
    count: int = strawberry.field(
        description="The number of tickets in the file, or of rows for EXPORT_PERSON."
    )
    size: int = strawberry.field(description="The size of the file in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 hash of the file in hexadecimal.")
    cursor: str = strawberry.field(
        description="The log's cursor before the first ticket was read. Read the events after it "
        "to keep a copy of the tickets current."
    )
    expires_at: datetime = strawberry.field(
        description="The time at which the file is deleted, by default 7 days after the job's end. "
        "It is deleted earlier if a text of its tickets is redacted or erased, if a person is "
        "erased, or if the starter of the job has more than 5 files, by default."
    )
    job: strawberry.Private[CallerJob]

    @strawberry.field(
        description="The URL of the file, valid for 5 minutes by default. It needs no token: keep "
        "it secret. A URL without a host is relative to that of the API. Null unless the viewer "
        "started the job, and has the role and all scopes with which it did. A customer must also "
        "belong to the same organization and still see all tickets of the file.",
        metadata=cost(flat=URL_COST),
    )
    async def url(self, info: strawberry.Info) -> str | None:
        return await context_of(info).build_export_url(self.job)


@strawberry.type(
    name="Job",
    description="Work on many tickets that a user or API client started. The server does it in the "
    "background, continues after a crash, and processes each ticket once.",
)
class JobType(Node):
    kind: JobKind = strawberry.field(description="The kind of work that the job does.")
    status: JobStatus = strawberry.field(description="The state of the job.")
    error_policy: JobErrorPolicy = strawberry.field(
        description="Whether the job continues or stops after a ticket that it can't change."
    )
    dry_run: bool = strawberry.field(
        description="Whether the job only reports what it would change."
    )

    @strawberry.field(
        description="The processed share of the tickets, from 0 to 1. For EXPORT_PERSON, the "
        "processed share of the database's tables with data about people."
    )
    def progress(self, root: strawberry.Parent[CallerJob]) -> float:
        if root.kind is JobKind.EXPORT_PERSON and root.is_active:
            return progress_of(root)
        if not root.total:
            return 0.0 if root.is_active else 1.0
        return root.processed / root.total

    total: int = strawberry.field(
        description="The number of tickets of the job. The job of erasePerson finds its tickets "
        "while it runs, so the number grows. For EXPORT_PERSON, the number of rows in the file, or "
        "0 while it is written."
    )

    @strawberry.field(
        description="The number of tickets that were processed without an error so far."
    )
    def succeeded(self, root: strawberry.Parent[CallerJob]) -> int:
        return root.changed + root.unchanged + root.exported

    failed: int = strawberry.field(description="The number of tickets that failed so far.")
    created_by: Any = first_foreign_key_field(
        ("created_by_user", "created_by_client"), None, Actor | None, "The starter of the job."
    )
    cancelled_by: Any = first_foreign_key_field(
        ("cancelled_by_user", "cancelled_by_client"),
        None,
        Actor | None,
        "The user or API client that cancelled the job. Null if nobody did.",
    )
    created_at: datetime = strawberry.field(description="The time of creation.")
    started_at: datetime | None = strawberry.field(
        description="The time at which the job began to run. Null before it runs."
    )
    finished_at: datetime | None = strawberry.field(
        description="The time at which the job ended. Null until then."
    )
    undoable_until: datetime | None = strawberry.field(
        description="The time until which undoJob is possible: a day after the end. Null if the "
        "job has not ended, changed nothing, or took an action that can't be undone."
    )

    @strawberry.field(description="The result. Null until the job has ended.")
    def result(self, root: strawberry.Parent[CallerJob]) -> JobResult | None:
        if root.is_active:
            return None
        return JobResult(
            changed=root.changed,
            unchanged=root.unchanged,
            exported=root.exported,
            unprocessed=root.total - root.processed,
        )

    @strawberry.field(
        description="The file of an export. Null for other jobs, until the job has finished, and "
        "after the file was deleted."
    )
    def export(
        self, root: strawberry.Parent[CallerJob], info: strawberry.Info
    ) -> TicketExport | None:
        if not has_file(root, context_of(info).now()):
            return None
        assert root.export_format is not None  # every export has one
        assert root.export_expires_at is not None  # every file has one
        return TicketExport(
            format=root.export_format,
            count=root.exported,
            size=root.export_size or 0,
            sha256=root.export_sha256 or "",
            cursor=encode_cursor(root.export_start or 0),
            expires_at=root.export_expires_at,
            job=root,
        )

    @strawberry.field(
        description="The id of the user whose data an EXPORT_PERSON job writes. Null for other "
        "jobs."
    )
    def exported_user_id(self, root: strawberry.Parent[CallerJob]) -> strawberry.ID | None:
        if root.kind is not JobKind.EXPORT_PERSON:
            return None
        return strawberry.ID(ids.encode(ids.USER, UUID(str(root.parameters["user_id"]))))

    @strawberry.field(
        description="What the job has erased so far. Null for jobs of other kinds than "
        "ERASE_PERSON."
    )
    def erasure(self, root: strawberry.Parent[CallerJob]) -> ErasureReportType | None:
        if root.kind is not JobKind.ERASE_PERSON:
            return None
        return ErasureReportType(job=root, report=ErasureReport.of(root))

    @strawberry.field(
        description="The tickets that failed, in the order of processing, in pages of up to 100. "
        "Empty for exports without the scope `tickets:read`.",
        graphql_type=Connection[JobTicketType],
    )
    def errors(
        self,
        root: strawberry.Parent[CallerJob],
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ConnectionQuery[JobTicket]:
        page_request = parse_page_arguments(first, after, last, before)
        outcomes = select_outcomes(root, info, [JobTicketOutcome.FAILED])
        return list_job_tickets(root.id, outcomes, page_request)

    @strawberry.field(
        description="The tickets of the job, in the order of processing, in pages of up to 100. "
        "Tickets that a job left unprocessed are deleted after its end. Empty for exports without "
        "the scope `tickets:read`.",
        graphql_type=Connection[JobTicketType],
    )
    def tickets(
        self,
        root: strawberry.Parent[CallerJob],
        info: strawberry.Info,
        outcomes: Annotated[
            list[JobTicketOutcome] | None,
            strawberry.argument(
                description="Returns tickets with one of these outcomes. Default: all outcomes."
            ),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ConnectionQuery[JobTicket]:
        page_request = parse_page_arguments(first, after, last, before)
        return list_job_tickets(root.id, select_outcomes(root, info, outcomes), page_request)


def select_outcomes(
    job: CallerJob, info: strawberry.Info, outcomes: list[JobTicketOutcome] | None
) -> list[JobTicketOutcome] | None:
    """The outcomes of the tickets that the viewer may list; empty if the viewer may list none.

    A token that may only write tickets can follow the jobs of its user or API client. The list of
    an export's tickets would tell such a token which tickets exist, so it is hidden.
    """
    is_hidden = Scope.TICKETS_READ not in context_of(info).viewer.scopes
    return [] if job.kind is JobKind.EXPORT_TICKETS and is_hidden else outcomes
