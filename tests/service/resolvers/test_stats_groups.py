"""`ticketStats` by organization, tag, day and hour, through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Service, World
from support.client import Client, Refused

from engine.graphql.cost_arguments import MAX_COUNTED_LENGTH
from models.access.viewer import SYSTEM
from models.core import ids
from models.queries.statistics import stats_groups, stats_statements
from models.queries.statistics.running_stats import RunningStats
from models.queries.statistics.stats import read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.tickets.ticket import TicketTag
from schema.cost import CONDITION_COST, GROUPS_LENGTH, STATS_COST

pytestmark = pytest.mark.without_default_policies

QUERY = """query($by: TicketStatsGroup, $period: TicketStatsPeriod) {
  ticketStats(groupBy: $by, period: $period) {
    total groups { key label count created resolved closed } remainder { key label count }
  }
}"""


async def read_groups(client: Client, by: str, **period: Any) -> list[dict[str, Any]]:
    arguments = {"by": by, "period": period} if period else {"by": by}
    return list((await client.run(QUERY, **arguments))["ticketStats"]["groups"])


async def test_groups_by_organization_and_tag(service: Service, world: World) -> None:
    cora, olga, ada = [service.client(each.token) for each in (world.cora, world.olga, world.ada)]
    for client, tags in ((cora, ["vpn", "Ärger"]), (cora, ["vpn"]), (olga, []), (olga, ["none"])):
        ticket = await client.raise_ticket(tags=tags)
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    groups = await read_groups(ada, "TAG")
    assert [(each["key"], each["count"], each["resolved"]) for each in groups] == [
        ("vpn", 2, 0),
        ("none", 1, 1),
        ("Ärger", 1, 0),
    ]
    groups = await read_groups(ada, "ORGANIZATION")
    assert [(each["label"], each["count"], each["resolved"]) for each in groups] == [
        ("Acme", 2, 0),
        ("Other", 2, 1),
    ]
    assert all(each["key"].startswith("org_") for each in groups)
    assert [each["label"] for each in await read_groups(olga, "ORGANIZATION")] == ["Other"]
    assert [each["key"] for each in await read_groups(olga, "TAG")] == ["none"]


async def test_spellings_of_a_tag_that_differ_by_case_are_one_group(
    service: Service, world: World
) -> None:
    """The name is that of the oldest ticket that the viewer can see."""
    cora, olga, ada = [service.client(each.token) for each in (world.cora, world.olga, world.ada)]
    named = ((cora, "VPN"), (olga, "vpn"), (cora, "vPN"), (olga, "Straße"), (olga, "straße"))
    for client, tag in named:
        ticket = await client.raise_ticket(tags=[tag])
    # Tickets from before the keys of tags can have two spellings, and count once.
    await TicketTag.create(ticket_id=ids.key_of(ids.TICKET, ticket["id"]), name="STRASSE")
    for client, expected in (
        (ada, [("VPN", 3), ("Straße", 2)]),
        (cora, [("VPN", 2)]),
        (olga, [("Straße", 2), ("vpn", 1)]),
    ):
        groups = await read_groups(client, "TAG")
        assert [(each["key"], each["count"]) for each in groups] == expected
        assert [(each["label"], each["count"]) for each in groups] == expected
    running = RunningStats(SYSTEM, None, GroupBy.TAG)
    assert await running.read(service.clock(), 100)
    stats = await read_stats(SYSTEM, None, GroupBy.TAG, service.clock())
    assert await running.build_stats() == stats


async def test_days_and_hours_of_a_time_zone(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    now = service.clock()
    await cora.raise_ticket()
    days = await read_groups(ada, "DAY", last=3, timeZone="Pacific/Kiritimati")
    today = (now + timedelta(hours=14)).date()
    assert [(each["key"], each["count"]) for each in days] == [
        ((today - timedelta(days=2)).isoformat(), 0),
        ((today - timedelta(days=1)).isoformat(), 0),
        (today.isoformat(), 1),
    ]
    assert len(await read_groups(ada, "DAY")) == len(await read_groups(ada, "HOUR")) == 30
    hour = f"{now + timedelta(hours=5, minutes=30):%Y-%m-%dT%H}:00+05:30"
    [only] = await read_groups(ada, "HOUR", last=1, timeZone="Asia/Kolkata")
    assert (only["key"], only["created"]) == (hour, 1)
    earlier = await read_groups(ada, "DAY", last=1, until=(now - timedelta(days=3)).isoformat())
    assert [each["count"] for each in earlier] == [0]
    nulls = await read_groups(ada, "DAY", last=None, until=None, timeZone=None)
    assert nulls == await read_groups(ada, "DAY")


@pytest.mark.parametrize(
    ("by", "period", "message"),
    [
        ("DAY", {"last": 401}, "from 1 to 400 for DAY"),
        ("HOUR", {"last": 745}, "from 1 to 744 for HOUR"),
        ("HOUR", {"last": 2**31 - 1}, "from 1 to 744 for HOUR"),
        ("DAY", {"last": 0}, "from 1 to 400"),
        ("DAY", {"last": -1}, "from 1 to 400"),
        ("DAY", {"timeZone": "Mars/Phobos"}, "IANA name"),
        ("DAY", {"timeZone": ""}, "IANA name"),
        ("DAY", {"timeZone": "x" * 10_000}, "IANA name"),
        ("DAY", {"timeZone": "../../etc/passwd"}, "IANA name"),
        ("DAY", {"until": "9999-12-31T23:59:59Z"}, "1970 to 9000"),
        ("STATUS", {"last": 1}, "requires `groupBy: DAY`"),
        (None, {}, "requires `groupBy: DAY`"),
    ],
    ids=lambda each: str(each)[:30],
)
async def test_an_invalid_period_is_refused(
    service: Service, world: World, by: str | None, period: dict[str, Any], message: str
) -> None:
    ada = service.client(world.ada.token)
    with pytest.raises(Refused, match=message) as refusal:
        await ada.run(QUERY, by=by, period=period)
    assert '"BAD_REQUEST"' in str(refusal.value)


async def test_groups_beyond_the_largest_are_summed(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running statistics omit the same groups, also among groups of one size."""
    cora, at = service.client(world.cora.token), service.clock()
    for module in (stats_statements, stats_groups):
        monkeypatch.setattr(module, "MAX_GROUPS", 3)
    for tags in (["b", "Z", "ä"], ["b", "a", "é"], ["B", "y", "_"], ["a"]):
        await cora.raise_ticket(tags=tags)
    stats = await read_stats(SYSTEM, None, GroupBy.TAG, at)
    assert [(each.key, each.count) for each in stats.buckets] == [("b", 3), ("a", 2), ("_", 1)]
    assert stats.remainder is not None
    remainder = (stats.remainder.key, stats.remainder.label, stats.remainder.count)
    assert remainder == ("remainder", "4 more", 4)
    running = RunningStats(SYSTEM, None, GroupBy.TAG)
    assert await running.read(at, 100)
    assert await running.build_stats() == stats


@pytest.mark.parametrize("as_variable", [False, True])
async def test_the_cost_grows_with_the_number_of_intervals(
    service: Service, world: World, *, as_variable: bool
) -> None:
    ada = service.client(world.ada.token)
    for last in (1, 7, 400):
        period = "$period" if as_variable else f"{{last: {last}}}"
        head = "query($period: TicketStatsPeriod) " if as_variable else ""
        query = f"{head}{{ ticketStats(groupBy: DAY, period: {period}) {{ groups {{ key }} }} }}"
        variables = {"period": {"last": last}} if as_variable else {}
        response = await ada.answer(query, **variables)
        cost = response["extensions"]["cost"]["requested"]
        assert cost == STATS_COST + CONDITION_COST + last
    response = await ada.answer("{ ticketStats(groupBy: TAG) { groups { key } } }")
    assert response["extensions"]["cost"]["requested"] == STATS_COST + GROUPS_LENGTH
    query = "{ ticketStats(groupBy: DAY, period: {last: 99999}) { groups { key } } }"
    response = await ada.answer(query)
    assert response["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert MAX_COUNTED_LENGTH == 1000
