"""The interface by which an export reads its tickets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from models.access.viewer import Viewer
from models.jobs.caller_job import ExportFormat

Write = Callable[[bytes], object]


class TicketLost(Exception):
    """The viewer may no longer see a ticket of which a part is already written."""


class TicketSource(Protocol):
    """Writes tickets as a viewer sees them. `resolvers.exports` reads them by the API's schema."""

    def build_header(self, format: ExportFormat) -> bytes:
        """What comes before the first ticket."""
        ...

    async def write_tickets(
        self, viewer: Viewer, ticket_ids: Sequence[UUID], format: ExportFormat, write: Write
    ) -> set[UUID]:
        """Write the tickets that the viewer may see, in the given order.

        `write` is called with pieces of lines. Returns the tickets that were written. Raises
        TicketLost if the viewer loses the access to a ticket while it is written, and other
        exceptions if a ticket can't be read. Some pieces of it may be written then.
        """
        ...
