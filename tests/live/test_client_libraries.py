"""Popular GraphQL clients: each signs in, queries, subscribes, is cut, and resumes after its
cursor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.accounts import hash_password
from support.client_program import ClientProgram, run_client_program
from support.live import head_cursor, log_positions, positions_of
from support.tcp_proxy import TcpProxy, run_tcp_proxy

from models.log.event import LIFECYCLE_EVENTS
from models.people.user import User

FOLDER = Path(__file__).parent
PASSWORD = "correct horse battery"
JSON_TYPES = ("application/json", "application/graphql-response+json")


async def run_actions(client: Client, ticket: dict[str, Any], *names: str) -> None:
    inputs: dict[str, dict[str, str]] = {
        "resolveTicket": {"resolution": "Done."},
        "reopenTicket": {"reason": "Not yet."},
    }
    for name in names:
        await client.do(name, ticketId=ticket["id"], **inputs.get(name, {}))


async def wait_for_steps(client: ClientProgram, count: int) -> None:
    await client.until(lambda: len(client.values("step")) >= count)


async def check_queries(client: ClientProgram) -> None:
    """Check the responses to a valid and an invalid query per transport, and to an invalid
    subscription."""
    await client.until(lambda: bool(client.values("invalidSubscription")))
    assert client.values("invalidSubscription") == [["GRAPHQL_VALIDATION_FAILED"]]
    viewers, invalid_codes = client.values("viewer"), client.values("invalidQuery")
    assert len(viewers) == len(invalid_codes) > 0
    assert all(
        (viewer["role"], viewer["user"]["email"]) == ("AGENT", "ada@example.com")
        for viewer in viewers
    )
    assert all(codes == ["GRAPHQL_VALIDATION_FAILED"] for codes in invalid_codes)


async def check_resumption(
    client: ClientProgram, proxy: TcpProxy, service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    await run_actions(ada, ticket, "startTicket")
    await wait_for_steps(client, 2)
    for count, missed, later in (
        (5, ("awaitCustomer", "resumeTicket"), "resolveTicket"),
        (7, ("reopenTicket",), "awaitCustomer"),
    ):
        disconnects = len(client.values("disconnected"))
        proxy.cut()
        await client.until(
            lambda disconnects=disconnects: len(client.values("disconnected")) > disconnects
        )
        await run_actions(ada, ticket, *missed)
        proxy.mend()
        await wait_for_steps(client, count - 1)
        await run_actions(ada, ticket, later)
        await wait_for_steps(client, count)
    received = client.values("step")
    statuses = [
        "NEW",
        "OPEN",
        "WAITING_ON_CUSTOMER",
        "OPEN",
        "RESOLVED",
        "OPEN",
        "WAITING_ON_CUSTOMER",
    ]
    assert [(step["from"], step["to"]) for step in received] == list(
        zip([None, *statuses], statuses, strict=False)
    )
    assert positions_of(received) == await log_positions(type__in=list(LIFECYCLE_EVENTS))
    assert {step["ticket"]["id"] for step in received} == {ticket["id"]}
    assert client.values("errors") == []


async def run_client(program: str, script: str, service: Service, world: World) -> ClientProgram:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(PASSWORD))
    async with run_tcp_proxy(service.port) as proxy:
        arguments = (proxy.http, proxy.ws, "ada@example.com", PASSWORD, await head_cursor())
        path = FOLDER / script
        async with run_client_program(program, path.name, *arguments, folder=path.parent) as client:
            await check_queries(client)
            await check_resumption(client, proxy, service, world)
    return client


def response_types(client: ClientProgram) -> set[tuple[str, str]]:
    """The methods of the queries and mutations, with the media types of their responses."""
    return {(http["method"], http["type"].split(";")[0]) for http in client.values("http")}


@pytest.mark.node
async def test_apollo_client_with_its_links(node: str, service: Service, world: World) -> None:
    client = await run_client(node, "node/apollo.mjs", service, world)
    assert {method for method, _ in response_types(client)} == {"POST"}
    assert {type for _, type in response_types(client)} <= set(JSON_TYPES)


@pytest.mark.node
async def test_urql_receives_json_although_it_accepts_other_types(
    node: str, service: Service, world: World
) -> None:
    client = await run_client(node, "node/urql.mjs", service, world)
    accepted = {http["accept"] for http in client.values("http")}
    assert all("text/event-stream" in accept and "multipart/mixed" in accept for accept in accepted)
    assert {method for method, _ in response_types(client)} == {"GET", "POST"}
    assert {type for _, type in response_types(client)} <= set(JSON_TYPES)


@pytest.mark.node
async def test_apollo_client_with_persisted_queries(
    node: str, service: Service, world: World
) -> None:
    """The client sends the text once; after that it sends the hash, by POST or by GET."""
    await User.filter(id=world.ada.id).update(password_hash=hash_password(PASSWORD))
    path = FOLDER / "node/persisted_queries.mjs"
    arguments = (service.http, service.ws, "ada@example.com", PASSWORD, await head_cursor())
    async with run_client_program(node, path.name, *arguments, folder=path.parent) as client:
        await client.until(lambda: bool(client.values("done")))
    assert [viewer["role"] for viewer in client.values("viewer")] == ["AGENT"] * 4
    assert client.values("invalidQuery") == [["GRAPHQL_VALIDATION_FAILED"]] * 2
    not_found, invalid = ["PERSISTED_QUERY_NOT_FOUND"], ["GRAPHQL_VALIDATION_FAILED"]
    requests = [(each["method"], each["text"], each["codes"]) for each in client.values("request")]
    registration = [("POST", False, not_found), ("POST", True, [])]
    assert requests == [
        *(
            *registration,
            *registration,
            ("POST", False, []),
            ("POST", False, not_found),
            ("POST", True, invalid),
        ),
        *(("POST", False, []), ("GET", False, []), ("GET", False, [])),
        *(("GET", False, not_found), ("POST", True, invalid)),
    ]


@pytest.mark.node
async def test_graphql_sse_in_distinct_connections(
    node: str, service: Service, world: World
) -> None:
    client = await run_client(node, "node/sse.mjs", service, world)
    assert {http["type"].split(";")[0] for http in client.values("http") if http.get("accept")} == {
        "text/event-stream"
    }


@pytest.mark.node
async def test_an_event_source_resumes_after_the_last_event_id(
    node: str, service: Service, world: World
) -> None:
    client = await run_client(node, "node/eventsource.mjs", service, world)
    assert client.values("id") == [step["cursor"] for step in client.values("step")]


async def test_gql_for_python(service: Service, world: World) -> None:
    await run_client(sys.executable, "python/gql_client.py", service, world)
