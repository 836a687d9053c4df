"""Inputs of the mutations for macros."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from models.access.audience import Audience
from models.macros.macro import MacroAssignment, MacroStatusAction
from models.macros.placeholders import PLACEHOLDERS
from models.tickets.lifecycle import CloseReason, Priority
from schema.inputs.custom_fields import CUSTOM_FIELDS, CustomFieldInput
from schema.inputs.fields import (
    BODY,
    EXPECTED_VERSION,
    KEEP,
    KEEP_OR_REMOVE,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    SLUG,
    TICKET_ID,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)
from schema.inputs.tickets.attachments import ATTACHMENT_IDS
from schema.inputs.tickets.messages import DRAFT_VERSION, LAST_SEEN_CURSOR

TEAM = (
    f"The slug of an active team, {SLUG} Required for the audience TEAM; must be null for others."
)
KNOWN = ", ".join(f"`{{{{{name}}}}}`" for name in PLACEHOLDERS)
TEXT = (
    "The text of the reply in Markdown, at most 20,000 characters (by default). These placeholders "
    f"stand for values of the ticket: {KNOWN}. Others are INVALID. Required for RESOLVE and for a "
    "macro without actions."
)
STATUS_ACTION = "The change of the ticket's status."
HOLD_FOR = (
    "For HOLD: the time after which the server resumes the ticket, 1 minute to 365 days. Must be "
    "null for other actions."
)
CLOSE_REASON = "Required for CLOSE; must be null for other actions."
ASSIGNMENT = "The new assignee of the ticket."
ASSIGNEE = "The id of an active agent or admin. Required for PERSON; must be null for others."
NEW_TEAM = f"The slug of the active team to which the ticket moves, {SLUG}"
PRIORITY = "The new priority of the ticket."
TAGS = "at most 20 (by default), each 1 to 50 characters. Duplicates are ignored."
VALUES = (
    f"{CUSTOM_FIELDS} The macro can't be applied to a ticket of a category that does not have the "
    "field."
)
MACRO_ID = "The id of the macro."


@strawberry.input(description="A new macro.")
class CreateMacroInput:
    name: str = required(f"The name of the macro. {NAME}")
    audience: Audience | None = optional("The people who see the macro. Absent or null: PERSONAL.")
    team: str | None = optional(TEAM)
    text: str | None = optional(f"{TEXT} Absent or null: no reply.")
    status_action: MacroStatusAction | None = optional(f"{STATUS_ACTION} Absent or null: none.")
    hold_for: timedelta | None = optional(f"{HOLD_FOR} Absent or null: until it is resumed.")
    close_reason: CloseReason | None = optional(f"The reason of CLOSE. {CLOSE_REASON}")
    assignment: MacroAssignment | None = optional(f"{ASSIGNMENT} Absent or null: unchanged.")
    assignee_id: strawberry.ID | None = optional(ASSIGNEE)
    new_team: str | None = optional(f"{NEW_TEAM} Absent or null: unchanged.")
    priority: Priority | None = optional(f"{PRIORITY} Absent or null: unchanged.")
    add_tags: list[str] | None = optional(f"The tags to add, {TAGS}")
    remove_tags: list[str] | None = optional(f"The tags to remove, {TAGS}")
    custom_fields: list[CustomFieldInput] | None = optional(VALUES)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a macro.")
class UpdateMacroInput:
    macro_id: strawberry.ID = required(MACRO_ID)
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    audience: Audience | None = optional(
        f"The people who see the macro. PERSONAL makes the viewer its owner. {KEEP}"
    )
    team: str | None = optional(f"{TEAM} Absent or null: the current team, if any.")
    text: str | None = optional(f"{TEXT} {KEEP_OR_REMOVE}", strawberry.UNSET)
    status_action: MacroStatusAction | None = optional(
        f"{STATUS_ACTION} Another action removes the values of the current one. {KEEP_OR_REMOVE}",
        strawberry.UNSET,
    )
    hold_for: timedelta | None = optional(
        f"{HOLD_FOR} Absent: unchanged. Null: until it is resumed.", strawberry.UNSET
    )
    close_reason: CloseReason | None = optional(
        f"The reason of CLOSE. {CLOSE_REASON} {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    assignment: MacroAssignment | None = optional(
        f"{ASSIGNMENT} Another assignment removes the current person. {KEEP_OR_REMOVE}",
        strawberry.UNSET,
    )
    assignee_id: strawberry.ID | None = optional(f"{ASSIGNEE} {KEEP_OR_REMOVE}", strawberry.UNSET)
    new_team: str | None = optional(f"{NEW_TEAM} {KEEP_OR_REMOVE}", strawberry.UNSET)
    priority: Priority | None = optional(f"{PRIORITY} {KEEP_OR_REMOVE}", strawberry.UNSET)
    add_tags: list[str] | None = optional(
        f"The tags to add, {TAGS} {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    remove_tags: list[str] | None = optional(
        f"The tags to remove, {TAGS} {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    custom_fields: list[CustomFieldInput] | None = optional(
        f"The complete list. {VALUES} {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    active: bool | None = optional(f"True restores an archived macro. {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A macro to archive.")
class ArchiveMacroInput:
    macro_id: strawberry.ID = required(MACRO_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A macro to apply to a ticket.")
class ApplyMacroInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    macro_id: strawberry.ID = required("The id of an active macro that the viewer sees.")
    body: str | None = optional(
        "The text of the reply, in place of the macro's text, for example after the agent has "
        f"edited the preview. {BODY} Placeholders in it are not replaced. Null: the macro's text."
    )
    attachment_ids: list[strawberry.ID] | None = optional(
        f"{ATTACHMENT_IDS} Only for a macro with a reply."
    )
    last_seen_cursor: str | None = optional(LAST_SEEN_CURSOR)
    draft_version: int | None = optional(
        f"{DRAFT_VERSION} A macro without a reply sends no draft, so it discards none."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
