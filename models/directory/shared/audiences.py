"""The audience of saved views and macros: the people who see and may change a record."""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.access.audience import Audience, SharedRecord, can_change_shared
from models.access.viewer import Viewer
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.people.team import get_active_team, list_team_ids

M = TypeVar("M", bound=Model)


class SharedDraft(Protocol):
    """A record whose audience is being set."""

    audience: Audience
    owner_id: UUID | None
    team_id: UUID | None


async def apply_audience(
    record: SharedDraft, actor: Viewer, audience: Audience, slug: str | None
) -> None:
    """Set the people who see the record; `slug` is that of the team. Raises InvalidInput.

    A record for a team keeps its team without a slug.
    """
    record.audience = audience
    if audience is not Audience.TEAM:
        if slug is not None:
            message = "is only allowed for the audience TEAM"
            raise InvalidInput(UserErrorCode.INVALID, message, "team")
        record.team_id = None
    elif slug is not None:
        record.team_id = (await get_active_team(slug, "team")).id
    elif record.team_id is None:
        raise InvalidInput(UserErrorCode.REQUIRED, "is required for the audience TEAM", "team")
    record.owner_id = actor.user_id if audience is Audience.PERSONAL else None


def group_of(record: SharedRecord) -> tuple[Audience, UUID | None, UUID | None]:
    """What the records of the same people have in common."""
    return (record.audience, record.owner_id, record.team_id)


def records_beside(model: type[M], record: SharedRecord) -> QuerySet[M]:
    """The stored records of the same people."""
    audience, owner_id, team_id = group_of(record)
    return model.filter(audience=audience, owner_id=owner_id, team_id=team_id)


async def check_can_change(actor: Viewer, record: SharedRecord, kind: str) -> None:
    """Raises Forbidden; `kind` names the records, as in `views`."""
    if not can_change_shared(actor, record, await list_team_ids(actor.user_id)):
        raise Forbidden(
            f"Team {kind} can be changed by the team's members and by admins, {kind} for everyone "
            "by admins."
        )


def logged(changes: RecordChanges, *records: SharedRecord) -> RecordChanges:
    """The changes that the audit log stores. It has no personal records, because they are
    private."""
    is_shared = any(record.audience is not Audience.PERSONAL for record in records)
    return changes if is_shared else RecordChanges()
