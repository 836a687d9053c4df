"""The current permissions of the starter of a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from models.access.scopes import granted_scopes
from models.access.viewer import (
    Viewer,
    read_shared_tickets,
    viewer_of_token,
    viewer_of_user,
)
from models.jobs.caller_job import CallerJob
from models.people.token import Token, TokenKind
from models.people.user import User


def started_by_token(viewer: Viewer) -> bool:
    """Whether the viewer uses an API token.

    If it is revoked, its jobs lose their permissions. A session is not compared: a job goes on if
    its starter signs out.
    """
    token = viewer.token
    return token is not None and token.kind is TokenKind.API


async def read_starter(job: CallerJob, at: datetime) -> Viewer | None:
    """The starter of a job with its permissions now; None if it may no longer change tickets.

    Its role and its token may have changed since it started the job. No scope is added.
    """
    viewer = await read_viewer(job, at)
    if viewer is None or not HANDLE_TICKETS_AS_STAFF.allows(viewer):
        return None
    return viewer


async def read_viewer(job: CallerJob, at: datetime) -> Viewer | None:
    """The starter of a job with its permissions now; None if deactivated, or if its token ended.

    Its role may be another one now.
    """
    return await read_token_owner(job, at) if job.token_id else await read_user(job)


async def read_token_owner(job: CallerJob, at: datetime) -> Viewer | None:
    token = await Token.get_or_none(id=job.token_id).select_related("user__organization", "client")
    if token is None:
        return None
    return viewer_of_token(token, at, await read_shared_tickets([token.user]))


async def read_user(job: CallerJob) -> Viewer | None:
    found = User.get_or_none(id=job.created_by_user_id, active=True)
    user = await found.select_related("organization")
    if user is None:
        return None
    viewer = viewer_of_user(user, await read_shared_tickets([user]))
    return replace(viewer, scopes=granted_scopes(viewer.caller_kind, job.scopes))
