"""Who may do what: API.md's table as a table. A caller has a kind and scopes; a right names the kinds and the scope it takes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from models.core.errors import Forbidden, Unauthenticated
from models.core.sql import FALSE, TRUE, Condition, compare
from models.escalation.path import EscalationPath
from models.people.token import Token, TokenKind, digest
from models.people.user import ApiClient, Organization, Role, User
from models.sla.records import SlaCalendar, SlaPolicy

if TYPE_CHECKING:
    from models.tickets.ticket import Ticket


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


CUSTOMER_SCOPES = frozenset({Scope.TICKETS_READ, Scope.TICKETS_WRITE, Scope.EVENTS_READ})
AGENT_SCOPES = CUSTOMER_SCOPES | {Scope.NOTES_READ, Scope.NOTES_WRITE, Scope.USERS_READ}
ALL_SCOPES = frozenset(Scope)

HOLDS: Mapping[Caller, frozenset[Scope]] = {
    Caller.ANONYMOUS: frozenset(),
    Caller.CUSTOMER: CUSTOMER_SCOPES,
    Caller.AGENT: AGENT_SCOPES,
    Caller.ADMIN: ALL_SCOPES,
    Caller.API_CLIENT: ALL_SCOPES,
}
"""The scopes that a caller of each kind may hold at most."""

EVERYBODY = frozenset(Caller)
SIGNED_IN = EVERYBODY - {Caller.ANONYMOUS}
STAFF = frozenset({Caller.AGENT, Caller.ADMIN, Caller.API_CLIENT})
PEOPLE = frozenset({Caller.CUSTOMER, Caller.AGENT, Caller.ADMIN})
COLLEAGUES = STAFF & PEOPLE


@dataclass(frozen=True, slots=True)
class Permission:
    """What it takes to call a row: one of these kinds of caller, holding the scope where one is named."""

    callers: frozenset[Caller]
    scope: Scope | None = None
    session: bool = False
    """Whether it takes somebody who signed in, and no token that was made for a program."""

    def allows(self, viewer: Viewer) -> bool:
        if viewer.caller not in self.callers or (self.session and not viewer.is_signed_in):
            return False
        return self.scope is None or self.scope in viewer.scopes

    def check(self, viewer: Viewer) -> None:
        """Raises Unauthenticated for a stranger, Forbidden for anybody else whom the right leaves out."""
        if self.allows(viewer):
            return
        if viewer.caller is Caller.ANONYMOUS:
            raise Unauthenticated("Sign in, or send a bearer token in the Authorization header.")
        if viewer.caller not in self.callers:
            raise Forbidden("This is not open to you.")
        if self.session and not viewer.is_signed_in:
            raise Forbidden("This takes somebody who signed in; a token that was made for a program can't do it.")
        raise Forbidden(f"The token lacks the scope {self.scope.value if self.scope else ''}.")


ANYONE = Permission(EVERYBODY)
SESSION = Permission(SIGNED_IN)
READ = Permission(SIGNED_IN, Scope.TICKETS_READ)
READ_LOG = Permission(SIGNED_IN, Scope.EVENTS_READ)
READ_PEOPLE = Permission(STAFF, Scope.USERS_READ)
TAKE_PART = Permission(SIGNED_IN, Scope.TICKETS_WRITE)
WATCH = Permission(PEOPLE, Scope.TICKETS_WRITE)
WORK = Permission(STAFF, Scope.TICKETS_WRITE)
WRITE_NOTES = Permission(STAFF, Scope.NOTES_WRITE)
OWN_TOKENS = Permission(PEOPLE, session=True)
READ_POLICIES = Permission(STAFF, Scope.TICKETS_READ)
MANAGE = Permission(frozenset({Caller.ADMIN, Caller.API_CLIENT}), Scope.ADMIN)
OWN_NOTIFICATIONS = Permission(PEOPLE, Scope.TICKETS_READ)
READ_PRESENCE = Permission(STAFF, Scope.TICKETS_READ)
BE_PRESENT = Permission(COLLEAGUES, Scope.TICKETS_WRITE)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who calls: a person, a machine, the system itself, or (with neither and no scopes) a stranger."""

    caller: Caller
    scopes: frozenset[Scope] = frozenset()
    user: User | None = None
    client: ApiClient | None = None
    token: Token | None = None
    shared_organization_id: UUID | None = None

    @property
    def user_id(self) -> UUID | None:
        return self.user.id if self.user else None

    @property
    def client_id(self) -> UUID | None:
        return self.client.id if self.client else None

    @property
    def key(self) -> str:
        """One word for the caller, whatever token they use."""
        return f"client:{self.client_id}" if self.client else f"user:{self.user_id}"

    @property
    def audience(self) -> Hashable:
        """Viewers with the same audience see the same of everything but their own account, now and until their rights change."""
        if self.sees_every_ticket and self.sees_people:
            return (self.caller, self.scopes)
        return (self.caller, self.scopes, self.key, self.user.organization_id if self.user else None, self.shared_organization_id)

    @property
    def key_scope(self) -> str:
        """Whose keys an external id is told apart from: a machine's own, a customer's own, or the team's."""
        return str(self.client_id or (self.user_id if self.is_customer else ""))

    @property
    def role(self) -> Role:
        """The role that an API client acts in follows from its scopes."""
        if self.user:
            return self.user.role
        return Role.ADMIN if Scope.ADMIN in self.scopes else Role.AGENT

    @property
    def is_signed_in(self) -> bool:
        return self.token is not None and self.token.kind is TokenKind.SESSION

    @property
    def is_customer(self) -> bool:
        return self.caller is Caller.CUSTOMER

    @property
    def sees_notes(self) -> bool:
        return self.caller in STAFF and Scope.NOTES_READ in self.scopes

    @property
    def sees_people(self) -> bool:
        """Whether e-mail addresses and the list of people are open to this caller."""
        return READ_PEOPLE.allows(self)

    @property
    def sees_every_ticket(self) -> bool:
        return self.caller in STAFF and Scope.TICKETS_READ in self.scopes


STRANGER = Viewer(Caller.ANONYMOUS)
SYSTEM = Viewer(Caller.ADMIN, ALL_SCOPES)

CALLER_OF_ROLE: Mapping[Role, Caller] = {
    Role.CUSTOMER: Caller.CUSTOMER,
    Role.AGENT: Caller.AGENT,
    Role.ADMIN: Caller.ADMIN,
}


def held(caller: Caller, scopes: Iterable[str]) -> frozenset[Scope]:
    """The scopes that a token grants: those it names, as far as its owner's kind may hold them."""
    named = set(scopes)
    return frozenset(scope for scope in HOLDS[caller] if scope.value in named)


async def authenticate(text: str, at: datetime) -> Viewer | None:
    """The viewer behind a bearer token, or None where it is unknown, revoked, expired or its owner is deactivated."""
    token = await Token.get_or_none(digest=digest(text)).select_related("user", "user__organization", "client")
    return viewer_of(token, at) if token else None


def viewer_of(token: Token, at: datetime) -> Viewer | None:
    """The viewer of a token whose owner is loaded with it; None where it no longer opens anything."""
    if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= at):
        return None
    user, client = token.user, token.client
    if user is not None:
        if not user.active:
            return None
        caller = CALLER_OF_ROLE[user.role]
        return Viewer(caller, held(caller, token.scopes), user=user, token=token, shared_organization_id=shared_account(user))
    if client is None or not client.active:
        return None
    return Viewer(Caller.API_CLIENT, held(Caller.API_CLIENT, token.scopes), client=client, token=token)


def viewer_as(user: User) -> Viewer:
    """A person with all that their role may hold, whatever token they use; their account is loaded with them."""
    caller = CALLER_OF_ROLE[user.role]
    return Viewer(caller, HOLDS[caller], user=user, shared_organization_id=shared_account(user))


def shared_account(user: User) -> UUID | None:
    return user.organization_id if user.organization is not None and user.organization.shared else None


def visible(viewer: Viewer, alias: str = "t") -> Condition:
    """Which tickets (by their alias) exist for the viewer. Part of every statement that reads tickets or their entries."""
    if viewer.sees_every_ticket:
        return TRUE
    if not viewer.is_customer or Scope.TICKETS_READ not in viewer.scopes or viewer.user_id is None:
        return FALSE
    own = compare(f"{alias}.requester_id", "=", viewer.user_id)
    if viewer.shared_organization_id is None:
        return own
    return own | compare(f"{alias}.organization_id", "=", viewer.shared_organization_id)


def sees(viewer: Viewer, ticket: Ticket) -> bool:
    """`visible` for a ticket that is at hand; a test keeps the two alike."""
    return Scope.TICKETS_READ in viewer.scopes and concerns(viewer, ticket)


def concerns(viewer: Viewer, ticket: Ticket) -> bool:
    """Whether the ticket is the viewer's business, whatever the token's scopes: what a token that may only write can act on."""
    if viewer.caller in STAFF:
        return True
    if not viewer.is_customer or viewer.user_id is None:
        return False
    shared = viewer.shared_organization_id
    return ticket.requester_id == viewer.user_id or (shared is not None and ticket.organization_id == shared)


def sees_record(viewer: Viewer, record: object) -> bool:
    """Whether people, machines and accounts exist for the viewer: for customers, their own and those of a shared account.

    Policies, calendars and paths are the team's; customers meet a policy on the clocks of their tickets alone.
    """
    if isinstance(record, SlaPolicy | SlaCalendar | EscalationPath):
        return READ_POLICIES.allows(viewer)
    if not viewer.is_customer:
        people = isinstance(record, User | ApiClient)
        return viewer.caller in STAFF and (not people or viewer.sees_people or record.id in (viewer.user_id, viewer.client_id))
    shared = viewer.shared_organization_id
    if isinstance(record, User):
        return record.id == viewer.user_id or (shared is not None and record.organization_id == shared)
    if isinstance(record, Organization):
        return viewer.user is not None and record.id == viewer.user.organization_id
    return True


def visible_entries(viewer: Viewer) -> Condition:
    """Which entries (alias `e`, of ticket `t`) exist for the viewer."""
    entries = TRUE if viewer.sees_notes else Condition("(e.internal = FALSE)")
    return visible(viewer) & entries
