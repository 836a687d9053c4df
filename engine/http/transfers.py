"""Counts the bytes that one HTTP request and its response hold in memory."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Scope

from engine.limit_refusals import count_refusal
from engine.limits.network import network_of
from engine.limits.transfers import FREE_BYTES, Transfer, TransferBudget, TransferLimitReached
from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection
from engine.server.error_response import RequestRefused

IS_MUTATION = "ticketwire.is_mutation"
"""True in the scope of a request whose response has the result of a mutation."""
RETRY_AFTER_SECONDS = "5"
REASON = "Too many long requests and responses are in transfer. Read the responses, and try again."


class TooManyBytes(RequestRefused):
    """Too many bytes of requests and responses wait for slow clients."""

    def __init__(self, *, is_callers_own: bool) -> None:
        count_refusal("transfer_bytes")
        status, code = (429, "RATE_LIMITED") if is_callers_own else (503, "UNAVAILABLE")
        headers = {"connection": "close", "retry_after": RETRY_AFTER_SECONDS}
        super().__init__(status, REASON, code, **headers)


class LimitedTransfer:
    """One request and its response. Long ones are counted for the network of the client."""

    __slots__ = ("budget", "scope", "transfer")

    def __init__(self, budget: TransferBudget, scope: Scope) -> None:
        self.budget, self.scope = budget, scope
        self.transfer: Transfer | None = None

    def receive(self, size: int) -> None:
        """So many bytes of the body have arrived. Raises TooManyBytes."""
        if size > FREE_BYTES:
            self.resize(size)

    def respond(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The response begins; its body is in memory. Raises TooManyBytes.

        Streams have no Content-Length. Their outbox limits what waits. The response to a mutation
        is counted but not refused, because its client must learn that it was committed.
        """
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if int(length) > FREE_BYTES:
            self.resize(int(length), is_refusable=not self.scope.get(IS_MUTATION))

    def resize(self, size: int, *, is_refusable: bool = True) -> None:
        if self.transfer is None:
            client = self.scope["client"]
            self.transfer = self.budget.begin(network_of(client[0] if client else ""))
        try:
            self.transfer.resize(size, is_refusable=is_refusable)
        except TransferLimitReached as error:
            raise TooManyBytes(is_callers_own=error.is_callers_own) from None

    def end(self) -> None:
        """The response was written. Its bytes count until the client has accepted most of them."""
        if self.transfer is None:
            return
        connection: ClientConnection | None = self.scope.get("extensions", {}).get(
            CONNECTION_EXTENSION
        )
        if connection is None:
            self.transfer.release()
        else:
            connection.on_writable(self.transfer.release)
