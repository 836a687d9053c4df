"""The events of the directory over the API: types, pages, cursors and visibility."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import WEEK, run_mutation
from support.audit_log import DIRECTORY_EVENT_FIELDS, DIRECTORY_EVENTS, read_directory_events
from support.live import head_cursor, until

from models import database
from models.log.event import encode_cursor
from models.people.user import User

pytestmark = pytest.mark.usefixtures("without_jobs")
NODE = f"""query($id: ID!) {{ node(id: $id) {{
  ... on DirectoryEvent {{ {DIRECTORY_EVENT_FIELDS} }} }} }}"""


async def read_page(client: Client, **variables: Any) -> dict[str, Any]:
    return dict((await client.run(DIRECTORY_EVENTS, **variables))["directoryEvents"])


async def change_everything(admin: Client, world: World) -> None:
    """One change of a team, a user, a calendar, a policy and an escalation path."""
    await run_mutation(admin, "updateTeam", team="support", name="Help")
    await run_mutation(admin, "setAvailability", userId=world.ada.gid, present=False)
    calendar = await run_mutation(
        admin, "createSlaCalendar", name="Berlin", timeZone="Europe/Berlin", week=WEEK
    )
    await run_mutation(
        admin, "createSlaPolicy", name="Gold", calendarId=calendar["id"], resolution="PT8H"
    )
    await run_mutation(
        admin,
        "createEscalationPath",
        name="Ours",
        trigger="UNTOUCHED",
        steps=[{"after": "PT0S", "action": "NOTIFY_TEAM"}],
    )


async def test_each_kind_has_its_type_with_the_record(
    service: Service, admin: Client, world: World
) -> None:
    await change_everything(admin, world)
    for client in (admin, service.client(world.ada.token), service.client(world.api_client_token)):
        events = await read_directory_events(client)
        assert [(event["__typename"], event["type"]) for event in events] == [
            ("TeamDirectoryEvent", "UPDATED"),
            ("UserDirectoryEvent", "UPDATED"),
            ("SlaCalendarDirectoryEvent", "CREATED"),
            ("SlaPolicyDirectoryEvent", "CREATED"),
            ("EscalationPathDirectoryEvent", "CREATED"),
        ]
    team, user, calendar, policy, path = events
    assert team["team"] == {"slug": "support", "name": "Help"}
    assert user["user"] == {"displayName": "Ada", "present": False}
    assert user["recordId"] == world.ada.gid
    assert user["changes"] == [
        {"field": "present", "from": "true", "to": "false", "fromItems": None, "toItems": None}
    ]
    assert calendar["slaCalendar"] == {"name": "Berlin"}
    assert policy["slaPolicy"] == {"name": "Gold"}
    assert path["escalationPath"] == {"name": "Ours"}
    assert {event["actor"]["displayName"] for event in events} == {"Root"}
    assert all(event["id"] == f"dir_{int(event['cursor'], 16)}" for event in events)


async def test_kinds_and_cursors_select_events(admin: Client, world: World) -> None:
    await change_everything(admin, world)
    events = await read_directory_events(admin)
    for kinds, expected in (
        (["TEAM"], events[:1]),
        (["USER", "SLA_POLICY", "USER"], [events[1], events[3]]),
        (["API_TOKEN"], []),
        ([], []),
        (None, events),
    ):
        page = await read_page(admin, kinds=kinds)
        assert (page["nodes"], page["totalCount"]) == (expected, len(expected)), kinds
    page = await read_page(admin, first=2, after=events[0]["cursor"])
    assert page["nodes"] == events[1:3]
    assert page["pageInfo"] == {
        "endCursor": events[2]["cursor"],
        "hasNextPage": True,
        "hasPreviousPage": True,
    }
    assert (await read_page(admin, last=2, before=events[3]["cursor"]))["nodes"] == events[1:3]
    assert await read_directory_events(admin, after=events[-1]["cursor"]) == []


async def test_ticket_events_and_directory_events_share_their_cursors(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    await run_mutation(admin, "updateTeam", team="support", name="First")
    await cora.raise_ticket()
    await run_mutation(admin, "updateTeam", team="support", name="Second")
    first, second = await read_directory_events(admin)
    (ticket_event,) = (await admin.run("{ events { nodes { cursor } } }"))["events"]["nodes"]
    assert first["cursor"] < ticket_event["cursor"] < second["cursor"]
    assert await read_directory_events(admin, after=ticket_event["cursor"]) == [second]
    query = "query($after: String) { events(after: $after) { nodes { cursor } } }"
    answer = await admin.run(query, after=first["cursor"])
    assert answer["events"]["nodes"] == [ticket_event]

    async def has_arrived() -> bool:
        response = await admin.answer("{ directoryEvents { nodes { id } } }")
        return bool(response["extensions"]["cursor"] == await head_cursor())

    await until(has_arrived)
    response = await admin.answer("{ directoryEvents { nodes { id } } }")
    assert response["extensions"]["cursor"] == second["cursor"]


async def test_cursors_that_are_invalid_or_too_old_are_refused(admin: Client, world: World) -> None:
    await change_everything(admin, world)
    for after in ("", "x", encode_cursor(99), "f" * 16, "0" * 10_000, "\x00" * 16):
        with pytest.raises(Refused) as refused:
            await read_page(admin, after=after)
        assert refused.value.code == "CURSOR_INVALID", after[:20]
    await database.fetch_dicts("DELETE FROM directory_events WHERE position <= 3")
    for position, code in ((1, "CURSOR_EXPIRED"), (2, "CURSOR_EXPIRED"), (3, None)):
        response = await admin.answer(DIRECTORY_EVENTS, after=encode_cursor(position))
        codes = [error["extensions"]["code"] for error in response.get("errors") or [{}] if error]
        assert codes == ([code] if code else []), position


async def test_policies_need_the_scope_to_read_tickets(
    service: Service, admin: Client, world: World
) -> None:
    await change_everything(admin, world)
    ada = await User.get(id=world.ada.id)
    every = [event["id"] for event in await read_directory_events(admin)]
    for token in (
        await token_of(ada, ["users:read"]),
        await api_client_token("Sync", ["users:read"]),
    ):
        client = service.client(token)
        page = await read_page(client)
        assert [event["id"] for event in page["nodes"]] == every[:2]
        assert page["totalCount"] == 2
        found = [(await client.run(NODE, id=id))["node"] is not None for id in every]
        assert found == [True, True, False, False, False]


async def test_node_finds_events_for_callers_who_may_list_them(
    service: Service, admin: Client, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket()
    await change_everything(admin, world)
    events = await read_directory_events(admin)
    for event in events:
        assert (await admin.run(NODE, id=event["id"]))["node"] == event
        for client in (
            service.client(world.cora.token),
            service.client(await api_client_token("Narrow", ["tickets:read", "events:read"])),
        ):
            assert (await client.run(NODE, id=event["id"]))["node"] is None
    for id in ("dir_1", "dir_0", "dir_99", "dir_", f"dir_{10**18}", events[0]["id"][:-1] + "x"):
        assert (await admin.run("query($id: ID!) { node(id: $id) { id } }", id=id))["node"] is None
    as_ticket_event = f"evt_{int(events[0]['cursor'], 16)}"
    assert (await admin.run(NODE, id=as_ticket_event))["node"] is None
