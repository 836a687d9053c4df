"""The commands on links between tickets: pure functions like those in `models.changes.commands`."""

from __future__ import annotations

from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets.ticket import INVERSE_LINK, LinkKind


def link(change: TicketChange, other: TicketChange, kind: LinkKind, *, is_linked: bool) -> None:
    """Link two tickets in both directions, unless they are linked with this `kind` already."""
    if change.ticket.id == other.ticket.id:
        raise InvalidInput(UserErrorCode.INVALID, "must be another ticket", "otherId")
    if not is_linked:
        change.add_link(other.ticket, kind)
        other.add_link(change.ticket, INVERSE_LINK[kind])


def follow_up(change: TicketChange, original: TicketChange) -> None:
    """Link a new ticket to the ticket that it follows up."""
    link(change, original, LinkKind.FOLLOW_UP_OF, is_linked=False)
