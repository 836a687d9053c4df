"""Who a caller is, for the engine: authentication, and keys for limits and logs."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from engine.auth import AuthHooks, Unauthorized
from engine.session_cookie import SessionCookie
from models.access.permissions import READ_EVENTS, READ_PEOPLE, READ_TICKETS
from models.access.viewer import ANONYMOUS, Viewer
from models.core import ids
from models.log.event import encode_cursor
from models.people.token import Token
from resolvers.auth.jwt_checks import JwtChecks
from resolvers.auth.viewer_confirmation import RevisionConfirmation
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context, Services


def viewer_key(context: Context) -> str | None:
    """The key of the context's user or API client; None for an anonymous caller."""
    return None if context.viewer is ANONYMOUS else context.viewer.caller_key


def token_key(context: Context) -> UUID | None:
    """The key of the token that the caller uses; None for an anonymous caller."""
    token = context.viewer.token
    return None if token is None else token.id


def actor_id(context: Context) -> str | None:
    """The global id of the context's user or API client; None for an anonymous caller."""
    viewer = context.viewer
    if viewer.client_id is not None:
        return ids.encode(ids.API_CLIENT, viewer.client_id)
    return None if viewer.user_id is None else ids.encode(ids.USER, viewer.user_id)


def head_cursor(context: Context) -> str | None:
    """The cursor of the newest event that this process has read from the log.

    Every later statement sees this event, because the tail has read it after its commit. None if
    the viewer may read neither events nor tickets nor people.
    """
    permissions = (READ_EVENTS, READ_TICKETS, READ_PEOPLE)
    if any(permission.allows(context.viewer) for permission in permissions):
        return encode_cursor(context.services.event_tail.head)
    return None


def build_auth_hooks(
    services: Services,
    viewers: ViewerRegistry,
    jwt_checks: JwtChecks,
    session_cookie: SessionCookie,
) -> AuthHooks:
    """Build the callbacks by which the engine creates contexts and authenticates callers."""

    def accept(context: Context, viewer: Viewer | None) -> None:
        if viewer is None or viewer.token is None:
            raise Unauthorized
        note_use(viewer.token)
        context.set_viewer(viewer)

    def note_use(token: Token) -> None:
        services.last_used[token.id] = services.now()

    async def authenticate(context: Context, text: str) -> None:
        viewer = await viewers.authenticate(text)
        if viewer is None and await jwt_checks.accept(context, text):
            viewer = await viewers.authenticate(text)
        accept(context, viewer)

    async def authenticate_session(context: Context, text: str) -> None:
        viewer = await viewers.authenticate(text)
        accept(context, viewer if viewer is not None and viewer.has_session else None)

    def authenticate_provisionally(context: Context, text: str, is_session: bool) -> bool:
        known = viewers.viewers
        viewer = known.find(text)
        if viewer is None or viewer.token is None or known.revision is None:
            return False
        if is_session and not viewer.has_session:
            return False
        context.set_viewer(viewer)
        context.confirmation = RevisionConfirmation(
            context, known, known.revision, partial(note_use, viewer.token)
        )
        return True

    return AuthHooks(
        create_context=lambda request_id, address, user_agent: Context(
            services, request_id, address, user_agent=user_agent
        ),
        fork_context=Context.fork,
        authenticate=authenticate,
        authenticate_session=authenticate_session,
        authenticate_provisionally=authenticate_provisionally,
        session_cookie=session_cookie,
        on_open=viewers.add,
        ensure_current_viewers=viewers.ensure_current_viewers,
        on_close=viewers.remove,
        viewer_key=viewer_key,
    )
