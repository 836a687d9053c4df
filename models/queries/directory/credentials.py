"""Lists of the sessions and API tokens of users, for many users at once.

Administrators see those of everyone; other viewers see none here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition
from models.people.token import Token, TokenKind
from models.queries.connection import build_owned_connection

NEWEST_FIRST = Order(
    (
        Sort("k.created_at", "created_at", True, SortType.INSTANT),
        Sort("k.id", "id", True, SortType.UUID),
    )
)


def list_sessions(
    viewer: Viewer, user_ids: Sequence[UUID], page_request: PageRequest, at: datetime
) -> ConnectionQuery[Token]:
    """Return a page of each user's live sessions, without JWTs. Raises CursorInvalid."""
    is_live = Condition(
        "(k.kind = ? AND k.is_jwt = ? AND k.revoked_at IS NULL "
        "AND (k.expires_at IS NULL OR k.expires_at > ?))",
        (TokenKind.SESSION.value, False, at),
    )
    return list_tokens(viewer, user_ids, is_live, page_request)


def list_api_tokens(
    viewer: Viewer, user_ids: Sequence[UUID], page_request: PageRequest
) -> ConnectionQuery[Token]:
    """Return a page of each user's API tokens, also revoked ones. Raises CursorInvalid."""
    is_api_token = Condition("(k.kind = ?)", (TokenKind.API.value,))
    return list_tokens(viewer, user_ids, is_api_token, page_request)


def list_tokens(
    viewer: Viewer, user_ids: Sequence[UUID], condition: Condition, page_request: PageRequest
) -> ConnectionQuery[Token]:
    visible = condition & (TRUE if ADMINISTER.allows(viewer) else FALSE)
    return build_owned_connection(
        Token, "k", "tokens", "user_id", user_ids, visible, NEWEST_FIRST, page_request
    )
