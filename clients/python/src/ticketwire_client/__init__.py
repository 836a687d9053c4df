"""A typed client of Ticketwire: see README.md."""

from __future__ import annotations

from . import generated
from .client import TicketwireClient
from .errors import (
    AuthenticationError,
    CursorExpiredError,
    CursorInvalidError,
    MutationRefused,
    NetworkError,
    NotFoundError,
    PermissionDeniedError,
    QueryTooExpensiveError,
    RateLimitedError,
    RequestError,
    ServerError,
    TicketwireError,
    UnavailableError,
    UnexpectedResponseError,
)
from .generated import *  # noqa: F403
from .models import (
    Actor,
    Attachment,
    Message,
    StaleVersion,
    TransitionRefused,
    UnseenMessages,
    UserError,
)
from .pages import PagedList
from .stream import EventStream

__all__ = [
    "Actor",
    "Attachment",
    "AuthenticationError",
    "CursorExpiredError",
    "CursorInvalidError",
    "EventStream",
    "Message",
    "MutationRefused",
    "NetworkError",
    "NotFoundError",
    "PagedList",
    "PermissionDeniedError",
    "QueryTooExpensiveError",
    "RateLimitedError",
    "RequestError",
    "ServerError",
    "StaleVersion",
    "TicketwireClient",
    "TicketwireError",
    "TransitionRefused",
    "UnavailableError",
    "UnexpectedResponseError",
    "UnseenMessages",
    "UserError",
]
__all__ += generated.__all__
