"""Reads links between tickets, for commands that add or remove one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models import database
from models.tickets.link_kind import INVERSE_LINK, LinkKind
from models.tickets.ticket import TicketLink

LOCK_ID = 4_027_513_896
"""The Postgres advisory lock of changes of links; the same in all processes."""
UPWARD_LINKS = frozenset({LinkKind.CHILD_OF, LinkKind.DUPLICATE_OF, LinkKind.FOLLOW_UP_OF})
"""The links that must not form a cycle, in the direction that leads to fewer tickets."""
HAS_PATH = """
WITH RECURSIVE reached(id) AS (
    SELECT other_id FROM ticket_links WHERE ticket_id = ? AND kind = ?
    UNION
    SELECT l.other_id FROM ticket_links l JOIN reached r ON l.ticket_id = r.id WHERE l.kind = ?
)
SELECT 1 FROM reached WHERE id = ? LIMIT 1
"""


async def lock_links() -> None:
    """Wait for other transactions that change links. Call it before any ticket is locked.

    Two transactions that lock different tickets could otherwise form a cycle together. SQLite needs
    no lock: its transactions begin with BEGIN IMMEDIATE.
    """
    if database.dialect() == "postgres":
        await database.fetch("SELECT pg_advisory_xact_lock(?)", [LOCK_ID])


async def read_kinds(ticket_id: UUID, other_id: UUID) -> set[LinkKind]:
    """The kinds of the links from a ticket to another."""
    links = await TicketLink.filter(ticket_id=ticket_id, other_id=other_id)
    return {link.kind for link in links}


async def count_links(
    ticket_ids: Sequence[UUID], requester_id: UUID | None = None
) -> dict[UUID, int]:
    """The number of links of each ticket, or of those to tickets of a requester."""
    found = TicketLink.all()
    if requester_id is not None:
        found = found.filter(other__requester_id=requester_id)
    return {ticket_id: await found.filter(ticket_id=ticket_id).count() for ticket_id in ticket_ids}


async def closes_cycle(ticket_id: UUID, other_id: UUID, kind: LinkKind) -> bool:
    """Whether a link of this kind from a ticket to another would close a cycle.

    It would if links of the same kind lead from the other ticket back. RELATED has no direction.
    """
    if INVERSE_LINK[kind] in UPWARD_LINKS:
        return await closes_cycle(other_id, ticket_id, INVERSE_LINK[kind])
    if kind not in UPWARD_LINKS:
        return False
    return bool(await database.fetch(HAS_PATH, [other_id, kind.value, kind.value, ticket_id]))
