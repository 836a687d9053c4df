"""A change of the status as a part of a larger change, such as a reply or a macro. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from models.changes import commands
from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets.lifecycle import Action, CloseReason, Status


class ReplyAction(Enum):
    """An action that can follow a reply in the same change."""

    AWAIT_CUSTOMER = Action.AWAIT_CUSTOMER
    HOLD = Action.HOLD
    RESOLVE = Action.RESOLVE
    CLOSE = Action.CLOSE


CUSTOMER_REPLY_ACTIONS = frozenset({ReplyAction.CLOSE})
"""The actions that customers may take with a reply, as they may without one."""

STATUS_AFTER = {Action.START: Status.OPEN, Action.AWAIT_CUSTOMER: Status.WAITING_ON_CUSTOMER}
"""The statuses in which an action that is part of a larger change does nothing.

It has only actions without arguments: a repeated RESOLVE, for example, may change the resolution.
"""


@dataclass(frozen=True, slots=True)
class StatusStep:
    """An action, with the end of a HOLD and the reason of a CLOSE."""

    action: Action
    until: datetime | None = None
    reason: CloseReason | None = None


def find_misplaced_values(
    action: Action | None,
    until: datetime | None,
    reason: CloseReason | None,
    *,
    has_custom_fields: bool = False,
) -> list[InvalidInput]:
    """The refusals of values that belong to another action."""
    refusals: list[InvalidInput] = []
    if until is not None and action is not Action.HOLD:
        message = "is only allowed for the action HOLD"
        refusals.append(InvalidInput(UserErrorCode.INVALID, message, "until"))
    if reason is not None and action is not Action.CLOSE:
        message = "is only allowed for the action CLOSE"
        refusals.append(InvalidInput(UserErrorCode.INVALID, message, "reason"))
    if has_custom_fields and action is not Action.RESOLVE:
        message = "is only allowed for the action RESOLVE"
        refusals.append(InvalidInput(UserErrorCode.INVALID, message, "customFields"))
    return refusals


def apply_status_step(change: TicketChange, step: StatusStep, resolution: str = "") -> None:
    """Apply the action of the step; `resolution` is for RESOLVE.

    START on an OPEN ticket and AWAIT_CUSTOMER on a waiting one change nothing. Raises InvalidInput
    and TransitionRefused, as the commands do.
    """
    if STATUS_AFTER.get(step.action) is change.ticket.status:
        return
    if step.action is Action.START:
        commands.start(change)
    elif step.action is Action.AWAIT_CUSTOMER:
        commands.await_customer(change)
    elif step.action is Action.HOLD:
        commands.hold(change, step.until)
    elif step.action is Action.RESOLVE:
        commands.resolve(change, resolution)
    else:
        assert step.action is Action.CLOSE, step.action
        commands.close(change, step.reason)
