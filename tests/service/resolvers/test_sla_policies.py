"""SLA calendars and policies over the API: changes, refusals, races and visibility."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.admin_mutations import (
    CALENDAR_FIELDS,
    POLICY_FIELDS,
    WEEK,
    refusal_of,
    run_mutation,
    send_mutation,
)
from support.assert_unchanged import assert_nothing_stored

from models.core import ids, time
from models.core.record_limits import DEFAULT_LIMITS
from models.people.user import Organization
from models.sla import policies
from models.sla.records import SlaCalendar, SlaPolicy, SlaTerms

pytestmark = pytest.mark.usefixtures("without_jobs")

MISSING_ID = UUID(int=7)
BERLIN = {"name": "Berlin", "timeZone": "Europe/Berlin", "week": WEEK}


async def read_list(
    client: Client, field: str, selection: str = "id name active", include_inactive: bool = False
) -> list[dict[str, Any]]:
    query = f"query($all: Boolean) {{ {field}(includeInactive: $all) {{ {selection} }} }}"
    return list((await client.run(query, all=include_inactive))[field])


async def create_policy(client: Client, **fields: Any) -> dict[str, Any]:
    calendars = await read_list(client, "slaCalendars")
    defaults = {"name": "Gold", "calendarId": calendars[0]["id"], "resolution": "PT8H"}
    return await run_mutation(client, "createSlaPolicy", **{**defaults, **fields})


# Calendars


async def test_a_calendar_is_created_with_the_given_fields(admin: Client) -> None:
    split = [
        [
            {"start": "09:00", "end": "12:00"},
            {"start": "12:00", "end": "13:00"},
            {"start": "14:00", "end": "24:00"},
        ]
    ]
    created = await run_mutation(
        admin,
        "createSlaCalendar",
        **{**BERLIN, "week": split + WEEK[1:], "holidays": ["2026-12-25", "2026-01-01"]},
    )
    assert created == {
        "id": created["id"],
        "name": "Berlin",
        "timeZone": "Europe/Berlin",
        "week": [
            [{"start": "09:00", "end": "13:00"}, {"start": "14:00", "end": "24:00"}],
            *WEEK[1:],
        ],
        "holidays": ["2026-01-01", "2026-12-25"],
        "active": True,
        "version": 1,
    }
    assert created in await read_list(admin, "slaCalendars", CALENDAR_FIELDS)
    data = await admin.run(
        f"query($id: ID!) {{ node(id: $id) {{ ... on SlaCalendar {{ {CALENDAR_FIELDS} }} }} }}",
        id=created["id"],
    )
    assert data["node"] == created


async def test_an_omitted_calendar_field_keeps_its_value(admin: Client) -> None:
    created = await run_mutation(admin, "createSlaCalendar", **BERLIN, holidays=["2026-12-25"])
    key = created["id"]
    nothing = {"name": None, "timeZone": None, "week": None, "holidays": None, "active": None}
    assert await run_mutation(admin, "updateSlaCalendar", calendarId=key) == created
    assert await run_mutation(admin, "updateSlaCalendar", calendarId=key, **nothing) == created
    assert (
        await run_mutation(admin, "updateSlaCalendar", calendarId=key, name=" Berlin ") == created
    ), "its own name is not taken"
    zone = await run_mutation(
        admin, "updateSlaCalendar", calendarId=key, timeZone="Asia/Tokyo", name="Tokyo"
    )
    assert zone == {**created, "timeZone": "Asia/Tokyo", "name": "Tokyo", "version": 2}
    assert await run_mutation(admin, "updateSlaCalendar", calendarId=key, holidays=[]) == {
        **zone,
        "holidays": [],
        "version": 3,
    }


async def test_invalid_calendars_are_refused(admin: Client) -> None:
    def week(*hours: tuple[str, str]) -> dict[str, Any]:
        return {
            **BERLIN,
            "week": [[{"start": start, "end": end} for start, end in hours], *WEEK[1:]],
        }

    kept = await run_mutation(admin, "createSlaCalendar", **{**BERLIN, "name": "Kept"})
    for fields, code in (
        ({**BERLIN, "name": "  "}, "REQUIRED name"),
        ({**BERLIN, "name": "n" * 201}, "TOO_LONG name"),
        ({**BERLIN, "name": "a\0"}, "INVALID name"),
        ({**BERLIN, "name": "Kept"}, "TAKEN name"),
        ({**BERLIN, "timeZone": ""}, "REQUIRED timeZone"),
        ({**BERLIN, "timeZone": "z" * 65}, "TOO_LONG timeZone"),
        ({**BERLIN, "timeZone": "Europe/Atlantis"}, "INVALID timeZone"),
        ({**BERLIN, "timeZone": "../../etc/passwd"}, "INVALID timeZone"),
        ({**BERLIN, "timeZone": "a\0b"}, "INVALID timeZone"),
        ({**BERLIN, "week": WEEK[1:]}, "INVALID week"),
        ({**BERLIN, "week": []}, "INVALID week"),
        ({**BERLIN, "week": [[]] * 7}, "REQUIRED week"),
        (week(("9:00", "17:00")), "INVALID week.0.0.start"),
        (week(("09:00", "10:00"), ("11:00", "25:00")), "INVALID week.0.1.end"),
        (week(("09:60", "10:00")), "INVALID week.0.0.start"),
        (week(("٠٩:00", "10:00")), "INVALID week.0.0.start"),
        (week(("09:00\n", "10:00")), "INVALID week.0.0.start"),
        (week(("17:00", "09:00")), "INVALID week.0"),
        (week(("09:00", "09:00")), "INVALID week.0"),
        (week(("24:00", "24:00")), "INVALID week.0"),
        (week(("09:00", "12:00"), ("11:59", "13:00")), "INVALID week.0"),
        (
            week(
                *[
                    (f"{n // 2:02}:{n % 2 * 30:02}", f"{n // 2:02}:{n % 2 * 30 + 10:02}")
                    for n in range(25)
                ]
            ),
            "TOO_LONG week.0",
        ),
        (
            {
                **BERLIN,
                "holidays": [
                    f"{2000 + n // 300}-{n // 28 % 10 + 1:02}-{n % 28 + 1:02}" for n in range(2300)
                ],
            },
            "TOO_LONG holidays",
        ),
    ):
        assert await refusal_of(admin, "createSlaCalendar", **fields) == code, fields
        if fields["name"] == "Berlin":
            assert (
                await refusal_of(admin, "updateSlaCalendar", calendarId=kept["id"], **fields)
                == code
            ), fields
    for unknown_id in ("slc_nonsense", "", ids.encode(ids.SLA_CALENDAR, MISSING_ID), "x" * 5000):
        assert (
            await refusal_of(admin, "updateSlaCalendar", calendarId=unknown_id, name="x")
            == "NOT_FOUND calendarId"
        )
        assert (
            await refusal_of(admin, "archiveSlaCalendar", calendarId=unknown_id)
            == "NOT_FOUND calendarId"
        )
    for day in ("2026-02-30", "20260101", "2026-W01-1", 7, ""):
        with pytest.raises(Refused):
            await send_mutation(admin, "createSlaCalendar", **BERLIN, holidays=[day])


async def test_a_calendar_that_a_policy_uses_cannot_be_archived(admin: Client) -> None:
    calendar = await run_mutation(admin, "createSlaCalendar", **BERLIN)
    created = await create_policy(admin, calendarId=calendar["id"])
    assert (
        await refusal_of(admin, "archiveSlaCalendar", calendarId=calendar["id"])
        == "INVALID calendarId"
    )
    assert (
        await refusal_of(admin, "updateSlaCalendar", calendarId=calendar["id"], active=False)
        == "INVALID calendarId"
    )
    await run_mutation(admin, "archiveSlaPolicy", policyId=created["id"])
    record = await run_mutation(admin, "archiveSlaCalendar", calendarId=calendar["id"])
    assert record["active"] is False
    record = await run_mutation(admin, "archiveSlaCalendar", calendarId=calendar["id"])
    assert record["active"] is False, "archiving again changes nothing"
    assert (
        await refusal_of(admin, "updateSlaPolicy", policyId=created["id"], active=True)
        == "INVALID calendarId"
    )
    assert (
        await refusal_of(
            admin, "createSlaPolicy", name="x", calendarId=calendar["id"], resolution="PT8H"
        )
        == "INVALID calendarId"
    )
    assert "Berlin" not in [each["name"] for each in await read_list(admin, "slaCalendars")]
    assert "Berlin" in [
        each["name"] for each in await read_list(admin, "slaCalendars", include_inactive=True)
    ]
    record = await run_mutation(admin, "updateSlaCalendar", calendarId=calendar["id"], active=True)
    assert record["active"] is True
    record = await run_mutation(admin, "updateSlaPolicy", policyId=created["id"], active=True)
    assert record["active"] is True


async def test_a_changed_calendar_changes_the_terms_of_all_its_policies(admin: Client) -> None:
    calendar = await run_mutation(admin, "createSlaCalendar", **BERLIN)
    created = [
        await create_policy(admin, name=f"p{n}", calendarId=calendar["id"]) for n in range(3)
    ]
    await run_mutation(admin, "archiveSlaPolicy", policyId=created[2]["id"])
    keys = [ids.key_of(ids.SLA_POLICY, each["id"]) for each in created]
    before = {each.id: each.terms for each in await SlaPolicy.all()}
    revision = (await policies.read_revision()).changed
    await run_mutation(admin, "updateSlaCalendar", calendarId=calendar["id"], timeZone="Asia/Tokyo")
    after = {each.id: each.terms for each in await SlaPolicy.all()}
    assert {key for key in after if after[key] != before[key]} == set(keys)
    assert (await policies.read_revision()).changed == revision + 1
    snapshots = await policies.read_snapshots(after.values())
    assert {snapshots[after[key]].calendar.zone for key in keys if key} == {"Asia/Tokyo"}
    assert await SlaTerms.filter(id__in=list(before.values())).count() == len(
        set(before.values())
    ), "old terms are kept"


# Policies


async def test_a_policy_is_created_with_the_given_fields(
    service: Service, world: World, admin: Client
) -> None:
    account = await Organization.get(name="Acme")
    calendars = await read_list(admin, "slaCalendars")
    created = await run_mutation(
        admin,
        "createSlaPolicy",
        name=" Gold ",
        position=-5,
        priority="HIGH",
        team="support",
        category="technical",
        organizationId=ids.encode(ids.ORGANIZATION, account.id),
        calendarId=calendars[0]["id"],
        firstResponse="PT1M",
        nextResponse="PT90S",
        resolution="P1826D",
        atRiskPercent=99,
    )
    assert created == {
        "id": created["id"],
        "name": "Gold",
        "position": -5,
        "priority": "HIGH",
        "team": {"slug": "support"},
        "category": {"slug": "technical"},
        "organization": {"name": "Acme"},
        "calendar": {"id": calendars[0]["id"], "name": calendars[0]["name"]},
        "firstResponse": "PT1M",
        "nextResponse": "PT1M30S",
        "resolution": "P1826D",
        "atRiskPercent": 99,
        "active": True,
        "version": 1,
    }
    for reader in (admin, service.client(world.ada.token), service.client(world.api_client_token)):
        assert (await read_list(reader, "slaPolicies", POLICY_FIELDS))[0] == created, (
            "the lowest position comes first"
        )
        data = await reader.run(
            f"query($id: ID!) {{ node(id: $id) {{ ... on SlaPolicy {{ {POLICY_FIELDS} }} }} }}",
            id=created["id"],
        )
        assert data["node"] == created


async def test_a_policy_without_a_position_comes_last(admin: Client) -> None:
    first, second = (
        await create_policy(admin, name="first"),
        await create_policy(admin, name="second", position=None),
    )
    assert [each["name"] for each in await read_list(admin, "slaPolicies")] == [
        "Urgent",
        "High",
        "Normal",
        "Low",
        "first",
        "second",
    ]
    assert (
        first["atRiskPercent"],
        (await create_policy(admin, atRiskPercent=None))["atRiskPercent"],
    ) == (75, 75)
    await run_mutation(admin, "updateSlaPolicy", policyId=second["id"], position=2**31 - 1)
    assert (await create_policy(admin))["position"] == 2**31 - 1
    for position in (2**31, -(2**31) - 1):
        with pytest.raises(Refused):
            await send_mutation(admin, "updateSlaPolicy", policyId=second["id"], position=position)


async def test_an_omitted_policy_field_keeps_its_value_and_null_clears_it(admin: Client) -> None:
    created = await create_policy(
        admin,
        priority="LOW",
        team="sales",
        category="sales",
        firstResponse="PT1H",
        nextResponse="PT2H",
    )
    key = created["id"]
    assert await run_mutation(admin, "updateSlaPolicy", policyId=key) == created
    stays = {
        "name": None,
        "position": None,
        "calendarId": None,
        "atRiskPercent": None,
        "active": None,
    }
    assert await run_mutation(admin, "updateSlaPolicy", policyId=key, **stays) == created
    clears = dict.fromkeys(
        ("priority", "team", "category", "organizationId", "firstResponse", "nextResponse")
    )
    cleared = {
        **created,
        **{name: None for name in clears if name != "organizationId"},
        "version": 2,
    }
    assert await run_mutation(admin, "updateSlaPolicy", policyId=key, **clears) == cleared
    changed = await run_mutation(
        admin,
        "updateSlaPolicy",
        policyId=key,
        name="Silver",
        priority="URGENT",
        team="billing",
        position=1,
    )
    assert changed == {
        **cleared,
        "version": 3,
        "name": "Silver",
        "priority": "URGENT",
        "team": {"slug": "billing"},
        "position": 1,
    }
    assert (await run_mutation(admin, "archiveSlaPolicy", policyId=key))["active"] is False
    assert (await run_mutation(admin, "archiveSlaPolicy", policyId=key))["active"] is False
    assert key not in [each["id"] for each in await read_list(admin, "slaPolicies")]
    assert key in [
        each["id"] for each in await read_list(admin, "slaPolicies", include_inactive=True)
    ]
    restored = await run_mutation(admin, "updateSlaPolicy", policyId=key, active=True)
    assert restored == {**changed, "version": 5}


async def test_invalid_policies_are_refused(admin: Client) -> None:
    kept = await create_policy(admin, name="Kept")
    calendar = kept["calendar"]["id"]
    base = {"name": "Gold", "calendarId": calendar, "resolution": "PT8H"}
    for fields, code in (
        ({"name": " "}, "REQUIRED name"),
        ({"name": "n" * 201}, "TOO_LONG name"),
        ({"name": "a\0"}, "INVALID name"),
        ({"team": "nobody"}, "NOT_FOUND team"),
        ({"team": ""}, "NOT_FOUND team"),
        ({"team": "s" * 5000}, "NOT_FOUND team"),
        ({"team": "a\0"}, "NOT_FOUND team"),
        ({"category": "nothing"}, "NOT_FOUND category"),
        ({"organizationId": "x"}, "NOT_FOUND organizationId"),
        ({"organizationId": ids.encode(ids.ORGANIZATION, MISSING_ID)}, "NOT_FOUND organizationId"),
        ({"organizationId": calendar}, "NOT_FOUND organizationId"),
        ({"calendarId": "x"}, "NOT_FOUND calendarId"),
        ({"calendarId": ids.encode(ids.SLA_CALENDAR, MISSING_ID)}, "NOT_FOUND calendarId"),
        ({"resolution": "PT59S"}, "INVALID resolution"),
        ({"firstResponse": "PT0S"}, "INVALID firstResponse"),
        ({"nextResponse": "P1827D"}, "INVALID nextResponse"),
        ({"nextResponse": "P999999W"}, "INVALID nextResponse"),
        ({"resolution": "PT60.5S"}, "INVALID resolution"),
        ({"resolution": None}, "REQUIRED"),
        ({"atRiskPercent": 0}, "INVALID atRiskPercent"),
        ({"atRiskPercent": 100}, "INVALID atRiskPercent"),
        ({"atRiskPercent": -75}, "INVALID atRiskPercent"),
    ):
        assert await refusal_of(admin, "createSlaPolicy", **{**base, **fields}) == code, fields
        assert await refusal_of(admin, "updateSlaPolicy", policyId=kept["id"], **fields) == code, (
            fields
        )
    for unknown_id in ("slp_nonsense", "", ids.encode(ids.SLA_POLICY, MISSING_ID), calendar):
        assert (
            await refusal_of(admin, "updateSlaPolicy", policyId=unknown_id, name="x")
            == "NOT_FOUND policyId"
        )
        assert (
            await refusal_of(admin, "archiveSlaPolicy", policyId=unknown_id) == "NOT_FOUND policyId"
        )


# Limits and races


async def fill_up(model: type[SlaPolicy] | type[SlaCalendar], limit: int) -> None:
    """Copy active records until there is room for one more."""
    original = await model.filter(active=True).first()
    assert original is not None
    for n in range(limit - 1 - await model.filter(active=True).count()):
        copy = original.clone(pk=ids.new_id())
        copy.name = f"copy {n}"
        await copy.save(force_create=True)


@pytest.mark.parametrize("kind", ["SlaPolicy", "SlaCalendar"])
async def test_concurrent_creates_stay_within_the_limit_on_active_records(
    admin: Client, kind: str
) -> None:
    if kind == "SlaPolicy":
        await fill_up(SlaPolicy, DEFAULT_LIMITS.max_sla_policies)
    else:
        await fill_up(SlaCalendar, DEFAULT_LIMITS.max_sla_calendars)
    calendars = await read_list(admin, "slaCalendars")
    policy = {"calendarId": calendars[0]["id"], "resolution": "PT8H"}
    fields = policy if kind == "SlaPolicy" else {"timeZone": "UTC", "week": WEEK}
    answers = await asyncio.gather(
        *(send_mutation(admin, f"create{kind}", name=f"n{n}", **fields) for n in range(5))
    )
    created = [answer for answer in answers if not answer["userErrors"]]
    assert len(created) == 1
    assert [answer["userErrors"][0]["code"] for answer in answers if answer["userErrors"]] == [
        "INVALID"
    ] * 4
    assert await refusal_of(admin, f"create{kind}", name="one more", **fields) == "INVALID"
    field = kind[0].lower() + kind[1:]
    name = "policyId" if kind == "SlaPolicy" else "calendarId"
    key = created[0][field]["id"]
    await run_mutation(admin, f"update{kind}", **{name: key}, active=True)
    await run_mutation(admin, f"archive{kind}", **{name: key})
    await run_mutation(admin, f"create{kind}", name="one more", **fields)
    assert await refusal_of(admin, f"update{kind}", **{name: key}, active=True) == "INVALID"


async def test_concurrent_calendars_of_one_name_create_one(admin: Client) -> None:
    answers = await asyncio.gather(
        *(send_mutation(admin, "createSlaCalendar", **BERLIN) for _ in range(5))
    )
    assert sorted(
        str(answer["userErrors"][:1] and answer["userErrors"][0]["code"]) for answer in answers
    ) == ["TAKEN"] * 4 + ["[]"]


async def test_a_race_never_leaves_an_archived_calendar_in_use(admin: Client) -> None:
    for n in range(4):
        calendar = await run_mutation(admin, "createSlaCalendar", **{**BERLIN, "name": str(n)})
        await asyncio.gather(
            send_mutation(admin, "archiveSlaCalendar", calendarId=calendar["id"]),
            send_mutation(
                admin, "createSlaPolicy", name="x", calendarId=calendar["id"], resolution="PT8H"
            ),
        )
        calendar_record = await SlaCalendar.get(name=str(n))
        assert (
            calendar_record.active
            == await SlaPolicy.filter(calendar_id=calendar_record.id, active=True).exists()
        )


async def test_concurrent_changes_of_calendar_and_policy_leave_matching_terms(
    admin: Client,
) -> None:
    calendar = await run_mutation(admin, "createSlaCalendar", **BERLIN)
    created = await create_policy(admin, calendarId=calendar["id"])
    await asyncio.gather(
        *(
            send_mutation(admin, "updateSlaCalendar", calendarId=calendar["id"], timeZone=zone)
            for zone in ("Asia/Tokyo", "UTC")
        ),
        *(
            send_mutation(admin, "updateSlaPolicy", policyId=created["id"], resolution=f"PT{n}H")
            for n in (1, 2, 3)
        ),
    )
    for each in await SlaPolicy.all().select_related("calendar"):
        terms = policies.build_snapshot(each, policies.calendar_from_record(each.calendar))
        assert each.terms == terms.digest
        assert (await policies.read_snapshots([each.terms]))[each.terms] == terms


# Visibility


async def test_customers_see_policies_only_on_their_clocks(
    service: Service, world: World, admin: Client
) -> None:
    account = await Organization.get(name="Acme")
    created = await create_policy(
        admin, position=-1, organizationId=ids.encode(ids.ORGANIZATION, account.id)
    )
    calendar = created["calendar"]["id"]
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    clock_fields = f"ticket(id: $id) {{ clocks {{ metric policy {{ {POLICY_FIELDS} }} }} }}"
    data = await cora.run(f"query($id: ID!) {{ {clock_fields} }}", id=ticket["id"])
    clocks = data["ticket"]["clocks"]
    assert [clock["policy"]["name"] for clock in clocks] == ["Gold"]
    assert clocks[0]["policy"]["organization"] is None
    without_tickets = service.client((await token_without_tickets(service, world)) or "")
    for client in (cora, without_tickets):
        answer = await client.run(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[created["id"], calendar]
        )
        assert answer["nodes"] == [None, None]
        with pytest.raises(Refused) as refusal:
            await client.run("{ slaPolicies { id } }")
        assert refusal.value.code == "FORBIDDEN"


async def token_without_tickets(service: Service, world: World) -> str:
    query = 'mutation { createApiToken(input: {name: "x", scopes: ["users:read"]}) { token } }'
    return str((await service.client(world.ada.token).run(query))["createApiToken"]["token"])


async def test_only_admins_change_calendars_and_policies(
    service: Service, world: World, admin: Client
) -> None:
    created = await create_policy(admin)
    for token in (world.cora.token, world.ada.token, None):
        client = service.client(token)
        async with assert_nothing_stored():
            for mutation, fields in (
                ("createSlaCalendar", BERLIN),
                ("updateSlaPolicy", {"policyId": created["id"], "name": "x"}),
                ("archiveSlaPolicy", {"policyId": created["id"]}),
            ):
                with pytest.raises(Refused) as refusal:
                    await send_mutation(client, mutation, **fields)
                assert refusal.value.code == ("UNAUTHENTICATED" if token is None else "FORBIDDEN")


async def test_new_records_use_the_clock_of_the_service(service: Service, admin: Client) -> None:
    service.clock.advance(days=100)
    before = service.clock()
    await create_policy(admin, name="later")
    await run_mutation(admin, "createSlaCalendar", **BERLIN)
    for record in (await SlaPolicy.get(name="later"), await SlaCalendar.get(name="Berlin")):
        assert before <= record.created_at <= service.clock()
    changed_at = (await policies.read_revision()).changed_at
    assert changed_at is not None
    assert before <= changed_at <= service.clock()
    assert time.to_utc(changed_at) > datetime(2020, 1, 1, tzinfo=UTC)
