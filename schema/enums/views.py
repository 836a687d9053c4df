"""Enums of saved views."""

from __future__ import annotations

from models.access.audience import Audience
from models.views.saved_view import ViewColumn
from schema.enums.registration import register_enum

register_enum(
    Audience,
    "Audience",
    "The people who see a saved view or a macro.",
    {
        "PERSONAL": "Only its owner.",
        "TEAM": "The members of a team, and admins.",
        "EVERYONE": "All agents and admins.",
    },
)
register_enum(
    ViewColumn,
    "SavedViewColumn",
    "A column of the table in which a client shows the tickets of a saved view.",
    {
        "REF": "The number with its prefix.",
        "SUBJECT": "The subject.",
        "STATUS": "The status.",
        "STAGE": "The stage.",
        "PRIORITY": "The priority.",
        "CATEGORY": "The category.",
        "TEAM": "The team.",
        "REQUESTER": "The requester.",
        "ORGANIZATION": "The organization.",
        "ASSIGNEE": "The assignee.",
        "TAGS": "The tags.",
        "SLA": "The SLA clocks and their statuses.",
        "SLA_BREACHES_AT": "The earliest deadline of the running SLA clocks.",
        "ESCALATION_LEVEL": "The escalation level.",
        "CREATED_AT": "The time of creation.",
        "UPDATED_AT": "The time of the last change.",
        "LAST_REPLY_AT": "The time of the last reply.",
        "RESOLVED_AT": "The time of the resolution.",
        "CLOSED_AT": "The time of the closure.",
        "HELD_UNTIL": "The time at which the server resumes the ticket.",
        "SATISFACTION_SCORE": "The score of the customer's rating.",
    },
)
