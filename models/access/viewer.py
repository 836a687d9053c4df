"""The viewer of a request: the authenticated user or API client, and the scopes of its token."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from models import database
from models.access.scopes import (
    ALL_SCOPES,
    CALLER_KIND_BY_ROLE,
    MAX_SCOPES,
    STAFF,
    CallerKind,
    Scope,
    granted_scopes,
)
from models.core.sql import in_list
from models.database import as_uuid
from models.people.token import Token, TokenKind, hash_token
from models.people.user import ApiClient, Role, User
from models.tickets.ticket import TicketParticipant


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user, an API client, the system itself, or an anonymous caller.

    An anonymous caller has no user, client or scopes.
    """

    caller_kind: CallerKind
    scopes: frozenset[Scope] = frozenset()
    user: User | None = None
    client: ApiClient | None = None
    token: Token | None = None
    shared_organization_id: UUID | None = None
    """The user's organization, if its customers may see each other's tickets."""
    shared_ticket_ids: frozenset[UUID] = frozenset()
    """The tickets that are shared with the customer, as a participant or with its organization."""

    @property
    def user_id(self) -> UUID | None:
        return self.user.id if self.user else None

    @property
    def client_id(self) -> UUID | None:
        return self.client.id if self.client else None

    @property
    def caller_key(self) -> str:
        """Identifies the user or API client, whatever token it uses.

        Only for viewers with a user or client: ANONYMOUS and SYSTEM share the key `user:None`.
        """
        return f"client:{self.client_id}" if self.client else f"user:{self.user_id}"

    @property
    def visibility_key(self) -> Hashable:
        """Viewers with equal keys see the same data, except what belongs to their account.

        This holds until the permissions of one of them change.
        """
        if self.can_see_all_tickets and self.can_see_people:
            return (self.caller_kind, self.scopes)
        organization_id = self.user.organization_id if self.user else None
        return (
            self.caller_kind,
            self.scopes,
            self.caller_key,
            organization_id,
            self.shared_organization_id,
            self.shared_ticket_ids,
        )

    @property
    def external_id_namespace(self) -> str:
        """The namespace of the external ids that the viewer assigns.

        Each API client and each customer has its own; all staff users share the empty one.
        """
        return str(self.client_id or (self.user_id if self.is_customer else ""))

    @property
    def role(self) -> Role:
        """The user's role. An API client's role follows from its scopes.

        ANONYMOUS has no scopes, so it gets AGENT, which has no meaning.
        """
        if self.user:
            return self.user.role
        return Role.ADMIN if Scope.ADMIN in self.scopes else Role.AGENT

    @property
    def has_session(self) -> bool:
        """Whether the viewer has a session token, and no API token or JWT of a provider."""
        token = self.token
        return token is not None and token.kind is TokenKind.SESSION and not token.is_jwt

    @property
    def has_jwt(self) -> bool:
        """Whether the viewer's token is a JWT of an identity provider."""
        return self.token is not None and self.token.is_jwt

    @property
    def is_customer(self) -> bool:
        return self.caller_kind is CallerKind.CUSTOMER

    @property
    def can_see_notes(self) -> bool:
        return self.caller_kind in STAFF and Scope.NOTES_READ in self.scopes

    @property
    def can_see_people(self) -> bool:
        """Whether the viewer may see email addresses and list users."""
        return self.caller_kind in STAFF and Scope.USERS_READ in self.scopes

    @property
    def can_see_all_tickets(self) -> bool:
        return self.caller_kind in STAFF and Scope.TICKETS_READ in self.scopes


ANONYMOUS = Viewer(CallerKind.ANONYMOUS)
SYSTEM = Viewer(CallerKind.ADMIN, ALL_SCOPES)


async def authenticate(bearer_token: str, at: datetime) -> Viewer | None:
    """The viewer of a bearer token.

    None if the token is unknown, revoked or expired, or its owner is deactivated.
    """
    token_query = Token.get_or_none(digest=hash_token(bearer_token))
    token = await token_query.select_related("user", "user__organization", "client")
    if token is None:
        return None
    return viewer_of_token(token, at, await read_shared_tickets([token.user]))


async def read_shared_tickets(users: Collection[User | None]) -> dict[UUID, frozenset[UUID]]:
    """The tickets that are shared with those users who are customers, by user.

    The users' organizations must be loaded. In a shared organization, customers see all tickets of
    the organization, so those that are shared with it individually are left out.
    """
    customers = [user for user in users if user is not None and not user.is_staff]
    participations = await read_participations([user.id for user in customers])
    organizations = {user.organization for user in customers if user.organization is not None}
    by_organization = await read_tickets_shared_with(
        [organization.id for organization in organizations if not organization.shared]
    )
    no_tickets: frozenset[UUID] = frozenset()
    return {
        user.id: participations.get(user.id, no_tickets)
        | by_organization.get(user.organization_id, no_tickets)
        for user in customers
    }


async def read_participations(user_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """The tickets in which the users participate, by user."""
    if not user_ids:
        return {}
    rows = TicketParticipant.filter(user_id__in=list(user_ids)).values_list("user_id", "ticket_id")
    return group_ids(await rows)


async def read_tickets_shared_with(
    organization_ids: Collection[UUID],
) -> dict[UUID | None, frozenset[UUID]]:
    """The tickets that are individually shared with their organization, by organization."""
    if not organization_ids:
        return {}
    # The partial index tickets_shared has this condition. With `= TRUE`, SQLite would not use the
    # index, and would read all tickets of the organizations.
    belongs = in_list("t.organization_id", sorted(organization_ids))
    rows = await database.fetch_readonly(
        "SELECT t.organization_id, t.id FROM tickets t "
        f"WHERE t.shared_with_organization AND {belongs.text}",
        belongs.params,
    )
    return group_ids((as_uuid(row[0]), as_uuid(row[1])) for row in rows)


def group_ids(rows: Iterable[tuple[Any, ...]]) -> dict[Any, frozenset[UUID]]:
    """The second values of the rows, by the first."""
    groups: dict[Any, set[UUID]] = {}
    for key, value in rows:
        groups.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in groups.items()}


def viewer_of_token(
    token: Token, at: datetime, shared_tickets: Mapping[UUID, frozenset[UUID]]
) -> Viewer | None:
    """The viewer of a token; None if the token or its owner is no longer valid.

    The token's client, and its user with the organization, must be loaded. `shared_tickets` comes
    from `read_shared_tickets`.
    """
    if token.revoked_at is not None:
        return None
    if token.expires_at is not None and token.expires_at <= at:
        return None
    user, client = token.user, token.client
    if user is not None:
        if not user.active:
            return None
        caller_kind = CALLER_KIND_BY_ROLE[user.role]
        return Viewer(
            caller_kind,
            granted_scopes(caller_kind, token.scopes),
            user=user,
            token=token,
            shared_organization_id=shared_organization_id(user),
            shared_ticket_ids=shared_tickets.get(user.id, frozenset()),
        )
    if client is None or not client.active:
        return None
    scopes = granted_scopes(CallerKind.API_CLIENT, token.scopes)
    return Viewer(CallerKind.API_CLIENT, scopes, client=client, token=token)


def actor_of(user: User) -> Viewer:
    """The user as the actor of an entry of the audit log, without scopes."""
    return Viewer(CALLER_KIND_BY_ROLE[user.role], user=user)


def viewer_of_user(user: User, shared_tickets: Mapping[UUID, frozenset[UUID]]) -> Viewer:
    """A viewer with all scopes that the user's role may hold.

    The user's organization must be loaded. `shared_tickets` comes from `read_shared_tickets`.
    """
    caller_kind = CALLER_KIND_BY_ROLE[user.role]
    return Viewer(
        caller_kind,
        MAX_SCOPES[caller_kind],
        user=user,
        shared_organization_id=shared_organization_id(user),
        shared_ticket_ids=shared_tickets.get(user.id, frozenset()),
    )


async def read_current_visibility(viewer: Viewer) -> Viewer:
    """A copy of a customer's viewer, with its shared organization and shared tickets read again.

    Mutations call it after they have waited for a lock, because the viewer was loaded when the
    request arrived. Both are empty if the user was deleted or deactivated.
    """
    assert viewer.user_id is not None
    user = await User.get_or_none(id=viewer.user_id, active=True).select_related("organization")
    shared_tickets = await read_shared_tickets([user])
    return replace(
        viewer,
        shared_organization_id=None if user is None else shared_organization_id(user),
        shared_ticket_ids=shared_tickets.get(viewer.user_id, frozenset()),
    )


def shared_organization_id(user: User) -> UUID | None:
    """The user's organization, if its customers may see each other's tickets."""
    if user.organization is None or not user.organization.shared:
        return None
    return user.organization_id
