"""Who may write and download the file of an export."""

from __future__ import annotations

from datetime import datetime

from models.access.permissions import ADMINISTER, EXPORT_TICKETS
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.bulk.starter import read_viewer
from models.exports.creation import build_parameters
from models.exports.redactions import check_outdated
from models.jobs.caller_job import CallerJob, JobKind, is_own_job
from models.queries.exported_tickets import has_hidden_ticket

PERSON_SCOPES = frozenset({Scope.TICKETS_READ, Scope.NOTES_READ, Scope.USERS_READ})
"""What exportPerson needs besides the permission: it shows tickets, notes, values of custom fields
that are hidden from customers, and people."""


async def read_exporter(job: CallerJob, at: datetime) -> Viewer | None:
    """The starter of the export, with its permissions now; None if it has lost any of them.

    A file with the tickets before and after a loss of permissions would mislead its reader.
    """
    viewer = await read_viewer(job, at)
    return viewer if viewer is not None and has_permissions_of(viewer, job) else None


def has_permissions_of(viewer: Viewer, job: CallerJob) -> bool:
    """Whether the viewer has the kind of caller and all scopes with which an export began.

    A customer must also belong to the same organization.
    """
    if job.kind is JobKind.EXPORT_PERSON:
        return can_export_people(viewer)
    if not EXPORT_TICKETS.allows(viewer):
        return False
    scopes = {scope.value for scope in viewer.scopes}
    now = build_parameters(viewer)
    is_same = all(job.parameters.get(name) == now[name] for name in now)
    return is_same and scopes.issuperset(job.scopes)


def can_export_people(viewer: Viewer) -> bool:
    """Whether the viewer is an admin who may read what the data of a person shows."""
    return ADMINISTER.allows(viewer) and viewer.scopes.issuperset(PERSON_SCOPES)


async def can_download(viewer: Viewer, job: CallerJob, at: datetime) -> bool:
    """Whether the viewer may have the URL of the job's file.

    The file holds what its starter saw, so admins and weaker tokens of the starter may not.
    Customers must still see all tickets of the file.
    """
    if not (has_file(job, at) and is_own_job(viewer, job) and has_permissions_of(viewer, job)):
        return False
    return not await has_hidden_ticket(viewer, job.id)


def has_file(job: CallerJob, at: datetime) -> bool:
    expires_at = job.export_expires_at
    return job.export_key is not None and expires_at is not None and expires_at > at


async def find_downloadable(job: CallerJob | None, at: datetime) -> str | None:
    """The key of a job's file; None if there is none, or it must not be used any more."""
    if job is None or not has_file(job, at):
        return None
    viewer = await read_exporter(job, at)
    if viewer is None or not await can_download(viewer, job, at) or await check_outdated(job):
        return None
    return job.export_key
