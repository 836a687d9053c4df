"""The commands on links between tickets: pure functions like those in `models.changes.commands`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets.link_kind import INVERSE_LINK, LinkKind

CONTRADICTORY_LINKS = (
    frozenset(
        {
            LinkKind.DUPLICATE_OF,
            LinkKind.DUPLICATED_BY,
            LinkKind.PARENT_OF,
            LinkKind.CHILD_OF,
        }
    ),
    frozenset({LinkKind.FOLLOW_UP_OF, LinkKind.FOLLOWED_UP_BY}),
)
"""Sets of kinds of which at most one can link the same two tickets."""


def link(
    change: TicketChange,
    other: TicketChange,
    kind: LinkKind,
    *,
    existing: Collection[LinkKind] = (),
    closes_cycle: bool = False,
    link_counts: Mapping[UUID, int] | None = None,
    other_field: str = "otherId",
) -> None:
    """Link two tickets in both directions, unless they are linked with this `kind` already.

    `existing` are the kinds of the ticket's links to the other one. `closes_cycle` is true if other
    links of this kind lead from the other ticket back to this one. `link_counts` is the number of
    links of each ticket; for customers, only of those to their own tickets. `other_field` is the
    input's field for the other one.
    """
    require_two_tickets(change, other)
    if kind in existing:
        return
    for kinds in CONTRADICTORY_LINKS:
        contradicted = kinds.intersection(existing) if kind in kinds else None
        if contradicted:
            names = ", ".join(sorted(each.name for each in contradicted))
            message = f"contradicts the existing link {names}. Remove that one first."
            raise InvalidInput(UserErrorCode.INVALID, message, "kind")
    if closes_cycle:
        message = f"leads back to this ticket by other links, so {kind.name} would form a cycle"
        raise InvalidInput(UserErrorCode.INVALID, message, "otherId")
    for each, field in ((change, "ticketId"), (other, other_field)):
        check_link_count(each, (link_counts or {}).get(each.ticket.id, 0), field)
    change.add_link(other.ticket, kind)
    other.add_link(change.ticket, INVERSE_LINK[kind])


def check_link_count(change: TicketChange, count: int, field: str) -> None:
    """Raises InvalidInput if the ticket can't have another link."""
    if count >= change.limits.max_links_per_ticket:
        message = f"has {count} links, which is the maximum"
        raise InvalidInput(UserErrorCode.INVALID, message, field, limit_name="ticket_links")


def unlink(change: TicketChange, other: TicketChange, kinds: Collection[LinkKind]) -> None:
    """Remove the links of these `kinds`, which must all exist, in both directions."""
    require_two_tickets(change, other)
    for kind in LinkKind:
        if kind in kinds:
            change.remove_link(other.ticket, kind)
            other.remove_link(change.ticket, INVERSE_LINK[kind])


def follow_up(
    change: TicketChange, original: TicketChange, link_counts: Mapping[UUID, int] | None = None
) -> None:
    """Link a new ticket to the ticket that it follows up. `link_counts` is as in `link`."""
    link(
        change,
        original,
        LinkKind.FOLLOW_UP_OF,
        link_counts=link_counts,
        other_field="followUpOf",
    )


def require_two_tickets(change: TicketChange, other: TicketChange) -> None:
    if change.ticket.id == other.ticket.id:
        raise InvalidInput(UserErrorCode.INVALID, "must be another ticket", "otherId")
