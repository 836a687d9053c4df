"""The viewer, users, and signing in and out."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

import strawberry

from engine.limits.network import network_of
from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind
from models.access.viewer import Viewer
from models.core.errors import InvalidInput, RateLimited, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import parse_page_arguments
from models.core.text import is_storable
from models.people import token
from models.people.password import MAX_PASSWORD_CHARS, PasswordQueueFull
from models.people.token import TokenKind
from models.people.user import Role, User
from models.queries.users import list_users
from resolvers.auth import sign_in_audit
from resolvers.context import Context, context_of
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.people import SignInInput
from schema.pagination import After, Before, First, Last
from schema.payloads.people import SignInPayload, SignOutPayload

RETRY_WHEN_BUSY_MS = 1000
QUEUE_FULL_MESSAGE = "Too many people sign in at this moment."
QUEUE_LIMIT = "waiting_sign_ins"
MILLISECOND = timedelta(milliseconds=1)
MAX_EMAIL_CHARACTERS = 320


async def viewer(info: strawberry.Info) -> Viewer | None:
    viewer = context_of(info).viewer
    return None if viewer.caller_kind is CallerKind.ANONYMOUS else viewer


async def users(
    info: strawberry.Info,
    search: str | None = None,
    role: Role | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[User]:
    return list_users(search, role, parse_page_arguments(first, after, last, before))


@simple_mutation(SignInPayload)
async def sign_in(context: Context, input: SignInInput) -> SignInPayload:
    email = input.email.strip().lower()
    network = network_of(context.address)
    await count_sign_in_attempt(context, email, network)
    user = None
    if is_storable(email) and len(email) <= MAX_EMAIL_CHARACTERS:
        user = await User.get_or_none(email=email)
    password_hash = user.password_hash if user and user.active else None
    has_valid_form = is_storable(input.password) and len(input.password) <= MAX_PASSWORD_CHARS
    password = input.password if has_valid_form else ""
    try:
        matches = await context.services.passwords.matches(password, password_hash)
    except PasswordQueueFull:
        raise RateLimited(QUEUE_FULL_MESSAGE, RETRY_WHEN_BUSY_MS, QUEUE_LIMIT) from None
    if user is None or not matches:
        await sign_in_audit.record_failure(context, user)
        message = "The email address or the password is wrong."
        raise InvalidInput(UserErrorCode.INVALID, message, "email")
    await context.services.sign_in_limits.record_success(email, network, context.now())
    await sign_in_audit.record_success(context, user)
    return await create_session(context, user)


async def count_sign_in_attempt(context: Context, email: str, network: str) -> None:
    """Raises RateLimited; then nothing is counted."""
    services = context.services
    if services.passwords.is_full:
        raise RateLimited(QUEUE_FULL_MESSAGE, RETRY_WHEN_BUSY_MS, QUEUE_LIMIT)
    wait = await services.sign_in_limits.count_attempt(email, network, context.now())
    if wait:
        wait_ms = ceil(wait / MILLISECOND)
        raise RateLimited("Too many attempts to sign in.", wait_ms, "sign_in_attempts")


async def create_session(context: Context, user: User) -> SignInPayload:
    """Create a session token, and make the user the viewer of the context."""
    at = context.now()
    expires_at = at + context.rules.session_length
    scopes = [scope.value for scope in MAX_SCOPES[CALLER_KIND_BY_ROLE[user.role]]]
    _, text = await token.issue_token(
        TokenKind.SESSION, "session", scopes, user_id=user.id, expires_at=expires_at, at=at
    )
    viewer = await context.services.sessions.authenticate(text)
    assert viewer is not None
    context.set_viewer(viewer)
    return SignInPayload(token=text, viewer=viewer, expires_at=expires_at)


async def sign_out(info: strawberry.Info) -> SignOutPayload:
    context = context_of(info)
    await database.run_in_transaction(lambda: end_session(context))
    return SignOutPayload()


async def end_session(context: Context) -> None:
    if context.viewer.token is not None:
        await token.revoke_token(context.viewer.token, context.now())
        await sign_in_audit.record_sign_out(context)
