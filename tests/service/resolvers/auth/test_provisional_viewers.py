"""A query of a known caller reads the permission revision with its first statement, and never
returns what outdated permissions allowed.

Each test first makes the caller known and the plan compiled: from then on the caller's viewer is
provisional until the query's statement confirms it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Service, World
from support.other_process import ACCESS_ENDING_STATEMENTS, write_as_another_process
from support.service import running
from support.statements import statements

from engine.execution.cost_limit import INVALID_DOCUMENT_COST
from models import database
from models.access.revision import REVISION_SQL
from models.people.token import Token
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.never_retried

BY_NUMBER = "query($n: Int!) { ticketByNumber(number: $n) { ref subject } }"
LIST = "{ tickets(first: 5) { nodes { ref } } }"
LONG_LIST = "{ tickets(first: 100) { nodes { ref messages(first: 10) { nodes { body } } } } }"
LIST_AND_ROLE = "{ tickets(first: 5) { nodes { ref } } viewer { role } }"
MISSING = {"n": 999_999}
SET_ACTIVE = "UPDATE users SET active = {value} WHERE id = '{{ada}}'"
SET_ROLE = "UPDATE users SET role = '{role}' WHERE id = '{{ada}}'"


async def repeat(client: Client, query: str, **variables: Any) -> dict[str, Any]:
    """Run a query until its plan is compiled and its caller is known; return the last data."""
    for _ in range(2):
        await client.run(query, **variables)
    return await client.run(query, **variables)


async def ticket_number(client: Client) -> int:
    return int((await client.raise_ticket())["number"])


async def test_a_query_of_a_known_caller_takes_one_statement(
    service: Service, world: World
) -> None:
    number = await ticket_number(service.client(world.cora.token))
    for token in (world.ada.token, world.cora.token):
        client = service.client(token)
        await repeat(client, BY_NUMBER, n=number)
        with statements() as sent:
            found = await client.run(BY_NUMBER, n=number)
        assert found["ticketByNumber"]["ref"] == f"TKT-{number}"
        (text,) = sent.texts
        assert REVISION_SQL in text


async def test_a_query_without_rows_reads_the_revision_too(service: Service, world: World) -> None:
    client = service.client(world.ada.token)
    await repeat(client, BY_NUMBER, **MISSING)
    with statements() as sent:
        assert await client.run(BY_NUMBER, **MISSING) == {"ticketByNumber": None}
    assert len(sent) == 2
    assert sent.texts[1] == "SELECT revision FROM rights"


@pytest.mark.parametrize(
    "statement", ACCESS_ENDING_STATEMENTS.values(), ids=list(ACCESS_ENDING_STATEMENTS)
)
@pytest.mark.parametrize("has_rows", [True, False])
async def test_no_ticket_is_returned_after_another_process_ends_access(
    service: Service, world: World, url: str, statement: str, has_rows: bool
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    number = await ticket_number(cora) if has_rows else MISSING["n"]
    assert ((await repeat(ada, BY_NUMBER, n=number))["ticketByNumber"] is None) is not has_rows
    await repeat(cora, BY_NUMBER, n=number)
    used_at = (await Token.get(user_id=world.ada.id)).last_used_at
    await write_as_another_process(url, statement, world)
    for _ in range(2):
        answer = await ada.post(BY_NUMBER, {"n": number})
        assert answer.status_code == 401
        assert "TKT" not in answer.text
    assert ((await cora.run(BY_NUMBER, n=number))["ticketByNumber"] is None) is not has_rows
    for token in await Token.filter(user_id=world.ada.id):
        assert token.last_used_at == used_at, "a refused request is no use of the token"


async def test_each_query_at_the_same_time_returns_its_own_ticket_and_none_after_access_ends(
    service: Service, world: World, url: str
) -> None:
    """On Postgres, they share statements."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    numbers = [await ticket_number(cora) for _ in range(5)]
    wanted = [*numbers, MISSING["n"]] * 4
    for client in (ada, cora):
        await repeat(client, BY_NUMBER, n=numbers[0])
        found = await asyncio.gather(*(client.run(BY_NUMBER, n=number) for number in wanted))
        refs = [each["ticketByNumber"] and each["ticketByNumber"]["ref"] for each in found]
        assert refs == [f"TKT-{number}" if number in numbers else None for number in wanted]
    await write_as_another_process(url, ACCESS_ENDING_STATEMENTS["the token is revoked"], world)
    answers = await asyncio.gather(*(ada.post(BY_NUMBER, {"n": number}) for number in wanted))
    assert {answer.status_code for answer in answers} == {401}
    assert not any("TKT" in answer.text for answer in answers)


async def test_changed_permissions_decide_which_tickets_the_next_query_returns(
    service: Service, world: World, url: str
) -> None:
    await service.client(world.cora.token).raise_ticket()
    ada = service.client(world.ada.token)
    await repeat(ada, LIST)
    for _ in range(3):
        for role, count in (("customer", 0), ("agent", 1), ("admin", 1)):
            await write_as_another_process(url, SET_ROLE.format(role=role), world)
            for _ in range(2):
                assert len((await ada.run(LIST))["tickets"]["nodes"]) == count
            assert (await ada.run(LIST_AND_ROLE))["viewer"]["role"] == role.upper()


async def test_a_refusal_by_outdated_permissions_is_not_returned(
    service: Service, world: World, url: str
) -> None:
    query = "{ users(first: 1) { nodes { id } } }"
    ada = service.client(world.ada.token)
    await repeat(ada, query)
    for _ in range(2):
        await write_as_another_process(url, SET_ROLE.format(role="customer"), world)
        for _ in range(2):
            response = await ada.answer(query)
            assert response["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        await write_as_another_process(url, SET_ROLE.format(role="agent"), world)
        for _ in range(2):
            assert len((await ada.run(query))["users"]["nodes"]) == 1


async def test_a_mutation_after_the_end_of_access_changes_nothing(
    service: Service, world: World, url: str
) -> None:
    ada = service.client(world.ada.token)
    await repeat(ada, LIST)
    await ada.raise_ticket()
    before = await Ticket.all().count()
    await write_as_another_process(url, ACCESS_ENDING_STATEMENTS["the token is revoked"], world)
    answer = await ada.post(
        'mutation { createTicket(input: {subject: "x", description: "x", category: "technical"}) '
        "{ ticket { id } } }"
    )
    assert answer.status_code == 401
    assert await Ticket.all().count() == before


async def test_invalid_requests_of_a_revoked_token_are_refused_as_such(
    service: Service, world: World, url: str
) -> None:
    ada = service.client(world.ada.token)
    await repeat(ada, LIST)
    await write_as_another_process(url, ACCESS_ENDING_STATEMENTS["the token is revoked"], world)
    for query in ("{ nothing }", "{", "mutation { x }", "subscription { ticketEvents { id } }"):
        assert (await ada.post(query)).status_code == 401


async def test_a_repeated_query_is_charged_once(url: str) -> None:
    async with running(url, cost_bucket_size=20_000, cost_refill_per_second=1) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        await repeat(ada, LONG_LIST)

        async def read_remaining() -> tuple[int, int]:
            cost = (await ada.answer(LONG_LIST))["extensions"]["cost"]
            return cost["requested"], cost["remaining"]

        requested, before = await read_remaining()
        await write_as_another_process(url, SET_ROLE.format(role="admin"), world)
        assert (await read_remaining())[1] >= before - requested


async def test_nothing_is_returned_while_the_revision_cannot_be_read(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    await repeat(ada, LIST)
    await database.fetch("ALTER TABLE rights RENAME TO rights_away")
    try:
        for _ in range(2):
            answer = await ada.post(LIST)
            assert answer.status_code >= 500
            assert "data" not in answer.json()
    finally:
        await database.fetch("ALTER TABLE rights_away RENAME TO rights")
    assert (await ada.run(LIST))["tickets"] == {"nodes": []}


async def read_remaining(client: Client, query: str) -> int:
    """What is left of the caller's budget after a query."""
    return int((await client.answer(query))["extensions"]["cost"]["remaining"])


async def test_a_revoked_caller_pays_for_the_work_before_the_refusal(url: str) -> None:
    async with running(url, cost_bucket_size=20_000, cost_refill_per_second=1) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        await repeat(ada, LONG_LIST)
        cost = (await ada.answer(LONG_LIST))["extensions"]["cost"]["requested"]
        before = await read_remaining(ada, LIST)
        await write_as_another_process(url, SET_ACTIVE.format(value="FALSE"), world)
        assert (await ada.post(LONG_LIST)).status_code == 401
        await write_as_another_process(url, SET_ACTIVE.format(value="TRUE"), world)
        assert before - await read_remaining(ada, LIST) > cost / 2, "a slow test regains a little"


async def test_an_invalid_document_is_charged_once_after_a_change(url: str) -> None:
    async with running(url, cost_bucket_size=20_000, cost_refill_per_second=1) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        await repeat(ada, LIST)
        first = await read_remaining(ada, "{ nothing }")
        await write_as_another_process(url, SET_ROLE.format(role="admin"), world)
        second = await read_remaining(ada, "{ nothing }")
        assert first - second <= INVALID_DOCUMENT_COST
