"""graphql-transport-ws as a state machine: frames and what happened go in, steps for the endpoint come out. No I/O, no clock.

Source: PROTOCOL.md of graphql-ws. What breaks the protocol ends the socket, with the protocol's code and a reason; what is
wrong with one operation ends that operation alone. After End nothing comes, whatever goes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from engine.graphql.request import MalformedRequest, kind, object_in
from engine.websocket.messages import id_in, message_in, why_unknown

FIRST_FRAME = 16 * 1024
"""Characters of a text frame that are parsed before connection_init came: it holds a token, and who sends it is unknown yet."""

LONGEST_REASON = 123
"""Bytes; a close frame holds 125, and two of them are the code (RFC 6455, section 5.5)."""

MALFORMED, UNAUTHORIZED, FORBIDDEN, NO_INIT, TAKEN, SECOND_INIT = 4400, 4401, 4403, 4408, 4409, 4429

NEXT_HEAD = b'{"type":"next","payload":'


class Phase(Enum):
    WAITING = "connection_init has not come yet"
    OPENING = "connection_init came, and is not acknowledged yet"
    READY = "acknowledged"
    ENDED = "closed, or told to be closed"


@dataclass(frozen=True, slots=True)
class Open:
    """Authenticate, then call `acknowledge` or `refuse`."""

    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Start:
    """Run this operation. It ends by `finished`, by `failed`, by a Stop or by the End."""

    id: str
    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    extensions: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The client completed this operation. Its id may be started again by the very next step."""

    id: str


@dataclass(frozen=True, slots=True)
class Send:
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """Close the socket."""

    code: int
    reason: str


Step = Open | Start | Stop | Send | End


class GraphQLTransportWS:
    """One socket. An id in `operations` runs: it was started, and neither side has ended it."""

    __slots__ = ("most_operations", "operations", "phase")

    def __init__(self, most_operations: int = 100) -> None:
        self.most_operations = most_operations
        self.phase = Phase.WAITING
        self.operations: set[str] = set()

    def received(self, text: str) -> list[Step]:
        """A text frame came."""
        if self.phase is Phase.ENDED:
            return []
        try:
            if self.phase is Phase.WAITING and len(text) > FIRST_FRAME:
                raise MalformedRequest(f"A message before connection_init may have {FIRST_FRAME} characters.")
            return self.answer(message_in(text))
        except MalformedRequest as error:
            return self.end(MALFORMED, str(error))

    def received_binary(self) -> list[Step]:
        """A binary frame came, whatever it holds."""
        return self.end(MALFORMED, "Messages are text frames, not binary ones.")

    def waited(self) -> list[Step]:
        """The time for connection_init has passed."""
        return self.end(NO_INIT, "Connection initialisation timeout") if self.phase is Phase.WAITING else []

    def acknowledge(self, payload: Mapping[str, Any] | None = None) -> list[Step]:
        """Answers Open: operations may come now."""
        if self.phase is not Phase.OPENING:
            return []
        self.phase = Phase.READY
        return [message("connection_ack", payload=payload)]

    def refuse(self, reason: str = "Forbidden") -> list[Step]:
        """Answers Open; also later, when the rights that the socket was opened with are gone."""
        return self.end(FORBIDDEN, reason)

    def end(self, code: int, reason: str) -> list[Step]:
        """Closes the socket for a reason of the caller's own."""
        if self.phase is Phase.ENDED:
            return []
        self.phase = Phase.ENDED
        self.operations.clear()
        return [End(code, cut(reason))]

    def takes(self, id: str) -> bool:
        """Whether a `next` for this operation may still be sent."""
        return id in self.operations

    def finished(self, id: str) -> list[Step]:
        """The source ended, or the query is answered. Nothing to tell where the client stopped it before."""
        if id not in self.operations:
            return []
        self.operations.remove(id)
        return [message("complete", id=id)]

    def failed(self, id: str, errors: Sequence[Mapping[str, Any]]) -> list[Step]:
        """The operation ended by errors, at least one, formatted for the client; no `complete` follows."""
        if id not in self.operations:
            return []
        self.operations.remove(id)
        return [message("error", payload=errors, id=id)]

    # ---------------------------------------------------------------- messages of the client

    def answer(self, sent: Mapping[str, Any]) -> list[Step]:
        match sent.get("type"):
            case "connection_init":
                return self.init(object_in(sent, "payload"))
            case "subscribe":
                return self.subscribe(start_in(sent))
            case "complete":
                return self.complete(id_in(sent))
            case "ping":
                return [message("pong", payload=object_in(sent, "payload"))]
            case "pong":
                object_in(sent, "payload")
                return []
            case unknown:
                raise MalformedRequest(why_unknown(unknown))

    def init(self, payload: Mapping[str, Any] | None) -> list[Step]:
        if self.phase is not Phase.WAITING:
            return self.end(SECOND_INIT, "Too many initialisation requests")
        self.phase = Phase.OPENING
        return [Open(payload)]

    def subscribe(self, start: Start) -> list[Step]:
        if self.phase is not Phase.READY:
            return self.end(UNAUTHORIZED, "Unauthorized")
        if start.id in self.operations:
            return self.end(TAKEN, f"Subscriber for {start.id} already exists")
        if len(self.operations) >= self.most_operations:
            told = f"A socket runs at most {self.most_operations} operations at once."
            return [message("error", payload=[{"message": told, "extensions": {"code": "BAD_REQUEST"}}], id=start.id)]
        self.operations.add(start.id)
        return [start]

    def complete(self, id: str) -> list[Step]:
        if id not in self.operations:
            return []  # it may have ended while the message was on its way
        self.operations.remove(id)
        return [Stop(id)]


def message(type: str, **members: object) -> Send:
    """A message of ours; members that are None are left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return Send(orjson.dumps({"type": type, **given}).decode())


def start_in(sent: Mapping[str, Any]) -> Start:
    """The operation that a subscribe message asks for."""
    id, payload = id_in(sent), object_in(sent, "payload")
    if payload is None:
        raise MalformedRequest("A subscribe message has a payload.")
    query, name, extensions = payload.get("query"), payload.get("operationName"), object_in(payload, "extensions")
    if query is None and extensions and "persistedQuery" in extensions:
        query = ""  # it is known by its hash
    if not isinstance(query, str):
        raise MalformedRequest(f"A query is a string, not {kind(query)}.")
    if not isinstance(name, str | None):
        raise MalformedRequest(f"An operationName is a string, not {kind(name)}.")
    return Start(id, query, object_in(payload, "variables"), name, extensions)


def next_message(id: str, payload: bytes) -> bytes:
    """A result, from its ready JSON. The id stands last, so that what stands before it can be shared by many sockets."""
    return NEXT_HEAD + payload + id_tail(id)


def id_tail(id: str) -> bytes:
    """What follows the payload of a `next`."""
    return b',"id":' + orjson.dumps(id) + b"}"


def cut(reason: str) -> str:
    """As much of it as a close frame holds."""
    return reason.encode(errors="replace")[:LONGEST_REASON].decode(errors="ignore")
