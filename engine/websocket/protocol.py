"""graphql-transport-ws as a state machine without I/O: it takes messages and returns steps.

Source: PROTOCOL.md of graphql-ws. A message that breaks the protocol closes the socket with the
protocol's code and a reason. An error of one operation ends only that operation. After CloseSocket,
no method returns a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from engine.graphql.request import GraphQLRequest, MalformedRequest, get_object
from engine.limit_refusals import count_refusal
from engine.websocket.messages import describe_unknown_type, parse_message, read_id

MAX_FIRST_MESSAGE_CHARS = 16 * 1024
"""The limit for a text frame until connection_init has come. The client is not authenticated yet,
and connection_init only needs to hold a token."""

MAX_REASON_BYTES = 123
"""A close frame holds 125 bytes, two of which are the code (RFC 6455, section 5.5)."""

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
MALFORMED = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBPROTOCOL_NOT_ACCEPTABLE = 4406
INIT_TIMEOUT = 4408
DUPLICATE_ID = 4409
DUPLICATE_INIT = 4429

NEXT_PREFIX = b'{"type":"next","payload":'


class Phase(Enum):
    WAITING = "connection_init has not come yet"
    OPENING = "connection_init has come, but is not acknowledged yet"
    READY = "acknowledged"
    ENDED = "closed or closing"


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Authenticate the client, then call `acknowledge` or `refuse`."""

    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StartOperation:
    """Execute an operation. It ends with `complete`, `fail`, a StopOperation or a CloseSocket."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class StopOperation:
    """Stop an operation that the client completed. The next step may reuse its id."""

    id: str


@dataclass(frozen=True, slots=True)
class SendMessage:
    text: str


@dataclass(frozen=True, slots=True)
class CloseSocket:
    code: int
    reason: str


Step = Authenticate | StartOperation | StopOperation | SendMessage | CloseSocket


class GraphQLTransportWS:
    """The state of one socket. `operations` holds the ids of the operations that run."""

    __slots__ = ("max_operations", "operations", "phase")

    def __init__(self, max_operations: int = 100) -> None:
        self.max_operations = max_operations
        self.phase = Phase.WAITING
        self.operations: set[str] = set()

    # ---------------------------------------------------------------- events

    def receive_text(self, text: str) -> list[Step]:
        if self.phase is Phase.ENDED:
            return []
        try:
            if self.phase is Phase.WAITING and len(text) > MAX_FIRST_MESSAGE_CHARS:
                count_refusal("first_message_characters")
                raise MalformedRequest(
                    "A message before connection_init must have "
                    f"at most {MAX_FIRST_MESSAGE_CHARS} characters."
                )
            return self.handle_message(parse_message(text))
        except MalformedRequest as error:
            return self.close(MALFORMED, str(error))

    def receive_binary(self) -> list[Step]:
        return self.close(MALFORMED, "Messages must be text frames, not binary frames.")

    def expire_init(self) -> list[Step]:
        """Close if connection_init has not come within its time limit."""
        if self.phase is not Phase.WAITING:
            return []
        count_refusal("connection_init_seconds")
        return self.close(INIT_TIMEOUT, "Connection initialisation timeout")

    def acknowledge(self, payload: Mapping[str, Any] | None = None) -> list[Step]:
        """Accept the client after Authenticate. From now on it may start operations."""
        if self.phase is not Phase.OPENING:
            return []
        self.phase = Phase.READY
        return [build_message("connection_ack", payload=payload)]

    def refuse(self, reason: str = "Forbidden") -> list[Step]:
        """Refuse the client after Authenticate, or later if its permission ends."""
        return self.close(FORBIDDEN, reason)

    def close(self, code: int, reason: str) -> list[Step]:
        if self.phase is Phase.ENDED:
            return []
        self.phase = Phase.ENDED
        self.operations.clear()
        return [CloseSocket(code, truncate_reason(reason))]

    def is_running(self, id: str) -> bool:
        """Whether a `next` for this operation may still be sent."""
        return id in self.operations

    def complete(self, id: str) -> list[Step]:
        """End an operation that has sent all its results, unless the client has stopped it."""
        if id not in self.operations:
            return []
        self.operations.remove(id)
        return [build_message("complete", id=id)]

    def fail(self, id: str, errors: Sequence[Mapping[str, Any]]) -> list[Step]:
        """End an operation with formatted errors, at least one. No `complete` follows."""
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
        if len(self.operations) >= self.max_operations:
            count_refusal("socket_operations")
            text = f"Too many operations: at most {self.max_operations} may run on a socket."
            error = {"message": text, "extensions": {"code": "BAD_REQUEST"}}
            return [build_message("error", payload=[error], id=start.id)]
        self.operations.add(start.id)
        return [start]

    def handle_complete(self, id: str) -> list[Step]:
        if id not in self.operations:
            return []  # it may have ended while the message was on its way
        self.operations.remove(id)
        return [StopOperation(id)]


def build_message(type: str, **members: object) -> SendMessage:
    """Encode a message of the server. Members that are None are left out."""
    present = {name: value for name, value in members.items() if value is not None}
    return SendMessage(orjson.dumps({"type": type, **present}).decode())


def read_subscribe(message: Mapping[str, Any]) -> StartOperation:
    id, payload = read_id(message), get_object(message, "payload")
    if payload is None:
        raise MalformedRequest("A subscribe message must have a payload.")
    return StartOperation(id, GraphQLRequest.from_mapping(payload))


def encode_next_message(id: str, payload: bytes) -> bytes:
    """Encode a `next` message from its JSON payload.

    The id comes last, so that all sockets can share the bytes before it.
    """
    return NEXT_PREFIX + payload + encode_next_suffix(id)


def encode_next_suffix(id: str) -> bytes:
    """The part of a `next` message after its payload."""
    return b',"id":' + orjson.dumps(id) + b"}"


def truncate_reason(reason: str) -> str:
    """Shorten a reason to what a close frame can hold."""
    return reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
