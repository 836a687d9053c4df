"""From a verb to a payload, once: what a mutation changes, the expected version, and refusals as userErrors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from tortoise.exceptions import IntegrityError

from models.access.permissions import Viewer, concerns
from models.changes.change import Change, read_locked, write
from models.changes.idempotency import IdempotencyKey, Key, Trace, remember
from models.core import ids
from models.core.errors import Code, InvalidInput, Refusal, StaleVersion
from models.log import event
from models.log.event import Event
from models.queries import timeline
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import Keyed, once
from schema.payloads import TicketPayload
from schema.types.error import user_error


@dataclass
class Outcome:
    """What a mutation did: the ticket, its main entry, how far the log is, and the message where there is one."""

    ticket: Ticket
    event: Event | None
    reached: int
    message: Message | None = None
    replayed: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        cursor = event.cursor(self.reached)
        return {"ticket": self.ticket, "event": self.event, "cursor": cursor, "replayed": self.replayed}


class Work:
    """One mutation inside its transaction: finds the tickets it may change, and holds the changes until they are written."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.viewer = context.viewer
        self.at = context.now()
        self.changes: list[Change] = []

    async def ticket(self, ticket_id: str, expected_version: int | None = None) -> Change:
        """The ticket to change. Raises InvalidInput NOT_FOUND, StaleVersion."""
        return (await self.tickets({"ticketId": ticket_id}, expected_version))[0]

    async def tickets(
        self, named: Mapping[str, str], expected_version: int | None = None, also: Iterable[UUID] = ()
    ) -> list[Change]:
        """Tickets by the input's fields that name them; the expected version is that of the first.

        All are locked together with those of `also`, in one order, against deadlocks.
        """
        keys = {field: ids.key_of(ids.TICKET, ticket_id) for field, ticket_id in named.items()}
        found = await read_locked([*(key for key in keys.values() if key), *also])
        changes: list[Change] = []
        for field, key in keys.items():
            ticket = found.get(key) if key else None
            if ticket is None or not concerns(self.viewer, ticket):
                raise InvalidInput(Code.NOT_FOUND, "There is no such ticket.", field)
            same = next((change for change in self.changes if change.ticket.id == ticket.id), None)
            changes.append(same or self.change(ticket))
        if expected_version is not None and changes[0].ticket.version != expected_version:
            raise StaleVersion(changes[0].ticket.version)
        return changes

    def change(self, ticket: Ticket) -> Change:
        change = Change(ticket, self.viewer, self.at, self.context.rules.reopen_window)
        self.changes.append(change)
        return change


Act = Callable[[Work], Awaitable[None]]
"""Does the mutation's work; the first change it takes up is the mutation's own."""


async def perform(info: strawberry.Info, input: Keyed, act: Act) -> Outcome:
    """Run a mutation in one transaction: all of it is stored, with its log entries and its idempotency key, or nothing is.

    Raises Refusal.
    """
    context = context_of(info)

    def again(before: IdempotencyKey) -> Awaitable[Outcome]:
        return replayed(context.viewer, before)

    try:
        outcome = await once(context, info.field_name, input, lambda key: done(context, act, key), again)
    except IntegrityError as error:
        if "external" not in str(error):
            raise
        raise InvalidInput(Code.TAKEN, "Another ticket has this key.", "externalId") from error
    context.services.bell.ring()
    context.refresh()
    # what was just written is not read again, and a token that may only write is shown what it made
    context.loaders.tickets.prime(outcome.ticket.id, outcome.ticket)
    if outcome.message is not None:
        context.loaders.messages.prime(outcome.message.id, outcome.message)
    return outcome


async def replayed(viewer: Viewer, before: IdempotencyKey) -> Outcome:
    """The first outcome again; the ticket is shown as it stands now, to who may still see it."""
    assert before.reached is not None  # an outcome's trace has it
    ticket = await Ticket.get(id=before.record_id)
    if not concerns(viewer, ticket):
        raise InvalidInput(Code.NOT_FOUND, "There is no such ticket.", "ticketId")
    return Outcome(
        ticket=ticket,
        event=await Event.get(position=before.position) if before.position is not None else None,
        reached=before.reached,
        message=await Message.get(id=before.message_id) if before.message_id is not None else None,
        replayed=True,
    )


async def done(context: Context, act: Act, key: Key | None) -> Outcome:
    work = Work(context)
    await act(work)
    own = work.changes[0]
    reached = await write(*work.changes, key=key, last=True)
    if not reached:  # nothing had to change
        reached = await timeline.last_position(own.ticket.id)
        if key is not None:
            await remember(key, Trace(work.at, own.ticket.id, reached=reached))
    return Outcome(ticket=own.ticket, event=own.main, reached=reached, message=own.messages[0] if own.messages else None)


async def ticket_payload(info: strawberry.Info, input: Keyed, act: Act) -> TicketPayload:
    """A mutation whose answer is the ticket."""
    try:
        outcome = await perform(info, input, act)
    except Refusal as refusal:
        return TicketPayload(user_errors=[user_error(refusal)])
    return TicketPayload(**outcome.fields)


def refused(checks: Iterable[Callable[[], object]]) -> list[Refusal]:
    """All that is wrong with an input, so that a form can show it at once."""
    found: list[Refusal] = []
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            found.append(refusal)
    return found
