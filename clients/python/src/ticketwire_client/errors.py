"""The exceptions of the client. All inherit from TicketwireError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .models import UserError


class TicketwireError(Exception):
    """An operation or a subscription failed.

    `idempotency_key` is the key of the mutation that failed, if it has one. To find out whether it
    was executed, repeat it with the same input and this key.
    """

    idempotency_key: str | None = None


class NetworkError(TicketwireError):
    """The server did not respond. If `was_sent` is true, it may have executed the operation."""

    def __init__(self, message: str, *, was_sent: bool = True) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class UnexpectedResponseError(TicketwireError):
    """The response is not one of Ticketwire. `status` is its HTTP status, if it has one."""

    def __init__(
        self, message: str, status: int | None = None, retry_after_seconds: float = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class MutationRefused(TicketwireError):
    """The server refused the mutation and changed nothing. The caller can correct the input.

    `errors` has all reasons, some of a class with more details, such as StaleVersion.
    """

    def __init__(self, errors: Sequence[UserError]) -> None:
        super().__init__("; ".join(f"{each.code}: {each.message}" for each in errors))
        self.errors = list(errors)

    @property
    def codes(self) -> list[str]:
        """The codes of the errors; see UserErrorCode."""
        return [each.code for each in self.errors]


class RequestError(TicketwireError):
    """The server refused the request, or failed to execute it.

    `code` is `extensions.code` of the first error, and `request_id` finds the request in the
    server's log. `errors` has the errors as the server sent them.
    """

    def __init__(
        self,
        code: str,
        errors: Sequence[Mapping[str, Any]],
        request_id: str | None = None,
        retry_after_seconds: float = 0,
    ) -> None:
        messages = "; ".join(str(each.get("message", "")) for each in errors)
        super().__init__(f"{code}: {messages}")
        self.code = code
        self.errors = list(errors)
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        """How long the server asks to wait before the next attempt; 0 if it does not say."""


class AuthenticationError(RequestError):
    """The token is missing, unknown, expired or revoked."""


class PermissionDeniedError(RequestError):
    """The viewer may not execute this operation, or the token lacks a scope."""


class NotFoundError(RequestError):
    """The record does not exist for this viewer, or does not exist any more."""


class RateLimitedError(RequestError):
    """The viewer has used up a limit. See `retry_after_seconds`."""


class QueryTooExpensiveError(RequestError):
    """The operation costs more than the server allows."""


class CursorInvalidError(RequestError):
    """This is not a cursor of the log."""


class CursorExpiredError(RequestError):
    """The cursor is older than the log. Read everything again, and continue from a new cursor."""


class UnavailableError(RequestError):
    """The server can't execute the operation at the moment."""


class ServerError(RequestError):
    """The server failed unexpectedly."""


CLASSES: dict[str, type[RequestError]] = {
    "UNAUTHENTICATED": AuthenticationError,
    "FORBIDDEN": PermissionDeniedError,
    "NOT_FOUND": NotFoundError,
    "RATE_LIMITED": RateLimitedError,
    "QUERY_TOO_EXPENSIVE": QueryTooExpensiveError,
    "CURSOR_INVALID": CursorInvalidError,
    "CURSOR_EXPIRED": CursorExpiredError,
    "UNAVAILABLE": UnavailableError,
    "SCANNER_UNAVAILABLE": UnavailableError,
    "INTERNAL": ServerError,
}


def build_request_error(
    errors: Sequence[Mapping[str, Any]],
    extensions: Mapping[str, Any] | None = None,
    retry_after_seconds: float = 0,
) -> RequestError:
    """The exception for top-level errors of a response.

    An error that another attempt may avoid decides the class only if all errors are of this kind.
    """
    details: list[Mapping[str, Any]] = [each.get("extensions") or {} for each in errors]
    codes = [str(each.get("code", "UNKNOWN")) for each in details]
    final = [each for each in codes if each not in ("UNAVAILABLE", "RATE_LIMITED", "INTERNAL")]
    code = (final or codes)[0]
    waits = [each.get("retryAfterMs") for each in details]
    seconds = max([each / 1000 for each in waits if isinstance(each, int)], default=0.0)
    request_ids = [each.get("requestId") for each in (*details, extensions or {})]
    request_id = next((each for each in request_ids if isinstance(each, str)), None)
    wait = max(seconds, retry_after_seconds)
    return CLASSES.get(code, RequestError)(code, errors, request_id, wait)
