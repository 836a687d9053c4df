"""What can be done to a ticket: pure rules on a Change, no I/O. Each verb bears the name of its mutation.

Raises the refusals of models.core.errors; a change whose verb was refused is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from models.changes.change import TicketChange, build_merged_refusal, serialize_ticket
from models.core import text, time
from models.core.errors import Code, InvalidInput
from models.log.event import EventType, Json
from models.people.team import Category, Team
from models.people.user import User
from models.sla.inputs import Side
from models.tickets.lifecycle import Action, CloseReason, Priority, Stage, Status, TransitionRefused
from models.tickets.message import Kind, Message
from models.tickets.ticket import INVERSE, LinkKind, TicketResource

MAX_SCORE = 5


def create(change: TicketChange, tags: Sequence[str], resources: Sequence[TicketResource]) -> None:
    """A new ticket, as the caller filled it in."""
    if len(tags) > text.TAGS:
        raise InvalidInput(Code.INVALID, f"At most {text.TAGS} tags.", "tags")
    change.creates_ticket = True
    change.ticket.status_since = change.at
    change.added_tags = list(tags)
    change.resources = list(resources)
    changes: dict[str, Json] = {
        name: [None, value] for name, value in serialize_ticket(change.ticket).items() if value is not None
    }
    if tags:
        changes["tags"] = [[], list(tags)]
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
) -> None:
    """New subject, priority, category, tags or external key; what is None stays. `tags` are those it has now.

    A new category sends the ticket to its team, whose `members` are.
    """
    change.added_tags = [tag for tag in add_tags if tag not in current_tags and tag not in remove_tags]
    change.removed_tags = [tag for tag in current_tags if tag in remove_tags]
    after = [tag for tag in current_tags if tag not in remove_tags] + change.added_tags
    if len(after) > text.TAGS:
        raise InvalidInput(Code.INVALID, f"At most {text.TAGS} tags; these would be {len(after)}.", "addTags")
    values: dict[str, object] = {}
    if subject is not None:
        values["subject"] = subject
    if priority is not None:
        values["priority"] = priority
    if category is not None:
        values["category_id"] = category.id
    if external is not None:
        values["external_scope"], values["external_id"] = external
    changes = change.set(**values)
    if change.added_tags or change.removed_tags:
        changes["tags"] = [list(current_tags), after]
    if changes:
        change.log(EventType.TICKET_UPDATED, changes)
    if "category_id" in changes and category is not None:
        move_to_team(change, category.team_id, member_ids)


def assign(change: TicketChange, assignee: User | None, choice: Mapping[str, Json] | None = None) -> None:
    """Give the ticket to somebody, or to nobody. The first assignment of a new ticket starts it.

    `choice` says by which rule and among whom, where a rule chose.
    """
    if assignee is not None and not assignee.is_staff:
        raise InvalidInput(Code.INVALID, "Tickets are assigned to active agents and admins.", "assigneeId")
    changes = change.set(assignee_id=assignee.id if assignee else None)
    if not changes:
        return
    change.log(EventType.ASSIGNED, changes, choice=choice)
    if assignee is not None and change.ticket.status is Status.NEW:
        change.transition(Action.START)


def transfer(change: TicketChange, team: Team, member_ids: Sequence[UUID]) -> None:
    """Hand the ticket to another team."""
    move_to_team(change, team.id, member_ids)


def move_to_team(change: TicketChange, team_id: UUID, member_ids: Sequence[UUID]) -> None:
    """To another team; an assignee who is not one of its members loses the ticket."""
    changes = change.set(team_id=team_id)
    if not changes:
        return
    change.log(EventType.TRANSFERRED, changes)
    if change.ticket.assignee_id is not None and change.ticket.assignee_id not in member_ids:
        change.log(EventType.ASSIGNED, change.set(assignee_id=None))


def start(change: TicketChange) -> None:
    change.transition(Action.START)


def await_customer(change: TicketChange) -> None:
    change.transition(Action.AWAIT_CUSTOMER)


def hold(change: TicketChange, until: datetime | None) -> None:
    """Park the ticket, until an instant where one is given."""
    if until is not None and until <= change.at:
        raise InvalidInput(Code.INVALID, "This instant has passed.", "until")
    change.transition(Action.HOLD, held_until=until)


def resume(change: TicketChange) -> None:
    change.transition(Action.RESUME)


def resolve(change: TicketChange, resolution: str) -> None:
    change.transition(Action.RESOLVE, resolution, resolution=resolution, resolved_at=change.at)


def close(change: TicketChange, reason: CloseReason | None) -> None:
    """End the ticket. A resolved one is confirmed; an unresolved one needs a reason, which for a customer is to withdraw it."""
    resolved = change.ticket.status is Status.RESOLVED
    if change.ticket.status is Status.CLOSED:
        return change.transition(Action.CLOSE)
    if change.actor.is_customer:
        own = CloseReason.RESOLVED if resolved else CloseReason.WITHDRAWN
        if reason not in (None, own):
            raise InvalidInput(Code.INVALID, f"You can close this ticket as {own.name} only.", "reason")
        reason = own
    elif reason is None:
        if not resolved:
            raise InvalidInput(Code.REQUIRED, "Closing an unresolved ticket needs a reason.", "reason")
        reason = CloseReason.RESOLVED
    change.transition(Action.CLOSE, close_reason=reason, closed_at=change.at)
    return None


def reopen(change: TicketChange, reason: str | None) -> None:
    """Take a resolved or closed ticket up again; what its end said stays in the log."""
    side = Side.CUSTOMER if change.actor.is_customer else Side.TEAM
    change.transition(Action.REOPEN, reason, side, resolution=None, resolved_at=None, close_reason=None, closed_at=None)


def escalate(change: TicketChange, reason: str) -> None:
    """Ask for more attention: one level more."""
    if not change.ticket.is_open:
        raise InvalidInput(Code.INVALID, "A ticket that is resolved or closed can't be escalated; reopen it first.", "ticketId")
    change.log(EventType.ESCALATED, change.set(escalation_level=change.ticket.escalation_level + 1), reason=reason)


def rate(change: TicketChange, score: int, comment: str | None) -> None:
    """How satisfied the customer is, 1 to 5, once the ticket is resolved or closed; rating again replaces it."""
    if not 1 <= score <= MAX_SCORE:
        raise InvalidInput(Code.INVALID, f"A score is 1 to {MAX_SCORE}.", "score")
    if change.ticket.stage is not Stage.CLOSURE:
        raise InvalidInput(Code.INVALID, "A ticket can be rated once it is resolved or closed.", "ticketId")
    change.log(
        EventType.RATED,
        change.set(satisfaction_score=score, satisfaction_comment=comment, rated_at=change.at),
        score=score,
        comment=comment,
    )


def watch(change: TicketChange, user_id: UUID, watcher_ids: Sequence[UUID]) -> None:
    if user_id not in watcher_ids:
        change.added_watchers.append(user_id)
        change.log(EventType.TICKET_UPDATED, {"watchers": [sort_ids(watcher_ids), sort_ids([*watcher_ids, user_id])]})


def unwatch(change: TicketChange, user_id: UUID, watcher_ids: Sequence[UUID]) -> None:
    if user_id in watcher_ids:
        change.removed_watchers.append(user_id)
        left = [watcher for watcher in watcher_ids if watcher != user_id]
        change.log(EventType.TICKET_UPDATED, {"watchers": [sort_ids(watcher_ids), sort_ids(left)]})


def sort_ids(user_ids: Sequence[UUID]) -> Sequence[Json]:
    return sorted(str(user_id) for user_id in user_ids)


def link(change: TicketChange, other: TicketChange, kind: LinkKind, *, is_linked: bool) -> None:
    """Tie two tickets together; both records say so. Nothing changes where they are `linked` so already."""
    if change.ticket.id == other.ticket.id:
        raise InvalidInput(Code.INVALID, "A ticket can't be linked to itself.", "otherId")
    if not is_linked:
        change.add_link(other.ticket, kind)
        other.add_link(change.ticket, INVERSE[kind])


def follow_up(change: TicketChange, original: TicketChange) -> None:
    """Tie a new ticket to the one that it goes on from."""
    link(change, original, LinkKind.FOLLOW_UP_OF, is_linked=False)


def merge(change: TicketChange, into: TicketChange, merged_before: Sequence[TicketChange]) -> None:
    """End a ticket in favour of another. `earlier` are those that were merged into it before; they follow."""
    if change.ticket.id == into.ticket.id:
        raise InvalidInput(Code.INVALID, "A ticket can't be merged into itself.", "intoId")
    if change.ticket.merged_into_id is not None:
        raise build_merged_refusal(change.ticket.status, Action.CLOSE)
    if into.ticket.merged_into_id is not None:
        raise InvalidInput(Code.INVALID, "That ticket was itself merged into another.", "intoId")
    for each in (change, *merged_before):
        end = each.set(merged_into_id=into.ticket.id)
        if each.ticket.status is Status.CLOSED:
            end |= each.set(close_reason=CloseReason.DUPLICATE)
        each.log(EventType.MERGED, end, into_id=str(into.ticket.id))
    if change.ticket.status is not Status.CLOSED:
        change.transition(Action.CLOSE, close_reason=CloseReason.DUPLICATE, closed_at=change.at)
    into.log(EventType.MERGED, from_id=str(change.ticket.id))


def reply(change: TicketChange, body: str, *, is_from_customer: bool) -> Message:
    """A public message.

    A customer's takes up a ticket that waits on them or that has ended; an agent's first one starts a new ticket.
    """
    ticket = change.ticket
    if ticket.merged_into_id is not None:
        raise build_merged_refusal(ticket.status, Action.REOPEN)
    if is_from_customer:
        message = change.add_message(Kind.REPLY, body, Side.CUSTOMER)
        if ticket.status is Status.WAITING_ON_CUSTOMER:
            change.transition(Action.RESUME)
        elif ticket.stage is Stage.CLOSURE:
            reopen(change, None)
        return message
    if ticket.status is Status.CLOSED:
        raise TransitionRefused(
            ticket.status,
            Action.RESUME,
            change.allowed_actions(),
            "A closed ticket takes no replies from the team; reopen it first.",
        )
    message = change.add_message(Kind.REPLY, body, Side.TEAM, first_responded_at=ticket.first_responded_at or change.at)
    if ticket.status is Status.NEW:
        change.transition(Action.START)
    return message


def add_note(change: TicketChange, body: str) -> Message:
    """An internal message; it can always be added."""
    return change.add_message(Kind.NOTE, body)


def remind(change: TicketChange, closes_at: datetime | None) -> None:
    """Remind the customer that the ticket waits for them, or that it closes soon; None where it does not close by itself."""
    status = change.ticket.status
    changes = change.set(reminded_at=change.at)
    change.log(EventType.REMINDED, changes, status=status.value, closes_at=time.text(closes_at) if closes_at else None)
