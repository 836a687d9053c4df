"""What has to be found out before a ticket is raised, in one look: its category, its number, and what is promised."""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.core import text
from models.core.errors import Code, InvalidInput
from models.database import as_uuid
from models.sla.policies import terms_subquery
from models.tickets.lifecycle import Priority


class TicketIntake(NamedTuple):
    category_id: UUID
    team_id: UUID
    number: int
    sla_terms: str | None
    """The digest of the terms that hold for it."""


async def prepare_ticket(
    category: str, priority: Priority, organization_id: UUID | None, *path: str
) -> TicketIntake:
    """For the transaction that stores the ticket. Raises InvalidInput NOT_FOUND for the category.

    The number is as of `change.next_numbers`, the terms as of `policies.applicable`.
    """
    postgres = database.dialect() == "postgres"
    number = (
        "nextval('ticket_numbers')"
        if postgres
        else "(SELECT COALESCE(MAX(number), 1000) + 1 FROM tickets)"
    )
    terms = terms_subquery(priority="?", team="c.team_id", category="c.id", organization="?")
    asked = f"SELECT c.id, c.team_id, {number}, ({terms}) FROM categories c WHERE c.slug = ?"
    found = (
        await database.look(asked, [priority, organization_id, category])
        if text.is_slug(category)
        else ()
    )
    if not found:
        raise InvalidInput(Code.NOT_FOUND, "There is no such category.", *path)
    category_id, team_id, given, digest = found[0]
    return TicketIntake(
        as_uuid(category_id), as_uuid(team_id), cast("int", given), cast("str | None", digest)
    )
