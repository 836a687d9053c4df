"""Merges and links tickets whose rows are locked: reads the commands' arguments, and calls them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.change_set import ChangeSet
from models.changes.merges import link_commands, merging
from models.changes.merges.merge_records import (
    check_shared_tickets,
    find_waiting_since,
    list_requesters_without_access,
    read_last_replies,
    read_merge_events,
    read_organizations,
    read_participants,
    read_replies,
    remove_watchers_without_access,
)
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.tickets import links
from models.tickets.link_kind import LinkKind
from models.tickets.ticket import Ticket


async def merge_into(
    changes: ChangeSet, change: TicketChange, into: TicketChange, *, across_requesters: bool
) -> None:
    """Merge a locked ticket into another one. Raises Refusal."""
    merged_into_this = await lock_merged_tickets(changes, change.ticket.id)
    merged_into_other = await lock_merged_tickets(changes, into.ticket.id)
    merging.merge(
        change,
        into,
        merged_into_this,
        merged_into_other,
        await read_participants(changes.changes),
        across_requesters=across_requesters,
        current_organizations=await read_organizations(changes.changes),
        waiting_since=await find_waiting_since(change.ticket),
    )
    await check_shared_tickets(changes.changes)


async def lock_merged_tickets(changes: ChangeSet, into_id: UUID) -> list[TicketChange]:
    """Begin changes of the tickets that are merged into a ticket."""
    tickets = await Ticket.filter(merged_into_id=into_id).order_by("id").select_for_update()
    return [changes.begin_change(ticket) for ticket in tickets]


async def undo_merge(changes: ChangeSet, change: TicketChange, into_id: UUID | None) -> None:
    """Undo the merge of a locked ticket into another one.

    `into_id` is the id of the other ticket, as read before the locks. Raises InvalidInput if there
    is no merge or the log no longer has its event. Raises StaleVersion if the ticket was merged or
    unmerged in the meantime.
    """
    if change.ticket.merged_into_id is None:
        message = "This ticket is not merged into another ticket."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if change.ticket.merged_into_id != into_id:
        raise StaleVersion(change.ticket.get_version(is_customer=changes.viewer.is_customer))
    into = changes.begin_change(await Ticket.select_for_update().get(id=into_id))
    await unmerge(changes, change, into, await lock_merged_tickets(changes, into.ticket.id))


async def unmerge(
    changes: ChangeSet,
    change: TicketChange,
    into: TicketChange,
    members: Sequence[TicketChange],
) -> None:
    """Undo the merge of `change` into `into`; `members` are all tickets that are merged into it."""
    events = await read_merge_events(members)
    paths = {ticket_id: merging.find_merge_path(events[ticket_id]) for ticket_id in events}
    returning = [
        member
        for member in members
        if any(ticket_id == change.ticket.id for ticket_id, _ in paths[member.ticket.id])
    ]
    remaining = [into, *(each for each in members if each not in (change, *returning))]
    if not paths[change.ticket.id]:
        message = "The log no longer has the merge of this ticket."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    _, merge_event = paths[change.ticket.id][0]
    separated = merging.list_separated_requesters(change, returning, remaining)
    replies = await read_replies(
        [each.ticket.id for each in remaining],
        await list_requesters_without_access(separated, into.ticket),
        after=merge_event.position,
    )
    merging.unmerge(
        change,
        merge_event,
        returning,
        remaining,
        replies,
        await read_last_replies(replies),
        await read_participants(changes.changes),
    )
    await remove_watchers_without_access(changes.changes)


async def link(change: TicketChange, other: TicketChange, kind: LinkKind) -> None:
    """Link two locked tickets, after `links.lock_links`. Raises InvalidInput."""
    ticket_id, other_id = change.ticket.id, other.ticket.id
    link_commands.link(
        change,
        other,
        kind,
        existing=await links.read_kinds(ticket_id, other_id),
        closes_cycle=await links.closes_cycle(ticket_id, other_id, kind),
        link_counts=await links.count_links([ticket_id, other_id]),
    )


async def unlink(change: TicketChange, other: TicketChange, kind: LinkKind | None) -> None:
    """Remove the links of this kind between two locked tickets, or all. Raises InvalidInput."""
    kinds = await links.read_kinds(change.ticket.id, other.ticket.id)
    link_commands.unlink(change, other, kinds if kind is None else kinds & {kind})
