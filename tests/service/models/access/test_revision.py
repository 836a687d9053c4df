"""The permission revision: every change of permissions or visibility raises it, and nothing else.

That holds for any writer of the database, because triggers raise it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from support.databases import IS_SQLITE
from support.ticket_factory import NOON, WINDOW, Desk

from models import database
from models.access import revision, revision_triggers
from models.access.scopes import ALL_SCOPES
from models.access.viewer import ANONYMOUS, read_shared_tickets, viewer_of_token
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core.ids import new_id
from models.log import event
from models.people.token import Token, TokenKind, issue_token, record_uses, revoke_token
from models.people.user import ApiClient, Organization, Role, User
from models.tickets.ticket import TicketParticipant

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

LATER = "'2999-03-02 12:00:00+00:00'"


def user_id(name: str) -> str:
    """A subquery for the id of a user."""
    return f"(SELECT id FROM users WHERE email = '{name}@example.com')"


CHANGES_OF_PERMISSIONS = {
    "a token is revoked": f"UPDATE tokens SET revoked_at = {LATER} WHERE name = 'ada'",
    "a token expires at another time": f"UPDATE tokens SET expires_at = {LATER} WHERE name = 'ada'",
    "a token is deleted": "DELETE FROM tokens WHERE name = 'ada'",
    "an API client is deactivated": "UPDATE api_clients SET active = FALSE",
    "an API client is deleted, and with it its tokens": "DELETE FROM api_clients",
    "a user joins a team": (
        "INSERT INTO memberships (id, team_id, user_id) "
        "SELECT '{id}', t.id, u.id FROM teams t, users u "
        "WHERE t.slug = 'sales' AND u.email = 'ada@example.com'"
    ),
    "a user moves to another team": (
        "UPDATE memberships SET team_id = (SELECT id FROM teams WHERE slug = 'sales')"
    ),
    "a user leaves a team": f"DELETE FROM memberships WHERE user_id = {user_id('ada')}",
}
CHANGES_OF_VISIBILITY = {
    "a token has other scopes": "UPDATE tokens SET scopes = '[]' WHERE name = 'ada'",
    "a token is of another kind": "UPDATE tokens SET kind = 'api' WHERE name = 'ada'",
    "a token gets another owner": (
        f"UPDATE tokens SET user_id = {user_id('bill')} WHERE name = 'ada'"
    ),
    "a token gets an API client as owner": (
        "UPDATE tokens SET user_id = NULL, client_id = (SELECT id FROM api_clients) "
        "WHERE name = 'ada'"
    ),
    "a user has another role": "UPDATE users SET role = 'admin' WHERE email = 'ada@example.com'",
    "a user is deactivated": "UPDATE users SET active = FALSE WHERE email = 'ada@example.com'",
    "a user leaves an account": (
        "UPDATE users SET organization_id = NULL WHERE email = 'cora@example.com'"
    ),
    "a user is deleted": "DELETE FROM users WHERE email = 'olga@example.com'",
    "a ticket is shared": (
        "INSERT INTO ticket_participants (id, ticket_id, user_id) "
        "SELECT '{id}', t.id, u.id FROM tickets t, users u "
        "WHERE t.number = 1001 AND u.email = 'ada@example.com'"
    ),
    "a ticket is shared with somebody else": (
        f"UPDATE ticket_participants SET user_id = {user_id('olga')}"
    ),
    "a ticket is no longer shared": "DELETE FROM ticket_participants",
    "a ticket is shared with its account": (
        "UPDATE tickets SET shared_with_organization = TRUE WHERE number = 1001"
    ),
    "tickets are shared with their account or no longer": (
        "UPDATE tickets SET shared_with_organization = NOT shared_with_organization"
    ),
    "an account is no longer shared": "UPDATE organizations SET shared = FALSE WHERE name = 'Acme'",
    "an account is deleted": "DELETE FROM organizations WHERE name = 'Empty'",
}
OTHER_CHANGES = {
    "a token is used": f"UPDATE tokens SET last_used_at = {LATER}",
    "a token is renamed": "UPDATE tokens SET name = 'other'",
    "a token stays as it is": (
        "UPDATE tokens SET revoked_at = revoked_at, expires_at = NULL, scopes = scopes, kind = kind"
    ),
    "a user is renamed": (
        "UPDATE users SET display_name = 'Other', email = 'other@example.com' "
        "WHERE email = 'ada@example.com'"
    ),
    "a user is present": "UPDATE users SET present = FALSE, password_hash = 'x'",
    "users stay as they are": (
        "UPDATE users SET role = role, active = TRUE, organization_id = organization_id"
    ),
    "an API client is renamed": "UPDATE api_clients SET display_name = 'other', active = TRUE",
    "an account is renamed": "UPDATE organizations SET external_id = name, shared = shared",
    "a ticket stays as it is": "UPDATE tickets SET shared_with_organization = FALSE",
    "a team is written": "UPDATE teams SET name = name, slug = slug",
    "teams stay as they are": "UPDATE memberships SET team_id = team_id, user_id = user_id",
    "no user matches": "UPDATE users SET active = FALSE WHERE email = 'nobody@example.com'",
    "nothing is deleted": "DELETE FROM tokens WHERE name = 'none'",
    "an account is created": (
        "INSERT INTO organizations (id, name, shared) VALUES ('{id}', 'New', TRUE)"
    ),
    "an API client is created": (
        "INSERT INTO api_clients (id, display_name, active, created_at) "
        f"VALUES ('{{id}}', 'New', TRUE, {LATER})"
    ),
    "a user is created": (
        "INSERT INTO users (id, email, display_name, role, active, created_at) "
        f"VALUES ('{{id}}', 'new@example.com', 'New', 'agent', TRUE, {LATER})"
    ),
    "a token is created": (
        "INSERT INTO tokens (id, kind, name, digest, prefix, user_id, scopes, created_at) "
        f"VALUES ('{{id}}', 'api', 'new', 'new', 'new', {user_id('ada')}, '[]', {LATER})"
    ),
}


async def write_outside_the_app(url: str, statement: str) -> None:
    """Run a statement on a connection of its own, as an operator would."""
    text = statement.replace("{id}", str(new_id()))
    if IS_SQLITE:
        with contextlib.closing(
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(text)
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(text)
    finally:
        await connection.close()


async def create_token(
    owner: User | ApiClient, name: str = "", scopes: list[str] | None = None
) -> Token:
    owner_key = {"user_id": owner.id} if isinstance(owner, User) else {"client_id": owner.id}
    granted = [scope.value for scope in ALL_SCOPES] if scopes is None else scopes
    made, _ = await issue_token(TokenKind.SESSION, name, granted, at=NOON, **owner_key)
    return made


async def create_owners(desk: Desk) -> Token:
    """A token of ada, an API client with a token, an account without users, a shared ticket."""
    ticket = await desk.raise_ticket()
    assert desk.carl.user is not None
    await TicketParticipant.create(ticket_id=ticket.id, user_id=desk.carl.user.id)
    await create_token(await ApiClient.create(display_name="Sync"), "sync")
    await Organization.create(name="Empty")
    assert desk.ada.user is not None
    return await create_token(desk.ada.user, "ada")


@pytest.mark.parametrize(
    "statement",
    [*CHANGES_OF_PERMISSIONS.values(), *CHANGES_OF_VISIBILITY.values()],
    ids=[*CHANGES_OF_PERMISSIONS, *CHANGES_OF_VISIBILITY],
)
async def test_a_change_of_permissions_or_visibility_raises_it(
    desk: Desk, url: str, statement: str
) -> None:
    await create_owners(desk)
    before = await revision.read_revision()
    await write_outside_the_app(url, statement)
    assert await revision.read_revision() > before


@pytest.mark.parametrize("statement", OTHER_CHANGES.values(), ids=list(OTHER_CHANGES))
async def test_other_changes_do_not_raise_it(desk: Desk, url: str, statement: str) -> None:
    await create_owners(desk)
    before = await revision.read_revision()
    await write_outside_the_app(url, statement)
    assert await revision.read_revision() == before


@pytest.mark.parametrize(
    "statement", CHANGES_OF_VISIBILITY.values(), ids=list(CHANGES_OF_VISIBILITY)
)
async def test_a_change_of_visibility_records_the_logs_position(
    desk: Desk, url: str, statement: str
) -> None:
    await create_owners(desk)
    position = (await desk.raise_ticket(desk.carl), await event.read_head())[1]
    await write_outside_the_app(url, statement)
    assert await revision.visibility_changed_since(position), (
        "a reader at this position may have read before the change"
    )
    assert await revision.visibility_changed_since(position - 1)
    await desk.raise_ticket(desk.carl)
    assert not await revision.visibility_changed_since(await event.read_head())
    assert await revision.visibility_changed_since(position)


@pytest.mark.parametrize(
    "statement", CHANGES_OF_PERMISSIONS.values(), ids=list(CHANGES_OF_PERMISSIONS)
)
async def test_a_change_of_permissions_alone_records_no_position(
    desk: Desk, url: str, statement: str
) -> None:
    await create_owners(desk)
    await desk.raise_ticket(desk.carl)
    await write_outside_the_app(url, statement)
    assert not await revision.visibility_changed_since(await event.read_head())


async def test_writes_of_the_models_raise_it_as_needed(desk: Desk) -> None:
    token = await create_owners(desk)

    async def is_raised_by(act: Awaitable[object]) -> bool:
        before = await revision.read_revision()
        await act
        return await revision.read_revision() > before

    assert not await is_raised_by(record_uses({token.id: NOON}))
    assert not await is_raised_by(desk.raise_ticket())
    assert await is_raised_by(revoke_token(token, NOON))
    assert not await is_raised_by(revoke_token(token, NOON)), "it was already revoked"
    assert await is_raised_by(User.filter(id=desk.ada.user_id).update(role=Role.CUSTOMER))
    assert not await is_raised_by(User.filter(id=desk.ada.user_id).update(role=Role.CUSTOMER))


async def test_a_change_that_is_rolled_back_raises_nothing(desk: Desk) -> None:
    before = await revision.read_revision()
    with contextlib.suppress(LookupError):
        async with database.transaction():
            await User.filter(id=desk.ada.user_id).update(active=False)
            raise LookupError
    assert await revision.read_revision() == before
    async with database.transaction():
        with contextlib.suppress(LookupError):
            async with database.transaction():
                await User.filter(id=desk.ada.user_id).update(active=False)
                raise LookupError
        await User.filter(id=desk.bill.user_id).update(active=False)
    assert await revision.read_revision() == before + 1


@pytest.mark.skipif(IS_SQLITE, reason="nobody else writes to SQLite while a transaction is open")
async def test_the_recorded_position_is_that_of_the_commit(desk: Desk, url: str) -> None:
    """A reader past the position could otherwise keep the old permissions."""
    ticket = await desk.raise_ticket()
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("UPDATE organizations SET shared = FALSE")
            await desk.act(ticket, lambda change: commands.escalate(change, "too slow"))
            position = await event.read_head()
    finally:
        await connection.close()
    assert await revision.visibility_changed_since(position)


async def test_new_triggers_count_as_a_change_of_visibility(
    desk: Desk,
) -> None:
    await desk.raise_ticket()
    async with database.transaction():
        connection, dialect = database.connection(), database.dialect()
        later = [*revision_triggers.PARTICIPANT_TRIGGERS, *revision_triggers.SHARING_TRIGGERS]
        await revision_triggers.drop_triggers(connection, dialect, later)
        await revision_triggers.remove(connection, dialect)
        await revision_triggers.install(connection, dialect)
        await revision_triggers.create_triggers(connection, dialect, later)
    assert await revision.visibility_changed_since(await event.read_head())


async def test_writes_of_users_and_tickets_in_any_order_do_not_deadlock(
    desk: Desk,
) -> None:
    people = [await User.create(email=f"{n}@example.com", display_name="X") for n in range(8)]
    tickets = [(await desk.raise_ticket()).id for _ in people]
    before = await event.read_head()

    async def change_person(person: User, n: int) -> None:
        await User.filter(id=person.id).update(active=bool(n % 2))

    async def change_ticket(ticket_id: UUID) -> None:
        change = TicketChange((await lock_tickets([ticket_id]))[ticket_id], desk.ada, NOON, WINDOW)
        commands.add_note(change, "x")
        await write(change)

    async def run(number: int) -> None:
        for n in range(10):
            async with database.transaction():  # raises if Postgres detects a deadlock
                if number % 2:
                    await change_person(people[number], n)
                    await change_ticket(tickets[number])
                else:
                    await change_ticket(tickets[number])
                    await change_person(people[number], n)

    before_revision = await revision.read_revision()
    await asyncio.gather(*(run(number) for number in range(8)))
    assert await event.read_head() == before + 80
    assert await revision.read_revision() >= before_revision + 80


# ---------------------------------------------------------------- fingerprints of tokens


async def create_all_owners() -> list[User | ApiClient]:
    shared, alone = [
        await Organization.create(name=name, shared=name == "shared")
        for name in ("shared", "alone")
    ]
    made: list[User | ApiClient] = [
        await ApiClient.create(display_name=f"m{active}", active=active) for active in (True, False)
    ]
    for role, account, active in itertools.product(Role, (None, shared, alone), (True, False)):
        name = f"{role.value}-{account and account.name}-{active}"
        made.append(
            await User.create(
                email=f"{name}@example.com",
                display_name=name,
                role=role,
                organization=account,
                active=active,
            )
        )
    return made


ENDS: list[Callable[[], dict[str, object]]] = [
    dict,
    lambda: {"expires_at": NOON},
    lambda: {"expires_at": NOON + timedelta(microseconds=1)},
    lambda: {"revoked_at": NOON},
    lambda: {"kind": TokenKind.API},
]


@pytest.mark.usefixtures("database")
async def test_fingerprints_and_viewers_agree_with_the_tokens() -> None:
    made = [
        await create_token(owner, scopes=scopes)
        for owner in await create_all_owners()
        for scopes in (
            [scope.value for scope in ALL_SCOPES],
            ["tickets:read", "notes:read", "no:scope"],
            [],
        )
    ]
    for token, end in zip(made, itertools.cycle(ENDS), strict=False):
        if changes := end():
            await Token.filter(id=token.id).update(**changes)
    keys = [str(token.id) for token in made]
    fingerprints = await revision.read_fingerprints(keys)
    viewers = await revision.load_viewers(keys, NOON)
    assert set(fingerprints) == set(keys)
    tokens = await Token.all().select_related("user", "user__organization", "client")
    shared = await read_shared_tickets([token.user for token in tokens])
    for token in tokens:
        key, viewer = str(token.id), viewer_of_token(token, NOON, shared)
        assert viewers.get(key) == viewer
        assert revision.parse_grant(fingerprints[key], NOON) == (
            revision.grant_of(viewer) if viewer else None
        )
    assert 10 < len(viewers) < len(keys)
    assert len({revision.grant_of(viewer) for viewer in viewers.values()}) > 10


@pytest.mark.usefixtures("database")
async def test_an_unknown_token_has_no_fingerprint() -> None:
    assert await revision.read_fingerprints([str(new_id())]) == {}
    assert await revision.load_viewers([str(new_id())], NOON) == {}
    assert revision.grant_of(ANONYMOUS) is None
