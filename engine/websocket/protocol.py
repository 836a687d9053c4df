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

from engine.graphql.request import MalformedRequest, describe_json_type, get_object
from engine.websocket.messages import read_id, parse_message, describe_unknown_type

MAX_FIRST_MESSAGE_CHARACTERS = 16 * 1024
"""Characters of a text frame that are parsed before connection_init came: it holds a token, and who sends it is unknown yet."""

MAX_REASON_BYTES = 123
"""Bytes; a close frame holds 125, and two of them are the code (RFC 6455, section 5.5)."""

MALFORMED, UNAUTHORIZED, FORBIDDEN, INIT_TIMEOUT, DUPLICATE_ID, DUPLICATE_INIT = 4400, 4401, 4403, 4408, 4409, 4429

NEXT_PREFIX = b'{"type":"next","payload":'


class Phase(Enum):
    WAITING = "connection_init has not come yet"
    OPENING = "connection_init came, and is not acknowledged yet"
    READY = "acknowledged"
    ENDED = "closed, or told to be closed"


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Authenticate, then call `acknowledge` or `refuse`."""

    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StartOperation:
    """Run this operation. It ends by `finished`, by `failed`, by a Stop or by the End."""

    id: str
    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    extensions: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StopOperation:
    """The client completed this operation. Its id may be started again by the very next step."""

    id: str


@dataclass(frozen=True, slots=True)
class SendMessage:
    text: str


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the socket."""

    code: int
    reason: str


Step = Authenticate | StartOperation | StopOperation | SendMessage | CloseSocket


class GraphQLTransportWS:
    """One socket. An id in `operations` runs: it was started, and neither side has ended it."""

    __slots__ = ("most_operations", "operations", "phase")

    def __init__(self, max_operations: int = 100) -> None:
        self.most_operations = max_operations
        self.phase = Phase.WAITING
        self.operations: set[str] = set()

    def receive_text(self, text: str) -> list[Step]:
        """A text frame came."""
        if self.phase is Phase.ENDED:
            return []
        try:
            if self.phase is Phase.WAITING and len(text) > MAX_FIRST_MESSAGE_CHARACTERS:
                raise MalformedRequest(f"A message before connection_init may have {MAX_FIRST_MESSAGE_CHARACTERS} characters.")
            return self.handle_message(parse_message(text))
        except MalformedRequest as error:
            return self.close(MALFORMED, str(error))

    def receive_binary(self) -> list[Step]:
        """A binary frame came, whatever it holds."""
        return self.close(MALFORMED, "Messages are text frames, not binary ones.")

    def expire_init(self) -> list[Step]:
        """The time for connection_init has passed."""
        return self.close(INIT_TIMEOUT, "Connection initialisation timeout") if self.phase is Phase.WAITING else []

    def acknowledge(self, payload: Mapping[str, Any] | None = None) -> list[Step]:
        """Answers Open: operations may come now."""
        if self.phase is not Phase.OPENING:
            return []
        self.phase = Phase.READY
        return [build_message("connection_ack", payload=payload)]

    def refuse(self, reason: str = "Forbidden") -> list[Step]:
        """Answers Open; also later, when the rights that the socket was opened with are gone."""
        return self.close(FORBIDDEN, reason)

    def close(self, code: int, reason: str) -> list[Step]:
        """Closes the socket for a reason of the caller's own."""
        if self.phase is Phase.ENDED:
            return []
        self.phase = Phase.ENDED
        self.operations.clear()
        return [CloseSocket(code, truncate_reason(reason))]

    def is_running(self, id: str) -> bool:
        """Whether a `next` for this operation may still be sent."""
        return id in self.operations

    def complete(self, id: str) -> list[Step]:
        """The source ended, or the query is answered. Nothing to tell where the client stopped it before."""
        if id not in self.operations:
            return []
        self.operations.remove(id)
        return [build_message("complete", id=id)]

    def fail(self, id: str, errors: Sequence[Mapping[str, Any]]) -> list[Step]:
        """The operation ended by errors, at least one, formatted for the client; no `complete` follows."""
        if id not in self.operations:
            return []
        self.operations.remove(id)
        return [build_message("error", payload=errors, id=id)]

    # ---------------------------------------------------------------- messages of the client

    def handle_message(self, message: Mapping[str, Any]) -> list[Step]:
        match message.get("type"):
            case "connection_init":
                return self.handle_init(get_object(message, "payload"))
            case "subscribe":
                return self.handle_subscribe(read_subscribe(message))
            case "complete":
                return self.handle_complete(read_id(message))
            case "ping":
                return [build_message("pong", payload=get_object(message, "payload"))]
            case "pong":
                get_object(message, "payload")
                return []
            case unknown:
                raise MalformedRequest(describe_unknown_type(unknown))

    def handle_init(self, payload: Mapping[str, Any] | None) -> list[Step]:
        if self.phase is not Phase.WAITING:
            return self.close(DUPLICATE_INIT, "Too many initialisation requests")
        self.phase = Phase.OPENING
        return [Authenticate(payload)]

    def handle_subscribe(self, start: StartOperation) -> list[Step]:
        if self.phase is not Phase.READY:
            return self.close(UNAUTHORIZED, "Unauthorized")
        if start.id in self.operations:
            return self.close(DUPLICATE_ID, f"Subscriber for {start.id} already exists")
        if len(self.operations) >= self.most_operations:
            told = f"A socket runs at most {self.most_operations} operations at once."
            return [build_message("error", payload=[{"message": told, "extensions": {"code": "BAD_REQUEST"}}], id=start.id)]
        self.operations.add(start.id)
        return [start]

    def handle_complete(self, id: str) -> list[Step]:
        if id not in self.operations:
            return []  # it may have ended while the message was on its way
        self.operations.remove(id)
        return [StopOperation(id)]


def build_message(type: str, **members: object) -> SendMessage:
    """A message of ours; members that are None are left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return SendMessage(orjson.dumps({"type": type, **given}).decode())


def read_subscribe(sent: Mapping[str, Any]) -> StartOperation:
    """The operation that a subscribe message asks for."""
    id, payload = read_id(sent), get_object(sent, "payload")
    if payload is None:
        raise MalformedRequest("A subscribe message has a payload.")
    query, name, extensions = payload.get("query"), payload.get("operationName"), get_object(payload, "extensions")
    if query is None and extensions and "persistedQuery" in extensions:
        query = ""  # it is known by its hash
    if not isinstance(query, str):
        raise MalformedRequest(f"A query is a string, not {describe_json_type(query)}.")
    if not isinstance(name, str | None):
        raise MalformedRequest(f"An operationName is a string, not {describe_json_type(name)}.")
    return StartOperation(id, query, get_object(payload, "variables"), name, extensions)


def next_message(id: str, payload: bytes) -> bytes:
    """A result, from its ready JSON. The id stands last, so that what stands before it can be shared by many sockets."""
    return NEXT_PREFIX + payload + next_suffix(id)


def next_suffix(id: str) -> bytes:
    """What follows the payload of a `next`."""
    return b',"id":' + orjson.dumps(id) + b"}"


def truncate_reason(reason: str) -> str:
    """As much of it as a close frame holds."""
    return reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
