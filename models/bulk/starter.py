"""The current rights of the caller who started a job."""

from __future__ import annotations

from datetime import datetime

from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from models.access.scopes import CALLER_KIND_BY_ROLE, granted_scopes
from models.access.viewer import Viewer, viewer_of_token
from models.jobs.caller_job import CallerJob
from models.people.token import Token, TokenKind
from models.people.user import User


def started_by_token(viewer: Viewer) -> bool:
    """Whether the viewer uses an API token. If it is revoked, the viewer's jobs lose their rights.

    A session is not compared: a job goes on if its starter signs out.
    """
    token = viewer.token
    return token is not None and token.kind is TokenKind.API


async def read_starter(job: CallerJob, at: datetime) -> Viewer | None:
    """The starter of a job with its current rights; None if it may no longer change tickets.

    Its role and its token may have changed since it started the job. No scope is added.
    """
    viewer = await read_token_owner(job, at) if job.token_id else await read_user(job)
    if viewer is None or not HANDLE_TICKETS_AS_STAFF.allows(viewer):
        return None
    return viewer


async def read_token_owner(job: CallerJob, at: datetime) -> Viewer | None:
    token = await Token.get_or_none(id=job.token_id).select_related("user__organization", "client")
    return None if token is None else viewer_of_token(token, at, {})


async def read_user(job: CallerJob) -> Viewer | None:
    user = await User.get_or_none(id=job.created_by_user_id, active=True)
    if user is None:
        return None
    caller_kind = CALLER_KIND_BY_ROLE[user.role]
    return Viewer(caller_kind, granted_scopes(caller_kind, job.scopes), user=user)
