"""graphql-transport-ws: a violation closes the socket with the code that the protocol defines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Service, World
from support.client import EVENTS, Socket, open_connection
from support.live import delivered_values, head_cursor, operation_error, wait_for_close
from support.service import running, start
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidStatus

PROTOCOL = ["graphql-transport-ws"]
MAX_REASON_BYTES = 123
MAX_FRAME_BYTES = 128 * 1024


def connect_raw(
    service: Service, protocols: list[str] | None = PROTOCOL, **options: Any
) -> connect:
    return open_connection(service.ws, subprotocols=protocols, **options)


async def initialise(connection: ClientConnection) -> Socket:
    socket = Socket(connection)
    await socket.send({"type": "connection_init"})
    assert await socket.receive() == {"type": "connection_ack"}
    return socket


async def check_service_responds(service: Service) -> None:
    """Fail unless the service still serves sockets and requests."""
    async with connect_raw(service) as connection:
        socket = await initialise(connection)
        await socket.subscribe("{ __typename }")
        assert (await socket.receive())["payload"]["data"] == {"__typename": "Query"}
    assert await service.client().run("{ __typename }") == {"__typename": "Query"}


async def expect_close(service: Service, code: int, *sent: str | bytes, init: bool = True) -> str:
    """Send frames and expect that the server closes the socket with the code.

    Returns the reason. Fails unless the service continues to work.
    """
    async with connect_raw(service) as connection:
        socket = await initialise(connection) if init else Socket(connection)
        for frame in sent:
            await connection.send(frame)
        closed, reason, _ = await wait_for_close(socket)
        assert closed == code, reason
        assert len(reason.encode()) <= MAX_REASON_BYTES
    await check_service_responds(service)
    return reason


def subscribe(**message: object) -> dict[str, object]:
    return {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}, **message}


# ---------------------------------------------------------------- invalid messages

INVALID_JSON = [
    "",
    "nonsense",
    "{",
    '{"type":',
    "NaN",
    "[" * 20_000,
    '{"type":"ping"}}',
    "\ufeff{}",
    '{"type":"\\ud800"}',
]
NOT_A_MESSAGE: list[object] = [
    *(
        [],
        {},
        7,
        1.5,
        True,
        None,
        "ping",
        [{"type": "ping"}],
        {"id": "1"},
        {"payload": {}},
        {"type": None},
        {"type": 7},
    ),
    *(
        {"type": ["ping"]},
        {"type": {"a": 1}},
        {"type": ""},
        {"type": "subscribe "},
        {"type": "connection_ack"},
        {"type": "next"},
    ),
    *(
        {"type": "x" * 100_000},
        {"type": "ü" * 500},
        {"type": "start", "id": "1", "payload": {"query": "{ __typename }"}},
    ),
]
MALFORMED_MESSAGES: list[dict[str, object]] = [
    *(subscribe(id=invalid) for invalid in (None, 7, "", ["1"], {"a": 1}, True)),
    *(subscribe(payload=invalid) for invalid in (None, [], "{ __typename }", 7, {})),
    *(subscribe(payload={"query": invalid}) for invalid in (None, 7, ["{ __typename }"])),
    *(
        subscribe(payload={"query": "{ __typename }", "variables": invalid})
        for invalid in ([], "x", 7)
    ),
    subscribe(payload={"query": "{ __typename }", "operationName": 7}),
    {"type": "subscribe", "payload": {"query": "{ __typename }"}},
    {"type": "subscribe", "id": "1"},
    {"type": "complete"},
    *({"type": "complete", "id": invalid} for invalid in (None, 7, ["1"])),
    *({"type": "ping", "payload": invalid} for invalid in ([], "x", 7)),
    {"type": "pong", "payload": 7},
    *({"type": "connection_init", "payload": invalid} for invalid in ([], "Bearer x", 7, True)),
]


@pytest.mark.parametrize("init", [False, True], ids=["before init", "after init"])
async def test_invalid_json_closes_the_socket_with_4400(
    service: Service, subtests: pytest.Subtests, init: bool
) -> None:
    for text in INVALID_JSON:
        with subtests.test(text[:40]):
            await expect_close(service, 4400, text, init=init)


@pytest.mark.parametrize("init", [False, True], ids=["before init", "after init"])
async def test_json_that_is_not_a_message_closes_the_socket_with_4400(
    service: Service, subtests: pytest.Subtests, init: bool
) -> None:
    for message in NOT_A_MESSAGE:
        with subtests.test(str(message)[:40]):
            await expect_close(service, 4400, json.dumps(message), init=init)


@pytest.mark.parametrize("init", [False, True], ids=["before init", "after init"])
async def test_a_malformed_message_closes_the_socket_with_4400(
    service: Service, subtests: pytest.Subtests, init: bool
) -> None:
    for message in MALFORMED_MESSAGES:
        with subtests.test(str(message)):
            await expect_close(service, 4400, json.dumps(message), init=init)


async def test_a_binary_frame_closes_the_socket_with_4400(
    service: Service, subtests: pytest.Subtests
) -> None:
    for frame in (b"", b'{"type":"ping"}', b"\x00\xff"):
        with subtests.test(repr(frame)):
            await expect_close(service, 4400, frame)


async def test_a_frame_over_the_limit_closes_the_socket_with_1009(url: str) -> None:
    process = await start(url)
    try:
        async with open_connection(process.ws) as connection:
            socket = await initialise(connection)
            await socket.subscribe("{ __typename }", unused="x" * (MAX_FRAME_BYTES - 1000))
            assert (await socket.receive())["payload"]["data"] == {"__typename": "Query"}
            await socket.subscribe("{ __typename }", unused="x" * MAX_FRAME_BYTES)
            assert (await wait_for_close(socket))[0] == 1009
        assert await process.client().run("{ __typename }") == {"__typename": "Query"}
    finally:
        process.kill()


# ---------------------------------------------------------------- the order of messages


async def test_an_operation_before_init_closes_the_socket_with_4401(service: Service) -> None:
    assert await expect_close(service, 4401, json.dumps(subscribe()), init=False) == "Unauthorized"


async def test_a_second_init_closes_the_socket_with_4429(service: Service) -> None:
    init = json.dumps({"type": "connection_init"})
    await expect_close(service, 4429, init)
    await expect_close(service, 4429, init, init, init=False)


async def test_an_init_timeout_closes_the_socket_with_4408(url: str) -> None:
    async with (
        running(url, connection_init_timeout_seconds=0.2) as service,
        connect_raw(service) as connection,
    ):
        assert (await wait_for_close(Socket(connection)))[0] == 4408


async def test_a_duplicate_operation_id_closes_the_socket_with_4409(
    service: Service, world: World
) -> None:
    async with service.client(world.ada.token).socket() as socket:
        operation = await socket.subscribe(EVENTS)
        await socket.send({"type": "subscribe", "id": operation, "payload": {"query": EVENTS}})
        code, reason, _ = await wait_for_close(socket)
        assert (code, reason) == (4409, "Subscriber for 1 already exists")
    async with service.client(world.ada.token).socket() as socket:
        for _ in range(2):
            await socket.send({"type": "subscribe", "id": "x" * 1000, "payload": {"query": EVENTS}})
        code, reason, _ = await wait_for_close(socket)
        assert code == 4409
        assert len(reason.encode()) <= MAX_REASON_BYTES
    await check_service_responds(service)


async def test_an_operation_id_can_be_reused_after_it_completes(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        for _ in range(3):
            await socket.send(
                {"type": "subscribe", "id": "same", "payload": {"query": "{ __typename }"}}
            )
            assert (await socket.receive())["type"] == "next"
            assert await socket.receive() == {"type": "complete", "id": "same"}
        after = await head_cursor()
        for _ in range(3):
            await socket.send(
                {
                    "type": "subscribe",
                    "id": "same",
                    "payload": {"query": EVENTS, "variables": {"after": after}},
                }
            )
            await socket.send({"type": "complete", "id": "same"})
        await socket.send(
            {
                "type": "subscribe",
                "id": "same",
                "payload": {"query": EVENTS, "variables": {"after": after}},
            }
        )
        ticket = await service.client(world.cora.token).raise_ticket()
        assert [event["ticket"]["id"] for event in delivered_values([await socket.receive()])] == [
            ticket["id"]
        ]


async def test_complete_stops_its_operation_and_ignores_unknown_ids(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    async with service.client(world.ada.token).socket() as socket:
        after = await head_cursor()
        stopped = await socket.subscribe(EVENTS, after=after)
        running_operation = await socket.subscribe(EVENTS, after=after)
        await socket.send({"type": "complete", "id": "unknown"})
        await socket.send({"type": "complete", "id": stopped})
        await socket.send({"type": "complete", "id": stopped})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        for _ in range(3):
            await cora.raise_ticket()
            assert (await socket.receive())["id"] == running_operation


async def test_a_pong_carries_the_payload_of_its_ping(service: Service) -> None:
    async with connect_raw(service) as connection:
        socket = Socket(connection)
        for payload in ({"at": 1}, {}, {"deep": {"list": [1, "ü", None]}}):
            await socket.send({"type": "ping", "payload": payload})
            assert await socket.receive() == {"type": "pong", "payload": payload}
        for message in ({"type": "ping"}, {"type": "ping", "payload": None}):
            await socket.send(message)
            assert await socket.receive() == {"type": "pong"}
        await socket.send({"type": "pong", "payload": {"unsolicited": True}})
        await initialise(connection)


async def test_a_connection_without_a_token_is_accepted(
    service: Service, subtests: pytest.Subtests
) -> None:
    for init in (
        {},
        {"payload": None},
        {"payload": {}},
        {"payload": {"authorization": None}},
        {"payload": {"headers": None, "Authorization": None, "token": None}},
        {"payload": {"headers": {}, "client": "web"}},
        {"id": 7, "x": 1},
    ):
        with subtests.test(str(init)):
            async with connect_raw(service) as connection:
                socket = Socket(connection)
                await socket.send({"type": "connection_init", **init})
                assert await socket.receive() == {"type": "connection_ack"}
                await socket.subscribe("{ viewer { role } }")
                assert (await socket.receive())["payload"]["data"] == {"viewer": None}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_may_be_spelled_as_clients_spell_it(
    service: Service, world: World, scheme: str
) -> None:
    value = f"{scheme} {world.ada.token}"
    for payload in (
        {"authorization": value},
        {"Authorization": value},
        {"AUTHORIZATION": value, "headers": None},
        {"headers": {"Authorization": value}},
        {"Headers": {"authorization": value, "x-client": "web"}, "authorization": None},
        {"authorization": value, "headers": {"Authorization": value}, "token": "x"},
    ):
        async with connect_raw(service) as connection:
            socket = Socket(connection)
            await socket.send({"type": "connection_init", "payload": payload})
            assert await socket.receive() == {"type": "connection_ack"}, payload
            await socket.subscribe("{ viewer { role } }")
            data = (await socket.receive())["payload"]["data"]
            assert data == {"viewer": {"role": "AGENT"}}, payload


async def test_a_null_in_the_payload_does_not_hide_the_handshakes_token(
    service: Service, world: World
) -> None:
    headers = {"Authorization": f"Bearer {world.ada.token}"}
    async with connect_raw(service, additional_headers=headers) as connection:
        socket = Socket(connection)
        payload = {"authorization": None}
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe("{ viewer { role } }")
        assert (await socket.receive())["payload"]["data"] == {"viewer": {"role": "AGENT"}}


# ---------------------------------------------------------------- invalid operations


INVALID_OPERATIONS: list[tuple[dict[str, Any], str]] = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": ""}, "BAD_REQUEST"),
    ({"query": "{ __typename }", "operationName": "Missing"}, "BAD_REQUEST"),
    ({"query": "fragment F on Query { __typename }"}, "BAD_REQUEST"),
    ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "subscription { ticketEvents { nothing } }"}, "GRAPHQL_VALIDATION_FAILED"),
    (
        {"query": "subscription { ticketEvents { id } ticketStatusChanged { id } }"},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    ({"query": EVENTS, "variables": {"types": ["NONE"]}}, "BAD_REQUEST"),
    ({"query": EVENTS, "variables": {"after": 7}}, "BAD_REQUEST"),
    ({"query": "{ " + "a: __typename " * 1000 + "}"}, "GRAPHQL_PARSE_FAILED"),
]


async def test_an_invalid_operation_ends_with_an_error_and_keeps_the_socket(
    service: Service, world: World, subtests: pytest.Subtests
) -> None:
    async with service.client(world.ada.token).socket() as socket:
        running_operation = await socket.subscribe(EVENTS, after=await head_cursor())
        for payload, code in INVALID_OPERATIONS:
            with subtests.test(payload["query"][:60]):
                await socket.send({"type": "subscribe", "id": "invalid", "payload": payload})
                message = await socket.receive()
                assert (message["id"], message["type"]) == ("invalid", "error")
                assert message["payload"][0]["extensions"]["code"] == code
        ticket = await service.client(world.cora.token).raise_ticket()
        message = await socket.receive()
        assert (message["id"], delivered_values([message])[0]["ticket"]["id"]) == (
            running_operation,
            ticket["id"],
        )


async def test_a_socket_runs_at_most_a_hundred_operations(service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    async with service.client(world.ada.token).socket() as socket:
        for _ in range(100):
            await socket.subscribe(EVENTS, ticketId=ticket["id"])
        await socket.subscribe(EVENTS)
        assert await operation_error(socket) == "BAD_REQUEST"
        await socket.send({"type": "complete", "id": "1"})
        await socket.subscribe("{ __typename }")
        assert (await socket.receive())["payload"]["data"] == {"__typename": "Query"}


async def test_a_field_error_in_an_event_does_not_end_the_subscription(
    service: Service, world: World
) -> None:
    selection = "cursor ticket { messages(first: 1000) { totalCount } }"
    query = f"subscription($after: String) {{ ticketEvents(after: $after) {{ {selection} }} }}"
    cora = service.client(world.cora.token)
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(query, after=await head_cursor())
        for _ in range(2):
            await cora.raise_ticket()
            message = await socket.receive()
            assert message["type"] == "next"
            assert message["payload"]["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


# ---------------------------------------------------------------- the handshake


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"], ["chat", "graphql-ws"]])
async def test_an_unsupported_subprotocol_closes_the_socket_with_4406(
    service: Service, protocols: list[str] | None
) -> None:
    async with connect_raw(service, protocols) as connection:
        assert (await wait_for_close(Socket(connection)))[0] == 4406
    await check_service_responds(service)


async def test_the_supported_subprotocol_is_selected_among_several(service: Service) -> None:
    async with connect_raw(service, ["graphql-ws", "graphql-transport-ws"]) as connection:
        assert connection.subprotocol == "graphql-transport-ws"
        await initialise(connection)


async def test_a_page_of_another_origin_is_refused(
    service: Service, subtests: pytest.Subtests
) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "nonsense"):
        with subtests.test(origin):
            with pytest.raises(InvalidStatus) as refused:
                async with connect_raw(service, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
    await check_service_responds(service)


async def test_pages_of_the_same_or_an_allowed_origin_are_accepted(url: str) -> None:
    async with running(url, allowed_origins=["https://desk.example"]) as service:
        for origin in (f"http://127.0.0.1:{service.port}", "https://desk.example"):
            async with connect_raw(service, origin=origin) as connection:
                await initialise(connection)
        with pytest.raises(InvalidStatus):
            async with connect_raw(service, origin="https://desk.example.evil.example"):
                pass


async def test_sockets_are_accepted_at_one_path_only(service: Service) -> None:
    for path in ("/", "/health", "/graphql/", "/graphqlx"):
        with pytest.raises((InvalidStatus, InvalidMessage)):
            async with open_connection(f"ws://127.0.0.1:{service.port}{path}"):
                pass
    await check_service_responds(service)
