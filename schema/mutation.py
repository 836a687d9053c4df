"""The mutations, a row each: resolver, who may call it, what it says. Payloads are nullable: an error leaves the others be."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access import ANYONE, OWN_TOKENS, SESSION, TAKE_PART, WATCH, WORK, WRITE_NOTES
from resolvers import creation, messages, people, tickets, tokens
from schema import payloads
from schema.access import mutation

TICKET = payloads.TicketPayload | None


@strawberry.type(description="What can be done.")
class Mutation:
    sign_in: Any = mutation(
        people.sign_in, ANYONE, "E-mail and password for a bearer token; the embedded way in.", payloads.SignInPayload | None
    )
    sign_out: Any = mutation(people.sign_out, SESSION, "End the token that makes this call.", payloads.SignOutPayload | None)

    create_ticket: Any = mutation(creation.create_ticket, TAKE_PART, "Raise a ticket; its category sends it to a team.", TICKET)
    update_ticket: Any = mutation(
        tickets.update_ticket, WORK, "Change subject, priority, category, tags or external key.", TICKET
    )
    assign_ticket: Any = mutation(
        tickets.assign_ticket, WORK, "Give a ticket to somebody, or to nobody. A NEW one is started by it.", TICKET
    )
    transfer_ticket: Any = mutation(tickets.transfer_ticket, WORK, "Hand a ticket to another team.", TICKET)
    start_ticket: Any = mutation(tickets.start_ticket, WORK, "Take a NEW ticket up.", TICKET)
    await_customer: Any = mutation(tickets.await_customer, WORK, "Wait for the customer; their reply resumes the ticket.", TICKET)
    hold_ticket: Any = mutation(tickets.hold_ticket, WORK, "Park a ticket, perhaps until an instant.", TICKET)
    resume_ticket: Any = mutation(tickets.resume_ticket, WORK, "Go on with a ticket that waits or is parked.", TICKET)
    resolve_ticket: Any = mutation(tickets.resolve_ticket, WORK, "Give the answer; the customer may confirm or reopen.", TICKET)
    close_ticket: Any = mutation(
        tickets.close_ticket, TAKE_PART, "End a ticket: confirm a resolved one, or withdraw or end an unresolved one.", TICKET
    )
    reopen_ticket: Any = mutation(
        tickets.reopen_ticket,
        TAKE_PART,
        "Take a RESOLVED or CLOSED ticket up again; a closed one within 14 days, unless set otherwise.",
        TICKET,
    )
    escalate_ticket: Any = mutation(tickets.escalate_ticket, TAKE_PART, "Ask for more attention to an open ticket.", TICKET)
    rate_ticket: Any = mutation(
        tickets.rate_ticket, TAKE_PART, "Say how satisfied the customer is with a RESOLVED or CLOSED ticket.", TICKET
    )
    watch_ticket: Any = mutation(tickets.watch_ticket, WATCH, "Follow a ticket. For people.", TICKET)
    unwatch_ticket: Any = mutation(tickets.unwatch_ticket, WATCH, "Follow a ticket no longer. For people.", TICKET)
    link_tickets: Any = mutation(tickets.link_tickets, WORK, "Tie two tickets together.", TICKET)
    merge_tickets: Any = mutation(
        tickets.merge_tickets, WORK, "Make one of two tickets: the first is closed as DUPLICATE, the other shows both.", TICKET
    )

    reply_to_ticket: Any = mutation(
        messages.reply_to_ticket,
        TAKE_PART,
        "Write a public message. The customer's resumes or reopens the ticket; an agent's first one starts it.",
        payloads.ReplyPayload | None,
    )
    add_note: Any = mutation(messages.add_note, WRITE_NOTES, "Write an internal message.", payloads.NotePayload | None)

    create_api_token: Any = mutation(
        tokens.create_api_token,
        OWN_TOKENS,
        "Make a token with some of the caller's scopes.",
        payloads.CreateApiTokenPayload | None,
    )
    revoke_api_token: Any = mutation(
        tokens.revoke_api_token,
        OWN_TOKENS,
        "End one of the caller's tokens; its subscriptions end within seconds.",
        payloads.RevokeApiTokenPayload | None,
    )
