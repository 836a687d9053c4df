"""The permission revision, and the grants of the tokens of open connections.

The revision tells when permissions have changed. Triggers (models/access/revision_triggers)
increment it, so changes by operators and other programs count too.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, CallerKind, Scope, granted_scopes
from models.access.viewer import Viewer, read_shared_tickets, viewer_of_token
from models.database import as_instant
from models.people.token import Token
from models.people.user import Role


class PermissionRevision(Model):
    """One row. `position` is that of the log when ticket visibility last changed."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    revision = fields.BigIntField(default=0)
    position = fields.BigIntField(default=0)

    class Meta:
        # The table keeps its first name: during an upgrade, processes of the previous version still
        # run, and their statements use it.
        table = "rights"
        table_description = "The permission revision"


class Grant(NamedTuple):
    """Everything that decides what the viewer of a token may see and do, and how long."""

    caller_kind: CallerKind
    scopes: frozenset[Scope]
    owner_id: str
    organization_id: str | None
    shares_organization: bool
    shared_ticket_ids: frozenset[str]
    token_kind: str
    expires_at: datetime | None


GRANT_COLUMNS = (
    "k.kind, CAST(k.scopes AS TEXT), k.expires_at, k.revoked_at, k.user_id, k.client_id, "
    "u.role, u.active, u.organization_id, o.shared, c.active, "
    "(SELECT {join}(CAST(p.ticket_id AS TEXT), ',') FROM ticket_participants p "
    "WHERE p.user_id = k.user_id), "
    "(SELECT {join}(CAST(t.id AS TEXT), ',') FROM tickets t "
    "WHERE t.shared_with_organization AND t.organization_id = u.organization_id AND NOT o.shared)"
)
FROM_CLAUSE = (
    "FROM tokens k LEFT JOIN users u ON u.id = k.user_id "
    "LEFT JOIN organizations o ON o.id = u.organization_id "
    "LEFT JOIN api_clients c ON c.id = k.client_id"
)


REVISION_SQL = "(SELECT revision FROM rights)"
"""The current revision as an expression of another statement, which then reads both at once."""


async def read_revision() -> int:
    """The current revision. If two reads are equal, no permission changed between them."""
    return cast("int", (await database.fetch("SELECT revision FROM rights"))[0][0])


async def visibility_changed_since(position: int) -> bool:
    """Whether the tickets visible to any viewer may have changed at or after that log position."""
    rows = await database.fetch_dicts("SELECT position FROM rights")
    return cast("int", rows[0]["position"]) >= position


async def read_fingerprints(token_ids: Collection[str]) -> dict[str, str]:
    """The fingerprint of each existing token: all values that decide what the token grants.

    Equal fingerprints mean equal grants, except for expiry; `parse_grant` reads one. This is one
    statement that builds no records, so it takes some microseconds per token.
    """
    if database.dialect() == "postgres":
        build_array, join = "json_build_array", "string_agg"
        where, params = "k.id = ANY(?)", [list(token_ids)]
    else:
        build_array, join = "json_array", "group_concat"
        where, params = "k.id IN (SELECT value FROM json_each(?))", [json.dumps(list(token_ids))]
    columns = GRANT_COLUMNS.format(join=join)
    fingerprint = f"CAST({build_array}({columns}) AS TEXT)"
    rows = await database.fetch_dicts(
        f"SELECT CAST(k.id AS TEXT) AS id, {fingerprint} AS fingerprint {FROM_CLAUSE} "
        f"WHERE {where}",
        params,
    )
    return {cast("str", row["id"]): cast("str", row["fingerprint"]) for row in rows}


def parse_grant(fingerprint: str, at: datetime) -> Grant | None:
    """The grant of the viewer of a token, computed from the token's fingerprint.

    None if the token or its owner is not valid at that time. A test checks that the result equals
    `grant_of(viewer_of_token(token, at))`.
    """
    (
        kind,
        scopes,
        expires,
        revoked,
        user_id,
        client_id,
        role,
        user_active,
        organization_id,
        shared,
        client_active,
        participations,
        shared_with_organization,
    ) = json.loads(fingerprint)
    expires_at = as_instant(expires)
    has_expired = expires_at is not None and expires_at <= at
    owner_active = user_active if user_id else client_active
    if revoked is not None or has_expired or not owner_active:
        return None
    caller_kind = CALLER_KIND_BY_ROLE[Role(role)] if user_id else CallerKind.API_CLIENT
    return Grant(
        caller_kind,
        parse_scopes(caller_kind, scopes),
        user_id or client_id,
        organization_id,
        organization_id is not None and bool(shared),
        parse_shared_tickets(caller_kind, participations, shared_with_organization),
        kind,
        expires_at,
    )


def parse_shared_tickets(caller_kind: CallerKind, *lists: str | None) -> frozenset[str]:
    """The ids of lists separated by commas; tickets are shared only with customers."""
    if caller_kind is not CallerKind.CUSTOMER:
        return frozenset()
    return frozenset(ticket_id for ids in lists if ids is not None for ticket_id in ids.split(","))


@lru_cache(maxsize=1024)
def parse_scopes(caller_kind: CallerKind, names: str) -> frozenset[Scope]:
    return granted_scopes(caller_kind, cast("list[str]", json.loads(names)))


def grant_of(viewer: Viewer) -> Grant | None:
    """The grant of the viewer's token; None for a viewer without a token."""
    if viewer.token is None:
        return None
    organization_id = viewer.user.organization_id if viewer.user else None
    return Grant(
        viewer.caller_kind,
        viewer.scopes,
        str(viewer.user_id or viewer.client_id),
        None if organization_id is None else str(organization_id),
        viewer.shared_organization_id is not None,
        frozenset(map(str, viewer.shared_ticket_ids)),
        viewer.token.kind.value,
        viewer.token.expires_at,
    )


async def load_viewers(token_ids: Collection[str], at: datetime) -> dict[str, Viewer]:
    """The viewers, with their records, of those tokens that are valid at that time.

    This is slower than `read_fingerprints`, so callers use it only for tokens whose grant changed.
    """
    query = Token.filter(id__in=token_ids).select_related("user", "user__organization", "client")
    tokens = await query
    shared_tickets = await read_shared_tickets([token.user for token in tokens])
    viewers: dict[str, Viewer] = {}
    for token in tokens:
        viewer = viewer_of_token(token, at, shared_tickets)
        if viewer is not None:
            viewers[str(token.id)] = viewer
    return viewers
