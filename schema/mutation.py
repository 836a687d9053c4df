"""The mutations, a row each: resolver, who may call it, what it says. Payloads are nullable: an error leaves the others be."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER, AUTHENTICATED, HANDLE_TICKETS, MANAGE_OWN_TOKENS, OWN_NOTIFICATIONS, PUBLIC, WATCH_TICKETS, WRITE_NOTES, WRITE_PRESENCE, WRITE_TICKETS
from resolvers import (
    demo,
    escalation,
    messages,
    notifications,
    people,
    presence,
    sla,
    teams,
    ticket_creation,
    ticket_mutations,
    tokens,
)
from schema.fields import mutation
from schema.payloads.demo import AdvanceClockPayload
from schema.payloads.escalation import EscalationPathPayload
from schema.payloads.messages import NotePayload, ReplyPayload
from schema.payloads.notifications import MarkNotificationsReadPayload, SetNotificationPreferencePayload
from schema.payloads.people import SignInPayload, SignOutPayload
from schema.payloads.presence import SetPresencePayload
from schema.payloads.sla import SlaCalendarPayload, SlaPolicyPayload
from schema.payloads.teams import AvailabilityPayload, TeamPayload
from schema.payloads.tickets import TicketPayload
from schema.payloads.tokens import CreateApiTokenPayload, RevokeApiTokenPayload

TICKET = TicketPayload | None


@strawberry.type(description="What can be done.")
class Mutation:
    sign_in: Any = mutation(
        people.sign_in, PUBLIC, "E-mail and password for a bearer token; the embedded way in.", SignInPayload | None
    )
    sign_out: Any = mutation(people.sign_out, AUTHENTICATED, "End the token that makes this call.", SignOutPayload | None)

    create_ticket: Any = mutation(
        ticket_creation.create_ticket, WRITE_TICKETS, "Raise a ticket; its category sends it to a team.", TICKET
    )
    update_ticket: Any = mutation(
        ticket_mutations.update_ticket, HANDLE_TICKETS, "Change subject, priority, category, tags or external key.", TICKET
    )
    assign_ticket: Any = mutation(
        ticket_mutations.assign_ticket, HANDLE_TICKETS, "Give a ticket to somebody, or to nobody. A NEW one is started by it.", TICKET
    )
    transfer_ticket: Any = mutation(ticket_mutations.transfer_ticket, HANDLE_TICKETS, "Hand a ticket to another team.", TICKET)
    start_ticket: Any = mutation(ticket_mutations.start_ticket, HANDLE_TICKETS, "Take a NEW ticket up.", TICKET)
    await_customer: Any = mutation(
        ticket_mutations.await_customer, HANDLE_TICKETS, "Wait for the customer; their reply resumes the ticket.", TICKET
    )
    hold_ticket: Any = mutation(ticket_mutations.hold_ticket, HANDLE_TICKETS, "Park a ticket, perhaps until an instant.", TICKET)
    resume_ticket: Any = mutation(ticket_mutations.resume_ticket, HANDLE_TICKETS, "Go on with a ticket that waits or is parked.", TICKET)
    resolve_ticket: Any = mutation(
        ticket_mutations.resolve_ticket, HANDLE_TICKETS, "Give the answer; the customer may confirm or reopen.", TICKET
    )
    close_ticket: Any = mutation(
        ticket_mutations.close_ticket,
        WRITE_TICKETS,
        "End a ticket: confirm a resolved one, or withdraw or end an unresolved one.",
        TICKET,
    )
    reopen_ticket: Any = mutation(
        ticket_mutations.reopen_ticket,
        WRITE_TICKETS,
        "Take a RESOLVED or CLOSED ticket up again; a closed one within 14 days, unless set otherwise.",
        TICKET,
    )
    escalate_ticket: Any = mutation(
        ticket_mutations.escalate_ticket, WRITE_TICKETS, "Ask for more attention to an open ticket.", TICKET
    )
    rate_ticket: Any = mutation(
        ticket_mutations.rate_ticket, WRITE_TICKETS, "Say how satisfied the customer is with a RESOLVED or CLOSED ticket.", TICKET
    )
    watch_ticket: Any = mutation(ticket_mutations.watch_ticket, WATCH_TICKETS, "Follow a ticket. For people.", TICKET)
    unwatch_ticket: Any = mutation(ticket_mutations.unwatch_ticket, WATCH_TICKETS, "Follow a ticket no longer. For people.", TICKET)
    link_tickets: Any = mutation(ticket_mutations.link_tickets, HANDLE_TICKETS, "Tie two tickets together.", TICKET)
    merge_tickets: Any = mutation(
        ticket_mutations.merge_tickets,
        HANDLE_TICKETS,
        "Make one of two tickets: the first is closed as DUPLICATE, the other shows both.",
        TICKET,
    )

    reply_to_ticket: Any = mutation(
        messages.reply_to_ticket,
        WRITE_TICKETS,
        "Write a public message. The customer's resumes or reopens the ticket; an agent's first one starts it.",
        ReplyPayload | None,
    )
    add_note: Any = mutation(messages.add_note, WRITE_NOTES, "Write an internal message.", NotePayload | None)

    set_presence: Any = mutation(
        presence.set_presence,
        WRITE_PRESENCE,
        "Say that the viewer looks at a ticket, or writes a reply; say it again every 5 to 10 seconds. No part of the ticket's "
        "record. For agents and admins.",
        SetPresencePayload | None,
    )

    mark_notifications_read: Any = mutation(
        notifications.mark_notifications_read,
        OWN_NOTIFICATIONS,
        "Mark notifications of the viewer's as read. For people.",
        MarkNotificationsReadPayload | None,
    )
    set_notification_preference: Any = mutation(
        notifications.set_notification_preference,
        OWN_NOTIFICATIONS,
        "Choose whether to be told of something, by a channel. For people.",
        SetNotificationPreferencePayload | None,
    )

    create_sla_calendar: Any = mutation(
        sla.create_sla_calendar, ADMINISTER, "Make a calendar: when work is done. For admins.", SlaCalendarPayload | None
    )
    update_sla_calendar: Any = mutation(
        sla.update_sla_calendar,
        ADMINISTER,
        "Change a calendar, or take an archived one back. For admins.",
        SlaCalendarPayload | None,
    )
    archive_sla_calendar: Any = mutation(
        sla.archive_sla_calendar,
        ADMINISTER,
        "Put a calendar away that no active policy goes by. For admins.",
        SlaCalendarPayload | None,
    )
    create_sla_policy: Any = mutation(
        sla.create_sla_policy,
        ADMINISTER,
        "Promise something for the tickets that fit. For admins.",
        SlaPolicyPayload | None,
    )
    update_sla_policy: Any = mutation(
        sla.update_sla_policy,
        ADMINISTER,
        "Change a policy, or take an archived one back; open tickets follow, and keep what was spent. For admins.",
        SlaPolicyPayload | None,
    )
    archive_sla_policy: Any = mutation(
        sla.archive_sla_policy,
        ADMINISTER,
        "Promise it no more; open tickets come under the next policy that fits. For admins.",
        SlaPolicyPayload | None,
    )
    create_escalation_path: Any = mutation(
        escalation.create_escalation_path,
        ADMINISTER,
        "Say what is done, step by step, about tickets that need more attention. For admins.",
        EscalationPathPayload | None,
    )
    update_escalation_path: Any = mutation(
        escalation.update_escalation_path,
        ADMINISTER,
        "Change an escalation path, or take an archived one back. For admins.",
        EscalationPathPayload | None,
    )
    archive_escalation_path: Any = mutation(
        escalation.archive_escalation_path,
        ADMINISTER,
        "Put an escalation path away; where it is under way, it goes on. For admins.",
        EscalationPathPayload | None,
    )
    update_team: Any = mutation(
        teams.update_team,
        ADMINISTER,
        "Change a team, and whether rules give out its new tickets. For admins.",
        TeamPayload | None,
    )
    set_availability: Any = mutation(
        teams.set_availability,
        HANDLE_TICKETS,
        "Say whether rules may give tickets to somebody now. For staff; for others than oneself, for admins.",
        AvailabilityPayload | None,
    )
    advance_clock: Any = mutation(
        demo.advance_clock,
        ADMINISTER,
        "Move time ahead, for all: in the demo alone, for admins. What falls due is done within seconds, and tokens end too.",
        AdvanceClockPayload | None,
    )

    create_api_token: Any = mutation(
        tokens.create_api_token,
        MANAGE_OWN_TOKENS,
        "Make a token with some of the caller's scopes.",
        CreateApiTokenPayload | None,
    )
    revoke_api_token: Any = mutation(
        tokens.revoke_api_token,
        MANAGE_OWN_TOKENS,
        "End one of the caller's tokens; its subscriptions end within seconds.",
        RevokeApiTokenPayload | None,
    )
