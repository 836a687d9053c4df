"""The viewer, users, and signing in and out."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

import strawberry

from engine.limits.network import network_of, wide_network_of
from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind
from models.access.viewer import Viewer
from models.core.errors import InvalidInput, RateLimited, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import parse_page_arguments
from models.core.text import is_storable
from models.people import token
from models.people.password import MAX_PASSWORD_CHARS, PasswordQueueFull
from models.people.sign_in_limits import Source
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
    organization_id: strawberry.ID | None = None,
    active: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[User]:
    page_request = parse_page_arguments(first, after, last, before)
    return list_users(search, role, organization_id, active, page_request)


@simple_mutation(SignInPayload)
async def sign_in(context: Context, input: SignInInput) -> SignInPayload:
    email, address = input.email.strip().lower(), context.address
    source = Source(email, network_of(address), wide_network_of(address))
    user = await check_sign_in(context, source, input.password)
    if user is None:
        message = "The email address or the password is wrong."
        raise InvalidInput(UserErrorCode.INVALID, message, "email")
    await context.services.sign_in_limits.record_success(source, context.now())
    await sign_in_audit.record_success(context, user)
    return await create_session(context, user)


async def check_sign_in(context: Context, source: Source, password: str) -> User | None:
    """Count the attempt and check the password; the user if it is right.

    Raises RateLimited; then nothing is counted.
    """
    limits, passwords = context.services.sign_in_limits, context.services.passwords
    standing = await limits.read_standing(source, context.now())
    refuse_if_early(standing.wait)
    try:
        # The place comes first, so that an attempt without a place is not counted.
        with passwords.take_place(source.wide_network, is_known=standing.is_known):
            refuse_if_early(await limits.count_attempt(source, context.now()))
            user = await find_user(source.email)
            has_valid_form = is_storable(password) and len(password) <= MAX_PASSWORD_CHARS
            matches = await passwords.matches(
                password if has_valid_form else "",
                user.password_hash if user and user.active else None,
                is_known=standing.is_known,
            )
    except PasswordQueueFull:
        raise RateLimited(QUEUE_FULL_MESSAGE, RETRY_WHEN_BUSY_MS, QUEUE_LIMIT) from None
    if user is None or not matches:
        await sign_in_audit.record_failure(context, user)
        return None
    return user


def refuse_if_early(wait: timedelta) -> None:
    """Raises RateLimited if there is a time to wait."""
    if wait:
        wait_ms = ceil(wait / MILLISECOND)
        raise RateLimited("Too many attempts to sign in.", wait_ms, "sign_in_attempts")


async def find_user(email: str) -> User | None:
    if not is_storable(email) or len(email) > MAX_EMAIL_CHARACTERS:
        return None
    return await User.get_or_none(email=email)


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
