"""graphql-transport-ws as a function of state and message, by table: one behaviour a row."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from engine.websocket.protocol import (
    MAX_FIRST_MESSAGE_CHARACTERS,
    NEXT_PREFIX,
    CloseSocket,
    GraphQLTransportWS,
    Authenticate,
    Phase,
    SendMessage,
    StartOperation,
    Step,
    StopOperation,
    next_suffix,
    next_message,
)

QUERY = "{ __typename }"
LONGEST_REASON = 123
BEFORE_END = [Phase.WAITING, Phase.OPENING, Phase.READY]
RUNNING = "running"
"""The id of the operation that runs in a protocol that is READY."""


def subscribe(id: Any = "1", payload: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": id, "payload": {"query": QUERY, **more} if payload is None else payload}


def start(id: str = "1", query: str = QUERY, variables: Any = None, operation_name: Any = None, extensions: Any = None) -> StartOperation:
    return StartOperation(id, query, variables, operation_name, extensions)


def at(phase: Phase, most_operations: int = 100) -> GraphQLTransportWS:
    """A protocol that came to a phase by messages; READY, it runs one operation."""
    protocol = GraphQLTransportWS(most_operations)
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
    """The one message that is sent."""
    [step] = steps
    assert isinstance(step, SendMessage)
    return json.loads(step.text)


def ended(protocol: GraphQLTransportWS, steps: list[Step]) -> tuple[int, str]:
    """The code and reason of the one step, which closes the socket."""
    [step] = steps
    assert isinstance(step, CloseSocket)
    assert len(step.reason.encode()) <= LONGEST_REASON
    assert protocol.phase is Phase.ENDED
    assert protocol.operations == set()
    return step.code, step.reason


# ---------------------------------------------------------------- what each message does in each phase

STEPS: list[tuple[str, Phase, object, list[Step]]] = [
    ("an init asks to be opened", Phase.WAITING, {"type": "connection_init", "payload": {"a": 1}}, [Authenticate({"a": 1})]),
    ("an init needs no payload", Phase.WAITING, {"type": "connection_init"}, [Authenticate(None)]),
    ("an init's payload may be null", Phase.WAITING, {"type": "connection_init", "payload": None}, [Authenticate(None)]),
    ("an init's payload may be empty", Phase.WAITING, {"type": "connection_init", "payload": {}}, [Authenticate({})]),
    ("members that nobody asked for are passed over", Phase.WAITING, {"type": "connection_init", "id": 7, "x": []}, [Authenticate(None)]),
    ("white space may surround a message", Phase.WAITING, ' \r\n\t{"type":"connection_init"}\n', [Authenticate(None)]),
    ("a member given twice counts once", Phase.WAITING, '{"type":7,"type":"connection_init"}', [Authenticate(None)]),
    ("an operation starts", Phase.READY, subscribe(), [start()]),
    ("an empty query is an operation's own error", Phase.READY, subscribe(query=""), [start(query="")]),
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
    ("an id is as long as it likes", Phase.READY, subscribe("ü" * 60_000), [start("ü" * 60_000)]),
    ("an id is any text", Phase.READY, subscribe('\u0000"\\\n😀'), [start('\u0000"\\\n😀')]),
    ("an integer of 64 bits is kept", Phase.READY, subscribe(variables={"a": 2**64 - 1}), [start(variables={"a": 2**64 - 1})]),
    ("a longer integer is a number", Phase.READY, subscribe(variables={"a": 2**64}), [start(variables={"a": 2.0**64})]),
    ("the client stops an operation", Phase.READY, {"type": "complete", "id": RUNNING}, [StopOperation(RUNNING)]),
    ("to stop needs the id alone", Phase.READY, {"type": "complete", "id": RUNNING, "payload": 7}, [StopOperation(RUNNING)]),
    *(("an unknown id stops nothing", phase, {"type": "complete", "id": "unknown"}, []) for phase in BEFORE_END),
    *(("a ping is answered", phase, {"type": "ping"}, [SendMessage('{"type":"pong"}')]) for phase in BEFORE_END),
    *(("null is no payload", phase, {"type": "ping", "payload": None}, [SendMessage('{"type":"pong"}')]) for phase in BEFORE_END),
    *(
        (
            "a ping's payload comes back",
            phase,
            {"type": "ping", "payload": payload},
            [SendMessage(f'{{"type":"pong","payload":{text}}}')],
        )
        for phase in BEFORE_END
        for payload, text in [({}, "{}"), ({"at": [1, "ü\u0000", None]}, '{"at":[1,"ü\\u0000",null]}')]
    ),
    *(("a pong is taken", phase, {"type": "pong", **more}, []) for phase in BEFORE_END for more in ({}, {"payload": {"a": 1}})),
    *(
        ("nothing counts after the end", Phase.ENDED, message, [])
        for message in ("", "7", {"type": "ping"}, {"type": "connection_init"}, subscribe(), {"type": "complete", "id": RUNNING})
    ),
]


@pytest.mark.parametrize(("behaviour", "phase", "message", "steps"), STEPS, ids=[f"{row[0]}-{row[1].name}" for row in STEPS])
def test_a_message_leads_to_steps(behaviour: str, phase: Phase, message: object, steps: list[Step]) -> None:
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
def test_a_message_at_the_wrong_time_closes_with_its_code(phase: Phase, message: object, code: int, reason: str) -> None:
    protocol = at(phase)
    assert ended(protocol, give(protocol, message)) == (code, reason)


def nested(levels: int) -> str:
    """A ping of so many levels."""
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
NO_OBJECT = ["7", "-0.5", "true", "null", '"ping"', "[]", '[{"type":"ping"}]', "[" * 900 + "]" * 900]
NO_TYPE: list[dict[str, Any]] = [
    *({}, {"id": "1"}, {"payload": {}}, {"Type": "ping"}),
    *({"type": odd} for odd in (None, 7, True, ["ping"], {"a": 1})),
    *({"type": odd} for odd in ("", "subscribe ", "Ping", "start", "stop", "ka", "x" * 16_000, "ü" * 500, "\u0000")),
    *({"type": ours, "id": "1", "payload": {}} for ours in ("connection_ack", "next", "error")),
]
WRONG_SHAPE: list[dict[str, Any]] = [
    *({"type": type, "payload": odd} for type in ("connection_init", "ping", "pong") for odd in ([], [{}], "x", "", 7, 0, False)),
    *(subscribe(odd) for odd in (None, "", 7, 0, True, ["1"], {"a": 1})),
    *(subscribe(payload=odd) for odd in ([], [QUERY], QUERY, "", 7, 0, True, {}, {"Query": QUERY})),
    *({"type": "subscribe", "id": "1", **more} for more in ({}, {"payload": None}, {"query": QUERY})),
    *(subscribe(query=odd) for odd in (None, 7, True, [QUERY], {"a": QUERY})),
    *(subscribe(variables=odd) for odd in ([], [{}], "x", "", 7, 0, False)),
    *(subscribe(operationName=odd) for odd in ([], ["Q"], {}, 7, 0, False)),
    *(subscribe(extensions=odd) for odd in ([], [{}], "x", "", 7, 0, False)),
    {"type": "subscribe", "payload": {"query": QUERY}},
    {"type": "complete"},
    *({"type": "complete", "id": odd} for odd in (None, "", 7, 0, True, [RUNNING], {"a": 1})),
]
MALFORMED = [*NO_JSON.values(), *NO_OBJECT, *NO_TYPE, *WRONG_SHAPE, nested(255), nested(1024), nested(2000)]


@pytest.mark.parametrize("phase", BEFORE_END)
@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: ascii(message)[:60])
def test_a_malformed_message_closes_with_4400_and_says_why(phase: Phase, message: object) -> None:
    protocol = at(phase)
    code, reason = ended(protocol, give(protocol, message))
    assert code == 4400
    assert len(reason) > 20


REASONS: list[tuple[object, str]] = [
    ("{", "The message is not JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ("[]", "A message is a JSON object, not an array."),
    ({}, "The type of a message is a string, not null or absent."),
    ({"type": "start"}, 'There is no message of the type "start".'),
    ({"type": "next"}, "Only the server sends next messages."),
    ({"type": "ping", "payload": True}, '"payload" is an object, not a boolean.'),
    ({"type": "complete", "id": 7}, "A complete message has an id, a string, not a number."),
    (subscribe(""), "The id of a subscribe message is not empty."),
    ({"type": "subscribe", "id": "1"}, "A subscribe message has a payload."),
    (subscribe(query={}), "A query is a string, not an object."),
    (subscribe(operationName=[]), "An operationName is a string, not an array."),
    (subscribe(variables="x"), '"variables" is an object, not a string.'),
    (nested(300), "The message is nested too deeply."),
]


@pytest.mark.parametrize(("message", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_the_reason_helps(message: object, reason: str) -> None:
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
def test_a_reason_is_cut_to_123_bytes_at_a_character(id: str, shown: str) -> None:
    protocol = at(Phase.READY)
    give(protocol, subscribe(id))
    assert ended(protocol, give(protocol, subscribe(id))) == (4409, shown)


def test_a_message_may_be_nested_as_deeply_as_an_answer() -> None:
    assert sent(at(Phase.READY).receive_text(nested(254))) == {**json.loads(nested(254)), "type": "pong"}


def test_many_brackets_are_not_deep() -> None:
    variables = {"rows": [[n] for n in range(5000)]}
    assert give(at(Phase.READY), subscribe(variables=variables)) == [start(variables=variables)]


def padded(characters: int) -> str:
    return '{"type":"connection_init"}'.ljust(characters)


def test_the_first_frame_is_bounded_before_it_is_parsed() -> None:
    assert at(Phase.WAITING).receive_text(padded(MAX_FIRST_MESSAGE_CHARACTERS)) == [Authenticate(None)]
    protocol = at(Phase.WAITING)
    reason = "A message before connection_init may have 16384 characters."
    assert ended(protocol, protocol.receive_text(padded(MAX_FIRST_MESSAGE_CHARACTERS + 1))) == (4400, reason)
    protocol = at(Phase.WAITING)
    assert ended(protocol, protocol.receive_text("{" * (MAX_FIRST_MESSAGE_CHARACTERS + 1))) == (4400, reason), "it was not looked into"


def test_so_is_one_after_a_ping_that_came_before_init() -> None:
    protocol = at(Phase.WAITING)
    give(protocol, {"type": "ping"})
    assert ended(protocol, protocol.receive_text(padded(MAX_FIRST_MESSAGE_CHARACTERS + 1)))[0] == 4400


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.READY])
def test_later_frames_may_be_longer(phase: Phase) -> None:
    payload = {"a": "x" * MAX_FIRST_MESSAGE_CHARACTERS}
    assert sent(give(at(phase), {"type": "ping", "payload": payload})) == {"type": "pong", "payload": payload}


# ---------------------------------------------------------------- what is no text frame


@pytest.mark.parametrize("phase", BEFORE_END)
def test_a_binary_frame_closes_with_4400(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.receive_binary()) == (4400, "Messages are text frames, not binary ones.")


def test_an_init_that_does_not_come_in_time_closes_with_4408() -> None:
    protocol = at(Phase.WAITING)
    give(protocol, {"type": "ping"})
    assert ended(protocol, protocol.expire_init()) == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.READY, Phase.ENDED])
def test_an_init_that_came_needs_no_hurry(phase: Phase) -> None:
    protocol = at(phase)
    assert protocol.expire_init() == []
    assert protocol.phase is phase


@pytest.mark.parametrize("phase", BEFORE_END)
def test_refused_is_closed_with_4403(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.refuse()) == (4403, "Forbidden")


def test_a_refusal_may_have_its_own_reason() -> None:
    protocol = at(Phase.OPENING)
    assert ended(protocol, protocol.refuse("ü" * 200)) == (4403, "ü" * 61)


@pytest.mark.parametrize("phase", BEFORE_END)
def test_the_endpoint_may_close_for_its_own_reasons(phase: Phase) -> None:
    protocol = at(phase)
    assert ended(protocol, protocol.close(1013, "Too slow")) == (1013, "Too slow")


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.READY, Phase.ENDED])
def test_only_an_init_can_be_acknowledged_and_once(phase: Phase) -> None:
    protocol = at(phase)
    assert protocol.acknowledge() == []
    assert protocol.phase is phase


def test_an_acknowledgement_may_have_a_payload() -> None:
    assert sent(at(Phase.OPENING).acknowledge({"heartbeat": 15})) == {"type": "connection_ack", "payload": {"heartbeat": 15}}


def test_nothing_comes_after_the_end() -> None:
    protocol = at(Phase.ENDED)
    assert not protocol.is_running(RUNNING)
    assert protocol.receive_text("nonsense") == protocol.receive_binary() == protocol.expire_init() == []
    assert protocol.acknowledge() == protocol.refuse() == protocol.close(1012, "bye") == []
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, [{"message": "x"}]) == []
    assert protocol.phase is Phase.ENDED


# ---------------------------------------------------------------- the life of an operation


def test_an_operation_takes_results_from_its_start_until_it_is_finished() -> None:
    protocol = at(Phase.READY)
    assert not protocol.is_running("1")
    give(protocol, subscribe("1"))
    assert protocol.is_running("1")
    assert protocol.operations == {RUNNING, "1"}
    assert sent(protocol.complete("1")) == {"type": "complete", "id": "1"}
    assert not protocol.is_running("1")
    assert protocol.complete("1") == []
    assert protocol.operations == {RUNNING}, "the others live on"


def test_a_failed_operation_ends_with_one_error_and_nothing_after_it() -> None:
    protocol = at(Phase.READY)
    errors = [{"message": "No \u0000 ü.", "extensions": {"code": "BAD_REQUEST"}}, {"message": "Nor this."}]
    assert sent(protocol.fail(RUNNING, errors)) == {"type": "error", "id": RUNNING, "payload": errors}
    assert not protocol.is_running(RUNNING)
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, errors) == []
    assert protocol.phase is Phase.READY


def test_nothing_comes_for_an_operation_that_the_client_stopped() -> None:
    protocol = at(Phase.READY)
    stop = {"type": "complete", "id": RUNNING}
    assert give(protocol, stop) == [StopOperation(RUNNING)]
    assert not protocol.is_running(RUNNING)
    assert protocol.complete(RUNNING) == protocol.fail(RUNNING, [{"message": "x"}]) == []
    assert give(protocol, stop) == []


@pytest.mark.parametrize("unknown", ["", "never", "ü"])
def test_an_unknown_operation_neither_finishes_nor_fails(unknown: str) -> None:
    protocol = at(Phase.READY)
    assert protocol.complete(unknown) == protocol.fail(unknown, [{"message": "x"}]) == []
    assert not protocol.is_running(unknown)


@pytest.mark.parametrize("way", ["stopped", "finished", "failed"])
def test_an_id_is_free_again_at_once(way: str) -> None:
    protocol = at(Phase.READY)
    if way == "stopped":
        give(protocol, {"type": "complete", "id": RUNNING})
    elif way == "finished":
        protocol.complete(RUNNING)
    else:
        protocol.fail(RUNNING, [{"message": "x"}])
    assert give(protocol, subscribe(RUNNING)) == [start(RUNNING)]
    assert protocol.is_running(RUNNING)


def test_ids_that_look_alike_are_different() -> None:
    protocol = at(Phase.READY)
    for id in ("a", "A", "a ", "\u00fc", "u\u0308", "1", "01"):
        assert give(protocol, subscribe(id)) == [start(id)]


def test_one_operation_too_many_is_refused_and_the_socket_lives() -> None:
    protocol = at(Phase.READY, most_operations=2)
    assert give(protocol, subscribe("1")) == [start("1")]
    told = {"message": "A socket runs at most 2 operations at once.", "extensions": {"code": "BAD_REQUEST"}}
    for _ in range(2):
        assert sent(give(protocol, subscribe("2"))) == {"type": "error", "id": "2", "payload": [told]}
        assert not protocol.is_running("2")
    assert protocol.complete("2") == []
    protocol.complete("1")
    assert give(protocol, subscribe("2")) == [start("2")]


def test_a_taken_id_is_told_even_where_no_operation_more_would_run() -> None:
    protocol = at(Phase.READY, most_operations=1)
    assert ended(protocol, give(protocol, subscribe(RUNNING)))[0] == 4409


# ---------------------------------------------------------------- ready frames


@pytest.mark.parametrize("id", ["1", 'a"b\\', "\u0000\n", "ü😀", "x" * 60_000])
def test_a_result_is_spliced_from_its_payload_and_the_id(id: str) -> None:
    payload = {"data": {"a": "ü"}, "extensions": {}}
    message = next_message(id, orjson.dumps(payload))
    assert json.loads(message) == {"type": "next", "payload": payload, "id": id}
    assert message == NEXT_PREFIX + orjson.dumps(payload) + next_suffix(id), "the id stands last"
