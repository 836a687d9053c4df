"""The values of a ticket for the placeholders of macros."""

from __future__ import annotations

from collections.abc import Mapping

from models.people.team import Category, Team
from models.people.user import User
from models.tickets.ticket import Ticket


async def read_ticket_values(ticket: Ticket, agent: User) -> Mapping[str, str]:
    """The value of each placeholder, for the person who applies the macro.

    The customer may see all of them.
    """
    requester = await User.get(id=ticket.requester_id).select_related("organization")
    category = await Category.get(id=ticket.category_id)
    team = await Team.get(id=ticket.team_id)
    organization = requester.organization
    return {
        "ticket.ref": ticket.ref,
        "ticket.number": str(ticket.number),
        "ticket.subject": ticket.subject,
        "ticket.category": category.name,
        "ticket.team": team.name,
        "requester.displayName": requester.display_name,
        "requester.organization": organization.name if organization is not None else "",
        "agent.displayName": agent.display_name,
    }
