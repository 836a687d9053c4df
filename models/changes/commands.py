"""The commands on tickets: pure functions that modify a TicketChange, without I/O.

A command has the name of its mutation, except `remind`, which is for a background job. Commands may
raise a Refusal. Discard a change after a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.serialization import serialize_ticket
from models.core import text, time
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType, Json
from models.people.team import Category, Team
from models.people.user import User
from models.sla.inputs import Side
from models.tickets.lifecycle import (
    Action,
    CloseReason,
    Priority,
    Stage,
    Status,
    TransitionRefused,
    build_merged_refusal,
)
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import TicketResource


def create(
    change: TicketChange,
    tags: Sequence[str],
    resources: Sequence[TicketResource],
    custom_fields: Mapping[str, Json] | None = None,
) -> None:
    """Create the change's ticket, whose columns the caller has set.

    `custom_fields` are the changes of values that `custom_values.set_custom_values` has made.
    """
    max_tags = change.limits.max_tags_per_ticket
    if len(tags) > max_tags:
        message = f"must have at most {max_tags} tags; it has {len(tags)}"
        raise InvalidInput(UserErrorCode.INVALID, message, "tags", limit_name="ticket_tags")
    change.creates_ticket = True
    change.ticket.status_since = change.at
    change.added_tags = list(tags)
    change.set_tag_words(tags)
    change.resources = list(resources)
    logged = serialize_ticket(change.ticket).items()
    changes: dict[str, Json] = {name: [None, value] for name, value in logged if value is not None}
    if tags:
        changes["tags"] = [[], list(tags)]
    changes |= custom_fields or {}
    change.log(EventType.TICKET_CREATED, changes)


def update(
    change: TicketChange,
    *,
    current_tags: Sequence[str],
    subject: str | None = None,
    priority: Priority | None = None,
    category: Category | None = None,
    add_tags: Sequence[str] = (),
    remove_tags: Sequence[str] = (),
    external: tuple[str, str | None] | None = None,
    member_ids: Sequence[UUID] = (),
    resources: Mapping[str, Json] | None = None,
    custom_fields: Mapping[str, Json] | None = None,
    sharing: Mapping[str, Json] | None = None,
) -> None:
    """Change the subject, priority, category, tags or external key. None leaves a value unchanged.

    `external` is the scope and the value of the external key. A new category moves the ticket to
    the category's team; `member_ids` are the members of that team. `resources` is the change that
    `change_resources` has made, `sharing` that of `set_shared_with_organization`; `custom_fields`
    are those that customers may see of `custom_values.set_custom_values`.
    """
    current, removed = (set(map(text.fold_tag, tags)) for tags in (current_tags, remove_tags))
    change.added_tags = [tag for tag in add_tags if text.fold_tag(tag) not in current | removed]
    change.removed_tags = [tag for tag in current_tags if text.fold_tag(tag) in removed]
    after = [tag for tag in current_tags if tag not in change.removed_tags] + change.added_tags
    max_tags = change.limits.max_tags_per_ticket
    if change.added_tags and len(after) > max_tags:
        message = f"can leave at most {max_tags} tags; the ticket would have {len(after)}"
        raise InvalidInput(UserErrorCode.INVALID, message, "addTags", limit_name="ticket_tags")
    values: dict[str, object] = {
        "subject": subject,
        "priority": priority,
        "category_id": category.id if category is not None else None,
    }
    values = {name: value for name, value in values.items() if value is not None}
    if category is not None and not category.active and category.id != change.ticket.category_id:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived category", "category")
    if external is not None:
        values["external_scope"], values["external_id"] = external
    changes = change.set(**values)
    if change.added_tags or change.removed_tags:
        changes["tags"] = [list(current_tags), after]
        change.set_tag_words(after)
    changes |= {**(resources or {}), **(custom_fields or {}), **(sharing or {})}
    if changes:
        change.log(EventType.TICKET_UPDATED, changes)
    if "category_id" in changes and category is not None:
        change.set_team(category.team_id, member_ids)


def assign(
    change: TicketChange,
    assignee: User | None,
    choice: Mapping[str, Json] | None = None,
    *,
    keeps_status: bool = False,
) -> None:
    """Set or remove the assignee. Assigning a NEW ticket also starts it, unless `keeps_status`.

    `choice` is logged if a rule chose the assignee: it states the rule and the candidates.
    """
    if assignee is not None and not assignee.is_staff:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active agent or admin", "assigneeId")
    changes = change.set(assignee_id=assignee.id if assignee else None)
    if not changes:
        return
    change.log(EventType.ASSIGNED, changes, choice=choice)
    is_by_rule = change.actor.user is None and change.actor.client is None
    change.set_kept_unassigned(assignee is None and not is_by_rule)
    if assignee is not None and change.ticket.status is Status.NEW and not keeps_status:
        change.transition(Action.START)


def transfer(change: TicketChange, team: Team, member_ids: Sequence[UUID]) -> None:
    """Move the ticket to another team, whose members are `member_ids`."""
    if not team.active and team.id != change.ticket.team_id:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived team", "team")
    change.set_team(team.id, member_ids)


def start(change: TicketChange) -> None:
    """Start work on a NEW ticket."""
    change.transition(Action.START)


def await_customer(change: TicketChange) -> None:
    """Wait for the customer's reply."""
    change.transition(Action.AWAIT_CUSTOMER)


def hold(change: TicketChange, until: datetime | None) -> None:
    """Put the ticket on hold, until it is resumed or until the instant `until`.

    For a ticket that is on hold already, `until` replaces the earlier instant.
    """
    if until is not None and until <= change.at:
        raise InvalidInput(UserErrorCode.INVALID, "must be in the future", "until")
    change.transition(Action.HOLD, held_until=until)


def resume(change: TicketChange) -> None:
    """Resume work on a ticket that waits or is on hold."""
    change.transition(Action.RESUME)


def resolve(change: TicketChange, resolution: str) -> None:
    """Resolve the ticket. `resolution` is the answer to the customer.

    If the team has not replied yet, it is also the first response.
    """
    change.transition(
        Action.RESOLVE,
        resolution,
        resolution=resolution,
        resolved_at=change.at,
        first_responded_at=change.ticket.first_responded_at or change.at,
    )


def close(change: TicketChange, reason: CloseReason | None) -> None:
    """Close the ticket.

    The reason defaults to RESOLVED for a resolved ticket, and is required for any other ticket.
    Customers can only confirm a resolved ticket (RESOLVED) or withdraw another one (WITHDRAWN).
    Closing an unresolved ticket as RESOLVED also resolves it.
    """
    is_resolved = change.ticket.status is Status.RESOLVED
    if change.ticket.status is Status.CLOSED:
        change.transition(Action.CLOSE)  # always refused
        return
    if change.actor.is_customer:
        permitted = CloseReason.RESOLVED if is_resolved else CloseReason.WITHDRAWN
        if reason not in (None, permitted):
            message = f"must be {permitted.name}, the only reason that a customer can give here"
            raise InvalidInput(UserErrorCode.INVALID, message, "reason")
        reason = permitted
    elif reason is None:
        if not is_resolved:
            message = "is required to close a ticket that is not resolved"
            raise InvalidInput(UserErrorCode.REQUIRED, message, "reason")
        reason = CloseReason.RESOLVED
    resolved_at, responded_at = change.ticket.resolved_at, change.ticket.first_responded_at
    if reason is CloseReason.RESOLVED and not is_resolved:
        resolved_at, responded_at = change.at, responded_at or change.at
    change.transition(
        Action.CLOSE,
        close_reason=reason,
        closed_at=change.at,
        resolved_at=resolved_at,
        first_responded_at=responded_at,
    )


def reopen(change: TicketChange, reason: str | None) -> None:
    """Reopen a resolved or closed ticket. Its resolution and close reason remain in the log."""
    side = Side.CUSTOMER if change.actor.is_customer else Side.TEAM
    change.transition(
        Action.REOPEN,
        reason,
        side,
        resolution=None,
        resolved_at=None,
        close_reason=None,
        closed_at=None,
    )


def escalate(change: TicketChange, reason: str) -> None:
    """Raise the escalation level of an open ticket by one."""
    if not change.ticket.is_open:
        message = "A resolved or closed ticket can't be escalated. Reopen it first."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    changes = change.set(escalation_level=change.ticket.escalation_level + 1)
    change.log(EventType.ESCALATED, changes, reason=reason)


def reply(
    change: TicketChange, body: str, *, is_from_customer: bool, keeps_status: bool = False
) -> Message:
    """Add a public message.

    A customer's reply resumes a waiting ticket, and reopens a resolved or closed one. A reply of
    the team starts a NEW ticket. With `keeps_status`, another change of the status follows instead.
    """
    ticket, responded_at = change.ticket, change.ticket.first_responded_at
    if ticket.merged_into_id is not None:
        raise build_merged_refusal(ticket.status, Action.REOPEN)
    if is_from_customer:
        message = change.add_message(MessageKind.REPLY, body, Side.CUSTOMER)
        if not keeps_status:
            resume_for_customer(change)
        return message
    if ticket.status is Status.CLOSED:
        explanation = "The team can't reply to a closed ticket. Reopen it first."
        allowed = change.allowed_actions()
        raise TransitionRefused(ticket.status, Action.RESUME, allowed, explanation)
    message = change.add_message(
        MessageKind.REPLY, body, Side.TEAM, first_responded_at=responded_at or change.at
    )
    if ticket.status is Status.NEW and not keeps_status:
        change.transition(Action.START)
    return message


def resume_for_customer(change: TicketChange) -> None:
    """Resume a ticket that waits for the customer, and reopen a resolved or closed one."""
    if change.ticket.status is Status.WAITING_ON_CUSTOMER:
        change.transition(Action.RESUME)
    elif change.ticket.stage is Stage.CLOSURE:
        reopen(change, None)


def add_note(change: TicketChange, body: str) -> Message:
    """Add an internal message. This is possible in every status."""
    return change.add_message(MessageKind.NOTE, body)


def remind(change: TicketChange, closes_at: datetime | None) -> None:
    """Log a reminder to the customer: the ticket waits for them, or closes soon.

    `closes_at` is when the ticket closes automatically; None if it does not.
    """
    status = change.ticket.status
    changes = change.set(reminded_at=change.at)
    change.log(
        EventType.REMINDED,
        changes,
        status=status.value,
        closes_at=time.format_instant(closes_at) if closes_at else None,
    )
