"""The rights revision: raised by whatever decides what a viewer may do or see, whoever writes it, and by nothing else."""

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
from support.ticket_factory import IS_SQLITE, NOON, WINDOW, Desk

from models import database
from models.access import revision as rights
from models.access import revision_triggers
from models.access.scopes import ALL_SCOPES
from models.access.viewer import ANONYMOUS, viewer_of
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core.ids import new_id
from models.log import event
from models.people.token import Token, TokenKind, issue_token, record_use, revoke_token
from models.people.user import ApiClient, Organization, Role, User

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

LATER = "'2999-03-02 12:00:00+00:00'"

MOVING = {
    "a token is revoked": f"UPDATE tokens SET revoked_at = {LATER} WHERE name = 'ada'",
    "a token expires at another time": f"UPDATE tokens SET expires_at = {LATER} WHERE name = 'ada'",
    "a token is deleted": "DELETE FROM tokens WHERE name = 'ada'",
    "a machine is deactivated": "UPDATE api_clients SET active = FALSE",
    "a machine is deleted, and with it its tokens": "DELETE FROM api_clients",
    "somebody joins a team": "INSERT INTO memberships (id, team_id, user_id) SELECT '{id}', t.id, u.id FROM teams t, users u "
    "WHERE t.slug = 'sales' AND u.email = 'ada@example.com'",
    "somebody moves to another team": "UPDATE memberships SET team_id = (SELECT id FROM teams WHERE slug = 'sales')",
    "somebody leaves a team": "DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = 'ada@example.com')",
}
MOVING_SIGHT = {
    "a token has other scopes": "UPDATE tokens SET scopes = '[]' WHERE name = 'ada'",
    "a token is of another kind": "UPDATE tokens SET kind = 'api' WHERE name = 'ada'",
    "a token is somebody else's": "UPDATE tokens SET user_id = (SELECT id FROM users WHERE email = 'bill@example.com') "
    "WHERE name = 'ada'",
    "a token is a machine's": "UPDATE tokens SET user_id = NULL, client_id = (SELECT id FROM api_clients) WHERE name = 'ada'",
    "somebody has another role": "UPDATE users SET role = 'admin' WHERE email = 'ada@example.com'",
    "somebody is deactivated": "UPDATE users SET active = FALSE WHERE email = 'ada@example.com'",
    "somebody leaves an account": "UPDATE users SET organization_id = NULL WHERE email = 'cora@example.com'",
    "somebody is deleted": "DELETE FROM users WHERE email = 'olga@example.com'",
    "an account is shared no more": "UPDATE organizations SET shared = FALSE WHERE name = 'Acme'",
    "an account is deleted": "DELETE FROM organizations WHERE name = 'Empty'",
}
RESTING = {
    "a token is used": f"UPDATE tokens SET last_used_at = {LATER}",
    "a token is named": "UPDATE tokens SET name = 'other'",
    "a token stays as it is": "UPDATE tokens SET revoked_at = revoked_at, expires_at = NULL, scopes = scopes, kind = kind",
    "somebody is named": "UPDATE users SET display_name = 'Other', email = 'other@example.com' WHERE email = 'ada@example.com'",
    "somebody is present": "UPDATE users SET present = FALSE, password_hash = 'x'",
    "people stay as they are": "UPDATE users SET role = role, active = TRUE, organization_id = organization_id",
    "a machine is named": "UPDATE api_clients SET display_name = 'other', active = TRUE",
    "an account is named": "UPDATE organizations SET external_id = name, shared = shared",
    "a team is written": "UPDATE teams SET name = name, slug = slug",
    "teams stay as they are": "UPDATE memberships SET team_id = team_id, user_id = user_id",
    "nobody is found": "UPDATE users SET active = FALSE WHERE email = 'nobody@example.com'",
    "nothing is deleted": "DELETE FROM tokens WHERE name = 'none'",
    "an account is made": "INSERT INTO organizations (id, name, shared) VALUES ('{id}', 'New', TRUE)",
    "a machine is made": "INSERT INTO api_clients (id, display_name, active, created_at) "
    f"VALUES ('{{id}}', 'New', TRUE, {LATER})",
    "somebody is made": "INSERT INTO users (id, email, display_name, role, active, created_at) "
    f"VALUES ('{{id}}', 'new@example.com', 'New', 'agent', TRUE, {LATER})",
    "a token is made": "INSERT INTO tokens (id, kind, name, digest, prefix, user_id, scopes, created_at) "
    f"SELECT '{{id}}', 'api', 'new', 'new', 'new', u.id, '[]', {LATER} FROM users u WHERE u.email = 'ada@example.com'",
}


async def by_hand(url: str, statement: str) -> None:
    """As an operator writes, past all that is ours."""
    text = statement.replace("{id}", str(new_id()))
    if IS_SQLITE:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(text)
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(text)
    finally:
        await connection.close()


async def token_of(owner: User | ApiClient, name: str = "", scopes: list[str] | None = None) -> Token:
    mine = {"user_id": owner.id} if isinstance(owner, User) else {"client_id": owner.id}
    granted = [scope.value for scope in ALL_SCOPES] if scopes is None else scopes
    made, _ = await issue_token(TokenKind.SESSION, name, granted, at=NOON, **mine)
    return made


async def peopled(desk: Desk) -> Token:
    """A token of ada's, a machine with one, and an account of nobody."""
    await token_of(await ApiClient.create(display_name="Sync"), "sync")
    await Organization.create(name="Empty")
    assert desk.ada.user is not None
    return await token_of(desk.ada.user, "ada")


@pytest.mark.parametrize("statement", [*MOVING.values(), *MOVING_SIGHT.values()], ids=[*MOVING, *MOVING_SIGHT])
async def test_it_is_raised_by_what_decides(desk: Desk, url: str, statement: str) -> None:
    await peopled(desk)
    before = await rights.read_revision()
    await by_hand(url, statement)
    assert await rights.read_revision() > before


@pytest.mark.parametrize("statement", RESTING.values(), ids=list(RESTING))
async def test_nothing_else_raises_it(desk: Desk, url: str, statement: str) -> None:
    await peopled(desk)
    before = await rights.read_revision()
    await by_hand(url, statement)
    assert await rights.read_revision() == before


@pytest.mark.parametrize("statement", MOVING_SIGHT.values(), ids=list(MOVING_SIGHT))
async def test_where_sight_may_change_the_logs_position_is_noted(desk: Desk, url: str, statement: str) -> None:
    await peopled(desk)
    seen = (await desk.raise_ticket(desk.carl), await event.read_head())[1]
    await by_hand(url, statement)
    assert await rights.visibility_changed_since(seen), (
        "it can't be told whether a reader at this position had read before or after"
    )
    assert await rights.visibility_changed_since(seen - 1)
    await desk.raise_ticket(desk.carl)
    assert not await rights.visibility_changed_since(await event.read_head())
    assert await rights.visibility_changed_since(seen)


@pytest.mark.parametrize("statement", MOVING.values(), ids=list(MOVING))
async def test_where_sight_stays_no_position_is_noted(desk: Desk, url: str, statement: str) -> None:
    await peopled(desk)
    await desk.raise_ticket(desk.carl)
    await by_hand(url, statement)
    assert not await rights.visibility_changed_since(await event.read_head())


async def test_our_own_writing_raises_it_where_it_should(desk: Desk) -> None:
    token = await peopled(desk)

    async def raised(act: Awaitable[object]) -> bool:
        before = await rights.read_revision()
        await act
        return await rights.read_revision() > before

    assert not await raised(record_use({token.id: NOON}))
    assert not await raised(desk.raise_ticket())
    assert await raised(revoke_token(token, NOON))
    assert not await raised(revoke_token(token, NOON)), "it was revoked before"
    assert await raised(User.filter(id=desk.ada.user_id).update(role=Role.CUSTOMER))
    assert not await raised(User.filter(id=desk.ada.user_id).update(role=Role.CUSTOMER))


async def test_a_change_that_is_taken_back_raises_nothing(desk: Desk) -> None:
    before = await rights.read_revision()
    with contextlib.suppress(LookupError):
        async with database.transaction():
            await User.filter(id=desk.ada.user_id).update(active=False)
            raise LookupError
    assert await rights.read_revision() == before
    async with database.transaction():
        with contextlib.suppress(LookupError):
            async with database.transaction():
                await User.filter(id=desk.ada.user_id).update(active=False)
                raise LookupError
        await User.filter(id=desk.bill.user_id).update(active=False)
    assert await rights.read_revision() == before + 1


@pytest.mark.skipif(IS_SQLITE, reason="nobody else writes to SQLite while a transaction is open")
async def test_the_position_is_that_of_the_commit(desk: Desk, url: str) -> None:
    """Else a reader that came past the position before the commit would have read with the old rights, and not be told."""
    ticket = await desk.raise_ticket()
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("UPDATE organizations SET shared = FALSE")
            await desk.act(ticket, lambda change: commands.escalate(change, "too slow"))
            seen = await event.read_head()
    finally:
        await connection.close()
    assert await rights.visibility_changed_since(seen)


async def test_what_was_read_before_rights_were_noted_may_have_been_read_with_others(desk: Desk) -> None:
    await desk.raise_ticket()
    async with database.transaction():
        await revision_triggers.remove(database.connection(), database.dialect())
        await revision_triggers.install(database.connection(), database.dialect())
    assert await rights.visibility_changed_since(await event.read_head())


async def test_rights_and_tickets_written_in_any_order_do_not_lock_each_other_out(desk: Desk) -> None:
    people = [await User.create(email=f"{n}@example.com", display_name="X") for n in range(8)]
    tickets = [(await desk.raise_ticket()).id for _ in people]
    before = await event.read_head()

    async def change_person(person: User, n: int) -> None:
        await User.filter(id=person.id).update(active=bool(n % 2))

    async def change_ticket(ticket_id: UUID) -> None:
        change = TicketChange((await lock_tickets([ticket_id]))[ticket_id], desk.ada, NOON, WINDOW)
        commands.add_note(change, "x")
        await write(change)

    async def run(place: int) -> None:
        for n in range(10):
            async with database.transaction():  # one that Postgres ends for a deadlock would raise
                if place % 2:
                    await change_person(people[place], n)
                    await change_ticket(tickets[place])
                else:
                    await change_ticket(tickets[place])
                    await change_person(people[place], n)

    revision = await rights.read_revision()
    await asyncio.gather(*(run(place) for place in range(8)))
    assert await event.read_head() == before + 80
    assert await rights.read_revision() >= revision + 80


# ---------------------------------------------------------------- what a token opens


async def owners() -> list[User | ApiClient]:
    shared, alone = [await Organization.create(name=name, shared=name == "shared") for name in ("shared", "alone")]
    made: list[User | ApiClient] = [await ApiClient.create(display_name=f"m{active}", active=active) for active in (True, False)]
    for role, account, active in itertools.product(Role, (None, shared, alone), (True, False)):
        name = f"{role.value}-{account and account.name}-{active}"
        made.append(
            await User.create(email=f"{name}@example.com", display_name=name, role=role, organization=account, active=active)
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
async def test_a_print_opens_what_the_token_opens_and_viewers_are_those_who_sign_in() -> None:
    made = [
        await token_of(owner, scopes=scopes)
        for owner in await owners()
        for scopes in ([scope.value for scope in ALL_SCOPES], ["tickets:read", "notes:read", "no:scope"], [])
    ]
    for token, end in zip(made, itertools.cycle(ENDS), strict=False):
        if changes := end():
            await Token.filter(id=token.id).update(**changes)
    keys = [str(token.id) for token in made]
    prints = await rights.read_fingerprints(keys)
    viewers = await rights.load_viewers(keys, NOON)
    assert set(prints) == set(keys)
    for token in await Token.all().select_related("user", "user__organization", "client"):
        key, viewer = str(token.id), viewer_of(token, NOON)
        assert viewers.get(key) == viewer
        assert rights.parse_grant(prints[key], NOON) == (rights.grant_of(viewer) if viewer else None)
    assert 10 < len(viewers) < len(keys)
    assert len({rights.grant_of(viewer) for viewer in viewers.values()}) > 10


@pytest.mark.usefixtures("database")
async def test_a_token_that_is_unknown_has_no_print() -> None:
    assert await rights.read_fingerprints([str(new_id())]) == {}
    assert await rights.load_viewers([str(new_id())], NOON) == {}
    assert rights.grant_of(ANONYMOUS) is None
