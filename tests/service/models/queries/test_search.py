"""Full-text search: the same results on both databases, for any text of tickets and queries."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.ticket_factory import NOON, Desk, limit_examples

from models import database
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.changes import commands
from models.core.errors import BadRequest
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE
from models.core.text import is_storable
from models.core.words import MAX_WORD_CHARS
from models.queries import live_list, tickets
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.filters.limits import FilterHints
from models.queries.live_list import ListMembership
from models.queries.logs import event_log
from models.queries.logs.event_log import EventFilter
from models.queries.statistics import stats
from models.queries.statistics.running_stats import RunningStats
from models.queries.text_search import search
from models.queries.tickets import build_ticket_order
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.never_retried

NEWEST = build_ticket_order([("number", False)])


async def search_numbers(viewer: Viewer, text: str) -> list[int]:
    """The numbers of the tickets that a search finds."""
    page = await tickets.list_tickets(
        viewer, {"search": text}, NEWEST, PageRequest(100, False, None, None), NOON
    )
    assert await page.count_total() == len(page.rows)
    return [ticket.number for ticket in page.rows]


TEXTS_WITH_QUERIES: list[tuple[str, list[str], list[str]]] = [
    ("VPN is down", ["vpn", "VPN", "vp", "v", "down vpn", "is"], ["pn", "vpns", "own", "vpn up"]),
    (
        "from jane.doe@example.com",
        ["jane.doe@example.com", "jane", "doe", "doe@example", "com"],
        ["ane", "janedoe"],
    ),
    (
        "https://host.example/a/path?x=1&y=deep#top",
        ["https://host.example/a/path", "path", "deep", "top", "host.ex"],
        ["ttps"],
    ),
    (
        "web-01.eu-west.internal refuses",
        ["web-01", "web-01.eu-west.internal", "01", "eu", "west", "web 01"],
        ["eb-01", "web-02"],
    ),
    (
        "error E-1234 and 0x80070005",
        ["E-1234", "e-12", "1234", "0x8007", "e 1234"],
        ["234", "x80070005", "E-1235"],
    ),
    (
        "client 10.0.0.1:8443 v2.10.3-rc1",
        ["10.0.0.1", "8443", "v2.10.3", "rc1", "v2"],
        ["10.0.0.2", "443"],
    ),
    ("snake_case and CamelCase", ["snake_case", "snake", "case", "camel", "camelcase"], ["nake"]),
    (
        "Größe Ünïcode",
        ["größe", "GRÖSSE", "grö", "ünïcode", "ÜNÏ", "grosse", "unicode"],
        ["groesse"],
    ),
    ("Straße naïve", ["straße", "strasse", "STRASSE", "naive", "naïve", "nai\u0308ve"], ["strase"]),
    (
        "Ελλάδα ΟΔΟΣ Москва",
        ["ελλάδα", "ΕΛΛΆΔΑ", "ελλαδα", "οδος", "οδοσ", "москва", "МОСК"],
        ["лада"],
    ),
    ("Ærø Łódź İstanbul ﬁle", ["aero", "ærø", "lodz", "ŁÓDŹ", "istanbul", "file", "FILE"], ["rø"]),
    ("ＶＰＮ １２３ ٤٥٦", ["vpn", "123", "456", "１２"], ["23"]),
    (
        "東京タワー 故障 北京大学",
        ["東京", "東京タワー", "故障", "北京", "北京大学", "タワー", "大学", "京", "京大"],
        ["東大", "京東", "ダワー"],
    ),
    (
        "サーバーがダウンしています",
        ["ダウン", "サーバー", "ｻｰﾊﾞｰ", "がダウンして", "ダウンしています", "す"],
        ["タウン", "ダウンする"],
    ),
    ("웹서버가 느립니다", ["서버", "웹서버", "느립", "립니다"], ["웹버"]),
    ("हिन्दी में समस्या", ["हिन्दी", "हि", "समस्या", "में"], ["मराठी", "हन"]),
    ("ที่นี่ ปัญหา", ["ที่นี่", "ปัญหา", "ที่", "ญหา"], ["ไทย"]),
    ("كِتَاب مشكلة", ["كِتَاب", "كتاب", "مشكلة", "مشك"], ["قلم"]),
    ("it’s “quoted” – don't…", ["it’s", "quoted", "“quoted”", "don't", "don"], ["uoted"]),
    (
        "100% of a+b = c*d; {json: [1]} <b>bold</b>",
        ["100%", "a+b", "c*d", "json", "bold", "<b>bold</b>"],
        ["200%", "old"],
    ),
    ("works👍fine m² ½", ["works", "fine", "works👍", "👍 fine"], ["ine"]),
]


async def test_each_word_of_a_query_is_a_prefix_of_a_word_of_the_ticket(desk: Desk) -> None:
    numbers = {
        text: (await desk.raise_ticket(subject=text, description="-")).number
        for text, _, _ in TEXTS_WITH_QUERIES
    }
    for text, hits, misses in TEXTS_WITH_QUERIES:
        for query in hits:
            assert numbers[text] in await search_numbers(desk.ada, query), (text, query)
        for query in misses:
            assert numbers[text] not in await search_numbers(desk.ada, query), (text, query)


async def test_descriptions_and_messages_are_split_like_subjects(desk: Desk) -> None:
    described = await desk.raise_ticket(
        subject="-", description=" ".join(text for text, _, _ in TEXTS_WITH_QUERIES)
    )
    replied = await desk.raise_ticket(subject="-", description="-")
    await desk.act(
        replied,
        lambda change: commands.reply(
            change, " ".join(text for text, _, _ in TEXTS_WITH_QUERIES), is_from_customer=True
        ),
    )
    for _, hits, _ in TEXTS_WITH_QUERIES:
        for query in hits:
            assert await search_numbers(desk.ada, query) == [described.number, replied.number], (
                query
            )


async def test_words_can_be_in_different_messages(desk: Desk) -> None:
    ticket, other = (
        await desk.raise_ticket(subject="VPN is down"),
        await desk.raise_ticket(subject="Mail is down"),
    )
    await desk.act(
        ticket, lambda change: commands.reply(change, "the router blinks", is_from_customer=False)
    )
    await desk.act(
        ticket,
        lambda change: commands.reply(change, "switched it off", is_from_customer=True),
        by=desk.cora,
    )
    assert await search_numbers(desk.ada, "vpn router switched") == [ticket.number]
    assert await search_numbers(desk.cora, "vpn router switched") == [ticket.number]
    assert await search_numbers(desk.ada, "mail router") == []
    assert await search_numbers(desk.ada, "down") == [ticket.number, other.number]


async def test_notes_are_searched_only_for_viewers_with_access(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    await desk.act(ticket, lambda change: commands.add_note(change, "customer is confused"))
    await desk.act(
        ticket, lambda change: commands.reply(change, "please reboot", is_from_customer=False)
    )
    for viewer in (desk.ada, desk.root):
        assert await search_numbers(viewer, "confused") == [ticket.number]
        assert await search_numbers(viewer, "confused reboot") == [ticket.number]
    for viewer in (desk.cora, desk.carl):
        assert await search_numbers(viewer, "confused") == []
        assert await search_numbers(viewer, "confused reboot") == []
        assert await search_numbers(viewer, "reboot") == [ticket.number]


SECRET = "zebra"
"""A word in one internal note, and nowhere else in that ticket."""
FILTERS_THAT_FIND: dict[str, FilterData] = {
    "alone": {"search": SECRET},
    "its beginning": {"search": SECRET[:3]},
    "among words of the ticket": {"search": f"vpn {SECRET} noon"},
    "and": {"and": [{"search": "vpn"}, {"search": SECRET}]},
    "with another field": {"search": SECRET, "subject": {"contains": "VPN"}},
    "or": {"or": [{"search": SECRET}, {"search": "missing"}]},
    "not not": {"not": {"not": {"search": SECRET}}},
    "not, or, not": {"not": {"or": [{"not": {"search": SECRET}}, {"search": "missing"}]}},
    "or in and": {"and": [{"or": [{"and": [{"search": SECRET}]}, {"number": {"eq": 0}}]}]},
}
"""Filters that find a ticket by the word, except for viewers who may not read the note."""
FILTERS_THAT_EXCLUDE: dict[str, FilterData] = {
    "not": {"not": {"search": SECRET}},
    "not in and": {"and": [{"search": "vpn"}, {"not": {"search": SECRET}}]},
    "not in or": {"or": [{"not": {"search": SECRET}}, {"search": "missing"}]},
    "not, or": {"not": {"or": [{"search": SECRET}, {"search": "missing"}]}},
}
"""Filters that exclude the ticket because of the word, except for viewers without notes."""


async def numbers_by_all_readers(viewer: Viewer, filter: FilterData) -> list[list[int]]:
    """The numbers of the tickets in the filter, by each query for tickets.

    Statistics must count the same.
    """
    page = await tickets.list_tickets(
        viewer, filter, NEWEST, PageRequest(100, False, None, None), NOON
    )
    listed = {ticket.id: ticket.number for ticket in page.rows}
    everything = {ticket.id: ticket.number for ticket in await Ticket.all()}
    log_page = await (
        await event_log.list_events(
            viewer, EventFilter(), filter, PageRequest(100, False, None, None), NOON
        )
    )
    _, members = await live_list.read_members(viewer, filter, NOON, 100)
    _, memberships = await live_list.read_memberships_since(viewer, filter, NOON, 0)
    running_stats, advanced_stats = (
        RunningStats(viewer, filter, None),
        RunningStats(viewer, filter, None),
    )
    assert await running_stats.read(NOON, 100)
    await advanced_stats.advance(NOON)
    full_stats = await stats.read_stats(viewer, filter, stats.GroupBy.STATUS, NOON)
    assert (
        await page.count_total()
        == full_stats.total
        == sum(bucket.count for bucket in full_stats.buckets)
        == len(listed)
    )
    assert await log_page.count_total() == len(log_page.rows)
    return [
        sorted(everything[key] for key in ticket_ids)
        for ticket_ids in (
            listed,
            {event.ticket_id for event in log_page.rows},
            members,
            {key for key, standing in memberships.items() if standing is ListMembership.INSIDE},
            running_stats.facts_by_ticket,
            advanced_stats.facts_by_ticket,
        )
    ]


@pytest.mark.parametrize(
    "filter",
    [*FILTERS_THAT_FIND.values(), *FILTERS_THAT_EXCLUDE.values()],
    ids=[*FILTERS_THAT_FIND, *FILTERS_THAT_EXCLUDE],
)
async def test_a_note_affects_no_result_of_viewers_without_access(
    desk: Desk, filter: FilterData
) -> None:
    ticket = await desk.raise_ticket()
    await desk.act(
        ticket, lambda change: commands.add_note(change, f"the customer owns a {SECRET}")
    )
    with_notes = [ticket.number] if filter in FILTERS_THAT_FIND.values() else []
    without_notes = [] if with_notes else [ticket.number]
    without_notes_scope = replace(desk.ada, scopes=desk.ada.scopes - {Scope.NOTES_READ})
    for viewer, expected in (
        (desk.ada, with_notes),
        (desk.root, with_notes),
        (desk.cora, without_notes),
        (desk.carl, without_notes),
        (without_notes_scope, without_notes),
        (desk.olga, []),
    ):
        results = await numbers_by_all_readers(viewer, filter)
        assert results == [expected] * len(results), viewer.caller_kind


async def test_a_word_of_a_note_is_found_if_a_visible_reply_has_it_too(desk: Desk) -> None:
    with_note, with_reply = await desk.raise_ticket(), await desk.raise_ticket()
    await desk.act(with_note, lambda change: commands.add_note(change, SECRET))
    await desk.act(with_reply, lambda change: commands.add_note(change, SECRET))
    await desk.act(
        with_reply, lambda change: commands.reply(change, SECRET, is_from_customer=False)
    )
    for viewer, expected in (
        (desk.ada, [with_note.number, with_reply.number]),
        (desk.cora, [with_reply.number]),
    ):
        results = await numbers_by_all_readers(viewer, {"search": SECRET})
        assert results == [expected] * len(results)


@pytest.mark.parametrize("few_tickets", [False, True], ids=["by the index", "in each ticket"])
@pytest.mark.parametrize("sees_notes", [False, True])
async def test_both_search_plans_read_notes_only_for_viewers_with_notes(
    desk: Desk, few_tickets: bool, sees_notes: bool
) -> None:
    with_note, described = (
        await desk.raise_ticket(),
        await desk.raise_ticket(description=f"a {SECRET}"),
    )
    await desk.act(with_note, lambda change: commands.add_note(change, f"a {SECRET}"))
    viewer = desk.ada if sees_notes else desk.cora
    condition = compile_filter(
        {"search": SECRET}, viewer, NOON, database.dialect(), FilterHints(few_tickets=few_tickets)
    )
    rows = await database.fetch_dicts(
        f"SELECT t.number AS n FROM tickets t WHERE {condition.text} ORDER BY 1", condition.params
    )
    assert [row["n"] for row in rows] == [with_note.number, described.number][
        0 if sees_notes else 1 :
    ]


async def test_a_search_finds_only_visible_tickets(desk: Desk) -> None:
    ticket = await desk.raise_ticket(by=desk.cora)
    assert await search_numbers(desk.carl, "vpn") == [ticket.number]
    assert await search_numbers(desk.olga, "vpn") == []


async def test_a_new_subject_is_found_and_the_old_one_is_not(desk: Desk) -> None:
    ticket, other = await desk.raise_ticket(), await desk.raise_ticket()
    await desk.act(
        ticket, lambda change: commands.update(change, current_tags=[], subject="Printer on fire")
    )
    assert await search_numbers(desk.ada, "printer") == [ticket.number]
    assert await search_numbers(desk.ada, "vpn") == [other.number]
    assert await search_numbers(desk.ada, "noon") == [ticket.number, other.number]


async def test_a_ticket_is_found_by_its_number_in_every_spelling(desk: Desk) -> None:
    tickets_by_number = {(await desk.raise_ticket()).number for _ in range(3)}
    mentioned = await desk.raise_ticket(subject="Like TKT-1002")
    assert tickets_by_number == {1001, 1002, 1003}
    for query in ("TKT-1002", "tkt-1002", "#1002", "1002", "１００２", "TKT‑1002", "(TKT-1002)"):
        assert await search_numbers(desk.cora, query) == [1002, mentioned.number], query
    assert await search_numbers(desk.ada, "TKT-1003") == [1003]
    assert await search_numbers(desk.ada, "vpn 1003") == [1003]
    for query in ("01002", "1003x", "9" * 30, "TKT-9999999999", "0", "-1003 x"):
        assert await search_numbers(desk.ada, query) == [], query
    assert await search_numbers(desk.olga, "TKT-1002") == []


async def test_a_ticket_is_found_by_its_tags(desk: Desk) -> None:
    ticket = await desk.raise_ticket(tags=["Büro Köln", "printer"])
    await desk.raise_ticket()
    for query in ("buro", "KÖLN", "print", "büro printer vpn"):
        assert await search_numbers(desk.cora, query) == [ticket.number], query
    await desk.act(
        ticket,
        lambda change: commands.update(
            change,
            current_tags=["Büro Köln", "printer"],
            add_tags=["toner"],
            remove_tags=["printer"],
        ),
    )
    assert await search_numbers(desk.ada, "koln toner") == [ticket.number]
    assert await search_numbers(desk.ada, "printer") == []


@pytest.mark.parametrize("few_tickets", [False, True], ids=["by the index", "in each ticket"])
async def test_staff_find_tickets_by_names_of_people(desk: Desk, few_tickets: bool) -> None:
    assert desk.cora.user is not None
    assert desk.ada.user is not None
    desk.cora.user.display_name = "Zoë Ångström"
    desk.ada.user.display_name = "Søren O'Neill"
    for viewer in (desk.cora, desk.ada):
        assert viewer.user is not None
        await viewer.user.save()
    requested = await desk.raise_ticket()
    assigned = await desk.raise_ticket(by=desk.olga)
    await desk.act(assigned, lambda change: commands.assign(change, desk.ada.user))

    async def found(viewer: Viewer, query: str) -> list[int]:
        condition = compile_filter(
            {"search": query},
            viewer,
            NOON,
            database.dialect(),
            FilterHints(few_tickets=few_tickets),
        )
        rows = await database.fetch_dicts(
            f"SELECT t.number AS n FROM tickets t WHERE {condition.text}", condition.params
        )
        return [cast("int", row["n"]) for row in rows]

    assert await found(desk.root, "zoe angstrom vpn") == [requested.number]
    assert await found(desk.root, "soren neill") == [assigned.number]
    for query in ("zoe", "soren"):
        assert await found(desk.cora, query) == []
    assert await found(desk.root, "example") == []


async def test_a_ticket_that_was_rolled_back_is_not_found(desk: Desk) -> None:
    async def roll_back() -> None:
        async with database.transaction():
            ticket = desk.unsaved_ticket(7)
            await ticket.save(force_create=True)
            assert await search_numbers(desk.ada, "vpn") == [7]
            raise LookupError

    with pytest.raises(LookupError):
        await roll_back()
    assert await search_numbers(desk.ada, "vpn") == []


HOSTILE = [
    '"',
    "'",
    "''",
    "\\",
    "\\'",
    "*",
    "vpn*",
    "*vpn",
    "-vpn",
    "NOT",
    "AND",
    "OR",
    "NEAR",
    "NEAR(vpn, 2)",
    "subject:vpn",
    "vpn & | ! <-> :*",
    "((((",
    "))))",
    "a:b:c",
    "vpn'; DROP TABLE tickets; --",
    '" OR 1=1 --',
    "{vpn}",
    "^vpn",
    "+vpn",
    "vpn\x00down",
    "\x00",
    "\ud800",
    "a\ud800b",
    "\ufeff",
    "\u200b",
    "%",
    "_",
    "?",
    "$1",
    ":1",
    "@x",
    "x" * 5000,
    "x " * 500,
    "²",
    "½",
    "…",
    "—",
    "“”",
    "\u0301",
    "e\u0301",
    "ª",
    "Ⅷ",
    "\u0e31",
    "ー",
    "·",
    "1e5",
    "1e",
    "-1",
    "0x",
    "1.",
    "\U0001f98a",
]


async def search_or_expect_refusal(viewer: Viewer, text: str) -> None:
    """Text that cannot be stored is a bad request; any other text is a valid query."""
    if is_storable(text):
        await search_numbers(viewer, text)
        return
    with pytest.raises(BadRequest):
        await search_numbers(viewer, text)


async def test_hostile_queries_are_no_errors(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    for query in HOSTILE:
        await search_or_expect_refusal(desk.cora, query)
    assert await search_numbers(desk.cora, '"vpn" (down)*') == [ticket.number]


@limit_examples(150)
@given(st.text(st.characters(), max_size=12))
@example("\ud800")
async def test_random_queries_are_no_errors(desk: Desk, query: str) -> None:
    await search_or_expect_refusal(desk.ada, query)


@limit_examples(80)
@given(
    st.lists(
        st.text(
            st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x24F),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
async def test_a_ticket_is_found_by_prefixes_of_its_words(desk: Desk, words: list[str]) -> None:
    ticket = await desk.raise_ticket(subject="-", description=" – ".join(words))
    assert ticket.number in await search_numbers(desk.ada, " ".join(words))
    assert ticket.number in await search_numbers(
        desk.ada, ", ".join(word[:2] for word in reversed(words))
    )


async def test_a_blank_query_finds_everything_and_one_without_words_nothing(
    desk: Desk,
) -> None:
    ticket = await desk.raise_ticket(subject="-- ?? --")
    assert await search_numbers(desk.ada, "") == [ticket.number]
    assert await search_numbers(desk.ada, " \n\t") == [ticket.number]
    for query in ("--", "??", "…", "🦊", "_"):
        assert await search_numbers(desk.ada, query) == [], query


async def test_only_the_first_sixteen_words_are_used(desk: Desk) -> None:
    ticket = await desk.raise_ticket(subject=" ".join(f"w{number}" for number in range(16)))
    assert await search_numbers(
        desk.ada, " ".join(f"w{number}" for number in range(16)) + " missing"
    ) == [ticket.number]
    assert (
        await search_numbers(desk.ada, "missing " + " ".join(f"w{number}" for number in range(16)))
        == []
    )


async def test_a_search_uses_the_full_text_index(desk: Desk) -> None:
    condition = search.build_search_condition("vpn", database.dialect(), include_notes=True)
    explain = "EXPLAIN QUERY PLAN" if IS_SQLITE else "EXPLAIN"
    async with database.transaction():
        if not IS_SQLITE:
            await database.fetch_dicts("SET LOCAL enable_seqscan = off")
        rows = await database.fetch_dicts(
            f"{explain} SELECT t.id FROM tickets t WHERE {condition.text}", condition.params
        )
    plan = " ".join(str(row) for row in rows)
    assert ("VIRTUAL TABLE INDEX" if IS_SQLITE else "tickets_search") in plan, plan


def test_long_words_are_truncated() -> None:
    assert search.split_words("x" * 500) == ["x" * MAX_WORD_CHARS]


def test_only_the_first_2000_characters_of_a_query_are_searched() -> None:
    text = "first " + "!" * (2000 - len("first second ")) + " second third"
    assert search.split_words(text) == ["first", "second"]
    assert search.count_words(text) == 2


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_queries_without_words_need_no_database(dialect: database.Dialect) -> None:
    assert search.build_search_condition("  ", dialect, include_notes=False) is TRUE
    assert search.build_search_condition("?!", dialect, include_notes=False) is FALSE
