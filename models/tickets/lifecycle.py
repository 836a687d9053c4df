"""The life cycle of a ticket as a table: which action leads from which status to which. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, IntEnum

from models.core.errors import Refusal, UserErrorCode


class Status(Enum):
    NEW = "new"
    OPEN = "open"
    WAITING_ON_CUSTOMER = "waiting_on_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Stage(Enum):
    CREATION = "creation"
    RESOLUTION = "resolution"
    CLOSURE = "closure"


class Action(Enum):
    START = "start"
    AWAIT_CUSTOMER = "await_customer"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"


class Priority(IntEnum):
    """Ordered: a higher number is a higher priority."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class CloseReason(Enum):
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"
    SPAM = "spam"
    INVALID = "invalid"
    ABANDONED = "abandoned"


UNRATED_CLOSE_REASONS = frozenset({CloseReason.DUPLICATE, CloseReason.SPAM, CloseReason.INVALID})
"""The requester does not rate tickets that were closed for these reasons: no work was done."""

STAGES: Mapping[Status, Stage] = {
    Status.NEW: Stage.CREATION,
    Status.OPEN: Stage.RESOLUTION,
    Status.WAITING_ON_CUSTOMER: Stage.RESOLUTION,
    Status.ON_HOLD: Stage.RESOLUTION,
    Status.RESOLVED: Stage.CLOSURE,
    Status.CLOSED: Stage.CLOSURE,
}

OPEN_STATUSES = frozenset(status for status, stage in STAGES.items() if stage is not Stage.CLOSURE)

TRANSITIONS: Mapping[Status, Mapping[Action, Status]] = {
    Status.NEW: {
        Action.START: Status.OPEN,
        Action.AWAIT_CUSTOMER: Status.WAITING_ON_CUSTOMER,
        Action.HOLD: Status.ON_HOLD,
        Action.RESOLVE: Status.RESOLVED,
        Action.CLOSE: Status.CLOSED,
    },
    Status.OPEN: {
        Action.AWAIT_CUSTOMER: Status.WAITING_ON_CUSTOMER,
        Action.HOLD: Status.ON_HOLD,
        Action.RESOLVE: Status.RESOLVED,
        Action.CLOSE: Status.CLOSED,
    },
    Status.WAITING_ON_CUSTOMER: {
        Action.RESUME: Status.OPEN,
        Action.HOLD: Status.ON_HOLD,
        Action.RESOLVE: Status.RESOLVED,
        Action.CLOSE: Status.CLOSED,
    },
    Status.ON_HOLD: {
        Action.RESUME: Status.OPEN,
        Action.HOLD: Status.ON_HOLD,
        Action.AWAIT_CUSTOMER: Status.WAITING_ON_CUSTOMER,
        Action.RESOLVE: Status.RESOLVED,
        Action.CLOSE: Status.CLOSED,
    },
    Status.RESOLVED: {
        Action.CLOSE: Status.CLOSED,
        Action.REOPEN: Status.OPEN,
    },
    Status.CLOSED: {
        Action.REOPEN: Status.OPEN,
    },
}

CUSTOMER_ACTIONS = frozenset({Action.CLOSE, Action.REOPEN})


class TransitionRefused(Refusal):
    """The ticket's status does not permit the action. `allowed` lists the permitted actions."""

    def __init__(
        self,
        status: Status,
        action: Action,
        allowed: Sequence[Action],
        message: str | None = None,
        code: UserErrorCode = UserErrorCode.TRANSITION_REFUSED,
    ) -> None:
        super().__init__(
            code, message or f"The action {action.name} is not allowed in the status {status.name}."
        )
        self.status = status
        self.action = action
        self.allowed = list(allowed)


def is_reopen_window_over(closed_at: datetime | None, at: datetime, window: timedelta) -> bool:
    """Whether a ticket that was closed at `closed_at` can no longer be reopened at `at`."""
    return closed_at is not None and at - closed_at > window


def list_allowed_actions(status: Status, *, reopenable: bool = True) -> list[Action]:
    """The actions that a status permits, in the order of TRANSITIONS.

    `reopenable` is false if the time to reopen a CLOSED ticket has passed.
    """
    if status is Status.CLOSED and not reopenable:
        return [action for action in TRANSITIONS[status] if action is not Action.REOPEN]
    return list(TRANSITIONS[status])


def advance(status: Status, action: Action, *, reopenable: bool = True) -> Status:
    """The status after the action. Raises TransitionRefused if `status` does not permit it."""
    target = TRANSITIONS[status].get(action)
    if target is None:
        raise TransitionRefused(status, action, list_allowed_actions(status, reopenable=reopenable))
    if status is Status.CLOSED and not reopenable:
        raise TransitionRefused(
            status,
            action,
            list_allowed_actions(status, reopenable=False),
            "The time to reopen this ticket has passed. Create a follow-up ticket.",
            UserErrorCode.REOPEN_WINDOW_PASSED,
        )
    return target


def build_merged_refusal(status: Status, action: Action) -> TransitionRefused:
    message = "This ticket was merged into another ticket. Use that ticket instead."
    return TransitionRefused(status, action, [], message)
