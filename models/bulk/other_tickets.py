"""The other tickets that the change of a ticket also changes: linked tickets, and merges.

The change of a ticket and those of the others are stored in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from tortoise.expressions import Q

from models.access.viewer import Viewer
from models.access.visibility import can_change_ticket
from models.bulk.bulk_change import BulkChange
from models.changes.change import TicketChange
from models.changes.change_set import ChangeSet
from models.changes.merges import locked_tickets
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets import links
from models.tickets.link_kind import LinkKind
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.log.event import Json


@dataclass(frozen=True, slots=True)
class OtherTickets:
    """What a change does with other tickets.

    Each link has the key of the other ticket and a kind. In `removed_links`, the kind None means
    all links to that ticket. If `unmerge` is true, `unmerge_from_id` is the ticket into which the
    changed ticket was merged before the locks; `find_others` sets it.
    """

    links: tuple[tuple[UUID, LinkKind], ...] = ()
    removed_links: tuple[tuple[UUID, LinkKind | None], ...] = ()
    merge_into_id: UUID | None = None
    across_requesters: bool = False
    unmerge: bool = False
    unmerge_from_id: UUID | None = None

    @property
    def keys(self) -> set[UUID]:
        """The keys of the other tickets.

        Without the tickets that are merged into one of them or into the changed ticket.
        """
        merged = {self.merge_into_id, self.unmerge_from_id} - {None}
        linked = {other_id for other_id, _ in (*self.links, *self.removed_links)}
        return linked | cast("set[UUID]", merged)


def read_bulk_change(bulk: BulkChange) -> OtherTickets:
    """What the change of a job does with other tickets."""
    return OtherTickets(
        links=(bulk.link_to,) if bulk.link_to else (),
        removed_links=(bulk.unlink_from,) if bulk.unlink_from else (),
        merge_into_id=bulk.merge_into_id,
        across_requesters=bulk.across_requesters,
        unmerge=bulk.unmerge,
    )


def build_previous(change: TicketChange) -> dict[str, Json]:
    """The links and the merge of a change, as an undo needs them."""
    merged_into = change.columns.get("merged_into_id")
    return {
        "added_links": [[str(each.other_id), each.kind.value] for each in change.links],
        "removed_links": [[str(other_id), kind.value] for other_id, kind in change.removed_links],
        "merged_into": str(merged_into) if merged_into else None,
    }


def read_previous(previous: Mapping[str, Json]) -> OtherTickets:
    """What an undo does with other tickets.

    Jobs that earlier releases stored lack these keys. They changed no other tickets.
    """

    def read_links(name: str) -> tuple[tuple[UUID, LinkKind], ...]:
        stored = cast("Sequence[Sequence[Any]]", previous.get(name, ()))
        return tuple((UUID(other_id), LinkKind(kind)) for other_id, kind in stored)

    into_id = merged_by_job(previous)
    return OtherTickets(
        links=read_links("removed_links"),
        removed_links=read_links("added_links"),
        unmerge=into_id is not None,
        unmerge_from_id=into_id,
    )


def merged_by_job(previous: Mapping[str, Json]) -> UUID | None:
    """The ticket into which a job has merged the ticket, if it has."""
    stored = previous.get("merged_into")
    return UUID(str(stored)) if stored else None


async def find_others(ticket_id: UUID, others: OtherTickets) -> tuple[OtherTickets, set[UUID]]:
    """Fill in `unmerge_from_id`, and find the keys of all other tickets to lock.

    Call it before any ticket is locked: it waits for other changes of links.
    """
    if others.links or others.removed_links:
        await links.lock_links()
    if others.unmerge:
        ticket = await Ticket.get(id=ticket_id)
        others = replace(others, unmerge_from_id=ticket.merged_into_id)
    keys = others.keys
    if others.unmerge or others.merge_into_id:
        members = Ticket.filter(Q(merged_into_id__in=[ticket_id, *keys]))
        keys |= {member.id for member in await members.only("id")}
    return others, keys


def begin_others(
    changes: ChangeSet, others: OtherTickets, locked: Mapping[UUID, Ticket], viewer: Viewer
) -> None:
    """Begin changes of the other tickets that the viewer may change."""
    for key in sorted(others.keys):
        ticket = locked.get(key)
        if ticket is not None and can_change_ticket(viewer, ticket):
            changes.begin_change(ticket)


async def apply(changes: ChangeSet, others: OtherTickets) -> None:
    """Link, unlink, merge or unmerge the first ticket of the changes. Raises Refusal."""
    change = changes.changes[0]
    for other_id, kind in others.removed_links:
        await locked_tickets.unlink(change, find_begun(changes, other_id, "otherId"), kind)
    for other_id, kind in others.links:
        await locked_tickets.link(change, find_begun(changes, other_id, "otherId"), kind)
    if others.merge_into_id is not None:
        into = find_begun(changes, others.merge_into_id, "intoId")
        across = others.across_requesters
        await locked_tickets.merge_into(changes, change, into, across_requesters=across)
    if others.unmerge:
        await locked_tickets.undo_merge(changes, change, others.unmerge_from_id)


def find_begun(changes: ChangeSet, ticket_id: UUID, field: str) -> TicketChange:
    """The change that `begin_others` began for another ticket.

    Raises InvalidInput NOT_FOUND if there is none.
    """
    for change in changes.changes:
        if change.ticket.id == ticket_id:
            return change
    raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", field)
