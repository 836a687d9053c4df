"""Enums of macros."""

from __future__ import annotations

from models.macros.macro import MacroAssignment, MacroStatusAction
from schema.enums.registration import register_enum

register_enum(
    MacroStatusAction,
    "MacroStatusAction",
    "The change of the ticket's status by a macro.",
    {
        "START": "Starts a NEW ticket. An OPEN ticket stays OPEN.",
        "AWAIT_CUSTOMER": "Waits for the customer. A ticket that is WAITING_ON_CUSTOMER already "
        "keeps waiting.",
        "HOLD": "Pauses the ticket for `holdFor`, or until it is resumed.",
        "RESOLVE": "Resolves the ticket. The text of the reply is its resolution.",
        "CLOSE": "Closes the ticket for `closeReason`.",
    },
)
register_enum(
    MacroAssignment,
    "MacroAssignment",
    "The new assignee of the ticket by a macro.",
    {
        "PERSON": "The person in `assignee`.",
        "APPLIER": "The person who applies the macro.",
        "NOBODY": "Nobody.",
    },
)
