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
    ADMIN = "admin"


class Caller(Enum):
    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"
    API_CLIENT = "api_client"


CALLER_OF_ROLE: Mapping[Role, Caller] = {
    Role.CUSTOMER: Caller.CUSTOMER,
    Role.AGENT: Caller.AGENT,
    Role.ADMIN: Caller.ADMIN,
}

ALL_CALLERS = frozenset(Caller)
AUTHENTICATED_CALLERS = ALL_CALLERS - {Caller.ANONYMOUS}
STAFF = frozenset({Caller.AGENT, Caller.ADMIN, Caller.API_CLIENT})
HUMAN_CALLERS = frozenset({Caller.CUSTOMER, Caller.AGENT, Caller.ADMIN})
HUMAN_STAFF = STAFF & HUMAN_CALLERS

CUSTOMER_SCOPES = frozenset({Scope.TICKETS_READ, Scope.TICKETS_WRITE, Scope.EVENTS_READ})
AGENT_SCOPES = CUSTOMER_SCOPES | {Scope.NOTES_READ, Scope.NOTES_WRITE, Scope.USERS_READ}
ALL_SCOPES = frozenset(Scope)

MAX_SCOPES: Mapping[Caller, frozenset[Scope]] = {
    Caller.ANONYMOUS: frozenset(),
    Caller.CUSTOMER: CUSTOMER_SCOPES,
    Caller.AGENT: AGENT_SCOPES,
    Caller.ADMIN: ALL_SCOPES,
    Caller.API_CLIENT: ALL_SCOPES,
}
"""The scopes that a caller of each kind may hold at most."""


def granted_scopes(caller: Caller, names: Iterable[str]) -> frozenset[Scope]:
    """The scopes that a token grants: those it names, limited to what its owner's kind may hold.

    Unknown names are ignored.
    """
    wanted = set(names)
    return frozenset(scope for scope in MAX_SCOPES[caller] if scope.value in wanted)
