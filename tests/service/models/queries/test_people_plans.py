"""The query plans of pages of people use indexes, so pickers stay fast with many people."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from support.databases import IS_SQLITE
from support.statements import statements

from models import database as db
from models.core.paging.pagination import PageRequest
from models.people.user import Role, User
from models.queries.directory.users import USER_ORDER, list_users

FIRST_PAGE = PageRequest(25, backward=False, after=None, before=None)
NAME_INDEX = "idx_users_display_"
SEARCH_INDEXES = (
    ("user_search", "sqlite_autoindex_users_1", "sqlite_autoindex_users_2")
    if IS_SQLITE
    else ("users_search", "users_email_prefix")
)
"""By the words of names, and by the start of the email address."""


@pytest.fixture
async def people(database: str) -> Sequence[User]:
    users = [
        User(
            email=f"p{number}@example.com",
            display_name=f"Person {number % 700} Number{number}",
            role=Role.CUSTOMER if number % 10 else Role.AGENT,
        )
        for number in range(2000)
    ]
    await User.bulk_create(users)
    if not IS_SQLITE:
        await db.fetch_dicts("ANALYZE users")
    return users


async def read_plan(search: str | None, page: PageRequest = FIRST_PAGE) -> str:
    """The plan of the statement for the page, as text."""
    with statements() as collected:
        await list_users(search, None, None, None, page)
    sql, params = next(each for each in collected.sent if "LIMIT" in each[0])
    if IS_SQLITE:
        rows = await db.connection().execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(row["detail"] for row in rows)
    async with db.transaction():
        # With so few rows, a scan can be cheaper; the test is whether the indexes can be used.
        off = ["seqscan"] if search is not None else ["seqscan", "bitmapscan", "sort"]
        off += ["indexscan"] if search is not None else []
        for each in off:
            await db.connection().execute_script(f"SET LOCAL enable_{each} = off")
        rows = await db.connection().execute_query_dict(f"EXPLAIN (FORMAT JSON) {sql}", params)
    return json.dumps(rows[0]["QUERY PLAN"])


async def test_pages_of_all_people_are_read_in_the_order_of_an_index(
    people: Sequence[User],
) -> None:
    cursor = USER_ORDER.cursor_of(people[1000])
    for page in (
        FIRST_PAGE,
        PageRequest(25, backward=True, after=None, before=None),
        PageRequest(25, backward=False, after=cursor, before=None),
        PageRequest(25, backward=True, after=None, before=cursor),
    ):
        plan = await read_plan(None, page)
        assert NAME_INDEX in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        assert '"Sort"' not in plan, plan


async def test_a_search_for_people_uses_the_indexes_of_words_and_addresses(
    people: Sequence[User],
) -> None:
    for search in ("person 12", "p12@exa", "number1999"):
        plan = await read_plan(search)
        for index in SEARCH_INDEXES:
            assert index in plan, plan
        assert "SCAN u\n" not in plan, plan
        assert "Seq Scan" not in plan, plan


async def test_a_search_finds_the_same_people_page_by_page(people: Sequence[User]) -> None:
    expected = sorted(
        (each.display_name, str(each.id)) for each in people if each.display_name[7:9] == "12"
    )
    found: list[tuple[str, str]] = []
    page = PageRequest(10, backward=False, after=None, before=None)
    while len(found) < len(expected):
        rows = (await list_users("PERSON 12", None, None, None, page)).rows
        assert rows
        found += [(each.display_name, str(each.id)) for each in rows]
        page = PageRequest(10, backward=False, after=USER_ORDER.cursor_of(rows[-1]), before=None)
    assert set(found) >= set(expected)
    assert found == sorted(found)
    assert all("12" in name for name, _ in found)
