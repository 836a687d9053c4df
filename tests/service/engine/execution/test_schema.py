"""Which callers may see the schema by introspection and suggestions; the time limit of
operations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import get_introspection_query
from support import Client, Service, World
from support.service import running

from engine.execution import schema
from engine.execution.timeout import SharedTimeout
from resolvers.tickets import queries

INTROSPECTION_QUERIES = (
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Ticket") { name } }',
    get_introspection_query(),
    "{ ...F } fragment F on Query { a: __schema { queryType { name } } }",
)
FILTER_QUERY = "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }"


async def can_see_schema(client: Client) -> bool:
    """Whether introspection works. Fails unless suggestions are shown in the same cases."""
    responses = [await client.answer(query) for query in INTROSPECTION_QUERIES]
    visible = {"errors" not in response for response in responses}
    assert len(visible) == 1, responses
    for response in responses:
        for error in response.get("errors", ()):
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    misspelled = [
        await client.answer("{ viewr { role } }"),
        await client.answer(FILTER_QUERY, f={"statu": 1, "stage": {"in": ["CREATIO"]}}),
        await client.answer("{ tickets(filter: {status: {in: [NEWW]}}, frst: 1) { totalCount } }"),
    ]
    suggested = {
        "Did you mean" in error["message"]
        for response in misspelled
        for error in response["errors"]
    }
    assert visible == suggested, misspelled
    assert await client.answer("{ __typename }")
    return visible.pop()


@pytest.mark.parametrize(
    ("settings", "anonymous_sees", "user_sees"),
    [
        ({"mode": "development"}, True, True),
        ({"mode": "production"}, False, True),
        ({"mode": "production", "introspection": "public"}, True, True),
        ({"mode": "development", "introspection": "authenticated"}, False, True),
        ({"mode": "development", "introspection": "disabled"}, False, False),
    ],
)
async def test_settings_decide_who_sees_the_schema_and_suggestions(
    url: str, settings: dict[str, Any], anonymous_sees: bool, user_sees: bool
) -> None:
    async with running(url, **settings) as service:
        world = await World.make()
        for _ in range(2):
            assert await can_see_schema(service.client(world.ada.token)) is user_sees
            assert await can_see_schema(service.client()) is anonymous_sees


HIDDEN_NAMES = "Connection Filter Input Query Role subject description category ID! TicketStatus"
REVEALING_QUERIES: list[tuple[str, dict[str, Any], str]] = [
    ("{ tickets }", {}, "Field 'tickets' of type '…' must have a selection of subfields."),
    ("{ viewer { role { x } } }", {}, "Field 'role' must not have a selection since type '…'"),
    ("{ ticket { id } }", {}, "Argument '…' of type '…' is required"),
    ("{ tickets(x: 1) { nodes { id } } }", {}, "Unknown argument 'x' on field '…'."),
    ("{ tickets { x } }", {}, "Cannot query field 'x' on type '…'."),
    ("query($x: Int) { ticket(id: $x) { id } }", {}, "'$x' of type 'Int' used in position"),
    (
        "{ viewer { ... on Ticket { id } } }",
        {},
        "objects of type '…' can never be of type 'Ticket'",
    ),
    ("{ tickets(filter: {status: {in: [NO]}}) { nodes { id } } }", {}, "Value 'NO' does not exist"),
    ("{ tickets(filter: {x: 1}) { nodes { id } } }", {}, "field 'x', found: { x: 1 }."),
    ("mutation { createTicket(input: {}) { ticket { id } } }", {}, "include required field '…'"),
    (FILTER_QUERY, {"f": {"x": "it's"}}, "field '…', found: {'x': \"it's\"}"),
    (FILTER_QUERY, {"f": {"status": {"in": ["NO"]}}}, "Value 'NO' does not exist in '…' enum"),
    (FILTER_QUERY, {"f": {"status": {"in": ["a'b 'c"]}}}, "does not exist in '…' enum"),
]


async def test_errors_name_nothing_of_a_hidden_schema_that_the_client_did_not_write(
    url: str,
) -> None:
    async with running(url, mode="production") as service:
        anonymous, agent = service.client(), service.client((await World.make()).ada.token)
        for query, variables, expected in REVEALING_QUERIES:
            errors = (await anonymous.answer(query, **variables))["errors"]
            messages = [error["message"] for error in errors]
            assert any(expected in message for message in messages), messages
            written = query + str(variables)
            hidden = [name for name in HIDDEN_NAMES.split() if name not in written]
            revealed = [name for name in hidden if any(name in message for message in messages)]
            assert revealed == [], messages
            shown = (await agent.answer(query, **variables))["errors"]
            assert "…" not in str([error["message"] for error in shown])


async def test_errors_of_resolvers_are_not_masked_for_callers_without_the_schema(url: str) -> None:
    query = 'mutation { closeTicket(input: {ticketId: "x"}) { ticket { id } } }'
    async with running(url, introspection="disabled") as service:
        token = (await World.make()).ada.token
        masked = (await service.client().answer(query))["errors"]
        assert "…" not in str(masked)
        page = "query($after: String) { tickets(after: $after) { nodes { id } } }"
        masked = (await service.client(token).answer(page, after="'wrong'"))["errors"]
    assert [error["message"] for error in masked] == ["This is not a cursor of this list."]


class ManualTimeout(SharedTimeout):
    """A timeout that a test can let expire."""

    def expire_all(self) -> None:
        for work in self.active:
            work.ends_at = 0.0
        self.expire(self.running_loop())


async def test_a_query_that_takes_too_long_is_cancelled_with_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    timeouts: list[ManualTimeout] = []

    def create_timeout(seconds: float) -> SharedTimeout:
        timeouts.append(ManualTimeout(seconds))
        return timeouts[-1]

    async def hang(*_: object, **__: object) -> Any:
        (timeout,) = [each for each in timeouts if each.active]
        asyncio.get_running_loop().call_soon(timeout.expire_all)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(schema, "SharedTimeout", create_timeout)
    async with running(url, operation_timeout_seconds=1200) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        monkeypatch.setattr(queries, "read_stats", hang)
        answer = await ada.answer("{ ticketStats { total } viewer { role } }")
        (error,) = answer["errors"]
        request_id = answer["extensions"]["requestId"]
        assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": request_id}
        assert error["message"] == "The operation took more than 1200 seconds."
        assert answer["data"] is None
        assert ended.is_set()
        ended.clear()
        async with ada.socket() as socket:
            await socket.subscribe("{ ticketStats { total } }")
            (error,) = (await socket.receive())["payload"]["errors"]
            assert error["extensions"]["code"] == "UNAVAILABLE"
        assert ended.is_set()
        assert (await ada.answer("{ viewer { role } }"))["data"] == {"viewer": {"role": "AGENT"}}


async def test_a_mutation_has_no_time_limit(url: str) -> None:
    async with running(url, operation_timeout_seconds=0.001) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        assert (await cora.raise_ticket())["number"]


async def test_concurrent_introspection_queries_get_the_complete_schema(
    service: Service, world: World
) -> None:
    """They are executed in a worker thread."""
    ada = service.client(world.ada.token)
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    responses = await asyncio.gather(
        *(ada.answer(query) for _ in range(3)), ada.answer("{ viewer { role } }")
    )
    assert responses[-1]["data"] == {"viewer": {"role": "AGENT"}}
    names = {type["name"] for type in responses[0]["data"]["__schema"]["types"]}
    assert {"Ticket", "TicketFilter", "Query"} <= names
    assert responses[0]["data"] == responses[1]["data"] == responses[2]["data"]
