"""To whom the schema is shown, by introspection and by suggestions; and that a query ends in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import get_introspection_query
from support import Client, Service, World
from support.service import running

from engine.execution import schema
from engine.execution.timeout import SharedTimeout
from resolvers import ticket_queries

LOOKS = (
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Ticket") { name } }',
    get_introspection_query(),
    "{ ...F } fragment F on Query { a: __schema { queryType { name } } }",
)
NEARLY = "{ viewr { role } }"


async def sees(client: Client) -> bool:
    answers = [await client.answer(query) for query in LOOKS]
    shown = {"errors" not in answer for answer in answers}
    assert len(shown) == 1, answers
    for answer in answers:
        for error in answer.get("errors", ()):
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    nearly = await client.answer(NEARLY)
    wrong = {"statu": 1, "stage": {"in": ["CREATIO"]}}
    status = await client.answer("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", f=wrong)
    literal = await client.answer("{ tickets(filter: {status: {in: [NEWW]}}, frst: 1) { totalCount } }")
    helped = {"Did you mean" in error["message"] for answer in (nearly, status, literal) for error in answer["errors"]}
    assert shown == helped, (nearly, status, literal)
    assert await client.answer("{ __typename }")
    return shown.pop()


@pytest.mark.parametrize(
    ("settings", "stranger", "viewer"),
    [
        ({"mode": "development"}, True, True),
        ({"mode": "production"}, False, True),
        ({"mode": "production", "introspection": "public"}, True, True),
        ({"mode": "development", "introspection": "authenticated"}, False, True),
        ({"mode": "development", "introspection": "disabled"}, False, False),
    ],
)
async def test_the_schema_and_suggestions_are_for_whom_the_setting_says(
    url: str, settings: dict[str, Any], stranger: bool, viewer: bool
) -> None:
    async with running(url, **settings) as service:
        world = await World.make()
        for _ in range(2):
            assert await sees(service.client(world.ada.token)) is viewer
            assert await sees(service.client()) is stranger


class Ended(SharedTimeout):
    """A deadline whose time is over when a test says so."""

    def end(self) -> None:
        for work in self.active:
            work.ends_at = 0.0
        self.expire(self.running_loop())


async def test_a_query_that_takes_too_long_ends_with_a_clear_error_and_its_work(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    deadlines: list[Ended] = []

    def made(seconds: float) -> SharedTimeout:
        deadlines.append(Ended(seconds))
        return deadlines[-1]

    async def hang(*_: object, **__: object) -> Any:
        (deadline,) = [each for each in deadlines if each.active]
        asyncio.get_running_loop().call_soon(deadline.end)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(schema, "SharedTimeout", made)
    async with running(url, operation_timeout_seconds=1200) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        monkeypatch.setattr(ticket_queries, "read_stats", hang)
        answer = await ada.answer("{ ticketStats { total } viewer { role } }")
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": answer["extensions"]["requestId"]}
        assert error["message"] == "The operation took more than 1200 seconds."
        assert answer["data"] is None
        assert ended.is_set()
        ended.clear()
        async with ada.socket() as socket:
            await socket.subscribe("{ ticketStats { total } }")
            assert (await socket.receive())["payload"]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert ended.is_set()
        assert (await ada.answer("{ viewer { role } }"))["data"] == {"viewer": {"role": "AGENT"}}


async def test_a_mutation_is_not_cut_off(url: str) -> None:
    async with running(url, operation_timeout_seconds=0.001) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        assert (await cora.raise_ticket())["number"]


async def test_nobody_waits_for_a_look_at_the_schema(service: Service, world: World) -> None:
    """It is told off the loop, whole and right, also to several at once."""
    ada = service.client(world.ada.token)
    whole = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    answers = await asyncio.gather(*(ada.answer(whole) for _ in range(3)), ada.answer("{ viewer { role } }"))
    assert answers[-1]["data"] == {"viewer": {"role": "AGENT"}}
    names = {type["name"] for type in answers[0]["data"]["__schema"]["types"]}
    assert {"Ticket", "TicketFilter", "Query"} <= names
    assert answers[0]["data"] == answers[1]["data"] == answers[2]["data"]
