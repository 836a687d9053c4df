"""Applies a macro to a ticket: reads what it needs, then modifies a TicketChange in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from models.changes import commands
from models.changes.change import TicketChange
from models.changes.custom_values import (
    CustomRecords,
    apply_custom_values,
    read_custom_records,
)
from models.changes.status_step import StatusStep, apply_status_step
from models.core import text
from models.core.errors import (
    InvalidInput,
    Refusal,
    Refusals,
    UserErrorCode,
    collect_refusals,
)
from models.custom_fields.values import NewValue
from models.log.event import EventType
from models.macros.macro import Macro, MacroAssignment
from models.macros.placeholders import fill_placeholders
from models.macros.ticket_values import read_ticket_values
from models.people.team import Team, list_member_ids
from models.people.user import User
from models.tickets.lifecycle import Action
from models.tickets.ticket import Ticket, TicketTag

FIELD = "macroId"
"""The input field that the refusals of a macro's actions name."""


@dataclass(frozen=True, slots=True)
class MacroApplication:
    """A macro with what it needs to be applied to one ticket.

    body        the text of the reply; None if there is none
    assignee    the new assignee, if the macro assigns the ticket to a person
    team        the new team, if any, and the keys of its members
    tags        the ticket's tags
    new_values  the values of custom fields to set, and in `custom_records` what this needs
    """

    macro: Macro
    body: str | None
    assignee: User | None
    team: Team | None
    member_ids: Sequence[UUID]
    tags: Sequence[str]
    new_values: Sequence[NewValue]
    custom_records: CustomRecords


async def read_application(
    macro: Macro, ticket: Ticket, agent: User, body: str | None = None
) -> MacroApplication:
    """Read what the macro needs. `body` replaces the macro's text; it is the final text.

    Raises InvalidInput: TOO_LONG or REQUIRED for the text, INVALID for an archived macro.
    """
    if not macro.active:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived macro", FIELD)
    if body is not None:
        text.clean_body(body, "body")
    elif macro.text is not None:
        body = await build_body(macro.text, ticket, agent)
    assignee = agent if macro.assignment is MacroAssignment.APPLIER else None
    if macro.assignee_id is not None:
        assignee = await User.get(id=macro.assignee_id)
    team = await Team.get(id=macro.new_team_id) if macro.new_team_id is not None else None
    member_ids = await list_member_ids(team.id) if team is not None else []
    tags = [tag.name for tag in await TicketTag.filter(ticket_id=ticket.id).order_by("name")]
    new_values = [NewValue.from_json(each) for each in macro.custom_fields]
    records = await read_custom_records(new_values, ticket.id)
    return MacroApplication(macro, body, assignee, team, member_ids, tags, new_values, records)


async def build_body(template: str, ticket: Ticket, agent: User) -> str:
    """The text with the ticket's values. Raises InvalidInput if it can't be a reply."""
    values = await read_ticket_values(ticket, agent)
    body = fill_placeholders(template, values, text.MAX_BODY_CHARS)
    if body is None:
        message = (
            f"has a text of more than {text.MAX_BODY_CHARS:,} characters for this ticket; give a "
            "shorter text as body"
        )
        raise InvalidInput(UserErrorCode.TOO_LONG, message, FIELD)
    if text.is_blank(body):
        message = "is required, because the text of the macro is blank for this ticket"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "body")
    return body


def apply_macro(
    change: TicketChange, application: MacroApplication, *, is_from_customer: bool
) -> list[Refusal]:
    """Add the reply, then change the team, the assignee, the priority, the tags, the custom fields
    and the status.

    Each change has its own event, in this order. What the ticket has already is not changed.
    Returns all refusals; if there are any, discard the change.
    """
    macro, refusals = application.macro, list[Refusal]()
    keeps_status = macro.status_action is not None
    if application.body is not None:
        with collect_refusals(refusals):
            commands.reply(
                change,
                application.body,
                is_from_customer=is_from_customer,
                keeps_status=keeps_status,
            )
    with collect_refusals(refusals):
        move(change, application)
    with collect_refusals(refusals):
        assign(change, application, keeps_status=keeps_status)
    with collect_refusals(refusals):
        commands.update(change, current_tags=application.tags, priority=macro.priority)
    with collect_refusals(refusals):
        change_tags(change, application)
    refusals += set_custom_fields(change, application)
    if macro.status_action is not None:
        with collect_refusals(refusals):
            apply_status_step(change, build_step(change, macro), application.body or "")
    return refusals


def move(change: TicketChange, application: MacroApplication) -> None:
    """Move the ticket to the macro's team. The macro's own assignment follows, if it has one."""
    team, assignee_id = application.team, change.ticket.assignee_id
    if team is None:
        return
    if not team.active and team.id != change.ticket.team_id:
        raise refuse("moves the ticket to an archived team; change the macro")
    keeps_assignee = application.macro.assignment is not None and assignee_id is not None
    kept = [assignee_id] if keeps_assignee and assignee_id is not None else []
    commands.transfer(change, team, [*application.member_ids, *kept])


def assign(change: TicketChange, application: MacroApplication, *, keeps_status: bool) -> None:
    assignment, assignee = application.macro.assignment, application.assignee
    if assignment is None:
        return
    is_missing = assignee is None and assignment is MacroAssignment.PERSON
    if is_missing or (assignee is not None and not assignee.is_staff):
        raise refuse("assigns the ticket to a person who is no active agent or admin; change it")
    commands.assign(change, assignee, keeps_status=keeps_status)


def change_tags(change: TicketChange, application: MacroApplication) -> None:
    macro = application.macro
    try:
        commands.update(
            change,
            current_tags=application.tags,
            add_tags=macro.add_tags,
            remove_tags=macro.remove_tags,
        )
    except InvalidInput as refusal:
        raise refuse(refusal.message, refusal.limit_name) from None


def set_custom_fields(change: TicketChange, application: MacroApplication) -> list[Refusal]:
    """Set the values, with an event and, for hidden fields, an internal one; returns refusals."""
    category_id = change.ticket.category_id
    try:
        values = apply_custom_values(
            change, application.new_values, application.custom_records, category_id
        )
    except Refusals as found:
        return [
            refuse(f"sets a value that this ticket can't have: {each.message}", each.limit_name)
            for each in found.refusals
        ]
    except InvalidInput as refusal:
        return [refuse(refusal.message, refusal.limit_name)]
    if values.public:
        change.log(EventType.TICKET_UPDATED, values.public)
    values.log_internal(change)
    return []


def build_step(change: TicketChange, macro: Macro) -> StatusStep:
    assert macro.status_action is not None
    until = None
    if macro.hold_for is not None:
        until = change.at + timedelta(seconds=macro.hold_for)
    return StatusStep(Action[macro.status_action.name], until, macro.close_reason)


def refuse(message: str, limit_name: str | None = None) -> InvalidInput:
    return InvalidInput(UserErrorCode.INVALID, message, FIELD, limit_name=limit_name)
