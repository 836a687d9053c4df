"""Finds a ticket by its external id.

External ids are unique per owner only: an API client, a customer, or all agents and admins
together. `Ticket.external_scope` names the owner; see `Viewer.external_id_namespace`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from models import database
from models.access.scopes import CallerKind
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core import ids
from models.core.errors import BadRequest
from models.core.sql import FALSE, Condition, any_of, compare
from models.database import as_uuid
from models.people.user import ApiClient, Role

LOCK_HASH_SEED = 30
"""The seed of the hash that names an external id's advisory lock; the same in all processes."""
MAX_NAMED_OWNERS = 10
"""The maximum number of owners that the error for an ambiguous external id names."""


@dataclass(frozen=True, slots=True)
class Match:
    ticket_id: UUID
    scope: str


def parse_owner(owner_id: str) -> Condition:
    """The condition that the external id of `tickets t` belongs to a user or an API client.

    Agents and admins share one namespace. A user who was a customer earlier also has their own.
    """
    client_key, user_key = ids.key_of(ids.API_CLIENT, owner_id), ids.key_of(ids.USER, owner_id)
    if client_key is not None:
        return compare("t.external_scope", "=", str(client_key))
    if user_key is None:
        return FALSE
    is_staff = "EXISTS (SELECT 1 FROM users u WHERE u.id = ? AND u.role <> ?)"
    shared = Condition(f"(t.external_scope = '' AND {is_staff})", (user_key, Role.CUSTOMER.value))
    return any_of((compare("t.external_scope", "=", str(user_key)), shared))


async def find_by_external_id(
    viewer: Viewer, external_id: str, owner_id: str | None
) -> UUID | None:
    """Return the id of the visible ticket with this external id, of the named owner if any.

    Without an owner, the viewer's own id comes first, and an API client finds only its own.
    Raises BadRequest if the ids of several other owners match.
    """
    condition = visible_tickets(viewer) & compare("t.external_id", "=", external_id)
    own_scope = viewer.external_id_namespace
    if owner_id is not None:
        condition &= parse_owner(owner_id)
    elif viewer.caller_kind is CallerKind.API_CLIENT:
        condition &= compare("t.external_scope", "=", own_scope)
    matches = await read_matches(condition, own_scope)
    if not matches:
        return None
    if owner_id is not None:
        # Two match only for a user who has become an agent: then the user's own id wins.
        return max(matches, key=lambda match: match.scope).ticket_id
    if len(matches) > 1 and matches[0].scope != own_scope:
        raise BadRequest(await describe_ambiguity(viewer, matches))
    return matches[0].ticket_id


async def read_matches(condition: Condition, first_scope: str) -> list[Match]:
    """Return the first tickets that meet the condition: that of `first_scope`, then the oldest."""
    rows = await database.fetch_dicts(
        "SELECT t.id AS id, t.external_scope AS scope FROM tickets t "
        f"WHERE {condition.text} "
        f"ORDER BY CASE WHEN t.external_scope = ? THEN 0 ELSE 1 END, t.number "
        f"LIMIT {MAX_NAMED_OWNERS + 1}",
        (*condition.params, first_scope),
    )
    return [Match(as_uuid(row["id"]), str(row["scope"])) for row in rows]


async def describe_ambiguity(viewer: Viewer, matches: Sequence[Match]) -> str:
    """Return the message for an external id that several owners use."""
    if viewer.is_customer:
        return (
            "Several tickets have this external id. List them with "
            "tickets(filter: {externalId: {eq: …}}), and use the id of one."
        )
    scopes = [match.scope for match in matches if match.scope]
    clients = {str(client.id) for client in await ApiClient.filter(id__in=scopes)}
    owners = [
        ids.encode(ids.API_CLIENT if scope in clients else ids.USER, UUID(scope))
        for scope in scopes[:MAX_NAMED_OWNERS]
    ]
    more = " and others" if len(scopes) > MAX_NAMED_OWNERS else ""
    return (
        "Tickets of several owners have this external id. Pass the id of one owner as ownerId: "
        f"{', '.join(owners)}{more}."
    )


async def lock_external_id(scope: str, external_id: str) -> UUID | None:
    """Wait for other upserts of this external id, then return the id of its ticket, if any.

    `scope` names the owner. SQLite needs no lock: its transactions begin with BEGIN IMMEDIATE.
    """
    if database.dialect() == "postgres":
        statement = f"SELECT pg_advisory_xact_lock(hashtextextended(?, {LOCK_HASH_SEED}))"
        await database.fetch(statement, [f"{scope} {external_id}"])
    rows = await database.fetch_dicts(
        "SELECT t.id AS id FROM tickets t WHERE t.external_scope = ? AND t.external_id = ?",
        [scope, external_id],
    )
    return as_uuid(rows[0]["id"]) if rows else None
