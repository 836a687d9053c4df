"""Users by their key, and lists of users, page by page."""

from __future__ import annotations

from uuid import UUID

from models.core.cursor_values import SortType
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, One
from models.core.ordering import Order, Sort
from models.core.pagination import PageRequest
from models.core.sql import TRUE, Condition, compare
from models.core.text import is_storable
from models.people.user import Role, User
from models.queries.connection import build_connection

USER_ORDER = Order(
    (
        Sort("u.display_name", "display_name", False, SortType.TEXT),
        Sort("u.id", "id", False, SortType.UUID),
    )
)


def find_user(user_id: UUID) -> One[User]:
    """Return the user with this key, whether or not any viewer may see them."""
    return One(LazyQuery(User, "u", "users u", compare("u.id", "=", user_id)))


def list_users(
    search: str | None, role: Role | None, page_request: PageRequest
) -> ConnectionQuery[User]:
    """Return a page of users by name.

    `search` is any part of a name or the start of an email address, in any case. Raises BadRequest
    if it can't be stored, and CursorInvalid.
    """
    condition = TRUE if role is None else Condition("(u.role = ?)", (role.value,))
    if search and search.strip():
        if not is_storable(search):
            raise BadRequest("A search must not contain NUL bytes or lone surrogates.")
        text = search.strip().lower()
        condition &= Condition(
            "(replace(lower(u.display_name), ?, '') <> lower(u.display_name) "
            "OR substr(u.email, 1, ?) = ?)",
            (text, len(text), text),
        )
    return build_connection(User, "u", "users u", condition, USER_ORDER, page_request)
