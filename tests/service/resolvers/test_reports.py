"""`ticketReport` through the API: what it measures, who sees what, limits and cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.metrics import read_limit_counts
from support.service import running

from schema.cost import CONDITION_COST, REPORT_COST

QUERY = """query($range: ReportRangeInput!, $by: TicketReportGroupBy, $filter: TicketFilter,
    $zone: String) {
  ticketReport(range: $range, groupBy: $by, filter: $filter, timeZone: $zone) {
    omittedGroups
    groups { key label created ratings averageRating
      firstResponse { count median percentile90 }
      firstResponseWorkingTime { count median percentile90 }
      resolution { count median percentile90 }
      resolutionWorkingTime { count median percentile90 }
      firstResponseAttainment { met missed ratio }
      nextResponseAttainment { met missed ratio }
      resolutionAttainment { met missed ratio } } } }"""


def days(service: Service, before: int = 1, after: int = 1) -> dict[str, str]:
    """The days around the service's time, in UTC."""
    today = service.clock().date()
    first, last = today - timedelta(days=before), today + timedelta(days=after)
    return {"firstDay": first.isoformat(), "lastDay": last.isoformat()}


async def read_groups(client: Client, range: dict[str, str], **more: Any) -> list[dict[str, Any]]:
    report = (await client.run(QUERY, range=range, **more))["ticketReport"]
    assert report["omittedGroups"] == 0
    return list(report["groups"])


async def test_a_report_shows_times_targets_and_ratings(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    service.clock.stop()
    # Reports have whole seconds. The end of a working day may come between the steps below.
    service.clock.advance(microseconds=1_000_000 - service.clock().microsecond)
    first, second = [(await cora.raise_ticket(f"T{each}"))["id"] for each in (1, 2)]
    service.clock.advance(minutes=10)
    await ada.do("replyToTicket", ticketId=first, body="Hello")
    service.clock.advance(minutes=20)
    await ada.do("resolveTicket", ticketId=first, resolution="Done")
    await cora.do("rateTicket", ticketId=first, score=4)
    service.clock.advance(minutes=10)
    await ada.do("replyToTicket", ticketId=second, body="Hello")
    (group,) = await read_groups(ada, days(service))
    assert (group["key"], group["label"], group["created"]) == ("all", "All", 2)
    assert group["firstResponse"] == {"count": 2, "median": "PT10M", "percentile90": "PT40M"}
    assert group["resolution"] == {"count": 1, "median": "PT30M", "percentile90": "PT30M"}
    assert (group["ratings"], group["averageRating"]) == (1, 4.0)
    attainment = group["firstResponseAttainment"]
    assert (attainment["met"] + attainment["missed"], attainment["ratio"]) == (2, 1.0)
    assert group["resolutionAttainment"] == {"met": 1, "missed": 0, "ratio": 1.0}
    assert group["nextResponseAttainment"] == {"met": 0, "missed": 0, "ratio": None}
    assert group["firstResponseWorkingTime"]["count"] == 2
    assert group["resolutionWorkingTime"]["count"] == 1
    clocks = await ada.run(
        "query($id: ID!) { ticket(id: $id) { clocks { metric spent } } }", id=first
    )
    spent = {each["metric"]: each["spent"] for each in clocks["ticket"]["clocks"]}
    assert group["resolutionWorkingTime"]["median"] == spent["RESOLUTION"]
    await cora.do("reopenTicket", ticketId=first, reason="Again")
    (group,) = await read_groups(ada, days(service))
    assert group["resolution"] == {"count": 0, "median": None, "percentile90": None}
    assert group["resolutionAttainment"] == {"met": 0, "missed": 0, "ratio": None}
    for _ in range(2):
        await cora.do("replyToTicket", ticketId=second, body="And now?")
        service.clock.advance(minutes=10)
        await ada.do("replyToTicket", ticketId=second, body="Now it works.")
    (group,) = await read_groups(ada, days(service))
    assert group["nextResponseAttainment"] == {"met": 2, "missed": 0, "ratio": 1.0}


async def test_filters_and_groups_select_tickets(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await cora.raise_ticket(category="billing")
    await cora.raise_ticket()
    range = days(service)
    teams = await read_groups(ada, range, by="TEAM")
    assert {(each["key"], each["created"]) for each in teams} == {("support", 1), ("billing", 1)}
    only = {"category": {"eq": "billing"}}
    (team,) = await read_groups(ada, range, by="TEAM", filter=only)
    assert team["key"] == "billing"
    groups = await read_groups(ada, range, by="DAY", zone="Pacific/Auckland")
    assert sum(each["created"] for each in groups) == 2
    assert len(groups) == 3
    yesterday = {"firstDay": range["firstDay"], "lastDay": range["firstDay"]}
    (empty,) = await read_groups(ada, yesterday)
    assert (empty["created"], empty["averageRating"]) == (0, None)


async def test_a_report_counts_only_what_its_viewer_sees(service: Service, world: World) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    await cora.raise_ticket()
    await olga.raise_ticket()
    expected = {"cora": 1, "carl": 1, "olga": 1, "otto": 0, "ada": 2, "bill": 2, "root": 2}
    for name, count in expected.items():
        viewer = service.client(getattr(world, name).token)
        (group,) = await read_groups(viewer, days(service))
        assert group["created"] == count, name
        groups = await read_groups(viewer, days(service), by="ORGANIZATION")
        assert len(groups) == count, name
    with pytest.raises(Refused) as refused:
        await read_groups(service.client(None), days(service))
    assert refused.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("range", "more"),
    [
        ({"firstDay": "2026-01-02", "lastDay": "2026-01-01"}, {}),
        ({"firstDay": "2026-01-01", "lastDay": "2026-01-01"}, {"zone": "Nowhere/At all"}),
        ({"firstDay": "0001-01-01", "lastDay": "0001-01-01"}, {}),
        ({"firstDay": "9999-12-31", "lastDay": "9999-12-31"}, {}),
        ({"firstDay": "2025-01-01", "lastDay": "2026-12-31"}, {}),
        ({"firstDay": "2026-01-01", "lastDay": "2026-12-31"}, {"by": "DAY"}),
    ],
)
async def test_invalid_days_and_zones_are_refused(
    service: Service, world: World, range: dict[str, str], more: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refused:
        await read_groups(service.client(world.ada.token), range, **more)
    assert refused.value.code == "BAD_REQUEST"


async def test_the_number_of_days_is_a_setting(url: str, people: World) -> None:
    async with running(url, max_report_days=2) as service:
        ada = service.client(people.ada.token)
        await read_groups(ada, days(service, 1, 0))
        before = await read_limit_counts(service, people.root.token, "limit_refusals")
        with pytest.raises(Refused):
            await read_groups(ada, days(service, 1, 1))
        after = await read_limit_counts(service, people.root.token, "limit_refusals")
        assert dict(after - before) == {"report_days": 1}


async def test_a_report_costs_by_its_tickets(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    query = "query($range: ReportRangeInput!) { ticketReport(range: $range) { omittedGroups } }"

    async def read_cost() -> int:
        answer = await ada.answer(query, range=days(service))
        return int(answer["extensions"]["cost"]["requested"])

    before = await read_cost()
    assert before == REPORT_COST + CONDITION_COST
    for number in range(2):
        await cora.raise_ticket(f"T{number}")
    assert await read_cost() == before + 2
