"""Stock clients as applications use them: each signs in, asks, follows, is cut off, and goes on after its last cursor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.client_program import ClientProgram, run_client_program
from support.live import head_cursor, log_positions, positions_of
from support.tcp_proxy import TcpProxy, run_tcp_proxy

from models.log.event import LIFECYCLE_EVENTS
from models.people.password import hash_password
from models.people.user import User

FOLDER = Path(__file__).parent
SECRET = "correct horse battery"
JSON = ("application/json", "application/graphql-response+json")


async def steps(client: Client, ticket: dict[str, Any], *names: str) -> None:
    more: dict[str, dict[str, str]] = {"resolveTicket": {"resolution": "Done."}, "reopenTicket": {"reason": "Not yet."}}
    for name in names:
        await client.do(name, ticketId=ticket["id"], **more.get(name, {}))


async def told(client: ClientProgram, count: int) -> None:
    await client.until(lambda: len(client.values("step")) >= count)


async def signs_in_and_asks(client: ClientProgram) -> None:
    """Before it follows, each asks one right and one wrong thing, by each way of asking that it has, and one wrong stream."""
    await client.until(lambda: bool(client.values("wrongSteps")))
    assert client.values("wrongSteps") == [["GRAPHQL_VALIDATION_FAILED"]]
    viewers, wrong = client.values("viewer"), client.values("wrong")
    assert len(viewers) == len(wrong) > 0
    assert all((viewer["role"], viewer["user"]["email"]) == ("AGENT", "ada@example.com") for viewer in viewers)
    assert all(codes == ["GRAPHQL_VALIDATION_FAILED"] for codes in wrong)


async def follows_across_cuts(client: ClientProgram, line: TcpProxy, service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    await steps(ada, ticket, "startTicket")
    await told(client, 2)
    for seen, missed, later in ((5, ("awaitCustomer", "resumeTicket"), "resolveTicket"), (7, ("reopenTicket",), "awaitCustomer")):
        drops = len(client.values("dropped"))
        line.cut()
        await client.until(lambda drops=drops: len(client.values("dropped")) > drops)
        await steps(ada, ticket, *missed)
        line.mend()
        await told(client, seen - 1)
        await steps(ada, ticket, later)
        await told(client, seen)
    seen = client.values("step")
    statuses = ["NEW", "OPEN", "WAITING_ON_CUSTOMER", "OPEN", "RESOLVED", "OPEN", "WAITING_ON_CUSTOMER"]
    assert [(step["from"], step["to"]) for step in seen] == list(zip([None, *statuses], statuses, strict=False))
    assert positions_of(seen) == await log_positions(type__in=list(LIFECYCLE_EVENTS))
    assert {step["ticket"]["id"] for step in seen} == {ticket["id"]}
    assert client.values("errors") == []


async def works(program: str, script: str, service: Service, world: World) -> ClientProgram:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET))
    async with run_tcp_proxy(service.port) as line:
        given = (line.http, line.ws, "ada@example.com", SECRET, await head_cursor())
        path = FOLDER / script
        async with run_client_program(program, path.name, *given, folder=path.parent) as client:
            await signs_in_and_asks(client)
            await follows_across_cuts(client, line, service, world)
    return client


def answers(client: ClientProgram) -> set[tuple[str, str]]:
    """The methods and media types that the plain operations were answered by."""
    return {(http["method"], http["type"].split(";")[0]) for http in client.values("http")}


@pytest.mark.node
async def test_apollo_client_with_its_links(node: str, service: Service, world: World) -> None:
    client = await works(node, "node/apollo.mjs", service, world)
    assert {method for method, _ in answers(client)} == {"POST"}
    assert {type for _, type in answers(client)} <= set(JSON)


@pytest.mark.node
async def test_urql_receives_json_although_it_accepts_other_types(
    node: str, service: Service, world: World
) -> None:
    client = await works(node, "node/urql.mjs", service, world)
    accepted = {http["accept"] for http in client.values("http")}
    assert all("text/event-stream" in accept and "multipart/mixed" in accept for accept in accepted)
    assert {method for method, _ in answers(client)} == {"GET", "POST"}
    assert {type for _, type in answers(client)} <= set(JSON)


@pytest.mark.node
async def test_apollo_client_with_persisted_queries(node: str, service: Service, world: World) -> None:
    """The text travels once; after that the hash does, by POST and by GET."""
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET))
    path = FOLDER / "node/persisted_queries.mjs"
    given = (service.http, service.ws, "ada@example.com", SECRET, await head_cursor())
    async with run_client_program(node, path.name, *given, folder=path.parent) as client:
        await client.until(lambda: bool(client.values("done")))
    assert [viewer["role"] for viewer in client.values("viewer")] == ["AGENT"] * 4
    assert client.values("wrong") == [["GRAPHQL_VALIDATION_FAILED"]] * 2
    unknown, wrong = ["PERSISTED_QUERY_NOT_FOUND"], ["GRAPHQL_VALIDATION_FAILED"]
    told = [(each["method"], each["text"], each["codes"]) for each in client.values("asked")]
    learned = [("POST", False, unknown), ("POST", True, [])]
    assert told == [
        *(*learned, *learned, ("POST", False, []), ("POST", False, unknown), ("POST", True, wrong)),
        *(("POST", False, []), ("GET", False, []), ("GET", False, [])),
        *(("GET", False, unknown), ("POST", True, wrong)),
    ]


@pytest.mark.node
async def test_graphql_sse_in_distinct_connections(node: str, service: Service, world: World) -> None:
    client = await works(node, "node/sse.mjs", service, world)
    assert {http["type"].split(";")[0] for http in client.values("http") if http.get("accept")} == {"text/event-stream"}


@pytest.mark.node
async def test_an_event_source_resumes_after_the_last_event_id(node: str, service: Service, world: World) -> None:
    client = await works(node, "node/eventsource.mjs", service, world)
    assert client.values("id") == [step["cursor"] for step in client.values("step")]


async def test_gql_for_python(service: Service, world: World) -> None:
    await works(sys.executable, "python/gql_client.py", service, world)
