"""Enums of macros."""

from __future__ import annotations

from models.macros.macro import MacroAssignment, MacroStatusAction
from schema.enums.registration import register_enum

register_enum(
    MacroStatusAction,
    "MacroStatusAction",
    "The action by which a macro changes the ticket's status.",
    {
        "START": "Starts work: NEW becomes OPEN. An OPEN ticket stays OPEN.",
        "AWAIT_CUSTOMER": "Marks the ticket as waiting for its requester: the status becomes "
        "WAITING_ON_CUSTOMER. A ticket that has it already keeps it.",
        "HOLD": "Pauses the ticket for `holdFor`, or until it is resumed: the status becomes "
        "ON_HOLD.",
        "RESOLVE": "Resolves the ticket: the status becomes RESOLVED. The text of the reply is its "
        "resolution.",
        "CLOSE": "Closes the ticket for `closeReason`: the status becomes CLOSED.",
    },
)
register_enum(
    MacroAssignment,
    "MacroAssignment",
    "The person to whom a macro assigns the ticket.",
    {
        "PERSON": "The person in `assignee`.",
        "APPLIER": "The person who applies the macro.",
        "NOBODY": "Nobody: the macro removes the assignee.",
    },
)
