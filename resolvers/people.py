"""Who calls, who works here, and signing in."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from models.access import permissions
from models.access.scopes import CALLER_OF_ROLE, MAX_SCOPES, Caller
from models.access.viewer import Viewer
from models.access.visibility import can_see_record
from models.core import ids
from models.core.errors import BadRequest, Code, InvalidInput, RateLimited
from models.core.lazy_query import ConnectionQuery, LazyQuery, Many
from models.core.pagination import MAX_PAGE_SIZE, parse_page_arguments
from models.core.sql import TRUE
from models.core.text import is_storable
from models.people import token
from models.people.password import MAX_PASSWORD_CHARS, PasswordQueueFull
from models.people.team import Category, Team
from models.people.token import Token, TokenKind
from models.people.user import Role, User
from models.queries import users
from resolvers.context import Context, context_of
from schema.inputs.people import SignInInput
from schema.pagination import After, Before, First, Last
from schema.payloads.people import SignInPayload, SignOutPayload
from schema.types.errors import user_error

RETRY_WHEN_BUSY_MS = 1000
MAX_EMAIL_CHARACTERS = 320


async def viewer(info: strawberry.Info) -> Viewer | None:
    found = context_of(info).viewer
    return None if found.caller is Caller.ANONYMOUS else found


async def teams(info: strawberry.Info) -> Many[Team]:
    return Many(LazyQuery(Team, "t", "teams t", TRUE, "t.name"))


async def categories(info: strawberry.Info) -> Many[Category]:
    return Many(LazyQuery(Category, "c", "categories c", TRUE, "c.name"))


async def users(
    info: strawberry.Info,
    search: Annotated[str | None, strawberry.argument(description="A part of a name, or the beginning of an e-mail.")] = None,
    role: Annotated[Role | None, strawberry.argument(description="Only people of this role.")] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[User]:
    return users.list_users(search, role, parse_page_arguments(first, after, last, before))


async def node(info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="Any record's id.")]) -> Any:
    return await find_node(context_of(info), id)


async def nodes(
    info: strawberry.Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids; what is not found is null.")],
) -> list[Any]:
    if len(ids) > MAX_PAGE_SIZE:
        raise BadRequest(f"nodes takes at most {MAX_PAGE_SIZE} ids.")
    context = context_of(info)
    return list(await asyncio.gather(*(find_node(context, id) for id in ids)))


async def find_node(context: Context, id: str) -> Any:
    """Any record by its id, where the viewer may see it."""
    found = ids.decode(id)
    if found is None:
        return None
    prefix, _ = found
    loaders, viewer = context.loaders, context.viewer
    if prefix == ids.EVENT:
        return await loaders.events.load(int(found[1])) if permissions.READ_EVENTS.allows(viewer) else None
    if prefix == ids.NOTIFICATION:
        return await loaders.notifications.load(int(found[1])) if permissions.OWN_NOTIFICATIONS.allows(viewer) else None
    key = ids.key_of(prefix, id)
    assert key is not None
    if prefix == ids.TOKEN:
        return await Token.get_or_none(id=key, user_id=viewer.user_id, kind=TokenKind.API) if viewer.user_id else None
    if prefix == ids.API_CLIENT and viewer.is_customer:
        return None
    load = {
        ids.TICKET: loaders.tickets,
        ids.MESSAGE: loaders.messages,
        ids.TEAM: loaders.teams,
        ids.CATEGORY: loaders.categories,
        ids.USER: loaders.users,
        ids.ORGANIZATION: loaders.organizations,
        ids.API_CLIENT: loaders.clients,
        ids.ATTACHMENT: loaders.attachments,
        ids.SLA_POLICY: loaders.policies,
        ids.SLA_CALENDAR: loaders.calendars,
        ids.ESCALATION_PATH: loaders.escalation_paths,
    }[prefix]
    record = await load.load(key)
    return record if record is not None and can_see_record(viewer, record) else None


async def sign_in(info: strawberry.Info, input: SignInInput) -> SignInPayload:
    context = context_of(info)
    email = input.email.strip().lower()
    waiting = await context.services.sign_in_throttle.count_attempt(f"{email[:MAX_EMAIL_CHARACTERS]} {context.address}", context.address)
    if waiting:
        raise RateLimited("Too many attempts to sign in.", waiting)
    person = await User.get_or_none(email=email) if is_storable(email) and len(email) <= MAX_EMAIL_CHARACTERS else None
    stored = person.password_hash if person and person.active else None
    given = input.password if is_storable(input.password) and len(input.password) <= MAX_PASSWORD_CHARS else ""
    try:
        matches = await context.services.passwords.matches(given, stored)
    except PasswordQueueFull:
        raise RateLimited("Too many people sign in at this moment.", RETRY_WHEN_BUSY_MS) from None
    if person is None or not matches:
        return SignInPayload(
            user_errors=[user_error(InvalidInput(Code.INVALID, "The e-mail address or the password is wrong.", "email"))]
        )
    return await create_session(context, person)


async def create_session(context: Context, person: User) -> SignInPayload:
    at = context.now()
    scopes = [scope.value for scope in MAX_SCOPES[CALLER_OF_ROLE[person.role]]]
    expires = at + context.rules.session_length
    _, text = await token.issue_token(TokenKind.SESSION, "session", scopes, user_id=person.id, expires_at=expires, at=at)
    signed_in = await context.services.sessions.authenticate(text)
    assert signed_in is not None
    context.set_viewer(signed_in)
    return SignInPayload(token=text, viewer=signed_in, expires_at=expires)


async def sign_out(info: strawberry.Info) -> SignOutPayload:
    context = context_of(info)
    if context.viewer.token is not None:
        await token.revoke_token(context.viewer.token, context.now())
    return SignOutPayload()
