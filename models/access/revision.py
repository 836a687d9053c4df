"""What tokens open, while they are open: a revision that says whether anything moved, and cheap readings for where it did.

The revision is raised by triggers (models/access/revision_triggers), so also by what an operator or another program writes.
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
from models.access.scopes import CALLER_OF_ROLE, Caller, Scope, granted_scopes
from models.access.viewer import Viewer, viewer_of
from models.database import as_instant
from models.people.token import Token
from models.people.user import Role


class PermissionRevision(Model):
    """One row: how often rights changed, and where the log was when somebody's sight did last."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    revision = fields.BigIntField(default=0)
    position = fields.BigIntField(default=0)

    class Meta:
        table = "rights"
        table_description = "How often rights changed"


class Grant(NamedTuple):
    """All that decides what the viewer of a token may do and see, and for how long."""

    caller: Caller
    scopes: frozenset[Scope]
    owner: str
    organization_id: str | None
    shared: bool
    kind: str
    expires_at: datetime | None


GRANT_COLUMNS = (
    "k.kind, CAST(k.scopes AS TEXT), k.expires_at, k.revoked_at, k.user_id, k.client_id, "
    "u.role, u.active, u.organization_id, o.shared, c.active"
)
TOKEN_JOINS = (
    "FROM tokens k LEFT JOIN users u ON u.id = k.user_id LEFT JOIN organizations o ON o.id = u.organization_id "
    "LEFT JOIN api_clients c ON c.id = k.client_id WHERE k.id"
)


async def read_revision() -> int:
    """Two equal readings: nothing that was committed between them changed what anybody may do or see."""
    return cast("int", (await database.fetch("SELECT revision FROM rights"))[0][0])


async def visibility_changed_since(position: int) -> bool:
    """Whether somebody may see other tickets now than when the log had come to the position; in doubt, yes."""
    noted = cast("int", (await database.fetch_dicts("SELECT position FROM rights"))[0]["position"])
    return noted >= position


async def fingerprints(keys: Collection[str]) -> dict[str, str]:
    """By the tokens' ids, as texts: all that decides what each opens. Compare it with an earlier one, or read it by `opens`.

    One statement, without records: some microseconds for a token.
    """
    if database.dialect() == "postgres":
        text, params = f"json_build_array({GRANT_COLUMNS})::text AS print {TOKEN_JOINS} = ANY(?)", [list(keys)]
    else:
        text, params = f"json_array({GRANT_COLUMNS}) AS print {TOKEN_JOINS} IN (SELECT value FROM json_each(?))", [json.dumps(list(keys))]
    found = await database.fetch_dicts(f"SELECT CAST(k.id AS TEXT) AS id, {text}", params)
    return {cast("str", row["id"]): cast("str", row["print"]) for row in found}


def parse_grant(text: str, at: datetime) -> Grant | None:
    """`viewer_of` for a print; a test keeps the two alike."""
    kind, scopes, expires, revoked, user_id, client_id, role, active, organization_id, shared, client_active = json.loads(text)
    expires_at = as_instant(expires)
    if revoked is not None or (expires_at is not None and expires_at <= at) or not (active if user_id else client_active):
        return None
    caller = CALLER_OF_ROLE[Role(role)] if user_id else Caller.API_CLIENT
    shares = organization_id is not None and bool(shared)
    return Grant(caller, parse_scopes(caller, scopes), user_id or client_id, organization_id, shares, kind, expires_at)


@lru_cache(maxsize=1024)
def parse_scopes(caller: Caller, scopes: str) -> frozenset[Scope]:
    return granted_scopes(caller, cast("list[str]", json.loads(scopes)))


def grant_of(viewer: Viewer) -> Grant | None:
    """None for who has no token."""
    if viewer.token is None:
        return None
    organization_id = viewer.user.organization_id if viewer.user else None
    return Grant(
        viewer.caller,
        viewer.scopes,
        str(viewer.user_id or viewer.client_id),
        None if organization_id is None else str(organization_id),
        viewer.shared_organization_id is not None,
        viewer.token.kind.value,
        viewer.token.expires_at,
    )


async def load_viewers(keys: Collection[str], at: datetime) -> dict[str, Viewer]:
    """The viewers of those tokens that open something, with their records: for the few whose standing moved."""
    tokens = await Token.filter(id__in=keys).select_related("user", "user__organization", "client")
    return {str(token.id): viewer for token in tokens if (viewer := viewer_of(token, at)) is not None}
