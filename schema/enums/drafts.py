"""The enum of drafts."""

from __future__ import annotations

from models.tickets.message import MessageKind
from schema.enums.registration import register_enum

register_enum(
    MessageKind,
    "MessageKind",
    "The kind of a message.",
    {
        "REPLY": "A public message, which the customer can read.",
        "NOTE": "An internal message, which customers never see.",
    },
)
