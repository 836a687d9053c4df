"""The kinds of caller, the scopes of tokens, and the scopes that each kind of caller may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from models.people.user import Role


class Scope(Enum):
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    NOTES_READ = "notes:read"
    NOTES_WRITE = "notes:write"
    EVENTS_READ = "events:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    """Manages customers and organizations. Staff, roles and teams need ADMIN."""
    ADMIN = "admin"


class CallerKind(Enum):
    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"
    API_CLIENT = "api_client"


CALLER_KIND_BY_ROLE: Mapping[Role, CallerKind] = {
    Role.CUSTOMER: CallerKind.CUSTOMER,
    Role.AGENT: CallerKind.AGENT,
    Role.ADMIN: CallerKind.ADMIN,
}

ALL_CALLERS = frozenset(CallerKind)
AUTHENTICATED_CALLERS = ALL_CALLERS - {CallerKind.ANONYMOUS}
STAFF = frozenset({CallerKind.AGENT, CallerKind.ADMIN, CallerKind.API_CLIENT})
HUMAN_CALLERS = frozenset({CallerKind.CUSTOMER, CallerKind.AGENT, CallerKind.ADMIN})
HUMAN_STAFF = STAFF & HUMAN_CALLERS

CUSTOMER_SCOPES = frozenset({Scope.TICKETS_READ, Scope.TICKETS_WRITE, Scope.EVENTS_READ})
AGENT_SCOPES = CUSTOMER_SCOPES | {Scope.NOTES_READ, Scope.NOTES_WRITE, Scope.USERS_READ}
ALL_SCOPES = frozenset(Scope)

MAX_SCOPES: Mapping[CallerKind, frozenset[Scope]] = {
    CallerKind.ANONYMOUS: frozenset(),
    CallerKind.CUSTOMER: CUSTOMER_SCOPES,
    CallerKind.AGENT: AGENT_SCOPES,
    CallerKind.ADMIN: ALL_SCOPES,
    CallerKind.API_CLIENT: ALL_SCOPES,
}
"""The scopes that a caller of each kind may hold at most."""


def scopes_of_role(role: Role) -> list[str]:
    """The names of all scopes that a user of this role may hold."""
    return sorted(scope.value for scope in MAX_SCOPES[CALLER_KIND_BY_ROLE[role]])


def granted_scopes(caller_kind: CallerKind, names: Iterable[str]) -> frozenset[Scope]:
    """The scopes that a token grants: those it names, limited to what its owner's kind may hold.

    Unknown names are ignored. `admin` includes `users:write`.
    """
    wanted = set(names)
    if Scope.ADMIN.value in wanted:
        wanted.add(Scope.USERS_WRITE.value)
    return frozenset(scope for scope in MAX_SCOPES[caller_kind] if scope.value in wanted)
