"""The query plans of pages use an index in the page's order, so the cost is independent of size.

Each case names the expected index. A plan may sort only ties, and must not scan the tables of
tickets or events.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from support.databases import IS_SQLITE
from support.many_tickets import (
    FIRST_PAGE,
    OPEN,
    ORDERS,
    LargeDatabase,
    Sorts,
    list_page,
    page_requests,
)
from support.statements import statements
from support.ticket_factory import NOON
from support.work import count_plan_rows, explain_analyze, measure_work

from models import database
from models.access.viewer import Viewer, read_tickets_shared_with
from models.core.ids import ORGANIZATION, USER, encode
from models.core.lazy_query import ConnectionQuery
from models.core.sql import TRUE
from models.erasure.due_tickets import find_tickets, is_due, is_not_exported
from models.log import event
from models.queries.directory import organizations
from models.queries.filters.filter import FilterData
from models.queries.logs import event_log, timeline
from models.queries.logs.event_log import EventFilter
from models.queries.tickets import QUEUE_ORDER, build_ticket_order, list_queue
from models.queries.wall import IS_LAST, IS_NEXT, LAST_ORDER, NEXT_ORDER, read_tickets
from models.queries.workload import list_assignable_tickets
from models.tickets.lifecycle import Priority, Stage, Status

# Query plans


@dataclass
class Plan:
    indexes: list[str]
    scanned: list[str]
    sorts: bool

    def __str__(self) -> str:
        wrong = [f"reads {table} through" for table in self.scanned] + ["sorts"] * self.sorts
        return ", ".join([*wrong, *self.indexes])


async def read_plan(
    query: Callable[[], Awaitable[object]], keyword: str = "LIMIT", *, walks: bool = True
) -> Plan:
    """The plan of the first statement with this word, which selects the rows of the page."""
    with statements() as collected:
        result = await query()
        if isinstance(result, ConnectionQuery):
            await result
    sql, params = next(each for each in collected.sent if keyword in each[0])
    if IS_SQLITE:
        found = await database.connection().execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", params)
        return sqlite_plan([row["detail"] for row in found])
    async with database.transaction():
        # With so few rows a scan can be cheaper; the test is whether the index can be used.
        for other in ("seqscan", "bitmapscan", "sort") if walks else ("seqscan",):
            await database.connection().execute_script(f"SET LOCAL enable_{other} = off")
        found = await database.connection().execute_query_dict(
            f"EXPLAIN (FORMAT JSON) {sql}", params
        )
    text = found[0]["QUERY PLAN"]
    return postgres_plan(json.loads(text) if isinstance(text, str) else text)


def sqlite_plan(lines: Sequence[str]) -> Plan:
    read = [line.split() for line in lines if line.startswith(("SEARCH", "SCAN"))]
    indexes = [words[words.index("INDEX") + 1] for words in read if "INDEX" in words]
    scanned = [words[1] for words in read if "USING" not in words and words[1] in ("t", "e")]
    # A page that is merged from ranges sorts their rows: at most one page of each.
    is_merged = any(line.startswith("CO-ROUTINE range") for line in lines)
    return Plan(indexes, scanned, lines.count("USE TEMP B-TREE FOR ORDER BY") > is_merged)


def postgres_plan(root: Any) -> Plan:
    nodes = [root[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return Plan(
        [node["Index Name"] for node in nodes if "Index Name" in node],
        [
            node["Alias"]
            for node in nodes
            if node["Node Type"] == "Seq Scan" and node["Alias"] in ("t", "e")
        ],
        any(node["Node Type"] == "Sort" for node in nodes),
    )


async def find_wrong_plans(
    cases: Mapping[str, tuple[Callable[[], Awaitable[object]], str]],
) -> list[str]:
    """Cases whose plan does not use the expected index."""
    wrong: list[str] = []
    for name, (query, index) in cases.items():
        found = await read_plan(query)
        if (
            found.sorts
            or found.scanned
            or not any(each.startswith(index) for each in found.indexes)
        ):
            wrong.append(f"{name}: {found}, not {index}")
    return wrong


# The cases


async def test_each_order_uses_its_index_from_any_position(large: LargeDatabase) -> None:
    middle = next(
        each
        for each in large.tickets[len(large.tickets) // 2 :]
        if each.is_open and each.sla_breaches_at
    )
    closed = next(
        each for each in large.tickets[len(large.tickets) // 2 :] if each.sla_breaches_at is None
    )
    cases = {
        f"{name}, {part}": (list_page(large.desk.ada, filter, sorts, page_request), index)
        for name, (filter, sorts, index) in ORDERS.items()
        for part, page_request in page_requests(build_ticket_order(sorts), middle).items()
    }
    by_target: Sorts = [("sla_breaches_at", False)]
    after_null = page_requests(build_ticket_order(by_target), closed)["after"]
    cases["next SLA target, after one without"] = (
        list_page(large.desk.ada, None, by_target, after_null),
        "tickets_earliest_breach",
    )
    for part, page_request in page_requests(QUEUE_ORDER, middle).items():
        key = next(iter(large.desk.teams.values())).id
        cases[f"queue, {part}"] = (
            lambda key=key, request=page_request: list_queue(large.desk.ada, key, request, NOON),
            "tickets_queue",
        )
    team_id = next(iter(large.desk.teams.values())).id
    cases["waiting for assignment"] = (
        lambda: list_assignable_tickets([team_id], 20),
        "tickets_waiting",
    )
    assert await find_wrong_plans(cases) == []


async def test_a_page_in_the_middle_reads_only_its_own_rows(
    large_database_url: tuple[str, LargeDatabase], large: LargeDatabase
) -> None:
    """Many tickets equal that of the cursor in the first sort, and lie on its other side."""
    middle = sorted(large.tickets, key=lambda each: each.id)[len(large.tickets) // 2]
    work: dict[str, int] = {}
    for name, (filter, sorts, _) in ORDERS.items():
        for part, page_request in page_requests(build_ticket_order(sorts), middle).items():
            with statements() as collected:
                await list_page(large.desk.ada, filter, sorts, page_request)()
            (sent,) = collected.sent
            work[f"{name}, {part}"] = await measure_page(sent, large_database_url[0])
    most = 3 * work["newest change, first"]
    assert {name: each for name, each in work.items() if each > most} == {}


async def measure_page(sent: tuple[str, object], url: str) -> int:
    """The rows of tickets that Postgres reads for a page, or the steps of SQLite's machine."""
    if IS_SQLITE:
        return await measure_work([sent], url.removeprefix("sqlite:///"))
    plan = await explain_analyze(*sent, "seqscan", "hashjoin", "mergejoin")
    return count_plan_rows(plan, "t")


async def test_the_tickets_of_a_retention_policy_are_found_by_an_index(
    large: LargeDatabase,
) -> None:
    due = is_due(TRUE, NOON) & is_not_exported(NOON)
    cases = {"due": (lambda: find_tickets(due, 1000), "tickets_unerased")}
    assert await find_wrong_plans(cases) == []


async def test_the_tickets_of_a_wallboard_are_found_by_an_index(large: LargeDatabase) -> None:
    read_next = partial(read_tickets, None, IS_NEXT, NEXT_ORDER, NOON, 10)
    read_last = partial(read_tickets, None, IS_LAST, LAST_ORDER, NOON, 10)
    cases = {
        "next": (read_next, "tickets_earliest_breach"),
        "last": (read_last, "tickets_latest_breach"),
    }
    assert await find_wrong_plans(cases) == []


async def test_the_tickets_that_are_shared_with_organizations_are_found_by_an_index(
    large: LargeDatabase,
) -> None:
    customers = [viewer.user for viewer in large.desk.customers if viewer.user]
    keys = sorted({each.organization_id for each in customers if each.organization_id})
    for organizations_read in (keys, keys[:1]):
        found = await read_plan(
            lambda keys=organizations_read: read_tickets_shared_with(keys),
            "shared_with",
            walks=False,
        )
        assert (found.scanned, found.indexes) == ([], ["tickets_shared"]), str(found)


async def test_common_filters_use_one_index_for_filter_and_order(large: LargeDatabase) -> None:
    desk = large.desk
    assert desk.ada.user_id is not None
    assert desk.olga.user_id is not None
    assert desk.cora.shared_organization_id is not None
    filters: Mapping[str, tuple[FilterData, str]] = {
        "open": (OPEN, "tickets_open_updated"),
        "a stage": ({"stage": {"eq": Stage.RESOLUTION}}, "tickets_open_updated"),
        "two statuses": ({"status": {"in": [Status.OPEN, Status.ON_HOLD]}}, "tickets_open_updated"),
        "URGENT and open": ({"priority": {"eq": Priority.URGENT}, **OPEN}, "tickets_open_updated"),
        "URGENT": ({"priority": {"eq": Priority.URGENT}}, "idx_tickets_updated_"),
        "NEW": ({"status": {"eq": Status.NEW}}, "idx_tickets_status_"),
        "a team": ({"team": {"eq": "support"}}, "idx_tickets_team_id_"),
        "no such team": ({"team": {"eq": "nobody"}}, "idx_tickets_team_id_"),
        "a category": ({"category": {"eq": "billing"}}, "idx_tickets_categor_"),
        "an assignee": (
            {"assigneeId": {"eq": encode(USER, desk.ada.user_id)}},
            "idx_tickets_assigne_",
        ),
        "a requester": (
            {"requesterId": {"eq": encode(USER, desk.olga.user_id)}},
            "idx_tickets_request_",
        ),
    }
    cases = {
        name: (list_page(desk.ada, filter, ()), index) for name, (filter, index) in filters.items()
    }
    cases["a customer's own"] = (list_page(large.owner, None, ()), "idx_tickets_request_")
    assert await find_wrong_plans(cases) == []


async def test_filters_on_related_tables_use_their_index(large: LargeDatabase) -> None:
    desk = large.desk
    assert desk.ada.user_id is not None
    assert desk.cora.shared_organization_id is not None
    result: Mapping[str, tuple[Viewer, FilterData | None, str]] = {
        "a resource": (
            desk.ada,
            {"resource": {"kind": "server", "externalId": "s-1"}},
            "idx_ticket_reso_kind_",
        ),
        "a watcher": (
            desk.ada,
            {"watcherId": {"eq": encode(USER, desk.ada.user_id)}},
            "idx_ticket_watc_user_id_",
        ),
        "an account": (
            desk.ada,
            {"organizationId": {"eq": encode(ORGANIZATION, desk.cora.shared_organization_id)}},
            "idx_tickets_organiz_",
        ),
        "a shared account": (desk.cora, None, "idx_tickets_organiz_"),
    }
    for name, (viewer, filter, index) in result.items():
        found = await read_plan(list_page(viewer, filter, ()), walks=False)
        assert not found.scanned, f"{name}: {found}"
        assert any(each.startswith(index) for each in found.indexes), f"{name}: {found}"


async def test_the_log_is_read_by_position_or_by_the_viewers_tickets(large: LargeDatabase) -> None:
    middle = event.encode_cursor(len(large.tickets) // 2)
    for page_request in (
        FIRST_PAGE,
        replace(FIRST_PAGE, backward=True),
        replace(FIRST_PAGE, after=middle),
    ):
        for viewer, filter in ((large.desk.ada, None), (large.desk.ada, OPEN)):
            found = await read_plan(
                lambda v=viewer, f=filter, w=page_request: event_log.list_events(
                    v, EventFilter(), f, w, NOON
                )
            )
            assert not found.sorts, f"{page_request}: {found}"
            assert not found.scanned, f"{page_request}: {found}"
        if page_request.after is not None:
            continue  # with so few events, scanning the later half is as fast
        own = await read_plan(
            lambda w=page_request: event_log.list_events(large.owner, EventFilter(), None, w, NOON),
            walks=False,
        )
        assert not own.scanned, str(own)
        assert {each[:19] for each in own.indexes} == {
            "idx_tickets_request",
            "idx_events_ticket__",
        }, str(own)


async def test_a_timeline_is_read_by_ticket(large: LargeDatabase) -> None:
    keys = [each.id for each in large.tickets[:20]]
    keyword = "ROW_NUMBER" if IS_SQLITE else "LATERAL"
    found = await read_plan(
        lambda: timeline.list_timeline(large.desk.ada, keys, EventFilter(), FIRST_PAGE),
        keyword,
        walks=False,
    )
    assert not found.scanned, str(found)
    assert any(each.startswith("idx_events_ticket_") for each in found.indexes), str(found)


async def test_messages_of_tickets_are_found_in_the_index_of_their_events(
    large: LargeDatabase,
) -> None:
    keys = [each.id for each in large.tickets[:20]]
    keyword = "ROW_NUMBER" if IS_SQLITE else "LATERAL"
    for viewer in (large.desk.ada, large.desk.cora):
        found = await read_plan(
            lambda v=viewer: timeline.list_messages(v, keys, FIRST_PAGE), keyword, walks=False
        )
        assert not found.scanned, str(found)
        used = {each for each in found.indexes if "events" in each}
        assert used == {"events_messages"}, str(found)


async def test_an_index_counts_the_open_tickets_of_an_organization(large: LargeDatabase) -> None:
    customers = [viewer.user for viewer in large.desk.customers if viewer.user]
    keys = sorted({each.organization_id for each in customers if each.organization_id})
    plan = await read_plan(lambda: organizations.count_open_tickets(keys))
    assert not plan.scanned, plan
    assert await name_of_index("organization_id", "status") in plan.indexes, plan


async def name_of_index(*columns: str) -> str:
    """The name of the index of tickets on these columns."""
    sql = "SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE tablename = 'tickets'"
    if IS_SQLITE:
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'tickets'"
    rows = await database.fetch_dicts(sql)
    end = f"({', '.join(columns)})"
    (name,) = [row["name"] for row in rows if str(row["sql"]).replace('"', "").endswith(end)]
    return str(name)
