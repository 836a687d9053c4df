"""Users by their key, and lists of users and organizations, page by page."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models import database
from models.core import ids
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, RecordQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare, in_list
from models.core.text import is_storable
from models.database import Dialect
from models.people.user import Organization, Role, User
from models.queries.connection import build_connection
from models.queries.indexes import EMAIL_PREFIX_SQL
from models.queries.text_search.search import build_name_condition

LAST_CHARACTER = "\U0010ffff"
"""It follows all other characters, in the order of both databases' indexes."""
USER_ORDER = Order(
    (
        Sort("u.display_name", "display_name", False, SortType.TEXT),
        Sort("u.id", "id", False, SortType.UUID),
    )
)
ORGANIZATION_ORDER = Order(
    (
        Sort("o.name", "name", False, SortType.TEXT),
        Sort("o.id", "id", False, SortType.UUID),
    )
)


def find_user(user_id: UUID) -> RecordQuery[User]:
    """Return the user with this key, whether or not any viewer may see them."""
    return RecordQuery(LazyQuery(User, "u", "users u", compare("u.id", "=", user_id)))


def list_users(
    search: str | None,
    role: Role | None,
    organization_id: str | None,
    active: bool | None,
    page_request: PageRequest,
    *,
    roles: Collection[Role] | None = None,
) -> ConnectionQuery[User]:
    """Return a page of users, ordered by name. They meet all conditions that are not None.

    With `search`, each of its words must be the start of a word of the name, or the whole text that
    of the email address, in any case. The organization is a global id. Raises BadRequest if the
    search can't be stored, and CursorInvalid.
    """
    condition = TRUE if role is None else Condition("(u.role = ?)", (role.value,))
    if roles is not None:
        condition &= in_list("u.role", [each.value for each in roles])
    if organization_id is not None:
        key = ids.key_of(ids.ORGANIZATION, organization_id)
        condition &= FALSE if key is None else compare("u.organization_id", "=", key)
    if active is not None:
        condition &= Condition("(u.active = ?)", (active,))
    text = clean_search(search)
    if text:
        dialect = database.dialect()
        condition &= build_name_condition(text, dialect) | starts_email(text, dialect)
    return build_connection(User, "u", "users u", condition, USER_ORDER, page_request)


def starts_email(text: str, dialect: Dialect) -> Condition:
    """The condition that a user's email address begins with the text, which is in lower case."""
    column = f"u.{EMAIL_PREFIX_SQL}" if dialect == "postgres" else "u.email"
    return Condition(f"({column} >= ? AND {column} < ?)", (text, text + LAST_CHARACTER))


def list_organizations(
    search: str | None, include_archived: bool, page_request: PageRequest
) -> ConnectionQuery[Organization]:
    """Return a page of organizations, ordered by name; with `include_archived` also archived ones.

    `search` is any part of a name, or a whole domain or external id, in any case. Raises BadRequest
    if it can't be stored, and CursorInvalid.
    """
    condition = TRUE if include_archived else Condition("(o.active = ?)", (True,))
    text = clean_search(search)
    if text:
        condition &= Condition(
            "(replace(lower(o.name), ?, '') <> lower(o.name) "
            "OR COALESCE(lower(o.external_id), '') = ? "
            "OR o.id IN (SELECT d.organization_id FROM organization_domains d WHERE d.domain = ?))",
            (text, text, text),
        )
    return build_connection(
        Organization, "o", "organizations o", condition, ORGANIZATION_ORDER, page_request
    )


def clean_search(search: str | None) -> str:
    """The trimmed text of a search in lower case; empty for none. Raises BadRequest."""
    if search is None or not search.strip():
        return ""
    if not is_storable(search):
        raise BadRequest("A search must not contain NUL bytes or lone surrogates.")
    return search.strip().lower()
