"""Jobs that viewers start, such as a change of many tickets. The API calls them `Job`.

The background activities of the server are jobs, too (workers/job.py). In names, `CallerJob` and
`caller_job` stand for a job that a viewer has started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.user import ApiClient, User
from models.tickets.ticket import Ticket, build_reference

if TYPE_CHECKING:
    from models.log.event import Json

PARAMETER_TEXTS = ("reply", "note", "text")
"""The parameters of a bulk job that become messages or a resolution."""
MAX_MESSAGE_CHARS = 500
UNDO_TIME = timedelta(days=1)
"""How long after its end a job can be undone."""


class JobKind(Enum):
    BULK_UPDATE_TICKETS = "bulk_update_tickets"
    UNDO_JOB = "undo_job"
    EXPORT_TICKETS = "export_tickets"
    ERASE_PERSON = "erase_person"
    EXPORT_PERSON = "export_person"


EXPORT_KINDS = (JobKind.EXPORT_TICKETS, JobKind.EXPORT_PERSON)
"""The jobs that write a file."""


class JobStatus(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


ACTIVE_STATUSES = (JobStatus.WAITING, JobStatus.RUNNING)


class JobErrorPolicy(Enum):
    CONTINUE = "continue"
    STOP = "stop"


class JobTicketOutcome(Enum):
    WAITING = "waiting"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    EXPORTED = "exported"


class ExportFormat(Enum):
    JSONL = "jsonl"
    CSV = "csv"


class JobErrorCode(Enum):
    """Why a job did not change a ticket. The first ones are codes of user errors."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    TRANSITION_REFUSED = "TRANSITION_REFUSED"
    REOPEN_WINDOW_PASSED = "REOPEN_WINDOW_PASSED"
    NOT_PERMITTED = "NOT_PERMITTED"
    CHANGED_SINCE = "CHANGED_SINCE"
    INTERNAL = "INTERNAL"


class CallerJob(Model):
    """A job of a user or an API client.

    parameters   what to do, as JSON: the fields of `models.bulk.ticket_change.BulkChange`; for an
                 export, the kind of caller and a customer's organization; for an erasure, the
                 fields of `models.erasure.job.ErasureParameters`; for the export of a person,
                 `user_id`
    report       how far an erasure is, and what it did: the fields of
                 `models.erasure.job.ErasureReport`; for the export of a person, those of
                 `models.erasure.person_data.DataPosition`
    scopes       the scopes of the token that started the job
    token_id     the API token that started the job; null for a session, whose end changes nothing
    undoes_id    the job that this one undoes
    is_undoable  whether the tickets' previous values are stored

    The columns `export_…` are null for other jobs:

    export_start    the head of the log before the first ticket was read
    export_checked  the file has nothing that was redacted in the log up to this position
    export_key      the key of the finished file in the store; null if there is none
    export_size     its size in bytes
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(JobKind, max_length=32)
    status = fields.CharEnumField(JobStatus, max_length=16, default=JobStatus.WAITING)
    error_policy = fields.CharEnumField(JobErrorPolicy, max_length=16)
    dry_run = fields.BooleanField(default=False)
    is_undoable = fields.BooleanField(default=False)
    # Tortoise types JSON fields as Any.
    parameters: Mapping[str, Json] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    scopes: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    report: Mapping[str, Json] | None = fields.JSONField(null=True)  # pyright: ignore[reportAssignmentType]
    token_id = fields.UUIDField(null=True)
    undoes_id = fields.UUIDField(null=True)
    total = fields.IntField(default=0)
    changed = fields.IntField(default=0)
    unchanged = fields.IntField(default=0)
    failed = fields.IntField(default=0)
    exported = fields.IntField(default=0, db_default=0)
    export_format = fields.CharEnumField(ExportFormat, max_length=8, null=True)
    export_start = fields.BigIntField(null=True)
    export_checked = fields.BigIntField(null=True)
    export_key = fields.CharField(max_length=100, null=True)
    export_size = fields.BigIntField(null=True)
    export_sha256 = fields.CharField(max_length=64, null=True)
    export_expires_at = InstantField(null=True)
    created_by_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    created_by_user_id: UUID | None
    created_by_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.CASCADE
    )
    created_by_client_id: UUID | None
    cancelled_by_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    cancelled_by_user_id: UUID | None
    cancelled_by_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    cancelled_by_client_id: UUID | None
    created_at = InstantField(default=now)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)

    class Meta:
        table = "caller_jobs"
        table_description = "Jobs that callers started"
        indexes = (
            ("status", "id"),
            ("created_by_user_id", "id"),
            ("created_by_client_id", "id"),
            ("finished_at",),
            ("undoes_id",),
        )

    @property
    def is_active(self) -> bool:
        """Whether the job waits or runs."""
        return self.status in ACTIVE_STATUSES

    @property
    def processed(self) -> int:
        return self.changed + self.unchanged + self.failed + self.exported

    @property
    def undoable_until(self) -> datetime | None:
        """Until when the job can be undone; None if it can't be, or not yet."""
        if not self.is_undoable or not self.changed or self.finished_at is None:
            return None
        return self.finished_at + UNDO_TIME


class JobTicket(Model):
    """A ticket of a job, and what the job did with it.

    changes   `[before, after]` by column, in a dry run
    previous  the values before the change, if the job can be undone; or the values to restore
    version   the ticket's version after the change, or the version that an undo expects
    """

    id = fields.BigIntField(primary_key=True)
    job: fields.ForeignKeyRelation[CallerJob] = fields.ForeignKeyField(
        "models.CallerJob", related_name=False, on_delete=fields.CASCADE
    )
    job_id: UUID
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    ticket_number = fields.IntField()
    outcome = fields.CharEnumField(JobTicketOutcome, max_length=16)
    code = fields.CharEnumField(JobErrorCode, max_length=32, null=True)
    message = fields.CharField(max_length=MAX_MESSAGE_CHARS, null=True)
    changes: Mapping[str, Json] | None = fields.JSONField(null=True)  # pyright: ignore[reportAssignmentType]
    previous: Mapping[str, Json] | None = fields.JSONField(null=True)  # pyright: ignore[reportAssignmentType]
    version = fields.IntField(null=True)
    ref = computed_property(("ticket_number",), build_reference)

    class Meta:
        table = "caller_job_tickets"
        table_description = "The tickets of jobs that callers started"
        unique_together = (("job", "ticket"),)
        indexes = (("job_id", "outcome", "id"), ("job_id", "id"))


def can_see_job(viewer: Viewer, job: CallerJob) -> bool:
    """Whether the viewer may see, cancel and undo a job: its own, or all if it is an admin."""
    return is_own_job(viewer, job) or ADMINISTER.allows(viewer)


def is_own_job(viewer: Viewer, job: CallerJob) -> bool:
    if viewer.client_id is not None:
        return job.created_by_client_id == viewer.client_id
    return viewer.user_id is not None and job.created_by_user_id == viewer.user_id
