"""The codes of user errors."""

from __future__ import annotations

from models.core.errors import UserErrorCode
from schema.enums.registration import register_enum

register_enum(
    UserErrorCode,
    "UserErrorCode",
    "The machine-readable reason of a user error.",
    {
        "INVALID": "The value is outside its allowed values, or the record's state does not allow "
        "the change.",
        "REQUIRED": "A required value is absent, or a given value is blank.",
        "TOO_LONG": "The text or list exceeds its maximum length.",
        "NOT_FOUND": "No record with this id or slug exists, or the viewer may not see it.",
        "TAKEN": "Another record has this unique value, such as a name or an external id.",
        "TRANSITION_REFUSED": "The ticket's status does not allow the action. See "
        "TransitionRefused.",
        "REOPEN_WINDOW_PASSED": "The ticket was closed too long ago to be reopened, by default "
        "more than 14 days, or a retention policy erased its texts. Create a follow-up ticket. "
        "See TransitionRefused.",
        "STALE_VERSION": "The version of the ticket or record differs from `expectedVersion`. "
        "See StaleVersion.",
        "UNSEEN_MESSAGES": "The ticket has messages after `lastSeenCursor`. See UnseenMessages.",
        "SECOND_FACTOR_REQUIRED": "The password is right, and the user has a second factor. Repeat "
        "the mutation with `secondFactor`.",
        "NOT_ENABLED": "The feature is turned off, or the server lacks a setting that it needs.",
        "IDEMPOTENCY_KEY_REUSED": "The viewer used the idempotency key for another input within "
        "24 hours.",
        "IDEMPOTENCY_IN_PROGRESS": "The first call with this idempotency key is still running. "
        "Try again.",
    },
)
