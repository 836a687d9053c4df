"""Passwords, invitations and self-registration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from time import monotonic

from engine.limits.network import network_of, wide_network_of
from models.access.viewer import SYSTEM, actor_of
from models.core import ids, text
from models.core.errors import InvalidInput, RateLimited, UserErrorCode
from models.core.record_changes import RecordChanges
from models.directory import users
from models.directory.access import lock_directory
from models.directory.user_fields import UserFields
from models.notifications.account_mail import INVITATION, can_reset_password
from models.people import account_link
from models.people.account_link import AccountLink, LinkPurpose
from models.people.email_address import clean_email
from models.people.password import check_new_password
from models.people.user import Role, User, lock_user
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, run_action
from resolvers.mutations.resolver import simple_mutation
from resolvers.people.credentials import hash_password, require_password, to_milliseconds
from resolvers.people.users import build_user_fields
from schema.inputs.people.accounts import (
    ChangePasswordInput,
    InviteUserInput,
    RegisterUserInput,
    RequestPasswordResetInput,
    ResetPasswordInput,
    SendInvitationInput,
)
from schema.payloads.people.accounts import (
    ChangePasswordPayload,
    InviteUserPayload,
    RegisterUserPayload,
    RequestPasswordResetPayload,
    ResetPasswordPayload,
)
from schema.payloads.people.people import UserPayload

MIN_RESPONSE_SECONDS = 0.25
"""The minimum time of a response, so that its time does not tell whether an account exists."""
PASSWORD_CHANGED = "The password was changed at the same time. Try again."  # noqa: S105
INVALID_LINK = "The link is invalid, was used before, or has expired. Request a new one."
NO_REGISTRATION = "Registration is turned off. Ask the support team for an invitation."


@simple_mutation(ChangePasswordPayload)
async def change_password(context: Context, input: ChangePasswordInput) -> ChangePasswordPayload:
    viewer = context.viewer
    assert viewer.user is not None  # the permission is only for users
    check_new_password(input.new_password, "newPassword")
    user = await User.get(id=viewer.user.id)
    old_hash = (await require_password(context, user, input.current_password)).password_hash
    password_hash = await hash_password(context, input.new_password)

    async def change(changes: RecordChanges, at: datetime) -> User:
        locked = await lock_user(user.id)
        if locked.password_hash != old_hash or not locked.active:
            raise InvalidInput(UserErrorCode.INVALID, PASSWORD_CHANGED, "currentPassword")
        own_token_id = viewer.token.id if viewer.token else None
        await users.set_password(changes, locked, password_hash, at, own_token_id)
        return locked

    return ChangePasswordPayload(user=await run_action(context, "changePassword", change))


@simple_mutation(RequestPasswordResetPayload)
async def request_password_reset(
    context: Context, input: RequestPasswordResetInput
) -> RequestPasswordResetPayload:
    started = monotonic()
    email = await count_email_request(context, input.email)

    async def send(changes: RecordChanges, at: datetime) -> None:
        user = await User.get_or_none(email=email)
        if user is not None and await can_reset_password(user):
            await send_reset_link(context, user, "password_reset", at)
            changes.log(user, "password_reset", None, "requested")

    await run_in_constant_time(context, "requestPasswordReset", send, started)
    return RequestPasswordResetPayload()


async def count_email_request(context: Context, email: str) -> str:
    """Count a request for an email; returns the cleaned address.

    Raises InvalidInput if emails can't have links or the address is invalid, and RateLimited.
    Neither depends on whether an account has this address.
    """
    accounts = context.services.accounts
    accounts.mails.check_enabled()
    address = clean_email(email, "email")
    wait = await accounts.email_limits.count_request(
        address, network_of(context.address), wide_network_of(context.address), context.now()
    )
    if wait:
        message = "Too many emails were requested."
        raise RateLimited(message, to_milliseconds(wait), "account_emails")
    return address


async def send_reset_link(context: Context, user: User, template: str, at: datetime) -> None:
    accounts = context.services.accounts
    expires_at = at + accounts.password_reset_lifetime
    await accounts.mails.send_to_user(user, LinkPurpose.PASSWORD_RESET, template, expires_at, at)


async def run_in_constant_time(
    context: Context,
    action: str,
    change: Callable[[RecordChanges, datetime], Awaitable[None]],
    started: float,
) -> None:
    """Start a change that depends on whether an account exists, and wait MIN_RESPONSE_SECONDS.

    The change runs in the background, so neither its time nor its error tells the client whether
    the account exists.
    """
    run = partial(run_action, context, action, change)
    context.services.background_writes.start(action, run)
    await asyncio.sleep(max(0.0, started + MIN_RESPONSE_SECONDS - monotonic()))


@simple_mutation(ResetPasswordPayload)
async def reset_password(context: Context, input: ResetPasswordInput) -> ResetPasswordPayload:
    found = await account_link.find_link(input.token, context.now())
    if found is None:
        raise build_link_error()
    if found.user_id is None:
        check_self_registration(context)  # it may be off since the link was sent
    check_new_password(input.new_password, "newPassword")
    password_hash = await hash_password(context, input.new_password)

    async def reset(changes: RecordChanges, at: datetime) -> User:
        await lock_directory(SYSTEM)  # before the link and the user are locked
        link = await account_link.find_link(input.token, at, lock=True)
        if link is None:
            raise build_link_error()
        user = await find_or_register(changes, link, at)
        await account_link.use_link(link, at)
        await users.set_password(changes, user, password_hash, at)
        return user

    user = await run_action(context, "resetPassword", reset, actor_of)
    return ResetPasswordPayload(email=user.email)


def check_self_registration(context: Context) -> None:
    """Raises InvalidInput NOT_ENABLED."""
    if not context.services.accounts.has_self_registration:
        raise InvalidInput(UserErrorCode.NOT_ENABLED, NO_REGISTRATION)


async def find_or_register(changes: RecordChanges, link: AccountLink, at: datetime) -> User:
    """The locked user of the link; a new one for a registration. Raises InvalidInput.

    The directory must be locked.
    """
    if link.user_id is not None:
        user = await User.select_for_update(no_key=True).get(id=link.user_id)
        if not user.active or user.email != link.email:
            raise build_link_error()
        return user
    if await User.exists(email=link.email):
        raise build_link_error()
    return await users.insert_customer(changes, link.email, link.display_name, at)


def build_link_error() -> InvalidInput:
    return InvalidInput(UserErrorCode.INVALID, INVALID_LINK, "token")


async def check_account_mails(context: Context, input: object) -> None:
    """Raises InvalidInput NOT_ENABLED if emails can't have links."""
    del input
    context.services.accounts.mails.check_enabled()


@admin_mutation(InviteUserPayload, "user", User, prepare=check_account_mails)
async def invite_user(mutation: AdminMutation, input: InviteUserInput) -> User:
    fields = UserFields(
        email=input.email,
        display_name=input.display_name,
        role=input.role or Role.CUSTOMER,
        organization_id=input.organization_id,
        teams=input.teams or (),
    )
    user = await users.create_user(mutation.changes, mutation.viewer, fields, mutation.at)
    await send_invitation_link(mutation, user)
    return user


async def send_invitation_link(mutation: AdminMutation, user: User) -> None:
    accounts, at = mutation.context.services.accounts, mutation.at
    expires_at = at + accounts.invitation_lifetime
    await accounts.mails.send_to_user(user, LinkPurpose.INVITATION, INVITATION, expires_at, at)


@admin_mutation(
    UserPayload, "user", User, prepare=check_account_mails, build_fields=build_user_fields
)
async def send_invitation(mutation: AdminMutation, input: SendInvitationInput) -> User:
    user_id = ids.key_of(ids.USER, input.user_id)
    user = await users.lock_invitable_user(mutation.viewer, user_id)
    maximum = mutation.context.services.accounts.email_limits.max_emails
    if wait := await account_link.read_invitation_wait(user.id, mutation.at, maximum):
        message = "This user was invited too often within an hour."
        raise RateLimited(message, to_milliseconds(wait), "account_emails")
    mutation.changes.log(user, "invitation", None, "sent")
    await send_invitation_link(mutation, user)
    return user


@simple_mutation(RegisterUserPayload)
async def register_user(context: Context, input: RegisterUserInput) -> RegisterUserPayload:
    started = monotonic()
    accounts = context.services.accounts
    check_self_registration(context)
    name = text.clean_line(input.display_name, "displayName", max_chars=text.MAX_NAME_CHARS)
    email = await count_email_request(context, input.email)

    async def send(_: RecordChanges, at: datetime) -> None:
        user = await User.get_or_none(email=email)
        if user is None:
            expires_at = at + accounts.invitation_lifetime
            await accounts.mails.send_registration(email, name, expires_at, at)
        elif await can_reset_password(user):
            await send_reset_link(context, user, "already_registered", at)

    await run_in_constant_time(context, "registerUser", send, started)
    return RegisterUserPayload()
