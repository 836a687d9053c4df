"""The commands that merge tickets and undo merges.

They are functions without I/O, which record changes in TicketChange objects.

A *family* is a ticket with all tickets that were merged into it. Its members show one conversation,
so each requester of a family is a participant of all other members.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from models.access.permissions import ADMINISTER, READ_TICKETS
from models.changes import commands
from models.changes.change import TicketChange, build_merged_refusal
from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.time import format_instant
from models.log.event import Event, EventType, Json
from models.sla.inputs import Side
from models.tickets.lifecycle import Action, CloseReason, Status
from models.tickets.message import Message

Participants = Mapping[UUID, Collection[UUID]]
"""The users who participate in each ticket."""
Organizations = Mapping[UUID, UUID | None]
"""The organization of each user."""


@dataclass(frozen=True, slots=True)
class MovedReply:
    """A reply, with its event, that returns to its author's ticket when a merge is undone."""

    event: Event
    message: Message


def merge(
    change: TicketChange,
    into: TicketChange,
    merged_into_this: Sequence[TicketChange],
    merged_into_other: Sequence[TicketChange] = (),
    participants: Participants | None = None,
    *,
    across_requesters: bool = False,
    current_organizations: Organizations | None = None,
    waiting_since: datetime | None = None,
) -> None:
    """Merge the ticket into another and close it as a duplicate.

    The tickets in `merged_into_this` move along with the ticket. `across_requesters` permits that
    the tickets' requesters see each other's conversation. `current_organizations` are those of the
    requesters, which may differ from those of the tickets. `waiting_since` is the time at which the
    customer of the ticket began to wait for an answer, if they wait. The merge then affects the
    other ticket as a customer's reply does. Raises InvalidInput and TransitionRefused.
    """
    source, target = [change, *merged_into_this], [into, *merged_into_other]
    check_can_merge(change, into, len(source) + len(merged_into_other))
    is_across = list_requesters(source) != list_requesters(target)
    if is_across:
        family = [*source, *target]
        check_requesters(
            change, family, current_organizations or {}, across_requesters=across_requesters
        )
        check_participant_count(family, participants or {})
    for each in source:
        changes = each.set(merged_into_id=into.ticket.id)
        if each.ticket.status is Status.CLOSED:
            changes |= each.set(close_reason=CloseReason.DUPLICATE)
        status = each.ticket.status.value
        each.log(EventType.MERGED, changes, into_id=str(into.ticket.id), status=status)
    if change.ticket.status is not Status.CLOSED:
        change.transition(Action.CLOSE, close_reason=CloseReason.DUPLICATE, closed_at=change.at)
    if waiting_since is not None:
        commands.resume_for_customer(into)
    into.log(
        EventType.MERGED,
        from_id=str(change.ticket.id),
        across_requesters=is_across,
        waiting_since=format_instant(waiting_since) if waiting_since else None,
    )
    set_participants([*source, *target], participants or {}, ())
    mark_as_one_action([*source, *target])


def check_can_merge(change: TicketChange, into: TicketChange, merged_count: int) -> None:
    """Raises InvalidInput or TransitionRefused if the ticket can't be merged into the other.

    `merged_count` is the number of tickets that would be merged into the other ticket.
    """
    if change.ticket.id == into.ticket.id:
        raise InvalidInput(UserErrorCode.INVALID, "must be another ticket", "intoId")
    if change.ticket.merged_into_id is not None:
        raise build_merged_refusal(change.ticket.status, Action.CLOSE)
    if into.ticket.merged_into_id is not None:
        message = "must be a ticket that is not itself merged into another"
        raise InvalidInput(UserErrorCode.INVALID, message, "intoId")
    if into.ticket.status is Status.CLOSED:
        message = "must be a ticket that is not closed; reopen it first"
        raise InvalidInput(UserErrorCode.INVALID, message, "intoId")
    max_merged = change.limits.max_merged_tickets
    if merged_count > max_merged:
        message = f"would have more than {max_merged} tickets merged into it"
        raise InvalidInput(UserErrorCode.INVALID, message, "intoId", limit_name="merged_tickets")


def list_requesters(changes: Sequence[TicketChange]) -> set[UUID]:
    return {change.ticket.requester_id for change in changes}


def check_requesters(
    change: TicketChange,
    family: Sequence[TicketChange],
    current_organizations: Organizations,
    *,
    across_requesters: bool,
) -> None:
    """Raises InvalidInput if the actor may not show the family's requesters its conversation."""
    if not across_requesters:
        message = (
            "is required to merge tickets of different requesters, "
            "because each of them will see both conversations"
        )
        raise InvalidInput(UserErrorCode.REQUIRED, message, "acrossRequesters")
    if not READ_TICKETS.allows(change.actor):
        message = "needs a token with the scope tickets:read, because it shows conversations"
        raise InvalidInput(UserErrorCode.INVALID, message, "acrossRequesters")
    if not ADMINISTER.allows(change.actor) and not is_one_organization(
        family, current_organizations
    ):
        message = "must be of the same organization; only admins can merge across organizations"
        raise InvalidInput(UserErrorCode.INVALID, message, "intoId")


def check_participant_count(family: Sequence[TicketChange], current: Participants) -> None:
    """Raises InvalidInput if a ticket of the family would have too many participants."""
    requesters = list_requesters(family)
    for change in family:
        max_participants = change.limits.max_participants_per_ticket
        participants = requesters.union(current.get(change.ticket.id, ()))
        if len(participants - {change.ticket.requester_id}) > max_participants:
            message = f"would have more than {max_participants} participants"
            raise InvalidInput(
                UserErrorCode.INVALID, message, "intoId", limit_name="ticket_participants"
            )


def is_one_organization(family: Sequence[TicketChange], current: Organizations) -> bool:
    """Whether the tickets and their requesters all belong to one organization.

    A requester without an organization shares none with any other requester.
    """
    organizations = {each.ticket.organization_id for each in family}
    organizations |= {current.get(user_id) for user_id in list_requesters(family)}
    return len(organizations) == 1 and None not in organizations


def set_participants(
    family: Sequence[TicketChange], before: Participants, merged_requesters: Collection[UUID]
) -> None:
    """Make the requesters of a family participants of its other members.

    When a merge is undone, `merged_requesters` are all requesters of the family before it was
    split. Those who don't belong to this family cease to be participants. Customers whom
    `addWatcher` made participants remain.
    """
    requesters = list_requesters(family)
    for change in family:
        current = set(before.get(change.ticket.id, ()))
        others = requesters | current.difference(merged_requesters)
        change.set_participants(current, others - {change.ticket.requester_id})


def unmerge(
    change: TicketChange,
    merge_event: Event,
    returning: Sequence[TicketChange],
    remaining: Sequence[TicketChange],
    replies: Sequence[MovedReply],
    last_replies: Mapping[UUID, Message | None],
    participants: Participants,
) -> None:
    """Undo the merge that `merge_event` logged on the ticket.

    The ticket is OPEN again, unless it was CLOSED before the merge and no reply moves to it.
    `returning` are the tickets that had moved along with it. `remaining` are the others of the
    family; the first of them is the ticket into which all are merged. `replies` are those to move
    to the ticket. `last_replies` has, for each ticket that loses replies, the last of those that it
    keeps.
    """
    into = remaining[0]
    changes = change.set(merged_into_id=None)
    earlier_reason = find_earlier_close_reason(change, merge_event)
    if earlier_reason is not None:
        changes |= change.set(close_reason=earlier_reason)
    change.log(EventType.UNMERGED, changes, into_id=str(into.ticket.id))
    into.log(EventType.UNMERGED, from_id=str(change.ticket.id))
    for each in returning:
        changes = each.set(merged_into_id=change.ticket.id)
        each.log(EventType.MERGED, changes, into_id=str(change.ticket.id))
    if earlier_reason is None or replies:
        change.reopen_window = timedelta.max  # a merge can be undone at any time
        commands.reopen(change, None)
    for reply in replies:
        change.move_reply(reply.event, reply.message, Side.CUSTOMER)
    for each in remaining:
        if each.ticket.id in last_replies:
            each.set_last_reply(last_replies[each.ticket.id])
    requesters = list_requesters([change, *returning, *remaining])
    set_participants([change, *returning], participants, requesters)
    set_participants(remaining, participants, requesters)
    mark_as_one_action([change, *returning, *remaining])


def remove_watchers(
    change: TicketChange, user_ids: Collection[UUID], watcher_ids: Collection[UUID]
) -> None:
    """Remove users from the current `watcher_ids`. Customers can see the event that logs it."""
    change.removed_watchers = sorted(set(user_ids).intersection(watcher_ids))
    if change.removed_watchers:
        after = set(watcher_ids).difference(user_ids)
        lists: list[Json] = [sorted(map(str, ids)) for ids in (watcher_ids, after)]
        change.log(EventType.TICKET_UPDATED, {"watchers": lists})


def mark_as_one_action(changes: Sequence[TicketChange]) -> None:
    """Give all events of the changes one `action_id`, so that they notify each person once."""
    action_id = str(new_id())
    for event in chain.from_iterable(change.events for change in changes):
        event.data = {**event.data, "action_id": action_id}


def find_earlier_close_reason(change: TicketChange, merge_event: Event) -> CloseReason | None:
    """The reason for which the ticket was CLOSED before the merge; None if it was not CLOSED."""
    earlier = merge_event.changes.get("close_reason", (None, None))[0]
    if earlier is not None:
        return CloseReason(earlier)
    # Events that earlier releases logged have no status. They show only a change of the reason.
    was_closed = merge_event.value("status") == Status.CLOSED.value
    return change.ticket.close_reason if was_closed else None


def list_separated_requesters(
    change: TicketChange, returning: Sequence[TicketChange], remaining: Sequence[TicketChange]
) -> set[UUID]:
    """The requesters of the ticket and of those returning to it who request no remaining ticket."""
    return list_requesters([change, *returning]) - list_requesters(remaining)


def find_merge_path(events: Sequence[Event]) -> list[tuple[UUID, Event]]:
    """The tickets through which a ticket reached the one that it is merged into, oldest first.

    `events` are all MERGED and UNMERGED events of the ticket in order. Each ticket of the result
    comes with the event that logged it.
    """
    path: list[tuple[UUID, Event]] = []
    for event in events:
        if "merged_into_id" not in event.changes:
            continue
        target = event.changes["merged_into_id"][1]
        if target is None:
            path = []
            continue
        key = UUID(str(target))
        # A MERGED event into a ticket of the path is a return to it, because a merge was undone.
        position = next((n for n, (each, _) in enumerate(path) if each == key), None)
        path = [*path, (key, event)] if position is None else path[: position + 1]
    return path


def list_new_participants(changes: Sequence[TicketChange]) -> set[UUID]:
    return set(chain.from_iterable(change.added_participants for change in changes))
