"""A person's own notifications over the API: lists, counts, marking, preferences; for others they do not exist."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import Person, machine, token_of
from support.loop_limits import count_pages
from support.statements import statements
from support.ticket_commands import run_notifier

from models.core import ids, time
from models.notifications.notification import Notification, NotificationPreference
from models.people.user import Organization, Role, User

PAGE = """
  query($unreadOnly: Boolean, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(unreadOnly: $unreadOnly, first: $first, after: $after, last: $last, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor } nodes { id reason readAt createdAt event { id type ticket { id subject } } }
    }
  }
"""
MARK = """
  mutation($input: MarkNotificationsReadInput!) {
    markNotificationsRead(input: $input) { unread userErrors { __typename code message field } }
  }
"""
CHOOSE = """
  mutation($input: SetNotificationPreferenceInput!) {
    setNotificationPreference(input: $input) {
      preferences { topic channel enabled } userErrors { __typename code message field }
    }
  }
"""
UNREAD = "{ viewer { unreadNotifications } }"
CHOICES = "{ viewer { notificationPreferences { topic channel enabled } } }"


async def page(client: Client, **asked: Any) -> dict[str, Any]:
    return (await client.run(PAGE, **asked))["notifications"]


async def listed(client: Client, **asked: Any) -> list[str]:
    """The ids of a page."""
    found = await page(client, **asked)
    assert len(found["edges"]) == len(found["nodes"])
    return [node["id"] for node in found["nodes"]]


async def unread(client: Client) -> int:
    return (await client.run(UNREAD))["viewer"]["unreadNotifications"]


async def mark(client: Client, *given: object) -> dict[str, Any]:
    """Mark some, or all where None is given alone."""
    input = {} if given == (None,) else {"ids": list(given)}
    return (await client.run(MARK, input=input))["markNotificationsRead"]


async def refused(client: Client, *given: object) -> list[str]:
    """Marking that must change nothing; the codes and fields."""
    before = await stored()
    payload = await mark(client, *given)
    assert await stored() == before
    assert payload["unread"] == await unread(client)
    return [f"{error['code']} {'.'.join(error['field'])}" for error in payload["userErrors"]]


async def stored() -> list[tuple[int, object]]:
    return [(each.number, each.read_at) for each in await Notification.all().order_by("number")]


async def own(person: Person) -> list[str]:
    """The ids of all that were made for somebody, newest first."""
    found = await Notification.filter(user_id=person.id).order_by("-number")
    return [ids.encode(ids.NOTIFICATION, each.number) for each in found]


async def several(service: Service, world: World, count: int = 5) -> str:
    """A ticket of cora's with as many replies of ada's, which bill watches; its id."""
    cora, ada, bill = (service.client(person.token) for person in (world.cora, world.ada, world.bill))
    ticket = (await cora.raise_ticket())["id"]
    await bill.do("watchTicket", ticketId=ticket)
    for n in range(count):
        await ada.do("replyToTicket", ticketId=ticket, body=f"reply {n}")
    await run_notifier()
    return str(ticket)


# ---------------------------------------------------------------- lists


async def test_own_notifications_come_newest_first_with_event_and_reason(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    ticket = await several(service, world, 2)
    found = await page(cora)
    assert [node["id"] for node in found["nodes"]] == await own(world.cora)
    assert found["totalCount"] == 2 == await unread(cora)
    (first, _) = found["nodes"]
    assert (first["reason"], first["readAt"]) == ("REQUESTER", None)
    assert first["event"]["type"] == "REPLY_ADDED"
    assert first["event"]["ticket"] == {"id": ticket, "subject": "VPN is down"}
    assert first["createdAt"].endswith("Z")


async def test_notifications_are_paged_in_both_directions(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 7)
    everything = await own(world.cora)
    assert len(everything) == 7
    read: list[str] = []
    after = None
    for _ in count_pages():
        found = await page(cora, first=3, after=after)
        read += [node["id"] for node in found["nodes"]]
        assert found["totalCount"] == 7
        assert found["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert read == everything
    assert await listed(cora, last=2) == everything[-2:]
    back = await page(cora, last=3, before=after)
    assert [node["id"] for node in back["nodes"]] == everything[3:6]
    assert (back["pageInfo"]["hasNextPage"], back["pageInfo"]["hasPreviousPage"]) == (True, True)
    start = (await page(cora, first=2))["pageInfo"]["endCursor"]
    assert await listed(cora, first=9, after=start, before=after) == everything[2:6]


async def test_the_next_page_is_stable_while_notifications_arrive(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await several(service, world, 4)
    found = await page(cora, first=2)
    older = (await own(world.cora))[2:]
    await ada.do("replyToTicket", ticketId=ticket, body="more")
    await run_notifier()
    assert await listed(cora, after=found["pageInfo"]["endCursor"]) == older


async def test_the_list_can_be_limited_to_unread_notifications(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 4)
    newest, second, *older = await own(world.cora)
    await mark(cora, second)
    assert await listed(cora, unreadOnly=True) == [newest, *older]
    assert await listed(cora, unreadOnly=False) == await listed(cora, unreadOnly=None) == [newest, second, *older]
    found = await page(cora, unreadOnly=True, first=1)
    assert found["totalCount"] == 3
    assert await listed(cora, unreadOnly=True, after=found["pageInfo"]["endCursor"]) == older


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "garbage",
        "bG9nOjE",
        cursor('["pk-"]'),
        cursor('["pk-","1"]'),
        cursor('["pk-",1.0]'),
        cursor('["pk-",true]'),
        cursor('["pk-",null]'),
        cursor('["pk-",-1]'),
        cursor('["pk-",9223372036854775808]'),
        cursor('["pk-",99999999999999999999999999]'),
        cursor('["pk-",1,1]'),
        cursor('["pk+",1]'),
        cursor('["number-",1]'),
        cursor('{"pk-":1}'),
    ],
    ids=lambda given: given or "empty",
)
async def test_invalid_cursors_are_refused(service: Service, world: World, given: str) -> None:
    cora = service.client(world.cora.token)
    for direction in ({"after": given}, {"before": given}):
        with pytest.raises(Refused) as refusal:
            await page(cora, **direction)
        assert refusal.value.code == "CURSOR_INVALID"


@pytest.mark.parametrize("place", [0, 1, 2**31, 2**53, 2**63 - 1])
async def test_a_cursor_of_any_possible_number_is_accepted(service: Service, world: World, place: int) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 1)
    given = cursor(f'["pk-",{place}]')
    assert len(await listed(cora, after=given)) + len(await listed(cora, before=given)) <= 1


@pytest.mark.parametrize("asked", [{"first": 0}, {"first": 101}, {"last": -1}, {"first": 1, "last": 1}], ids=str)
async def test_invalid_page_sizes_are_refused(service: Service, world: World, asked: dict[str, int]) -> None:
    with pytest.raises(Refused) as refusal:
        await page(service.client(world.cora.token), **asked)
    assert refusal.value.code == "BAD_REQUEST"


async def test_a_long_list_takes_as_many_statements_as_a_short_one(service: Service, world: World) -> None:
    bill = service.client(world.bill.token)

    async def sent() -> int:
        with statements() as collected:
            await page(bill, first=100)
        return len(collected)

    await several(service, world, 2)
    few = await sent()
    for _ in range(4):
        await several(service, world, 5)
    assert len(await own(world.bill)) > 20
    assert abs(await sent() - few) <= 1


async def test_the_total_is_counted_only_if_it_is_selected(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 1)
    with statements() as collected:
        await cora.run("{ notifications { nodes { id } pageInfo { hasNextPage endCursor } } }")
    assert not [text for text in collected.texts if "COUNT(" in text.upper()]


# ---------------------------------------------------------------- what exists


async def existing(client: Client, everything: list[str]) -> list[str]:
    """Those that exist for somebody, by each way of asking; all must agree."""
    seen = await listed(client, first=100)
    answer = await client.run(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Notification { event { id } } } }", ids=everything
    )
    assert [node["id"] for node in answer["nodes"] if node] == [each for each in everything if each in seen]
    total = (await page(client))["totalCount"]
    assert total == len(seen)
    assert await unread(client) == len(await listed(client, first=100, unreadOnly=True))
    return seen


@pytest.mark.never_retried
async def test_notifications_of_hidden_tickets_are_not_found(service: Service, world: World) -> None:
    cora, carl, ada = (service.client(person.token) for person in (world.cora, world.carl, world.ada))
    ticket = (await cora.raise_ticket())["id"]
    await carl.do("watchTicket", ticketId=ticket)
    await ada.do("replyToTicket", ticketId=ticket, body="for ours")
    await run_notifier()
    mine = await own(world.carl)
    assert len(mine) == 1, "the reply, and with it the start"
    assert await existing(carl, mine) == mine
    await Organization.filter(name="Acme").update(shared=False)
    assert await existing(carl, mine) == []
    assert await refused(carl, mine[0]) == ["NOT_FOUND input.ids"]
    assert (await mark(carl, None)) == {"unread": 0, "userErrors": []}
    await Organization.filter(name="Acme").update(shared=True)
    assert await existing(carl, mine) == mine
    assert await unread(carl) == len(mine), "what did not exist was not marked either"


@pytest.mark.never_retried
async def test_a_token_without_notes_read_gets_no_notifications_about_notes(service: Service, world: World) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    ticket = (await service.client(world.cora.token).raise_ticket())["id"]
    await bill.do("addNote", ticketId=ticket, body="@ada look")
    await run_notifier()
    mine = await own(world.ada)
    assert len(mine) == 2
    assert await existing(ada, mine) == mine
    user = await User.get(id=world.ada.id)
    without = service.client(await token_of(user, ["tickets:read", "events:read"]))
    assert await existing(without, mine) == mine[1:]
    await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
    assert await existing(ada, mine) == []


@pytest.mark.never_retried
async def test_notifications_of_other_people_are_not_found(service: Service, world: World) -> None:
    await several(service, world, 2)
    theirs = await own(world.cora)
    assert theirs
    for person in (world.carl, world.olga, world.ada, world.root):
        client = service.client(person.token)
        assert not set(await existing(client, theirs)) & set(theirs)
        assert await refused(client, theirs[0]) == ["NOT_FOUND input.ids"]


async def test_an_api_client_has_no_notifications(service: Service, world: World) -> None:
    await several(service, world, 1)
    sync = service.client(world.machine)
    assert await sync.run(UNREAD) == {"viewer": {"unreadNotifications": 0}}
    assert await sync.run(CHOICES) == {"viewer": {"notificationPreferences": []}}
    answer = await sync.run("query($id: ID!) { node(id: $id) { id } }", id=(await own(world.cora))[0])
    assert answer == {"node": None}


async def test_an_api_token_with_tickets_read_shows_its_owners_notifications(service: Service, world: World) -> None:
    await several(service, world, 2)
    user, mine = await User.get(id=world.cora.id), await own(world.cora)
    reading = service.client(await token_of(user, ["tickets:read"]))
    assert await existing(reading, mine) == mine
    writing = service.client(await token_of(user, ["tickets:write"]))
    assert await unread(writing) == 0
    answer = await writing.run("query($id: ID!) { node(id: $id) { id } }", id=mine[0])
    assert answer == {"node": None}


@pytest.mark.parametrize(
    "id", ["ntf_0", "ntf_01", "ntf_-1", "ntf_x", "ntf_", "ntf_999999999999999999", f"ntf_{'9' * 40}", "ntf_1 "]
)
async def test_an_unknown_id_finds_no_notification(service: Service, world: World, id: str) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 1)
    assert await cora.run("query($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}
    assert await refused(cora, id) == ["NOT_FOUND input.ids"]


# ---------------------------------------------------------------- marking


async def test_marking_some_leaves_others_and_earlier_read_times_unchanged(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 4)
    first, second, *others = await own(world.cora)
    assert await mark(cora, first, second, first) == {"unread": 2, "userErrors": []}
    read = {node["id"]: node["readAt"] for node in (await page(cora))["nodes"]}
    assert read[first] is not None
    assert [read[each] for each in others] == [None, None]
    service.clock.advance(days=1)
    assert await mark(cora, first, others[0]) == {"unread": 1, "userErrors": []}
    again = {node["id"]: node["readAt"] for node in (await page(cora))["nodes"]}
    assert again[first] == read[first]
    later = [each.read_at for each in await Notification.filter(user_id=world.cora.id).order_by("number")]
    assert later[1] is not None
    assert later[1] - time.now() > timedelta(hours=23)


async def test_marking_all_marks_only_the_viewers_own_notifications(service: Service, world: World) -> None:
    cora, bill = service.client(world.cora.token), service.client(world.bill.token)
    await several(service, world, 3)
    theirs = await unread(bill)
    assert theirs > 0
    assert await mark(cora, None) == {"unread": 0, "userErrors": []}
    assert (await cora.run(MARK, input={"ids": None}))["markNotificationsRead"]["unread"] == 0
    assert await unread(bill) == theirs
    assert await unread(cora) == 0


async def test_marking_an_empty_list_changes_nothing(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 2)
    before = await stored()
    assert await mark(cora) == {"unread": 2, "userErrors": []}
    assert await stored() == before


async def test_one_unknown_id_refuses_the_whole_call(service: Service, world: World) -> None:
    cora, ticket = service.client(world.cora.token), await several(service, world, 2)
    mine, theirs = (await own(world.cora))[0], (await own(world.bill))[0]
    for wrong in (
        theirs,
        "ntf_999999",
        "garbage",
        "",
        "\x00",
        ticket,
        "evt_1",
        mine.upper(),
        f" {mine}",
        "x" * 5000,
        7,
    ):
        assert await refused(cora, mine, wrong) == ["NOT_FOUND input.ids"], wrong
    assert await mark(cora, mine) == {"unread": 1, "userErrors": []}


async def test_at_most_1000_notifications_are_marked_in_one_call(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 1)
    (mine,) = await own(world.cora)
    assert await refused(cora, *[mine] * 1001) == ["INVALID input.ids"]
    assert await refused(cora, *[f"ntf_{n}" for n in range(1, 1001)]) == ["NOT_FOUND input.ids"]
    assert await mark(cora, *[mine] * 1000) == {"unread": 0, "userErrors": []}


async def test_concurrent_marking_causes_no_errors(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await several(service, world, 20)
    mine = await own(world.cora)
    asked = [mark(cora, None), mark(cora, *mine), mark(cora, *mine[::-1]), mark(cora, None), mark(cora, *mine[5:])]
    assert [payload["userErrors"] for payload in await asyncio.gather(*asked)] == [[]] * 5
    assert await unread(cora) == 0


async def test_read_times_are_stored_in_the_format_of_records(service: Service, world: World) -> None:
    """SQLite compares instants as text: what is written past the records must look the same."""
    cora = service.client(world.cora.token)
    await several(service, world, 1)
    await mark(cora, None)
    (marked,) = await Notification.filter(user_id=world.cora.id)
    assert marked.read_at is not None
    assert await Notification.filter(read_at=marked.read_at).count() == 1
    assert await Notification.filter(read_at__gt=marked.read_at - timedelta(microseconds=1)).count() == 1


# ---------------------------------------------------------------- preferences


async def chosen(client: Client) -> dict[str, bool]:
    answer = await client.run(CHOICES)
    return {f"{each['topic']} {each['channel']}": each["enabled"] for each in answer["viewer"]["notificationPreferences"]}


async def choose(client: Client, topic: str, channel: str, enabled: bool) -> dict[str, Any]:
    input = {"topic": topic, "channel": channel, "enabled": enabled}
    return (await client.run(CHOOSE, input=input))["setNotificationPreference"]


async def test_preferences_list_every_choice_with_its_default(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    staff = await chosen(ada)
    assert len(staff) == 16
    assert set(staff.values()) == {True}
    assert not {"NOTES EMAIL", "MENTIONS EMAIL"} & set(staff)
    assert set(await chosen(cora)) == {
        *("RAISED EMAIL", "REPLIES IN_APP", "REPLIES EMAIL", "STATUS IN_APP", "STATUS EMAIL"),
        *("REMINDERS IN_APP", "REMINDERS EMAIL"),
    }


async def test_a_preference_applies_to_one_person_until_they_change_it(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    payload = await choose(cora, "REPLIES", "IN_APP", False)
    assert payload["userErrors"] == []
    assert {"topic": "REPLIES", "channel": "IN_APP", "enabled": False} in payload["preferences"]
    assert [name for name, enabled in (await chosen(cora)).items() if not enabled] == ["REPLIES IN_APP"]
    assert all((await chosen(carl)).values())
    await several(service, world, 1)
    assert await own(world.cora) == []
    for enabled in (True, True, False, True):
        await choose(cora, "REPLIES", "IN_APP", enabled)
        assert (await chosen(cora))["REPLIES IN_APP"] is enabled
    assert await NotificationPreference.all().count() == 1
    await several(service, world, 1)
    assert len(await own(world.cora)) == 1


@pytest.mark.parametrize(
    ("who", "topic", "channel"),
    [
        ("ada", "NOTES", "EMAIL"),
        ("ada", "MENTIONS", "EMAIL"),
        ("cora", "NOTES", "IN_APP"),
        ("cora", "SLA", "EMAIL"),
        ("cora", "RAISED", "IN_APP"),
    ],
)
async def test_a_preference_that_can_never_apply_is_refused(
    service: Service, world: World, who: str, topic: str, channel: str
) -> None:
    client = service.client(getattr(world, who).token)
    payload = await choose(client, topic, channel, True)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID", ["input", "topic"])]
    assert {f"{each['topic']} {each['channel']}" for each in payload["preferences"]} == set(await chosen(client))
    assert await NotificationPreference.all().count() == 0


async def test_concurrent_choices_leave_one_preference(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    payloads = await asyncio.gather(*(choose(cora, "STATUS", "EMAIL", n % 2 == 0) for n in range(8)))
    assert [payload["userErrors"] for payload in payloads] == [[]] * 8
    assert await NotificationPreference.all().count() == 1


async def test_api_clients_have_no_preferences_and_mark_nothing(service: Service, world: World) -> None:
    everything = service.client(await machine("Other"))
    for query, input in ((MARK, {}), (CHOOSE, {"topic": "STATUS", "channel": "EMAIL", "enabled": False})):
        with pytest.raises(Refused) as refusal:
            await everything.run(query, input=input)
        assert refusal.value.code == "FORBIDDEN"
