"""Who may write and download the file of an export."""

from __future__ import annotations

from datetime import datetime

from models.access.permissions import EXPORT_TICKETS
from models.access.viewer import Viewer
from models.bulk.starter import read_viewer
from models.exports.creation import CALLER_KIND
from models.exports.redactions import check_outdated
from models.jobs.caller_job import CallerJob, is_own_job


async def read_exporter(job: CallerJob, at: datetime) -> Viewer | None:
    """The starter of an export with its current rights; None if it has lost any of them.

    A file with the tickets before and after a loss of rights would mislead its reader.
    """
    viewer = await read_viewer(job, at)
    return viewer if viewer is not None and has_rights_of(viewer, job) else None


def has_rights_of(viewer: Viewer, job: CallerJob) -> bool:
    """Whether the viewer has the kind of caller and all scopes with which an export began."""
    if not EXPORT_TICKETS.allows(viewer):
        return False
    scopes = {scope.value for scope in viewer.scopes}
    is_same_kind = job.parameters.get(CALLER_KIND) == viewer.caller_kind.value
    return is_same_kind and scopes.issuperset(job.scopes)


def can_download(viewer: Viewer, job: CallerJob, at: datetime) -> bool:
    """Whether the viewer may have the URL of the job's file.

    The file holds what its starter saw, so admins and weaker tokens of the starter may not.
    """
    return has_file(job, at) and is_own_job(viewer, job) and has_rights_of(viewer, job)


def has_file(job: CallerJob, at: datetime) -> bool:
    expires_at = job.export_expires_at
    return job.export_key is not None and expires_at is not None and expires_at > at


async def find_downloadable(job: CallerJob | None, at: datetime) -> str | None:
    """The key of a job's file; None if there is none, or it must not be used any more."""
    if job is None or not has_file(job, at):
        return None
    if await read_exporter(job, at) is None or await check_outdated(job):
        return None
    return job.export_key
