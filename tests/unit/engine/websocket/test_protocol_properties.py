"""graphql-transport-ws under random messages: it never raises, closes once, and ends each operation
once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.websocket.protocol import (
    Authenticate,
    CloseSocket,
    GraphQLTransportWS,
    Phase,
    SendMessage,
    StartOperation,
    Step,
    StopOperation,
)

pytestmark = pytest.mark.stress

MAX_OPERATIONS = 3
ids = st.sampled_from(["1", "2", "3", "4", "5"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(
    ["connection_init", "connection_ack", "ping", "pong", "subscribe", "next", "error", "complete"]
)
operations = st.fixed_dictionaries(
    {},
    optional={
        "query": st.text() | values,
        "variables": st.dictionaries(st.text(), values, max_size=2) | values,
        "operationName": st.text() | values,
        "extensions": values,
    },
)
messages = st.fixed_dictionaries(
    {}, optional={"type": names | values, "id": ids | values, "payload": operations | values}
)
"""Valid messages and slightly wrong ones."""

frames = st.one_of(
    (messages | values).map(json.dumps),
    (messages | values).map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.text(),
    st.text(alphabet='{}[]":,\\u0d8tfn e-+."type'),
)

common_events = st.tuples(
    st.sampled_from(["subscribe", "subscribe", "client completes", "complete", "fail"]), ids
)
rare_events = st.one_of(
    st.tuples(st.just("subscribe again"), ids),
    st.tuples(st.just("receive_text"), frames),
    st.sampled_from([("receive_binary",), ("expire_init",), ("acknowledge",), ("refuse",)]),
)
events = st.integers(1, 8).flatmap(lambda number: rare_events if number == 8 else common_events)
"""Not `one_of`, which ignores how often a strategy is listed."""


def apply_event(protocol: GraphQLTransportWS, name: str, *arguments: str) -> list[Step]:
    """Only the rare "subscribe again" reuses a running id: that closes the socket, and no step
    follows."""
    if name in ("subscribe", "subscribe again"):
        if name == "subscribe" and protocol.is_running(arguments[0]):
            return []
        return protocol.receive_text(
            json.dumps({"type": "subscribe", "id": arguments[0], "payload": {"query": "{ a }"}})
        )
    if name == "client completes":
        return protocol.receive_text(json.dumps({"type": "complete", "id": arguments[0]}))
    if name == "fail":
        return protocol.fail(arguments[0], [{"message": "It failed."}])
    steps: list[Step] = getattr(protocol, name)(*arguments)
    return steps


def ready() -> GraphQLTransportWS:
    protocol = GraphQLTransportWS(MAX_OPERATIONS)
    protocol.receive_text('{"type":"connection_init"}')
    protocol.acknowledge()
    return protocol


@settings(max_examples=200)
@given(st.lists(frames, max_size=5), st.sampled_from(["waiting", "opening", "ready"]))
def test_no_frame_makes_it_raise(texts: list[str], phase: str) -> None:
    protocol = GraphQLTransportWS() if phase == "waiting" else ready()
    if phase == "opening":
        protocol = GraphQLTransportWS()
        protocol.receive_text('{"type":"connection_init"}')
    is_closed = False
    for text in texts:
        steps = protocol.receive_text(text)
        assert not (is_closed and steps), "no step comes after the close"
        is_closed = is_closed or any(isinstance(step, CloseSocket) for step in steps)
        assert is_closed == (protocol.phase is Phase.ENDED)
        assert all(
            len(step.reason.encode()) <= 123 for step in steps if isinstance(step, CloseSocket)
        )


class Client:
    """What a client knows about its operations, from the steps alone."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.is_opened = self.is_closed = False

    def receive_steps(self, steps: list[Step]) -> None:
        assert len(steps) <= 1
        for step in steps:
            assert not self.is_closed, "no step comes after the close"
            match step:
                case Authenticate():
                    assert not self.is_opened
                    self.is_opened = True
                case StartOperation(id=id):
                    assert id not in self.running
                    assert len(self.running) < MAX_OPERATIONS
                    self.running.add(id)
                case StopOperation(id=id):
                    self.running.remove(id)
                case SendMessage(text=text):
                    self.receive_message(json.loads(text))
                case CloseSocket():
                    self.is_closed = True
                    self.running.clear()

    def receive_message(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "complete":
                self.running.remove(message["id"])
            case "error" if message["payload"][0]["message"].startswith("Too many operations"):
                assert len(self.running) == MAX_OPERATIONS
                assert message["id"] not in self.running
            case "error":
                self.running.remove(message["id"])
            case type:
                assert type in ("pong", "connection_ack")


@settings(max_examples=150)
@given(st.lists(events, min_size=5, max_size=60))
def test_each_operation_is_ended_once_by_either_side(sequence: list[tuple[str, ...]]) -> None:
    protocol, client = ready(), Client()
    client.is_opened = True
    for name, *arguments in sequence:
        client.receive_steps(apply_event(protocol, name, *arguments))
        assert protocol.operations == client.running
        assert [protocol.is_running(id) for id in "12345"] == [
            id in client.running for id in "12345"
        ]


@settings(max_examples=100)
@given(st.lists(st.one_of(common_events, rare_events), max_size=20))
def test_no_operation_starts_before_the_acknowledgement(sequence: list[tuple[str, ...]]) -> None:
    protocol, client = GraphQLTransportWS(MAX_OPERATIONS), Client()
    for name, *arguments in sequence:
        before = protocol.phase
        steps = apply_event(protocol, name, *arguments)
        client.receive_steps(steps)
        if any(isinstance(step, StartOperation) for step in steps):
            assert before is Phase.READY
        assert client.is_opened or protocol.phase in (Phase.WAITING, Phase.ENDED)
