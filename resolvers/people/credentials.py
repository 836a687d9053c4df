"""The checks of passwords and second factors, for signing in and other mutations."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil

import structlog

from engine.limits.network import network_of, wide_network_of
from models.core import query_cost
from models.core.errors import InvalidInput, RateLimited, UserErrorCode
from models.core.secrets import UndecryptableSecret
from models.core.text import is_blank, is_storable
from models.people import second_factor
from models.people.email_address import MAX_EMAIL_CHARS
from models.people.password import MAX_PASSWORD_CHARS, PASSWORD_COST, PasswordQueueFull
from models.people.sign_in_limits import SignInSource
from models.people.user import User
from resolvers.auth import sign_in_audit
from resolvers.context import Context

RETRY_WHEN_BUSY_MS = 1000
QUEUE_FULL_MESSAGE = "Too many people are signing in. Try again in a moment."
NO_BUDGET = "Checking a password is expensive. Too many were checked for your account or network."
QUEUE_LIMIT = "waiting_sign_ins"
WRONG_PASSWORD = "The current password is wrong."  # noqa: S105 - a message
MILLISECOND = timedelta(milliseconds=1)
KEY_LOST = (
    "The server can't check codes of your second factor, because it has lost the encryption key. "
    "Use a recovery code, or ask an administrator to reset your second factor."
)
log = structlog.get_logger("ticketwire.accounts")
CODE_NEEDED = "Enter a code of the second factor, or a recovery code."


def to_milliseconds(wait: timedelta) -> int:
    return ceil(wait / MILLISECOND)


def source_of(context: Context, email: str) -> SignInSource:
    """The account with this email address, and the networks of the client."""
    return SignInSource(email, network_of(context.address), wide_network_of(context.address))


async def check_password(context: Context, source: SignInSource, password: str) -> User | None:
    """Count the attempt and check the password; return the user if it is right, else None.

    A wrong password is recorded in the audit log. Raises RateLimited; then nothing is counted.
    """
    limits, passwords = context.services.sign_in_limits, context.services.passwords
    status = await limits.read_status(source, context.now())
    refuse_if_early(status.wait)
    try:
        # The queue comes first, so that an attempt is not counted if the queue is full.
        with passwords.enter_queue(source.wide_network, is_known=status.is_known_network):
            charge_for_password()
            refuse_if_early(await limits.count_attempt(source, context.now()))
            user = await find_user(source.email)
            has_valid_form = is_storable(password) and len(password) <= MAX_PASSWORD_CHARS
            matches = await passwords.matches(
                password if has_valid_form else "",
                user.password_hash if user and user.active else None,
                is_known=status.is_known_network,
            )
    except PasswordQueueFull:
        raise RateLimited(QUEUE_FULL_MESSAGE, RETRY_WHEN_BUSY_MS, QUEUE_LIMIT) from None
    if user is None or not matches:
        await sign_in_audit.record_failure(context, user)
        return None
    return user


async def require_password(context: Context, user: User, password: str | None) -> User:
    """The signed-in user, if this is the user's password. Raises InvalidInput and RateLimited.

    Wrong passwords count as attempts to sign in.
    """
    if password is None:
        raise InvalidInput(UserErrorCode.REQUIRED, "is required", "currentPassword")
    source = source_of(context, user.email)
    checked = await check_password(context, source, password)
    if checked is None or checked.id != user.id:
        raise InvalidInput(UserErrorCode.INVALID, WRONG_PASSWORD, "currentPassword")
    await context.services.sign_in_limits.record_success(source, context.now())
    return checked


def charge_for_password() -> None:
    """Charge the caller for hashing a password. Raises RateLimited."""
    if wait_ms := query_cost.try_charge(PASSWORD_COST):
        raise RateLimited(NO_BUDGET, wait_ms, "caller_cost")


def refuse_if_early(wait: timedelta) -> None:
    """Raises RateLimited if there is a time to wait."""
    if wait:
        message = "Too many attempts to sign in."
        raise RateLimited(message, to_milliseconds(wait), "sign_in_attempts")


async def find_user(email: str) -> User | None:
    if not is_storable(email) or len(email) > MAX_EMAIL_CHARS:
        return None
    return await User.get_or_none(email=email)


async def hash_password(context: Context, password: str) -> str:
    """The hash of a new password, for a caller who may set it. Raises RateLimited."""
    passwords = context.services.passwords
    try:
        with passwords.enter_queue(wide_network_of(context.address), is_known=True):
            charge_for_password()
            return await passwords.hash(password)
    except PasswordQueueFull:
        raise RateLimited(QUEUE_FULL_MESSAGE, RETRY_WHEN_BUSY_MS, QUEUE_LIMIT) from None


async def check_second_factor(
    context: Context, user: User, source: SignInSource, code: str | None
) -> bool:
    """Check the code of a user whose password was right.

    Returns whether the user has a second factor. Raises InvalidInput SECOND_FACTOR_REQUIRED without
    a code, INVALID for a wrong one, and RateLimited.
    """
    if not await second_factor.is_enabled(user.id):
        return False
    await context.services.sign_in_limits.record_password_match(source, context.now())
    if code is None or is_blank(code):
        raise InvalidInput(UserErrorCode.SECOND_FACTOR_REQUIRED, CODE_NEEDED, "secondFactor")
    try:
        await require_code(context, user, code, "secondFactor", is_signed_in=False)
    except InvalidInput:
        await sign_in_audit.record_failure(context, user)
        raise
    return True


async def require_code(
    context: Context, user: User, code: str, field: str, *, is_signed_in: bool = True
) -> None:
    """Use up a code of the user's second factor. Raises InvalidInput and RateLimited."""
    accounts = context.services.accounts
    await count_code(context, user, is_signed_in=is_signed_in)
    with report_lost_key(user, field):
        accepted = await second_factor.accept_code(user.id, code, accounts.secrets, context.now())
    if not accepted:
        raise InvalidInput(UserErrorCode.INVALID, second_factor.WRONG_CODE, field)
    await accounts.second_factor_limits.record_success(
        user.id, context.now(), is_signed_in=is_signed_in
    )


@contextmanager
def report_lost_key(user: User, field: str) -> Generator[None]:
    """Log that no key decrypts the secret of a second factor, and raise InvalidInput NOT_ENABLED.

    The metric is `secrets_undecryptable_total`.
    """
    try:
        yield
    except UndecryptableSecret as error:
        log.error("second_factor.undecryptable", user_id=str(user.id), error=str(error))
        raise InvalidInput(UserErrorCode.NOT_ENABLED, KEY_LOST, field) from error


async def count_code(context: Context, user: User, *, is_signed_in: bool = True) -> None:
    """Count an attempt to enter a code. Raises RateLimited; then nothing is counted."""
    limits = context.services.accounts.second_factor_limits
    wait = await limits.count_attempt(user.id, context.now(), is_signed_in=is_signed_in)
    if wait:
        message = "Too many wrong codes."
        raise RateLimited(message, to_milliseconds(wait), "second_factor_attempts")
