"""The requester of a new ticket: the viewer, a known user, or a person who is not a user yet."""

from __future__ import annotations

from models.access.scopes import CallerKind, Scope
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.directory.access import lock_directory
from models.directory.users import insert_customer
from models.people.email_address import clean_email
from models.people.user import User, no_such_user
from models.queries.directory.users import find_user
from resolvers.mutations.ticket_mutation import TicketMutation
from schema.inputs.tickets.tickets import CreateTicketInput, RequesterInput


async def find_requester(mutation: TicketMutation, input: CreateTicketInput) -> User:
    """The requester of the new ticket. Raises InvalidInput."""
    viewer_user = mutation.viewer.user
    if input.requester is not None:
        if input.requester_id is not None:
            message = "can't be given together with requesterId"
            raise InvalidInput(UserErrorCode.INVALID, message, "requester")
        return await find_or_create(mutation, input.requester)
    if input.requester_id is None:
        if viewer_user is None:
            message = "must be given, because an API client can't be the requester"
            raise InvalidInput(UserErrorCode.REQUIRED, message, "requesterId")
        return viewer_user
    key = ids.key_of(ids.USER, input.requester_id)
    if viewer_user is not None and key == viewer_user.id:
        return viewer_user
    is_permitted = not mutation.viewer.is_customer
    requester = await find_user(key) if key is not None and is_permitted else None
    if requester is None:
        raise no_such_user("requesterId")
    return requester


async def find_or_create(mutation: TicketMutation, input: RequesterInput) -> User:
    """The user with this email address, or else a new customer. Raises InvalidInput.

    The directory is locked before the second look, so one address becomes one user.
    """
    check_may_name_address(mutation.viewer)
    address = clean_email(input.email, "requester", "email")
    user = await User.get_or_none(email=address)
    if user is not None:
        return user
    await lock_directory(mutation.viewer)
    user = await User.get_or_none(email=address)
    if user is not None:
        return user
    try:
        return await insert_customer(
            mutation.records, address, input.display_name, mutation.at, is_verified=False
        )
    except InvalidInput as error:
        fields = (error.field or ("input",))[1:]
        raise InvalidInput(error.code, str(error), "requester", *fields) from error


def check_may_name_address(viewer: Viewer) -> None:
    """Raises InvalidInput unless the viewer may find users by email address and create them."""
    if viewer.is_customer:
        message = "can't be given by a customer"
        raise InvalidInput(UserErrorCode.INVALID, message, "requester")
    scopes = {Scope.USERS_READ}
    if viewer.caller_kind is CallerKind.API_CLIENT:
        scopes.add(Scope.USERS_WRITE)
    missing = sorted(scope.value for scope in scopes - viewer.scopes)
    if missing:
        message = f"needs a token with {' and '.join(missing)}"
        raise InvalidInput(UserErrorCode.INVALID, message, "requester")
