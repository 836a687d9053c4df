"""The command that attaches files: a pure function that modifies a TicketChange, without I/O."""

from __future__ import annotations

from collections.abc import Sequence

from models.changes.change import TicketChange
from models.tickets.attachment import Attachment
from models.tickets.message import Message


def attach(
    change: TicketChange, files: Sequence[Attachment], message: Message | None = None
) -> None:
    """Attach uploaded files to the change's new message, or to its new ticket."""
    for file in files:
        change.attach(file, message)
