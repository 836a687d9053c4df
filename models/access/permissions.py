"""The permissions that root fields require."""

from __future__ import annotations

from dataclasses import dataclass

from models.access.scopes import (
    ALL_CALLERS,
    AUTHENTICATED_CALLERS,
    HUMAN_CALLERS,
    HUMAN_STAFF,
    STAFF,
    CallerKind,
    Scope,
)
from models.access.viewer import Viewer
from models.core.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Permission:
    """The kinds of caller that are allowed, and the scope that their token must have, if any."""

    caller_kinds: frozenset[CallerKind]
    scope: Scope | None = None
    other_scope: Scope | None = None
    """A scope that suffices instead of `scope`."""
    requires_session: bool = False
    """Whether the viewer must have signed in. API tokens are refused, and so are JWTs without
    `jwt_scope`."""
    jwt_scope: Scope | None = None
    """If the viewer must have signed in: the scope with which a provider's JWT suffices, too."""
    permits_setup: bool = False
    """With `requires_session`: whether a session without scopes suffices, because its user must
    first set up a second factor."""

    def allows(self, viewer: Viewer) -> bool:
        if viewer.caller_kind not in self.caller_kinds:
            return False
        if self.requires_session and not self.has_accepted_session(viewer):
            return False
        if self.lacks_second_factor(viewer):
            return False
        return self.scope is None or not viewer.scopes.isdisjoint({self.scope, self.other_scope})

    def has_accepted_session(self, viewer: Viewer) -> bool:
        """Whether the viewer has a session, or a provider's JWT that suffices."""
        has_scope = self.jwt_scope is not None and self.jwt_scope in viewer.scopes
        return viewer.has_session or (viewer.has_jwt and has_scope)

    def lacks_second_factor(self, viewer: Viewer) -> bool:
        """Whether the viewer must set up a second factor first.

        A session has no scopes until its user has set up the second factor that is required.
        """
        return self.requires_session and not self.permits_setup and not viewer.scopes

    def check(self, viewer: Viewer) -> None:
        """Does nothing if the viewer is allowed.

        Otherwise raises Unauthenticated for an anonymous viewer, and Forbidden for any other.
        """
        if self.allows(viewer):
            return
        if viewer.caller_kind is CallerKind.ANONYMOUS:
            raise Unauthenticated("Sign in, or send a bearer token in the Authorization header.")
        if viewer.caller_kind not in self.caller_kinds:
            kinds = ", ".join(sorted(kind.value for kind in self.caller_kinds))
            raise Forbidden(f"Not permitted for this caller. Permitted callers: {kinds}.")
        if self.requires_session and not self.has_accepted_session(viewer):
            if viewer.has_jwt and self.jwt_scope is not None:
                raise Forbidden(f"The JWT lacks the scope {self.jwt_scope.value}.")
            raise Forbidden(
                "Only a session's token is permitted here. Sign in, and use the session's token."
            )
        if self.lacks_second_factor(viewer):
            raise Forbidden("Set up a second factor first, with startSecondFactor.")
        assert self.scope is not None
        other = f" or {self.other_scope.value}" if self.other_scope is not None else ""
        raise Forbidden(f"The token lacks the scope {self.scope.value}{other}.")


PUBLIC = Permission(ALL_CALLERS)
AUTHENTICATED = Permission(AUTHENTICATED_CALLERS)
READ_TICKETS = Permission(AUTHENTICATED_CALLERS, Scope.TICKETS_READ)
READ_ALL_TICKETS = Permission(STAFF, Scope.TICKETS_READ)
"""For fields that count all tickets, and therefore not for customers."""
READ_EVENTS = Permission(AUTHENTICATED_CALLERS, Scope.EVENTS_READ)
READ_PEOPLE = Permission(STAFF, Scope.USERS_READ)
WRITE_TICKETS = Permission(AUTHENTICATED_CALLERS, Scope.TICKETS_WRITE)
WATCH_TICKETS = Permission(HUMAN_CALLERS, Scope.TICKETS_WRITE)
RATE_TICKETS = Permission(frozenset({CallerKind.CUSTOMER}), Scope.TICKETS_WRITE)
HANDLE_TICKETS_AS_STAFF = Permission(STAFF, Scope.TICKETS_WRITE)
WRITE_NOTES = Permission(STAFF, Scope.NOTES_WRITE)
SET_UP_SECOND_FACTOR = Permission(HUMAN_STAFF, requires_session=True, permits_setup=True)
MANAGE_OWN_TOKENS = Permission(HUMAN_CALLERS, requires_session=True)
MANAGE_OWN_SECOND_FACTOR = MANAGE_OWN_TOKENS
READ_POLICIES = Permission(STAFF, Scope.TICKETS_READ)
ADMINISTER = Permission(frozenset({CallerKind.ADMIN, CallerKind.API_CLIENT}), Scope.ADMIN)
MANAGE_CUSTOMERS = Permission(
    frozenset({CallerKind.ADMIN, CallerKind.API_CLIENT}), Scope.USERS_WRITE
)
EDIT_OWN_PROFILE = Permission(HUMAN_CALLERS, requires_session=True, jwt_scope=Scope.TICKETS_WRITE)
USE_OWN_NOTIFICATIONS = Permission(HUMAN_CALLERS, Scope.TICKETS_READ)
MARK_TICKETS_READ = Permission(HUMAN_CALLERS, Scope.TICKETS_READ)
CHANGE_OWN_NOTIFICATIONS = Permission(HUMAN_CALLERS, Scope.TICKETS_WRITE)
READ_SAVED_VIEWS = Permission(HUMAN_STAFF, Scope.TICKETS_READ)
CHANGE_SAVED_VIEWS = Permission(HUMAN_STAFF, Scope.TICKETS_WRITE)
WRITE_DRAFTS = Permission(HUMAN_CALLERS, Scope.TICKETS_WRITE)
PROPOSE_DRAFTS = Permission(frozenset({CallerKind.API_CLIENT}), Scope.TICKETS_WRITE)
EXPORT_TICKETS = Permission(AUTHENTICATED_CALLERS, Scope.TICKETS_READ)
READ_OR_CANCEL_JOBS = Permission(AUTHENTICATED_CALLERS, Scope.TICKETS_WRITE, Scope.TICKETS_READ)
"""The resolvers check which jobs: the viewer's own, or for admins all. A bulk change needs
`tickets:write`, and an export `tickets:read`."""
READ_MACROS = Permission(HUMAN_STAFF, Scope.TICKETS_READ)
CHANGE_MACROS = Permission(HUMAN_STAFF, Scope.TICKETS_WRITE)
APPLY_MACROS = Permission(HUMAN_STAFF, Scope.TICKETS_WRITE)
MANAGE_WEBHOOKS = Permission(
    frozenset({CallerKind.ADMIN, CallerKind.API_CLIENT}), Scope.WEBHOOKS_MANAGE
)
READ_PRESENCE = Permission(STAFF, Scope.TICKETS_READ)
MANAGE_WALL_SCREENS = Permission(HUMAN_STAFF, requires_session=True)
"""An API token must not pair a wall screen, because the screen's access would outlive the token."""
WRITE_PRESENCE = Permission(HUMAN_STAFF, Scope.TICKETS_WRITE)
