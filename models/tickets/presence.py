"""Presence: which users look at a ticket or write a reply.

Clients report presence every few seconds; a report expires. Presence is not logged and changes no
ticket.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.record_limits import DEFAULT_LIMITS, count_reached
from models.core.time import InstantField
from models.database import as_instant, as_uuid
from models.people.user import Role, User
from models.tickets.ticket import Ticket

PRESENCE_LIFETIME = timedelta(seconds=15)
"""The time after which a report expires."""
EXPIRED_RETENTION = timedelta(minutes=1)
"""Expired reports are kept this long, because the clocks of several machines differ a little."""
MAX_CLIENT_KEY_CHARS = 64


class PresenceState(Enum):
    LOOKING = "looking"
    WRITING = "writing"
    GONE = "gone"


class Presence(Model):
    """A report of one browser window of a user; it expires at `until`. GONE is never stored."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    client_key = fields.CharField(max_length=MAX_CLIENT_KEY_CHARS)
    state = fields.CharEnumField(PresenceState, max_length=8)
    since = InstantField()
    until = InstantField()

    class Meta:
        table = "presences"
        table_description = "Users who look at a ticket or write a reply"
        unique_together = (("ticket", "user", "client_key"),)
        indexes = (("user_id",),)


@dataclass(frozen=True, slots=True)
class PresentUser:
    """A user on a ticket. WRITING in any window counts; `since` is when the first one began."""

    user_id: UUID
    state: PresenceState
    since: datetime


@dataclass(frozen=True, slots=True)
class TicketPresence:
    """The users on a ticket at some instant, ordered by how long their state has lasted."""

    ticket_id: UUID
    people: tuple[PresentUser, ...]

    def for_user(self, user_id: UUID) -> TicketPresence:
        """The presence reduced to one user, for viewers who may not see the others."""
        own = tuple(user for user in self.people if user.user_id == user_id)
        return TicketPresence(self.ticket_id, own)


async def set_presence(
    ticket_id: UUID,
    user_id: UUID,
    client_key: str,
    state: PresenceState,
    at: datetime,
    *,
    max_windows: int = DEFAULT_LIMITS.max_presence_windows_per_user,
) -> bool:
    """Store the state of one browser window; returns whether subscribers must be notified.

    Beyond `max_windows`, the user's oldest windows are deleted.
    """
    if state is PresenceState.GONE:
        deleted = await database.fetch_dicts(
            "DELETE FROM presences WHERE ticket_id = ? AND user_id = ? AND client_key = ? "
            "RETURNING id",
            [ticket_id, user_id, client_key],
        )
        return bool(deleted)
    stored = await database.fetch_dicts(
        "INSERT INTO presences (id, ticket_id, user_id, client_key, state, since, until) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (ticket_id, user_id, client_key) DO UPDATE SET "
        "state = excluded.state, until = excluded.until, "
        "since = CASE WHEN presences.state = excluded.state AND presences.until > excluded.since "
        "THEN presences.since ELSE excluded.since END RETURNING since",
        [new_id(), ticket_id, user_id, client_key, state, at, at + PRESENCE_LIFETIME],
    )
    is_unchanged = as_instant(stored[0]["since"]) != at
    if is_unchanged:
        return False
    await delete_excess_windows(user_id, max_windows)
    return True


async def delete_excess_windows(user_id: UUID, maximum: int) -> None:
    newest = "SELECT id FROM presences WHERE user_id = ? ORDER BY until DESC, id DESC LIMIT ?"
    statement = f"DELETE FROM presences WHERE user_id = ? AND id NOT IN ({newest})"
    values = [user_id, user_id, maximum]
    # Retried: on Postgres, two of these that delete the same rows in different orders can deadlock.
    deleted = await database.run_in_transaction(
        lambda: database.fetch_dicts(f"{statement} RETURNING id", values)
    )
    if deleted:
        count_reached("presence_windows", len(deleted))


async def read_presence(ticket_ids: Collection[UUID], at: datetime) -> dict[UUID, TicketPresence]:
    """The presence on each of the tickets, in one statement.

    The ids are one parameter, so the statement's text does not depend on their number.
    """
    ids = [str(ticket_id) for ticket_id in ticket_ids]
    ids_parameter: object = ids
    id_condition = "= ANY(?)"
    if database.dialect() == "sqlite":
        ids_parameter = json.dumps(ids)
        id_condition = "IN (SELECT value FROM json_each(?))"
    rows = await database.fetch_dicts(
        "SELECT p.ticket_id AS ticket_id, p.user_id AS user_id, p.state AS state, "
        "MIN(p.since) AS since FROM presences p JOIN users u ON u.id = p.user_id "
        f"WHERE p.ticket_id {id_condition} AND p.until > ? AND u.active = TRUE AND u.role <> ? "
        "GROUP BY p.ticket_id, p.user_id, p.state",
        [ids_parameter, at, Role.CUSTOMER],
    )
    users: dict[UUID, list[PresentUser]] = {ticket_id: [] for ticket_id in ticket_ids}
    for row in rows:
        since = cast("datetime", as_instant(row["since"]))
        user = PresentUser(as_uuid(row["user_id"]), PresenceState(row["state"]), since)
        users[as_uuid(row["ticket_id"])].append(user)
    return {
        ticket_id: TicketPresence(ticket_id, merge_windows(present))
        for ticket_id, present in users.items()
    }


def merge_windows(windows: list[PresentUser]) -> tuple[PresentUser, ...]:
    """Reduce to one state per user: WRITING wins over LOOKING."""
    state_by_user: dict[UUID, PresentUser] = {}
    for window in windows:
        if window.user_id not in state_by_user or window.state is PresenceState.WRITING:
            state_by_user[window.user_id] = window
    return tuple(sorted(state_by_user.values(), key=lambda user: (user.since, user.user_id)))


async def delete_expired(at: datetime) -> None:
    """Delete reports that expired more than EXPIRED_RETENTION ago."""
    await database.run_in_transaction(
        lambda: Presence.filter(until__lt=at - EXPIRED_RETENTION).delete()
    )
