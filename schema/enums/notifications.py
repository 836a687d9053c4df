"""Enums of notifications and emails."""

from __future__ import annotations

from models.notifications.email import MailStatus
from models.notifications.notification import Channel, NotificationReason, Topic
from schema.enums.registration import register_enum

register_enum(
    Topic,
    "NotificationTopic",
    "A topic that users can turn on and off per channel.",
    {
        "RAISED": "For agents and admins, new tickets of their teams. For requesters, the "
        "confirmation that their own ticket was received, by email only.",
        "REPLIES": "Replies; for agents and admins also ratings, and emails that could not be "
        "delivered.",
        "NOTES": "Notes on tickets that are assigned to the user or watched by the user. Never by "
        "email.",
        "MENTIONS": "Notes that mention the user, and drafts that API clients propose to the user. "
        "Never by email.",
        "STATUS": "Tickets that were resolved, closed, reopened, merged or changed in status or "
        "priority.",
        "ASSIGNMENT": "Tickets that were assigned to the user or transferred to the user's team.",
        "ESCALATION": "Tickets that were escalated, and steps of escalation paths that notify the "
        "user.",
        "SLA": "SLA clocks that are at risk or have passed their target.",
        "REMINDERS": "Tickets of the user, or with the user as a participant, that wait for a "
        "reply or will close soon.",
    },
)
register_enum(
    Channel,
    "NotificationChannel",
    "A channel by which the server notifies users.",
    {
        "IN_APP": "A notification in the API: the query and the subscription `notifications`.",
        "EMAIL": "An email to the user's address.",
    },
)
register_enum(
    NotificationReason,
    "NotificationReason",
    "The reason for which a user receives a notification. If several apply, the first of "
    "this list.",
    {
        "MENTIONED": "A note mentions the user, or the user gets a proposed draft.",
        "ESCALATION": "A step of an escalation path notifies the user.",
        "REQUESTER": "The user is the ticket's requester or one of its participants.",
        "ASSIGNEE": "The ticket is assigned to the user.",
        "WATCHER": "The user watches the ticket.",
        "TEAM": "The user is a member of the ticket's team, or an admin if the team has no active "
        "members.",
    },
)
register_enum(
    MailStatus,
    "MailStatus",
    "The delivery status of an email.",
    {
        "QUEUED": "The server has not tried to send the email yet.",
        "SENT": "The mail server accepted the email.",
        "DEFERRED": "The last attempt failed temporarily. The server retries for up to 3 days.",
        "FAILED": "The email was not sent, and the server does not retry.",
    },
)
