"""Enums of users and their presence."""

from __future__ import annotations

from models.people.user import Role
from models.tickets.presence import PresenceState
from schema.enums.registration import register_enum

register_enum(
    Role,
    "Role",
    "The role of a user, which limits the scopes of the user's tokens.",
    {
        "CUSTOMER": "Creates tickets and takes part in the tickets that the user may see. Scopes: "
        "`tickets:read`, `tickets:write` and `events:read`.",
        "AGENT": "Sees every ticket and works on it, including its notes. Scopes: those of a "
        "customer, `notes:read`, `notes:write` and `users:read`.",
        "ADMIN": "Has an agent's permissions and administers the service. Scopes: all.",
    },
)
register_enum(
    PresenceState,
    "PresenceState",
    "What an agent or admin does on a ticket.",
    {
        "LOOKING": "The user has the ticket open.",
        "WRITING": "The user writes a reply or a note.",
        "GONE": "The user has left the ticket. Clients send it with setPresence; the server never "
        "returns it.",
    },
)
