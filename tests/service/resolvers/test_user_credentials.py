"""The sessions, API tokens and identities of users, as administrators see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.accounts import succeed
from support.actors import api_client_token, token_of
from support.live import head_cursor
from support.loop_limits import count_pages
from support.service import running
from support.statements import statements

from models.core import ids
from models.people.identity import Identity
from models.people.second_factor import SecondFactor
from models.people.token import Token, TokenKind, issue_token
from models.people.user import User

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

ISSUER = "https://login.example.com"
FIELDS = """sessions { totalCount nodes { id current address } }
  apiTokens { totalCount nodes { id name scopes revokedAt } }
  identities { issuer subject createdAt } hasPassword hasSecondFactor"""
LIST = f"{{ users {{ nodes {{ displayName {FIELDS} }} }} }}"
NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ displayName {FIELDS} }} }} }}"
PAGE = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  node(id: $id) { ... on User {
    apiTokens(first: $first, after: $after, last: $last, before: $before) {
      totalCount nodes { name } edges { cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
NOTHING: dict[str, Any] = {
    "sessions": {"totalCount": 0, "nodes": []},
    "apiTokens": {"totalCount": 0, "nodes": []},
    "identities": [],
    "hasPassword": None,
    "hasSecondFactor": None,
}


@pytest.fixture(params=["all", "none"])
async def service(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Service]:
    """With compiled plans, and without them."""
    async with running(url, compiled_plans=request.param) as found:
        yield found


@pytest.fixture
async def people(service: Service, world: World) -> World:
    """Cora and Carl have a session, an API token and an identity each."""
    for person in (world.cora, world.carl):
        user = await User.get(id=person.id)
        await token_of(user, ["tickets:read"])
        await Identity.create(issuer=ISSUER, subject=user.display_name, user_id=user.id)
    return world


async def read_user(client: Client, person: Any) -> dict[str, Any]:
    return dict((await client.run(NODE, id=person.gid))["node"])


async def test_admins_find_what_they_revoke_of_all_users(service: Service, people: World) -> None:
    root = service.client(people.root.token)
    nodes = (await root.run(LIST))["users"]["nodes"]
    users = {each["displayName"]: each for each in nodes}
    for name in ("Cora", "Carl"):
        assert users[name]["sessions"]["totalCount"] == 1
        assert users[name]["apiTokens"]["totalCount"] == 1
        assert [each["scopes"] for each in users[name]["apiTokens"]["nodes"]] == [["tickets:read"]]
        (identity,) = users[name]["identities"]
        assert (identity["issuer"], identity["subject"]) == (ISSUER, name)
    assert users["Ada"]["identities"] == users["Ada"]["apiTokens"]["nodes"] == []
    assert [each["current"] for each in users["Root"]["sessions"]["nodes"]] == [True]
    cora = users["Cora"]
    await succeed(root, "revokeSession", sessionId=cora["sessions"]["nodes"][0]["id"])
    await succeed(root, "revokeApiToken", tokenId=cora["apiTokens"]["nodes"][0]["id"])
    unlink = """mutation($input: UnlinkIdentityInput!) {
      unlinkIdentity(input: $input) { user { identities { subject } } userErrors { code } } }"""
    input = {"userId": people.cora.gid, "issuer": ISSUER, "subject": "Cora"}
    payload = (await root.run(unlink, input=input))["unlinkIdentity"]
    assert payload == {"user": {"identities": []}, "userErrors": []}
    after = await read_user(root, people.cora)
    assert (after["sessions"], after["identities"]) == (NOTHING["sessions"], [])
    assert after["apiTokens"]["nodes"][0]["revokedAt"] is not None
    assert (await service.client(people.cora.token).post("{ viewer { role } }")).status_code == 401


async def test_all_others_see_nothing_here_not_even_their_own(
    service: Service, people: World
) -> None:
    agent, customer = service.client(people.ada.token), service.client(people.cora.token)
    colleague = service.client(people.carl.token)
    reader = service.client(await api_client_token("Reader", ["users:read", "users:write"]))
    program = await token_of(await User.get(id=people.root.id), ["users:read", "tickets:read"])
    for client in (agent, customer, colleague, reader, service.client(program)):
        assert await read_user(client, people.cora) == {"displayName": "Cora", **NOTHING}
    administering = service.client(await api_client_token("Admin", ["admin", "users:read"]))
    assert (await read_user(administering, people.cora))["sessions"]["totalCount"] == 1


async def test_admins_see_who_has_a_password_and_a_second_factor(
    service: Service, people: World
) -> None:
    await User.filter(id=people.cora.id).update(password_hash="hash")
    at = service.clock()
    for person, confirmed_at in ((people.ada, at), (people.bill, None)):
        await SecondFactor.create(
            user_id=person.id, secret="x", created_at=at, confirmed_at=confirmed_at
        )
    query = "{ users { nodes { displayName hasPassword hasSecondFactor } } }"
    for token in (
        people.root.token,
        await api_client_token("Admin", ["admin", "users:read"]),
    ):
        nodes = (await service.client(token).run(query))["users"]["nodes"]
        users = {each["displayName"]: each for each in nodes}
        assert [name for name in users if users[name]["hasPassword"] is not False] == ["Cora"]
        assert [name for name in users if users[name]["hasSecondFactor"] is not False] == ["Ada"]
    nodes = (await service.client(people.ada.token).run(query))["users"]["nodes"]
    assert {(each["hasPassword"], each["hasSecondFactor"]) for each in nodes} == {(None, None)}


async def test_people_see_their_own_identities_after_they_have_signed_in(
    service: Service, people: World
) -> None:
    query = "{ viewer { identities { issuer subject } } }"
    own = (await service.client(people.cora.token).run(query))["viewer"]["identities"]
    assert own == [{"issuer": ISSUER, "subject": "Cora"}]
    program = await token_of(await User.get(id=people.cora.id), ["tickets:read"])
    for token in (program, people.api_client_token):
        assert (await service.client(token).run(query))["viewer"] == {"identities": []}


async def test_ended_sessions_and_jwts_are_left_out(service: Service, people: World) -> None:
    root, at = service.client(people.root.token), service.clock()
    own: dict[str, Any] = {"user_id": people.cora.id, "at": at}
    revoked, _ = await issue_token(TokenKind.SESSION, "revoked", [], **own)
    await Token.filter(id=revoked.id).update(revoked_at=at)
    jwt, _ = await issue_token(TokenKind.SESSION, "jwt", [], **own)
    await Token.filter(id=jwt.id).update(is_jwt=True)
    expires_at = at + timedelta(hours=1)
    expiring, _ = await issue_token(TokenKind.SESSION, "expiring", [], **own, expires_at=expires_at)
    newest_first = (await read_user(root, people.cora))["sessions"]
    assert newest_first["totalCount"] == 2
    assert newest_first["nodes"][0]["id"] == ids.encode(ids.SESSION, expiring.id)
    service.clock.advance(hours=2)
    assert (await read_user(root, people.cora))["sessions"]["totalCount"] == 1


async def test_pages_hold_every_token_once_in_both_directions(
    service: Service, people: World
) -> None:
    root, at = service.client(people.root.token), service.clock()
    for number in range(6):
        created_at = at + timedelta(seconds=number // 2)  # some at the same time
        own: dict[str, Any] = {"user_id": people.ada.id, "at": created_at}
        await issue_token(TokenKind.API, f"t{number}", ["tickets:read"], **own)

    async def read(**arguments: Any) -> dict[str, Any]:
        return dict((await root.run(PAGE, id=people.ada.gid, **arguments))["node"]["apiTokens"])

    names: list[str] = []
    for arguments in ("first", "after", "endCursor"), ("last", "before", "startCursor"):
        size, edge, cursor = arguments
        found: list[str] = []
        position: dict[str, Any] = {}
        for _ in count_pages():
            page = await read(**{size: 4}, **position)
            nodes = [each["name"] for each in page["nodes"]]
            found = [*found, *nodes] if size == "first" else [*nodes, *found]
            assert page["totalCount"] == 6
            info = page["pageInfo"]
            assert info["hasPreviousPage" if size == "first" else "hasNextPage"] is bool(position)
            if not info["hasNextPage" if size == "first" else "hasPreviousPage"]:
                break
            position = {edge: info[cursor]}
        assert sorted(found) == [f"t{number}" for number in range(6)]
        assert found[0] in ("t4", "t5")
        names = names or found
        assert found == names


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"first": 0}, "BAD_REQUEST"),
        ({"first": 101}, "BAD_REQUEST"),
        ({"first": 1, "last": 1}, "BAD_REQUEST"),
        ({"after": ""}, "CURSOR_INVALID"),
        ({"before": "nonsense"}, "CURSOR_INVALID"),
    ],
)
async def test_wrong_page_arguments_are_refused(
    service: Service, people: World, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused, match=code):
        await service.client(people.root.token).run(PAGE, id=people.cora.gid, **arguments)


async def test_the_number_of_statements_does_not_grow_with_that_of_users(
    service: Service, people: World
) -> None:
    root = service.client(people.root.token)
    counts: list[int] = []
    for first in (1, 7):
        query = LIST.replace("users", f"users(first: {first})")
        await root.run(query)
        with statements() as sent:
            await root.run(query)
        counts.append(len(sent.texts))
    assert counts[0] == counts[1]


@pytest.mark.without_default_policies
async def test_subscriptions_of_two_sessions_each_show_their_own_as_current(
    service: Service, people: World
) -> None:
    token = await token_of(await User.get(id=people.root.id))
    older, newer = service.client(people.root.token), service.client(token)
    ticket = await service.client(people.cora.token).raise_ticket()
    query = """subscription($after: String) { ticketEvents(after: $after) { actor {
      ... on User { sessions { nodes { current } } } } } }"""
    cursor = await head_cursor()
    async with older.socket() as one, newer.socket() as other:
        for socket in (one, other):
            await socket.subscribe(query, after=cursor)
        for priority in ("HIGH", "LOW") * 3:  # they would join each other as they follow the log
            await older.do("updateTicket", ticketId=ticket["id"], priority=priority)
            found: list[list[bool]] = []
            for socket in (one, other):
                sessions = (await socket.next("ticketEvents"))["actor"]["sessions"]
                found.append([each["current"] for each in sessions["nodes"]])
            assert found == [[False, True], [True, False]]
