"""graphql-transport-ws as a state machine: tables of messages and the steps that they cause."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from engine.graphql.request import GraphQLRequest
from engine.websocket.protocol import (
    MAX_FIRST_MESSAGE_CHARS,
    NEXT_PREFIX,
    Authenticate,
    CloseSocket,
    GraphQLTransportWS,
    Phase,
    SendMessage,
    StartOperation,
    Step,
    StopOperation,
    encode_next_message,
    encode_next_suffix,
)

QUERY = "{ __typename }"
MAX_REASON_BYTES = 123
BEFORE_END = [Phase.WAITING, Phase.OPENING, Phase.READY]
RUNNING = "running"
"""The id of the operation that runs in a protocol that is READY."""


def subscribe(id: Any = "1", payload: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "subscribe",
        "id": id,
        "payload": {"query": QUERY, **more} if payload is None else payload,
    }


def start(
    id: str = "1",
    query: str = QUERY,
    variables: Any = None,
    operation_name: Any = None,
    extensions: Any = None,
) -> StartOperation:
    return StartOperation(id, GraphQLRequest(query, variables, operation_name, extensions))


def at(phase: Phase, max_operations: int = 100) -> GraphQLTransportWS:
    """A protocol that messages have brought to a phase. In READY it runs one operation."""
    protocol = GraphQLTransportWS(max_operations)
    if phase is Phase.WAITING:
        return protocol
    assert give(protocol, {"type": "connection_init"}) == [Authenticate(None)]
    if phase is Phase.OPENING:
        return protocol
    assert protocol.acknowledge() == [SendMessage('{"type":"connection_ack"}')]
    assert give(protocol, subscribe(RUNNING)) == [start(RUNNING)]
    if phase is Phase.ENDED:
        protocol.receive_text("")
    assert protocol.phase is phase
    return protocol


def give(protocol: GraphQLTransportWS, message: object) -> list[Step]:
    return protocol.receive_text(message if isinstance(message, str) else json.dumps(message))


def sent(steps: list[Step]) -> Any:
    """The only step, which sends a message."""
    [step] = steps
    assert isinstance(step, SendMessage)
    return json.loads(step.text)


def ended(protocol: GraphQLTransportWS, steps: list[Step]) -> tuple[int, str]:
    """The code and reason of the only step, which closes the socket."""
    [step] = steps
    assert isinstance(step, CloseSocket)
    assert len(step.reason.encode()) <= MAX_REASON_BYTES
    assert protocol.phase is Phase.ENDED
    assert protocol.operations == set()
    return step.code, step.reason


# ---------------------------------------------------------------- messages in each phase

STEPS: list[tuple[str, Phase, object, list[Step]]] = [
    (
        "an init asks for authentication",
        Phase.WAITING,
        {"type": "connection_init", "payload": {"a": 1}},
        [Authenticate({"a": 1})],
    ),
    ("an init needs no payload", Phase.WAITING, {"type": "connection_init"}, [Authenticate(None)]),
    (
        "an init's payload may be null",
        Phase.WAITING,
        {"type": "connection_init", "payload": None},
        [Authenticate(None)],
    ),
    (
        "an init's payload may be empty",
        Phase.WAITING,
        {"type": "connection_init", "payload": {}},
        [Authenticate({})],
    ),
    (
        "unknown members are ignored",
        Phase.WAITING,
        {"type": "connection_init", "id": 7, "x": []},
        [Authenticate(None)],
    ),
    (
        "white space may surround a message",
        Phase.WAITING,
        ' \r\n\t{"type":"connection_init"}\n',
        [Authenticate(None)],
    ),
    (
        "a member given twice counts once",
        Phase.WAITING,
        '{"type":7,"type":"connection_init"}',
        [Authenticate(None)],
    ),
    ("an operation starts", Phase.READY, subscribe(), [start()]),
    (
        "an empty query is an operation's own error",
        Phase.READY,
        subscribe(query=""),
        [start(query="")],
    ),
    (
        "an operation starts with all that it may have",
        Phase.READY,
        subscribe(variables={"a": [1]}, operationName="Q", extensions={"b": {}}),
        [start(variables={"a": [1]}, operation_name="Q", extensions={"b": {}})],
    ),
    (
        "all but the query may be null",
        Phase.READY,
        subscribe(variables=None, operationName=None, extensions=None),
        [start()],
    ),
    ("variables may be empty", Phase.READY, subscribe(variables={}), [start(variables={})]),
    ("an id may be long", Phase.READY, subscribe("ü" * 60_000), [start("ü" * 60_000)]),
    ("an id is any text", Phase.READY, subscribe('\u0000"\\\n😀'), [start('\u0000"\\\n😀')]),
    (
        "an integer of 64 bits is kept",
        Phase.READY,
        subscribe(variables={"a": 2**64 - 1}),
        [start(variables={"a": 2**64 - 1})],
    ),
    (
        "a longer integer is a number",
        Phase.READY,
        subscribe(variables={"a": 2**64}),
        [start(variables={"a": 2.0**64})],
    ),
    (
        "the client stops an operation",
        Phase.READY,
        {"type": "complete", "id": RUNNING},
        [StopOperation(RUNNING)],
    ),
    (
        "other members of a stop are ignored",
        Phase.READY,
        {"type": "complete", "id": RUNNING, "payload": 7},
        [StopOperation(RUNNING)],
    ),
    *(
        ("an unknown id has no effect", phase, {"type": "complete", "id": "unknown"}, [])
        for phase in BEFORE_END
    ),
    *(
        ("a ping is answered", phase, {"type": "ping"}, [SendMessage('{"type":"pong"}')])
        for phase in BEFORE_END
    ),
    *(
        (
            "a null payload is no payload",
            phase,
            {"type": "ping", "payload": None},
            [SendMessage('{"type":"pong"}')],
        )
        for phase in BEFORE_END
    ),
    *(
        (
            "a ping's payload comes back",
            phase,
            {"type": "ping", "payload": payload},
            [SendMessage(f'{{"type":"pong","payload":{text}}}')],
        )
        for phase in BEFORE_END
        for payload, text in [
            ({}, "{}"),
            ({"at": [1, "ü\u0000", None]}, '{"at":[1,"ü\\u0000",null]}'),
        ]
    ),
    *(
        ("a pong has no effect", phase, {"type": "pong", **more}, [])
        for phase in BEFORE_END
        for more in ({}, {"payload": {"a": 1}})
    ),
    *(
        ("messages after the end are ignored", Phase.ENDED, message, [])
        for message in (
            "",
            "7",
            {"type": "ping"},
            {"type": "connection_init"},
            subscribe(),
            {"type": "complete", "id": RUNNING},
        )
    ),
]


@pytest.mark.parametrize(
    ("behaviour", "phase", "message", "steps"),
    STEPS,
    ids=[f"{row[0]}-{row[1].name}" for row in STEPS],
)
def test_a_message_causes_steps(
    behaviour: str, phase: Phase, message: object, steps: list[Step]
) -> None:
    assert give(at(phase), message) == steps


# ---------------------------------------------------------------- what breaks the protocol

ENDS: list[tuple[Phase, object, int, str]] = [
    (Phase.WAITING, subscribe(), 4401, "Unauthorized"),
    (Phase.OPENING, subscribe(), 4401, "Unauthorized"),
    (Phase.OPENING, {"type": "connection_init"}, 4429, "Too many initialisation requests"),
    (Phase.READY, {"type": "connection_init"}, 4429, "Too many initialisation requests"),
    (Phase.READY, subscribe(RUNNING), 4409, f"Subscriber for {RUNNING} already exists"),
]


@pytest.mark.parametrize(("phase", "message", "code", "reason"), ENDS)
def test_a_message_at_the_wrong_time_closes_with_its_code(
    phase: Phase, message: object, code: int, reason: str
) -> None:
    protocol = at(phase)
    assert ended(protocol, give(protocol, message)) == (code, reason)


def nested(levels: int) -> str:
    """A ping with so many levels."""
    return '{"type":"ping","payload":' + '{"a":' * (levels - 2) + "{}" + "}" * (levels - 2) + "}"


NO_JSON = {
    "nothing": "",
    "white space": " ",
    "no JSON": "nonsense",
    "half an object": '{"type":',
    "more than an object": '{"type":"ping"}}',
    "two messages": '{"type":"ping"} {"type":"ping"}',
    "single quotes": "{'type':'ping'}",
    "no quotes": '{type:"ping"}',
    "a comma too many": '{"type":"ping",}',
    "a comment": '{"type":"ping"/**/}',
    "a byte order mark": '\ufeff{"type":"ping"}',
    "a byte order mark alone": "\ufeff",
    "a space that is none of JSON's": '\u00a0{"type":"ping"}',
    "a NUL before": '\u0000{"type":"ping"}',
    "a NUL after": '{"type":"ping"}\u0000',
    "a bare NUL in a string": '{"type":"ping","x":"\u0000"}',
    "a bare line break in a string": '{"type":"ping","x":"\n"}',
    "an escape that is none": '{"type":"ping","x":"\\x00"}',
    "NaN": '{"type":"ping","payload":{"a":NaN}}',
    "Infinity": '{"type":"ping","payload":{"a":-Infinity}}',
    "a number beyond floats": '{"type":"ping","payload":{"a":1e999}}',
    "an integer of 5,000 digits": f'{{"type":"ping","payload":{{"a":{"1" * 5000}}}}}',
    "a leading zero": '{"type":"ping","payload":{"a":01}}',
    "an escaped lone surrogate": '{"type":"ping","payload":{"a":"\\ud800"}}',
    "surrogates the wrong way round": '{"type":"ping","payload":{"a":"\\ude00\\ud83d"}}',
    "a bare lone surrogate": '{"type":"ping","payload":{"a":"\ud800"}}',
    "a lone surrogate in a name": '{"type":"ping","\\udfff":1}',
    "open brackets": "[" * 16_000,
    "open braces": '{"a":' * 3_000,
}
NO_OBJECT = [
    "7",
    "-0.5",
    "true",
    "null",
    '"ping"',
    "[]",
    '[{"type":"ping"}]',
    "[" * 900 + "]" * 900,
]
NO_TYPE: list[dict[str, Any]] = [
    *({}, {"id": "1"}, {"payload": {}}, {"Type": "ping"}),
    *({"type": odd} for odd in (None, 7, True, ["ping"], {"a": 1})),
    *(
        {"type": odd}
        for odd in (
            "",
            "subscribe ",
            "Ping",
            "start",
            "stop",
            "ka",
            "x" * 16_000,
            "ü" * 500,
            "\u0000",
        )
    ),
    *({"type": ours, "id": "1", "payload": {}} for ours in ("connection_ack", "next", "error")),
]
WRONG_SHAPE: list[dict[str, Any]] = [
    *(
        {"type": type, "payload": odd}
        for type in ("connection_init", "ping", "pong")
        for odd in ([], [{}], "x", "", 7, 0, False)
    ),
    *(subscribe(odd) for odd in (None, "", 7, 0, True, ["1"], {"a": 1})),
    *(subscribe(payload=odd) for odd in ([], [QUERY], QUERY, "", 7, 0, True, {}, {"Query": QUERY})),
    *(
        {"type": "subscribe", "id": "1", **more}
        for more in ({}, {"payload": None}, {"query": QUERY})
    ),
    *(subscribe(query=odd) for odd in (None, 7, True, [QUERY], {"a": QUERY})),
    *(subscribe(variables=odd) for odd in ([], [{}], "x", "", 7, 0, False)),
    *(subscribe(operationName=odd) for odd in ([], ["Q"], {}, 7, 0, False)),
    *(subscribe(extensions=odd) for odd in ([], [{}], "x", "", 7, 0, False)),
    {"type": "subscribe", "payload": {"query": QUERY}},
    {"type": "complete"},
    *({"type": "complete", "id": odd} for odd in (None, "", 7, 0, True, [RUNNING], {"a": 1})),
]
MALFORMED = [
    *NO_JSON.values(),
    *NO_OBJECT,
    *NO_TYPE,
    *WRONG_SHAPE,
    nested(255),
    nested(1024),
    nested(2000),
]


@pytest.mark.parametrize("phase", BEFORE_END)
@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: ascii(message)[:60])
def test_a_malformed_message_closes_with_4400_and_a_reason(phase: Phase, message: object) -> None:
    protocol = at(phase)
    code, reason = ended(protocol, give(protocol, message))
    assert code == 4400
    assert len(reason) > 20


REASONS: list[tuple[object, str]] = [
    ("{", "The message is not JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ("[]", "A message must be a JSON object, not an array."),
    ("null", "A message must be a JSON object, not null."),
    ({}, "The type of a message must be a string, not null or absent."),
    ({"type": "start"}, 'Unknown message type "start".'),
    ({"type": "next"}, "Only the server may send next messages."),
    ({"type": "ping", "payload": True}, '"payload" must be an object, not a boolean.'),
    ({"type": "complete", "id": 7}, "The id of a complete message must be a string, not a number."),
    (subscribe(""), "The id of a subscribe message must not be empty."),
    ({"type": "subscribe", "id": "1"}, "A subscribe message must have a payload."),
    (subscribe(query={}), '"query" must be a string, not an object.'),
    (subscribe(operationName=[]), '"operationName" must be a string, not an array.'),
    (subscribe(variables="x"), '"variables" must be an object, not a string.'),
    (nested(300), "The message must be nested at most 254 levels deep."),
]


@pytest.mark.parametrize(("message", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_the_close_reason_says_what_is_wrong(message: object, reason: str) -> None:
    protocol = at(Phase.READY)
    assert ended(protocol, give(protocol, message)) == (4400, reason)


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        ("x" * 500, "Subscriber for " + "x" * 108),
        ("ü" * 500, "Subscriber for " + "ü" * 54),
        ("y" + "ü" * 500, "Subscriber for y" + "ü" * 53),
        ("😀" * 500, "Subscriber for " + "😀" * 27),
        ("x" * 93, "Subscriber for " + "x" * 93 + " already exists"),
    ],
)
def test_a_reason_is_truncated_to_123_bytes_between_characters(id: str, shown: str) -> None:
    protocol = at(Phase.READY)
    give(protocol, subscribe(id))
    assert ended(protocol, give(protocol, subscribe(id))) == (4409, shown)


def test_a_message_may_have_254_levels() -> None:
    assert sent(at(Phase.READY).receive_text(nested(254))) == {
        **json.loads(nested(254)),
        "type": "pong",
    }


def test_many_brackets_on_one_level_are_accepted() -> None:
    variables = {"rows": [[n] for n in range(5000)]}
    assert give(at(Phase.READY), subscribe(variables=variables)) == [start(variables=variables)]


def padded(characters: int) -> str:
    return '{"type":"connection_init"}'.ljust(characters)


def test_the_first_frame_is_bounded_before_it_is_parsed() -> None:
    assert at(Phase.WAITING).receive_text(padded(MAX_FIRST_MESSAGE_CHARS)) == [Authenticate(None)]
    protocol = at(Phase.WAITING)
    reason = "A message before connection_init must have at most 16384 characters."
    assert ended(protocol, protocol.receive_text(padded(MAX_FIRST_MESSAGE_CHARS + 1))) == (
        4400,
        reason,
    )
    protocol = at(Phase.WAITING)
    assert ended(protocol, protocol.receive_text("{" * (MAX_FIRST_MESSAGE_CHARS + 1))) == (
        4400,
        reason,
    ), "it was not parsed"


def test_a_frame_after_a_ping_before_the_init_is_bounded_too() -> None:
    protocol = at(Phase.WAITING)
    give(protocol, {"type": "ping"})
    assert ended(protocol, protocol.receive_text(padded(MAX_FIRST_MESSAGE_CHARS + 1)))[0] == 4400


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.READY])
def test_later_frames_may_be_longer(phase: Phase) -> None:
    payload = {"a": "x" * MAX_FIRST_MESSAGE_CHARS}
    assert sent(give(at(phase), {"type": "ping", "payload": payload})) == {
        "type": "pong",
        "payload": payload,
    }


# ---------------------------------------------------------------- events other than text frames


@pytest.mark.parametrize("phase", BEFORE_END)
def test_a_binary_frame_closes_with_4400(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.receive_binary()) == (
        4400,
        "Messages must be text frames, not binary frames.",
    )


def test_an_init_that_does_not_come_in_time_closes_with_4408() -> None:
    protocol = at(Phase.WAITING)
    give(protocol, {"type": "ping"})
    assert ended(protocol, protocol.expire_init()) == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.READY, Phase.ENDED])
def test_the_init_timeout_has_no_effect_after_an_init(phase: Phase) -> None:
    protocol = at(phase)
    assert protocol.expire_init() == []
    assert protocol.phase is phase


@pytest.mark.parametrize("phase", BEFORE_END)
def test_a_refusal_closes_with_4403(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.refuse()) == (4403, "Forbidden")


def test_a_refusal_may_have_its_own_reason() -> None:
    protocol = at(Phase.OPENING)
    assert ended(protocol, protocol.refuse("ü" * 200)) == (4403, "ü" * 61)


@pytest.mark.parametrize("phase", BEFORE_END)
def test_the_endpoint_may_close_with_its_own_reason(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.close(1013, "Too slow")) == (1013, "Too slow")


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.READY, Phase.ENDED])
def test_only_an_init_can_be_acknowledged_once(phase: Phase) -> None:
    protocol = at(phase)
    assert protocol.acknowledge() == []
    assert protocol.phase is phase


def test_an_acknowledgement_may_have_a_payload() -> None:
    assert sent(at(Phase.OPENING).acknowledge({"heartbeat": 15})) == {
        "type": "connection_ack",
        "payload": {"heartbeat": 15},
    }


def test_no_step_comes_after_the_close() -> None:
    protocol = at(Phase.ENDED)
    assert not protocol.is_running(RUNNING)
    assert (
        protocol.receive_text("nonsense")
        == protocol.receive_binary()
        == protocol.expire_init()
        == []
    )
    assert protocol.acknowledge() == protocol.refuse() == protocol.close(1012, "bye") == []
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, [{"message": "x"}]) == []
    assert protocol.phase is Phase.ENDED


# ---------------------------------------------------------------- the life of an operation


def test_an_operation_runs_from_its_start_until_it_is_completed() -> None:
    protocol = at(Phase.READY)
    assert not protocol.is_running("1")
    give(protocol, subscribe("1"))
    assert protocol.is_running("1")
    assert protocol.operations == {RUNNING, "1"}
    assert sent(protocol.complete("1")) == {"type": "complete", "id": "1"}
    assert not protocol.is_running("1")
    assert protocol.complete("1") == []
    assert protocol.operations == {RUNNING}, "the others still run"


def test_a_failed_operation_ends_with_one_error_and_nothing_after_it() -> None:
    protocol = at(Phase.READY)
    errors = [
        {"message": "No \u0000 ü.", "extensions": {"code": "BAD_REQUEST"}},
        {"message": "Nor this."},
    ]
    assert sent(protocol.fail(RUNNING, errors)) == {
        "type": "error",
        "id": RUNNING,
        "payload": errors,
    }
    assert not protocol.is_running(RUNNING)
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, errors) == []
    assert protocol.phase is Phase.READY


def test_nothing_is_sent_for_an_operation_that_the_client_stopped() -> None:
    protocol = at(Phase.READY)
    stop = {"type": "complete", "id": RUNNING}
    assert give(protocol, stop) == [StopOperation(RUNNING)]
    assert not protocol.is_running(RUNNING)
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, [{"message": "x"}]) == []
    assert give(protocol, stop) == []


@pytest.mark.parametrize("unknown", ["", "never", "ü"])
def test_an_unknown_operation_neither_completes_nor_fails(unknown: str) -> None:
    protocol = at(Phase.READY)
    assert protocol.complete(unknown) == protocol.fail(unknown, [{"message": "x"}]) == []
    assert not protocol.is_running(unknown)


@pytest.mark.parametrize("way", ["stopped", "completed", "failed"])
def test_an_id_can_be_reused_at_once(way: str) -> None:
    protocol = at(Phase.READY)
    if way == "stopped":
        give(protocol, {"type": "complete", "id": RUNNING})
    elif way == "completed":
        protocol.complete(RUNNING)
    else:
        protocol.fail(RUNNING, [{"message": "x"}])
    assert give(protocol, subscribe(RUNNING)) == [start(RUNNING)]
    assert protocol.is_running(RUNNING)


def test_ids_that_look_alike_are_different() -> None:
    protocol = at(Phase.READY)
    for id in ("a", "A", "a ", "\u00fc", "u\u0308", "1", "01"):
        assert give(protocol, subscribe(id)) == [start(id)]


def test_one_operation_too_many_is_refused_and_the_socket_stays_open() -> None:
    protocol = at(Phase.READY, max_operations=2)
    assert give(protocol, subscribe("1")) == [start("1")]
    error = {
        "message": "Too many operations: at most 2 may run on a socket.",
        "extensions": {"code": "BAD_REQUEST"},
    }
    for _ in range(2):
        assert sent(give(protocol, subscribe("2"))) == {
            "type": "error",
            "id": "2",
            "payload": [error],
        }
        assert not protocol.is_running("2")
    assert protocol.complete("2") == []
    protocol.complete("1")
    assert give(protocol, subscribe("2")) == [start("2")]


def test_a_duplicate_id_closes_even_at_the_limit_of_operations() -> None:
    protocol = at(Phase.READY, max_operations=1)
    assert ended(protocol, give(protocol, subscribe(RUNNING)))[0] == 4409


# ---------------------------------------------------------------- encoding


@pytest.mark.parametrize("id", ["1", 'a"b\\', "\u0000\n", "ü😀", "x" * 60_000])
def test_a_next_message_consists_of_its_prefix_payload_and_suffix(id: str) -> None:
    payload = {"data": {"a": "ü"}, "extensions": {}}
    message = encode_next_message(id, orjson.dumps(payload))
    assert json.loads(message) == {"type": "next", "payload": payload, "id": id}
    assert message == NEXT_PREFIX + orjson.dumps(payload) + encode_next_suffix(id), (
        "the id comes last"
    )
