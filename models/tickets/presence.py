"""Who is looking at a ticket, and who is writing a reply: said again every few seconds, and forgotten by itself.

No part of the record: nothing is logged, and no ticket changes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby
from typing import cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.time import InstantField
from models.database import as_instant, as_uuid
from models.people.user import Role, User
from models.tickets.ticket import Ticket

PRESENCE_LIFETIME = timedelta(seconds=15)
"""How long what was said holds."""
EXPIRED_RETENTION = timedelta(minutes=1)
"""How long what no longer holds is left alone, since the clocks of several machines differ a little."""
MAX_WINDOWS_PER_USER = 50
"""How many windows of a person are remembered; those who were last heard of come first."""
MAX_CLIENT_KEY_LENGTH = 64


class PresenceState(Enum):
    LOOKING = "looking"
    WRITING = "writing"
    GONE = "gone"


class Presence(Model):
    """One window of a person on a ticket. GONE is never stored."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    client_key = fields.CharField(max_length=MAX_CLIENT_KEY_LENGTH)
    state = fields.CharEnumField(PresenceState, max_length=8)
    since = InstantField()
    until = InstantField()

    class Meta:
        table = "presences"
        table_description = "Who is looking at a ticket, and who is writing a reply"
        unique_together = (("ticket", "user", "client_key"),)
        indexes = (("user_id",),)


@dataclass(frozen=True, slots=True)
class PresentUser:
    """A person on a ticket. Who writes in one of several windows is writing, since the first of those began to."""

    user_id: UUID
    state: PresenceState
    since: datetime


@dataclass(frozen=True, slots=True)
class TicketPresence:
    """Everybody on a ticket at some instant; who has been as they are for longest comes first."""

    ticket_id: UUID
    people: tuple[PresentUser, ...]

    def for_user(self, user_id: UUID) -> TicketPresence:
        """What there is of one person alone."""
        return TicketPresence(
            self.ticket_id, tuple(each for each in self.people if each.user_id == user_id)
        )


async def set_presence(
    ticket_id: UUID, user_id: UUID, client_key: str, state: PresenceState, at: datetime
) -> bool:
    """Store what a window says of itself; returns whether that is news to those who follow."""
    if state is PresenceState.GONE:
        return bool(
            await database.rows(
                "DELETE FROM presences WHERE ticket_id = ? AND user_id = ? AND client_key = ? RETURNING id",
                [ticket_id, user_id, client_key],
            )
        )
    stored = await database.rows(
        "INSERT INTO presences (id, ticket_id, user_id, client_key, state, since, until) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (ticket_id, user_id, client_key) DO UPDATE SET state = excluded.state, until = excluded.until, "
        "since = CASE WHEN presences.state = excluded.state AND presences.until > excluded.since THEN presences.since "
        "ELSE excluded.since END RETURNING since",
        [new_id(), ticket_id, user_id, client_key, state, at, at + PRESENCE_LIFETIME],
    )
    if as_instant(stored[0]["since"]) != at:
        return False
    await delete_excess_windows(user_id)
    return True


async def delete_excess_windows(user_id: UUID) -> None:
    """Forget the windows of a person that are too many."""
    newest = "SELECT id FROM presences WHERE user_id = ? ORDER BY until DESC, id DESC LIMIT ?"
    # two that forget the same ones in different orders end one another on Postgres
    await database.transacted(
        lambda: database.rows(
            f"DELETE FROM presences WHERE user_id = ? AND id NOT IN ({newest})",
            [user_id, user_id, MAX_WINDOWS_PER_USER],
        )
    )


async def read_presence(ticket_ids: Collection[UUID], at: datetime) -> dict[UUID, TicketPresence]:
    """Who is on each of the tickets; one statement, whose text is the same for any number of them."""
    keys = [str(ticket_id) for ticket_id in ticket_ids]
    if database.dialect() == "postgres":
        among, given = "= ANY(?)", keys
    else:
        among, given = "IN (SELECT value FROM json_each(?))", json.dumps(keys)
    found = await database.rows(
        "SELECT p.ticket_id AS ticket_id, p.user_id AS user_id, p.state AS state, MIN(p.since) AS since "
        f"FROM presences p JOIN users u ON u.id = p.user_id WHERE p.ticket_id {among} AND p.until > ? "
        "AND u.active = TRUE AND u.role <> ? GROUP BY p.ticket_id, p.user_id, p.state",
        [given, at, Role.CUSTOMER],
    )
    people: dict[UUID, list[PresentUser]] = {ticket_id: [] for ticket_id in ticket_ids}
    for row in found:
        since = cast("datetime", as_instant(row["since"]))
        present = PresentUser(as_uuid(row["user_id"]), PresenceState(row["state"]), since)
        people[as_uuid(row["ticket_id"])].append(present)
    return {
        ticket_id: TicketPresence(ticket_id, merge_windows(among))
        for ticket_id, among in people.items()
    }


def merge_windows(found: list[PresentUser]) -> tuple[PresentUser, ...]:
    """One for each person: writing wins over looking."""
    strongest = sorted(
        found, key=lambda each: (each.user_id, each.state is not PresenceState.WRITING)
    )
    once = [next(states) for _, states in groupby(strongest, key=lambda each: each.user_id)]
    return tuple(sorted(once, key=lambda each: (each.since, each.user_id)))


async def delete_expired(at: datetime) -> None:
    """Remove what has not held for a while."""
    await database.transacted(lambda: Presence.filter(until__lt=at - EXPIRED_RETENTION).delete())
