"""Macros: the queries and the mutations."""

from __future__ import annotations

from typing import cast

import strawberry

from models.access.permissions import ADMINISTER
from models.access.visibility import can_see_ticket
from models.changes import macro_application
from models.changes.change import TicketChange
from models.changes.custom_values import check_required_at_resolution
from models.changes.macro_application import MacroApplication
from models.core import ids
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode, collect_refusals
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.directory.shared import macros as macro_admin
from models.directory.shared.macros import MacroFields
from models.log.event import Event
from models.macros.macro import Macro
from models.queries.records.macros import list_macros
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from resolvers.mutations.resolver import to_user_errors
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.attachments import attach_files, complete_uploads
from resolvers.tickets.messages import (
    check_last_seen_cursor,
    check_unseen_messages,
    discard_sent_draft,
)
from schema.inputs.custom_fields import read_input_values
from schema.inputs.macros import (
    ApplyMacroInput,
    ArchiveMacroInput,
    CreateMacroInput,
    UpdateMacroInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.macros import ApplyMacroPayload, MacroPayload
from schema.types.log.field_changes import FieldChange, find_hidden_columns, list_field_changes
from schema.types.macros import MacroPreview

CLEARABLE_FIELDS = frozenset(
    {
        *("text", "status_action", "hold_for", "close_reason", "assignment", "assignee_id"),
        *("new_team", "priority", "add_tags", "remove_tags", "custom_fields"),
    }
)
"""The fields of a macro that null removes."""
PREVIEWED_FIELDS = frozenset(
    {"status", "heldUntil", "closeReason", "team", "assignee", "priority", "tags"}
)
"""The fields whose changes a preview shows, with the custom fields."""


async def macros(
    info: strawberry.Info,
    search: str | None = None,
    include_inactive: bool | None = None,
    all_teams: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Macro]:
    viewer = context_of(info).viewer
    if all_teams:
        ADMINISTER.check(viewer)
    return list_macros(
        viewer,
        search,
        parse_page_arguments(first, after, last, before),
        include_inactive=bool(include_inactive),
        all_teams=bool(all_teams),
    )


async def preview_macro(
    info: strawberry.Info, macro_id: strawberry.ID, ticket_id: strawberry.ID
) -> MacroPreview | None:
    context = context_of(info)
    key = ids.key_of(ids.TICKET, ticket_id)
    ticket = await Ticket.get_or_none(id=key) if key else None
    macro = await macro_admin.find_macro(context.viewer, macro_id)
    if ticket is None or macro is None or not can_see_ticket(context.viewer, ticket):
        return None
    refusals: list[Refusal] = []
    change = TicketChange(
        ticket,
        context.viewer,
        context.now(),
        context.settings.reopen_window,
        limits=context.settings.limits,
    )
    text: str | None = None
    with collect_refusals(refusals):
        application = await read_for_viewer(context, macro, ticket)
        text = application.body
        refusals += apply_to(change, application)
        await check_required_at_resolution(change, macro_application.FIELD)
    return MacroPreview(
        text=text,
        changes=[each for event in change.events for each in await list_previewed(info, event)],
        user_errors=to_user_errors(Refusals(refusals)),
    )


async def list_previewed(info: strawberry.Info, event: Event) -> list[FieldChange]:
    hidden = await find_hidden_columns(info, event.changes)
    return [
        each
        for each in list_field_changes(event, hidden_columns=hidden)
        if each.field in PREVIEWED_FIELDS or each.field.startswith("customFields.")
    ]


async def read_for_viewer(
    context: Context, macro: Macro, ticket: Ticket, body: str | None = None
) -> MacroApplication:
    """Read what the macro needs. Raises InvalidInput."""
    agent = context.viewer.user
    assert agent is not None  # the permission is only for users
    return await macro_application.read_application(macro, ticket, agent, body)


def apply_to(change: TicketChange, application: MacroApplication) -> list[Refusal]:
    is_from_customer = change.actor.user_id == change.ticket.requester_id
    return macro_application.apply_macro(change, application, is_from_customer=is_from_customer)


@ticket_mutation(
    ApplyMacroPayload, message="reply", check=check_last_seen_cursor, prepare=complete_uploads
)
async def apply_macro(mutation: TicketMutation, input: ApplyMacroInput) -> None:
    change = await mutation.lock_ticket(input)
    # Read after the ticket is locked: the macro may be archived while the lock is awaited.
    macro = await macro_admin.find_macro(mutation.viewer, input.macro_id)
    if macro is None:
        raise macro_admin.no_such_macro()
    refusals: list[Refusal] = []
    with collect_refusals(refusals):
        await check_unseen_messages(mutation.viewer, change, input)
    with collect_refusals(refusals):
        application = await read_for_viewer(mutation.context, macro, change.ticket, input.body)
        refusals += apply_to(change, application)
        await check_required_at_resolution(change, macro_application.FIELD)
    if change.messages or not refusals:  # a refused reply says nothing about its files
        with collect_refusals(refusals):
            await attach_to_reply(mutation, change, input)
    if refusals:
        raise Refusals(refusals)
    if change.messages:
        await discard_sent_draft(mutation.viewer, change, input)


async def attach_to_reply(
    mutation: TicketMutation, change: TicketChange, input: ApplyMacroInput
) -> None:
    """Attach the files to the macro's reply. Raises InvalidInput."""
    if change.messages:
        await attach_files(mutation, change, input.attachment_ids, change.messages[0])
    elif input.attachment_ids:
        message = "must be empty, because the macro adds no reply"
        raise InvalidInput(UserErrorCode.INVALID, message, "attachmentIds")


macro_mutation = admin_mutation(MacroPayload, "macro", Macro, recall=macro_admin.recall_macro)


@macro_mutation
async def create_macro(mutation: AdminMutation, input: CreateMacroInput) -> Macro:
    fields = macro_fields(input)
    return await macro_admin.create_macro(mutation.changes, mutation.viewer, fields, mutation.at)


@macro_mutation
async def update_macro(mutation: AdminMutation, input: UpdateMacroInput) -> Macro:
    return await macro_admin.update_macro(
        mutation.changes,
        mutation.viewer,
        input.macro_id,
        macro_fields(input),
        mutation.at,
        input.expected_version,
    )


@macro_mutation
async def archive_macro(mutation: AdminMutation, input: ArchiveMacroInput) -> Macro:
    return await macro_admin.archive_macro(
        mutation.changes, mutation.viewer, input.macro_id, mutation.at, input.expected_version
    )


def macro_fields(input: CreateMacroInput | UpdateMacroInput) -> MacroFields:
    """The fields that the input sets."""
    fields = given_fields(input, clearable=CLEARABLE_FIELDS)
    for name in ("macro_id", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    for name in ("add_tags", "remove_tags"):
        if name in fields:
            fields[name] = fields[name] or []
    if "custom_fields" in fields:
        fields["custom_fields"] = read_input_values(fields["custom_fields"])
    return cast("MacroFields", fields)
