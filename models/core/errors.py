"""Refusals and errors, with stable codes.

Refusal             a user error that the client can correct; nothing was changed
  InvalidInput
  TransitionRefused   (in models.tickets.lifecycle)
  StaleVersion
  UnseenMessages
Refusals            several user errors
ApiError            a GraphQL error, with `extensions.code`
  Unauthenticated, Forbidden, TicketNotFound, RateLimited, BadRequest, TooExpensive
  CursorInvalid, CursorExpired
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any
from uuid import UUID

INPUT_LENGTH = "input_length"
"""The name of the limits on texts and lists in inputs, in the metric of reached limits."""


class UserErrorCode(Enum):
    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    NOT_FOUND = "NOT_FOUND"
    TAKEN = "TAKEN"
    TRANSITION_REFUSED = "TRANSITION_REFUSED"
    REOPEN_WINDOW_PASSED = "REOPEN_WINDOW_PASSED"
    STALE_VERSION = "STALE_VERSION"
    UNSEEN_MESSAGES = "UNSEEN_MESSAGES"
    SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
    NOT_ENABLED = "NOT_ENABLED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class Refusal(Exception):
    """The request can't be carried out as it is. Nothing was changed.

    `field` is the path of the input field that is wrong, if any.
    """

    limit_name: str | None = None
    """The limit that the request exceeds, for the metric."""

    def __init__(
        self, code: UserErrorCode, message: str, field: Sequence[str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = list(field) if field is not None else None


class Refusals(Exception):
    """Several refusals at once, so that a form can show all errors of an input."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} refusals")
        self.refusals = list(refusals)


@contextmanager
def collect_refusals(refusals: list[Refusal]) -> Generator[None]:
    """Add the refusals that the block raises to the list, so that later checks can add theirs."""
    try:
        yield
    except Refusal as refusal:
        refusals.append(refusal)
    except Refusals as several:
        refusals += several.refusals


class InvalidInput(Refusal):
    """A value is missing, malformed, unknown or taken.

    `path` is the value's path below `input`; it is empty if the error is not about one field.
    """

    def __init__(
        self, code: UserErrorCode, message: str, *path: str, limit_name: str | None = None
    ) -> None:
        super().__init__(code, message, ("input", *path) if path else None)
        is_too_long = code is UserErrorCode.TOO_LONG
        self.limit_name = limit_name or (INPUT_LENGTH if is_too_long else None)


class StaleVersion(Refusal):
    """The ticket or record has changed since the client read it."""

    def __init__(self, current: int, kind: str = "ticket") -> None:
        super().__init__(
            UserErrorCode.STALE_VERSION,
            f"The {kind} has changed; its version is now {current}. Read it again.",
            ("input", "expectedVersion"),
        )
        self.current = current


class UnseenMessages(Refusal):
    """There are messages after the last cursor that the writer had seen."""

    def __init__(self, message_ids: Sequence[UUID]) -> None:
        super().__init__(
            UserErrorCode.UNSEEN_MESSAGES,
            f"{len(message_ids)} unseen message(s) after lastSeenCursor. Read them first.",
            ("input", "lastSeenCursor"),
        )
        self.message_ids = list(message_ids)


class ApiError(Exception):
    """The request, or one root field, is refused. Clients distinguish errors by `code`."""

    code = "BAD_REQUEST"

    def __init__(self, message: str, limit_name: str | None = None) -> None:
        """`limit_name` is the limit that the request exceeds, if any, for the metric."""
        super().__init__(message)
        self.message = message
        self.limit_name = limit_name


class Unauthenticated(ApiError):
    code = "UNAUTHENTICATED"


class Forbidden(ApiError):
    code = "FORBIDDEN"


class TicketNotFound(ApiError):
    """The ticket of a subscription does not exist, or the viewer can't see it."""

    code = "NOT_FOUND"


class BadRequest(ApiError):
    code = "BAD_REQUEST"


class TooExpensive(ApiError):
    code = "QUERY_TOO_EXPENSIVE"


class CursorInvalid(ApiError):
    code = "CURSOR_INVALID"


class CursorExpired(ApiError):
    code = "CURSOR_EXPIRED"


class RateLimited(ApiError):
    """Too many attempts. The next one is allowed after `retry_after_ms` milliseconds."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_ms: int, limit_name: str) -> None:
        super().__init__(message, limit_name)
        self.retry_after_ms = retry_after_ms


def explain_error(error: Exception) -> Mapping[str, Any] | None:
    """The message and code that clients receive for an ApiError; None for any other exception.

    Any other exception is a bug, and clients receive no details of it.
    """
    if isinstance(error, RateLimited):
        return {"message": error.message, "code": error.code, "retryAfterMs": error.retry_after_ms}
    if isinstance(error, ApiError):
        return {"message": error.message, "code": error.code}
    return None
