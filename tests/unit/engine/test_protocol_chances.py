"""graphql-transport-ws under any sequence of messages: it never raises, nothing comes after the end, operations end once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.websocket.protocol import CloseSocket, GraphQLTransportWS, Authenticate, Phase, SendMessage, StartOperation, Step, StopOperation

pytestmark = pytest.mark.stress

MOST = 3
ids = st.sampled_from(["1", "2", "3", "4", "5"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(["connection_init", "connection_ack", "ping", "pong", "subscribe", "next", "error", "complete"])
operations = st.fixed_dictionaries(
    {},
    optional={
        "query": st.text() | values,
        "variables": st.dictionaries(st.text(), values, max_size=2) | values,
        "operationName": st.text() | values,
        "extensions": values,
    },
)
almost = st.fixed_dictionaries({}, optional={"type": names | values, "id": ids | values, "payload": operations | values})
"""Messages, and what is nearly one."""

frames = st.one_of(
    (almost | values).map(json.dumps),
    (almost | values).map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.text(),
    st.text(alphabet='{}[]":,\\u0d8tfn e-+."type'),
)

happenings = st.tuples(st.sampled_from(["subscribe", "subscribe", "complete", "finished", "failed"]), ids)
rarer = st.one_of(
    st.tuples(st.just("subscribe again"), ids),
    st.tuples(st.just("received"), frames),
    st.sampled_from([("received_binary",), ("waited",), ("acknowledge",), ("refuse",)]),
)
mostly = st.integers(1, 8).flatmap(lambda number: rarer if number == 8 else happenings)
"""Not `one_of`, which makes no difference between a strategy that is given once and one that is given often."""


def happen(protocol: GraphQLTransportWS, what: str, *given: str) -> list[Step]:
    """A client seldom subscribes with an id that runs: that ends the socket, and nothing happens after it."""
    if what in ("subscribe", "subscribe again"):
        if what == "subscribe" and protocol.is_running(given[0]):
            return []
        return protocol.receive_text(json.dumps({"type": "subscribe", "id": given[0], "payload": {"query": "{ a }"}}))
    if what == "complete":
        return protocol.receive_text(json.dumps({"type": "complete", "id": given[0]}))
    if what == "failed":
        return protocol.fail(given[0], [{"message": "It failed."}])
    steps: list[Step] = getattr(protocol, what)(*given)
    return steps


def ready() -> GraphQLTransportWS:
    protocol = GraphQLTransportWS(MOST)
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
    over = False
    for text in texts:
        steps = protocol.receive_text(text)
        assert not (over and steps), "nothing comes after the end"
        over = over or any(isinstance(step, CloseSocket) for step in steps)
        assert over == (protocol.phase is Phase.ENDED)
        assert all(len(step.reason.encode()) <= 123 for step in steps if isinstance(step, CloseSocket))


class Life:
    """What a client knows of its operations, from the steps alone."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.opened = self.over = False

    def told(self, what: str, given: Any, steps: list[Step]) -> None:
        assert len(steps) <= 1
        for step in steps:
            assert not self.over, "nothing comes after the end"
            match step:
                case Authenticate():
                    assert not self.opened
                    self.opened = True
                case StartOperation(id=id):
                    assert id not in self.running
                    assert len(self.running) < MOST
                    self.running.add(id)
                case StopOperation(id=id):
                    self.running.remove(id)
                case SendMessage(text=text):
                    self.heard(json.loads(text))
                case CloseSocket():
                    self.over = True
                    self.running.clear()

    def heard(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "complete":
                self.running.remove(message["id"])
            case "error" if message["payload"][0]["message"].startswith("A socket runs at most"):
                assert len(self.running) == MOST
                assert message["id"] not in self.running
            case "error":
                self.running.remove(message["id"])
            case type:
                assert type in ("pong", "connection_ack")


@settings(max_examples=150)
@given(st.lists(mostly, min_size=5, max_size=60))
def test_each_operation_is_ended_once_by_either_side(sequence: list[tuple[str, ...]]) -> None:
    protocol, life = ready(), Life()
    life.opened = True
    for what, *given_ in sequence:
        life.told(what, given_, happen(protocol, what, *given_))
        assert protocol.operations == life.running
        assert [protocol.is_running(id) for id in "12345"] == [id in life.running for id in "12345"]


@settings(max_examples=100)
@given(st.lists(st.one_of(happenings, rarer), max_size=20))
def test_no_operation_starts_before_the_acknowledgement(sequence: list[tuple[str, ...]]) -> None:
    protocol, life = GraphQLTransportWS(MOST), Life()
    for what, *given_ in sequence:
        before = protocol.phase
        steps = happen(protocol, what, *given_)
        life.told(what, given_, steps)
        if any(isinstance(step, StartOperation) for step in steps):
            assert before is Phase.READY
        assert life.opened or protocol.phase in (Phase.WAITING, Phase.ENDED)
