"""The life of a ticket as a pure table: which action leads from which status to which. No I/O, no records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, IntEnum

from models.core.errors import Code, Refusal


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
    """Ordered: a higher number is more pressing."""

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
    """The life cycle has no such step from where the ticket stands (now, or by the time the write came)."""

    def __init__(
        self,
        status: Status,
        action: Action,
        allowed: Sequence[Action],
        message: str | None = None,
        code: Code = Code.TRANSITION_REFUSED,
    ) -> None:
        super().__init__(
            code, message or f"A ticket that is {status.name} can't be taken through {action.name}."
        )
        self.status = status
        self.action = action
        self.allowed = list(allowed)


def is_reopen_window_over(closed_at: datetime | None, at: datetime, window: timedelta) -> bool:
    """Whether a ticket that was closed then can no longer be reopened now."""
    return closed_at is not None and at - closed_at > window


def list_allowed_actions(status: Status, *, reopenable: bool = True) -> list[Action]:
    """The steps that lead on from a status, in the table's order."""
    steps = TRANSITIONS[status]
    return [
        action
        for action in steps
        if reopenable or not (status is Status.CLOSED and action is Action.REOPEN)
    ]


def advance(status: Status, action: Action, *, reopenable: bool = True) -> Status:
    """Where the action leads. Raises TransitionRefused where the table has no such step."""
    target = TRANSITIONS[status].get(action)
    if target is None:
        raise TransitionRefused(status, action, list_allowed_actions(status, reopenable=reopenable))
    if status is Status.CLOSED and not reopenable:
        raise TransitionRefused(
            status,
            action,
            list_allowed_actions(status, reopenable=False),
            "The time to reopen this ticket has passed; raise a follow-up ticket.",
            Code.REOPEN_WINDOW_PASSED,
        )
    return target
