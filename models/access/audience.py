"""The people who see a shared record, such as a saved view or a macro, and who may change it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core.sql import Condition, any_of, compare

if TYPE_CHECKING:
    from collections.abc import Set


class Audience(IntEnum):
    """The people who see a record. Lists of views are in this order."""

    PERSONAL = 1
    TEAM = 2
    EVERYONE = 3


class SharedRecord(Protocol):
    """A record with an audience.

    owner  the person who sees a PERSONAL record; null for other records
    team   the team whose members see a TEAM record; null for other records
    """

    @property
    def audience(self) -> Audience: ...

    @property
    def owner_id(self) -> UUID | None: ...

    @property
    def team_id(self) -> UUID | None: ...


def can_see_shared(viewer: Viewer, record: SharedRecord, team_ids: Set[UUID]) -> bool:
    """Whether the viewer, a member of these teams, may see a record. Admins see those of all
    teams."""
    if record.audience is Audience.PERSONAL:
        return record.owner_id is not None and record.owner_id == viewer.user_id
    if record.audience is Audience.TEAM:
        return record.team_id in team_ids or ADMINISTER.allows(viewer)
    return True


def can_change_shared(viewer: Viewer, record: SharedRecord, team_ids: Set[UUID]) -> bool:
    """Whether the viewer, a member of these teams, may change or remove a record."""
    if record.audience is Audience.EVERYONE:
        return ADMINISTER.allows(viewer)
    return can_see_shared(viewer, record, team_ids)


def visible_shared_records(viewer: Viewer, alias: str, *, all_teams: bool) -> Condition:
    """The records that the viewer sees: personal ones, those of the viewer's teams or of all teams,
    and those for everyone. `alias` names their table."""
    if viewer.user_id is None:
        return compare(f"{alias}.audience", "=", Audience.EVERYONE)
    of_teams = (
        compare(f"{alias}.audience", "=", Audience.TEAM)
        if all_teams
        else Condition(
            f"({alias}.team_id IN (SELECT m.team_id FROM memberships m WHERE m.user_id = ?))",
            (viewer.user_id,),
        )
    )
    return any_of(
        (
            compare(f"{alias}.owner_id", "=", viewer.user_id),
            of_teams,
            compare(f"{alias}.audience", "=", Audience.EVERYONE),
        )
    )
