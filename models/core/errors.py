"""What can be refused, as facts with stable codes.

Refusal             the caller can act on it; becomes a `userErrors` entry, and nothing was changed
  InvalidInput
  TransitionRefused   (in models.tickets.lifecycle)
  StaleVersion
  UnseenMessages
Refusals            several of them
AccessError         top-level, with `extensions.code`
  Unauthenticated, Forbidden, TicketNotFound, RateLimited, BadRequest, TooExpensive, CursorInvalid, CursorExpired
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from uuid import UUID


class Code(Enum):
    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    NOT_FOUND = "NOT_FOUND"
    TAKEN = "TAKEN"
    TRANSITION_REFUSED = "TRANSITION_REFUSED"
    REOPEN_WINDOW_PASSED = "REOPEN_WINDOW_PASSED"
    STALE_VERSION = "STALE_VERSION"
    UNSEEN_MESSAGES = "UNSEEN_MESSAGES"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class Refusal(Exception):
    """The caller asked for something that can't be done as it stands. Nothing was changed."""

    def __init__(self, code: Code, message: str, field: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = list(field) if field is not None else None


class Refusals(Exception):
    """Several refusals at once, so that a form can show all that is wrong with an input."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} refusals")
        self.refusals = list(refusals)


class InvalidInput(Refusal):
    """A value that is missing, malformed, unknown or taken; `field` is its path, below `input`."""

    def __init__(self, code: Code, message: str, *path: str) -> None:
        super().__init__(code, message, ("input", *path))


class StaleVersion(Refusal):
    """The ticket moved on since the caller read it."""

    def __init__(self, current: int) -> None:
        super().__init__(
            Code.STALE_VERSION,
            f"The ticket has changed since; its version is {current}.",
            ("input", "expectedVersion"),
        )
        self.current = current


class UnseenMessages(Refusal):
    """The conversation moved on since the cursor that the writer had seen."""

    def __init__(self, message_ids: Sequence[UUID]) -> None:
        super().__init__(
            Code.UNSEEN_MESSAGES,
            f"{len(message_ids)} unseen message(s) since lastSeenCursor.",
            ("input", "lastSeenCursor"),
        )
        self.message_ids = list(message_ids)


class AccessError(Exception):
    """The request as a whole (or one root field) is not served; carries the code that clients switch on."""

    code = "BAD_REQUEST"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(AccessError):
    code = "UNAUTHENTICATED"


class Forbidden(AccessError):
    code = "FORBIDDEN"


class TicketNotFound(AccessError):
    """A ticket that a subscription is about does not exist for the viewer."""

    code = "NOT_FOUND"


class BadRequest(AccessError):
    code = "BAD_REQUEST"


class TooExpensive(AccessError):
    code = "QUERY_TOO_EXPENSIVE"


class CursorInvalid(AccessError):
    code = "CURSOR_INVALID"


class CursorExpired(AccessError):
    code = "CURSOR_EXPIRED"


class RateLimited(AccessError):
    """Too many attempts; `retry_after_ms` is when the next one may be made."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
