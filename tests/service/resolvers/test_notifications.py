"""A person's own notifications over the API: lists, counts, marking and preferences."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import Person, api_client_token, token_of
from support.loop_limits import count_pages
from support.statements import statements
from support.ticket_commands import run_notifier

from models.core import ids, time
from models.core.paging.ordering import encode_bytes
from models.log.event import encode_cursor
from models.notifications.notification import NEWEST_FIRST, Notification, NotificationPreference
from models.people.user import Organization, Role, User
from models.queries.tickets import build_ticket_order

PAGE = """
  query($unreadOnly: Boolean, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(unreadOnly: $unreadOnly,
        first: $first, after: $after, last: $last, before: $before) {
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


async def read_page(client: Client, **arguments: Any) -> dict[str, Any]:
    return (await client.run(PAGE, **arguments))["notifications"]


async def list_ids(client: Client, **arguments: Any) -> list[str]:
    """The ids of the notifications of a page."""
    page = await read_page(client, **arguments)
    assert len(page["edges"]) == len(page["nodes"])
    return [node["id"] for node in page["nodes"]]


async def count_unread(client: Client) -> int:
    return (await client.run(UNREAD))["viewer"]["unreadNotifications"]


async def mark(client: Client, *marked: object) -> dict[str, Any]:
    """Mark notifications by id; all of them if the only argument is None."""
    input = {} if marked == (None,) else {"ids": list(marked)}
    return (await client.run(MARK, input=input))["markNotificationsRead"]


async def refused_mark(client: Client, *marked: object) -> list[str]:
    """Mark ids that must be refused and change nothing. Returns the codes and fields."""
    before = await stored_read_times()
    payload = await mark(client, *marked)
    assert await stored_read_times() == before
    assert payload["unread"] == await count_unread(client)
    return [f"{error['code']} {'.'.join(error['field'])}" for error in payload["userErrors"]]


async def stored_read_times() -> list[tuple[int, object]]:
    return [(each.number, each.read_at) for each in await Notification.all().order_by("number")]


async def stored_ids(person: Person) -> list[str]:
    """The ids of all notifications of a person, newest first, straight from the database."""
    records = await Notification.filter(user_id=person.id).order_by("-number")
    return [ids.encode(ids.NOTIFICATION, each.number) for each in records]


async def raise_with_replies(service: Service, world: World, count: int = 5) -> str:
    """Raise a ticket of Cora's that Bill watches, with replies of Ada's. Returns its id."""
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    ticket = (await cora.raise_ticket())["id"]
    await bill.do("watchTicket", ticketId=ticket)
    for n in range(count):
        await ada.do("replyToTicket", ticketId=ticket, body=f"reply {n}")
    await run_notifier()
    return str(ticket)


# ---------------------------------------------------------------- lists


async def test_own_notifications_come_newest_first_with_event_and_reason(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await raise_with_replies(service, world, 2)
    page = await read_page(cora)
    assert [node["id"] for node in page["nodes"]] == await stored_ids(world.cora)
    assert page["totalCount"] == 2 == await count_unread(cora)
    (first, _) = page["nodes"]
    assert (first["reason"], first["readAt"]) == ("REQUESTER", None)
    assert first["event"]["type"] == "REPLY_ADDED"
    assert first["event"]["ticket"] == {"id": ticket, "subject": "VPN is down"}
    assert first["createdAt"].endswith("Z")


async def test_notifications_are_paged_in_both_directions(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 7)
    all_ids = await stored_ids(world.cora)
    assert len(all_ids) == 7
    ids_read: list[str] = []
    after = None
    for _ in count_pages():
        page = await read_page(cora, first=3, after=after)
        ids_read += [node["id"] for node in page["nodes"]]
        assert page["totalCount"] == 7
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert ids_read == all_ids
    assert await list_ids(cora, last=2) == all_ids[-2:]
    previous = await read_page(cora, last=3, before=after)
    assert [node["id"] for node in previous["nodes"]] == all_ids[3:6]
    assert (previous["pageInfo"]["hasNextPage"], previous["pageInfo"]["hasPreviousPage"]) == (
        True,
        True,
    )
    start = (await read_page(cora, first=2))["pageInfo"]["endCursor"]
    assert await list_ids(cora, first=9, after=start, before=after) == all_ids[2:6]


async def test_the_next_page_is_stable_while_notifications_arrive(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await raise_with_replies(service, world, 4)
    page = await read_page(cora, first=2)
    older = (await stored_ids(world.cora))[2:]
    await ada.do("replyToTicket", ticketId=ticket, body="more")
    await run_notifier()
    assert await list_ids(cora, after=page["pageInfo"]["endCursor"]) == older


async def test_the_list_can_be_limited_to_unread_notifications(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 4)
    newest, second, *older = await stored_ids(world.cora)
    await mark(cora, second)
    assert await list_ids(cora, unreadOnly=True) == [newest, *older]
    assert (
        await list_ids(cora, unreadOnly=False)
        == await list_ids(cora, unreadOnly=None)
        == [newest, second, *older]
    )
    page = await read_page(cora, unreadOnly=True, first=1)
    assert page["totalCount"] == 3
    assert await list_ids(cora, unreadOnly=True, after=page["pageInfo"]["endCursor"]) == older


def encode(content: bytes) -> str:
    return encode_bytes(NEWEST_FIRST.signature + content)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        encode_cursor(1),
        encode(b""),
        encode(bytes(7)),
        encode(bytes(9)),
        encode((2**63).to_bytes(8)),
        encode(b"\xff" * 8),
        encode(bytes(8)) + "=",
        encode_bytes(build_ticket_order([("number", True)]).signature + bytes(8)),
    ],
    ids=lambda cursor: cursor or "empty",
)
async def test_invalid_cursors_are_refused(service: Service, world: World, cursor: str) -> None:
    cora = service.client(world.cora.token)
    for direction in ({"after": cursor}, {"before": cursor}):
        with pytest.raises(Refused) as refusal:
            await read_page(cora, **direction)
        assert refusal.value.code == "CURSOR_INVALID"


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**53, 2**63 - 1])
async def test_a_cursor_of_any_possible_number_is_accepted(
    service: Service, world: World, number: int
) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 1)
    cursor = encode(number.to_bytes(8))
    assert len(await list_ids(cora, after=cursor)) + len(await list_ids(cora, before=cursor)) <= 1


@pytest.mark.parametrize(
    "arguments", [{"first": 0}, {"first": 101}, {"last": -1}, {"first": 1, "last": 1}], ids=str
)
async def test_invalid_page_sizes_are_refused(
    service: Service, world: World, arguments: dict[str, int]
) -> None:
    with pytest.raises(Refused) as refusal:
        await read_page(service.client(world.cora.token), **arguments)
    assert refusal.value.code == "BAD_REQUEST"


async def test_a_long_list_takes_as_many_statements_as_a_short_one(
    service: Service, world: World
) -> None:
    bill = service.client(world.bill.token)

    async def count_statements() -> int:
        with statements() as collected:
            await read_page(bill, first=100)
        return len(collected)

    await raise_with_replies(service, world, 2)
    few = await count_statements()
    for _ in range(4):
        await raise_with_replies(service, world, 5)
    assert len(await stored_ids(world.bill)) > 20
    assert abs(await count_statements() - few) <= 1


async def test_the_total_is_counted_only_if_it_is_selected(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 1)
    with statements() as collected:
        await cora.run("{ notifications { nodes { id } pageInfo { hasNextPage endCursor } } }")
    assert not [text for text in collected.texts if "COUNT(" in text.upper()]


# ---------------------------------------------------------------- visibility


async def find_visible(client: Client, all_ids: list[str]) -> list[str]:
    """The ids that a caller finds. Checks that lists, nodes and counts agree."""
    listed = await list_ids(client, first=100)
    answer = await client.run(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Notification { event { id } } } }",
        ids=all_ids,
    )
    assert [node["id"] for node in answer["nodes"] if node] == [
        each for each in all_ids if each in listed
    ]
    total = (await read_page(client))["totalCount"]
    assert total == len(listed)
    assert await count_unread(client) == len(await list_ids(client, first=100, unreadOnly=True))
    return listed


@pytest.mark.never_retried
async def test_notifications_of_hidden_tickets_are_not_found(
    service: Service, world: World
) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    ticket = (await cora.raise_ticket())["id"]
    await carl.do("watchTicket", ticketId=ticket)
    await ada.do("replyToTicket", ticketId=ticket, body="for ours")
    await run_notifier()
    mine = await stored_ids(world.carl)
    assert len(mine) == 1, "one notification for the reply and the start"
    assert await find_visible(carl, mine) == mine
    await Organization.filter(name="Acme").update(shared=False)
    assert await find_visible(carl, mine) == []
    assert await refused_mark(carl, mine[0]) == ["NOT_FOUND input.ids"]
    assert (await mark(carl, None)) == {"unread": 0, "userErrors": []}
    await Organization.filter(name="Acme").update(shared=True)
    assert await find_visible(carl, mine) == mine
    assert await count_unread(carl) == len(mine), "a hidden notification was not marked"


@pytest.mark.never_retried
async def test_a_token_without_notes_read_gets_no_notifications_about_notes(
    service: Service, world: World
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    ticket = (await service.client(world.cora.token).raise_ticket())["id"]
    await bill.do("addNote", ticketId=ticket, body="@ada look")
    await run_notifier()
    mine = await stored_ids(world.ada)
    assert len(mine) == 2
    assert await find_visible(ada, mine) == mine
    user = await User.get(id=world.ada.id)
    without = service.client(await token_of(user, ["tickets:read", "events:read"]))
    assert await find_visible(without, mine) == mine[1:]
    await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
    assert await find_visible(ada, mine) == []


@pytest.mark.never_retried
async def test_notifications_of_other_people_are_not_found(service: Service, world: World) -> None:
    await raise_with_replies(service, world, 2)
    theirs = await stored_ids(world.cora)
    assert theirs
    for person in (world.carl, world.olga, world.ada, world.root):
        client = service.client(person.token)
        assert not set(await find_visible(client, theirs)) & set(theirs)
        assert await refused_mark(client, theirs[0]) == ["NOT_FOUND input.ids"]


async def test_an_api_client_has_no_notifications(service: Service, world: World) -> None:
    await raise_with_replies(service, world, 1)
    sync = service.client(world.api_client_token)
    assert await sync.run(UNREAD) == {"viewer": {"unreadNotifications": 0}}
    assert await sync.run(CHOICES) == {"viewer": {"notificationPreferences": []}}
    answer = await sync.run(
        "query($id: ID!) { node(id: $id) { id } }", id=(await stored_ids(world.cora))[0]
    )
    assert answer == {"node": None}


async def test_an_api_token_with_tickets_read_shows_its_owners_notifications(
    service: Service, world: World
) -> None:
    await raise_with_replies(service, world, 2)
    user, mine = await User.get(id=world.cora.id), await stored_ids(world.cora)
    reading = service.client(await token_of(user, ["tickets:read"]))
    assert await find_visible(reading, mine) == mine
    writing = service.client(await token_of(user, ["tickets:write"]))
    assert await count_unread(writing) == 0
    answer = await writing.run("query($id: ID!) { node(id: $id) { id } }", id=mine[0])
    assert answer == {"node": None}


@pytest.mark.parametrize(
    "id",
    [
        "ntf_0",
        "ntf_01",
        "ntf_-1",
        "ntf_x",
        "ntf_",
        "ntf_999999999999999999",
        f"ntf_{'9' * 40}",
        "ntf_1 ",
    ],
)
async def test_an_unknown_id_finds_no_notification(service: Service, world: World, id: str) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 1)
    assert await cora.run("query($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}
    assert await refused_mark(cora, id) == ["NOT_FOUND input.ids"]


# ---------------------------------------------------------------- marking


async def test_marking_some_leaves_others_and_earlier_read_times_unchanged(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 4)
    first, second, *others = await stored_ids(world.cora)
    assert await mark(cora, first, second, first) == {"unread": 2, "userErrors": []}
    read = {node["id"]: node["readAt"] for node in (await read_page(cora))["nodes"]}
    assert read[first] is not None
    assert [read[each] for each in others] == [None, None]
    service.clock.advance(days=1)
    assert await mark(cora, first, others[0]) == {"unread": 1, "userErrors": []}
    again = {node["id"]: node["readAt"] for node in (await read_page(cora))["nodes"]}
    assert again[first] == read[first]
    later = [
        each.read_at for each in await Notification.filter(user_id=world.cora.id).order_by("number")
    ]
    assert later[1] is not None
    assert later[1] - time.now() > timedelta(hours=23)


async def test_marking_all_marks_only_the_viewers_own_notifications(
    service: Service, world: World
) -> None:
    cora, bill = service.client(world.cora.token), service.client(world.bill.token)
    await raise_with_replies(service, world, 3)
    theirs = await count_unread(bill)
    assert theirs > 0
    assert await mark(cora, None) == {"unread": 0, "userErrors": []}
    assert (await cora.run(MARK, input={"ids": None}))["markNotificationsRead"]["unread"] == 0
    assert await count_unread(bill) == theirs
    assert await count_unread(cora) == 0


async def test_marking_an_empty_list_changes_nothing(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 2)
    before = await stored_read_times()
    assert await mark(cora) == {"unread": 2, "userErrors": []}
    assert await stored_read_times() == before


async def test_one_unknown_id_refuses_the_whole_call(service: Service, world: World) -> None:
    cora, ticket = service.client(world.cora.token), await raise_with_replies(service, world, 2)
    mine, theirs = (await stored_ids(world.cora))[0], (await stored_ids(world.bill))[0]
    for unknown_id in (
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
        assert await refused_mark(cora, mine, unknown_id) == ["NOT_FOUND input.ids"], unknown_id
    assert await mark(cora, mine) == {"unread": 1, "userErrors": []}


async def test_at_most_1000_notifications_are_marked_in_one_call(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 1)
    (mine,) = await stored_ids(world.cora)
    assert await refused_mark(cora, *[mine] * 1001) == ["INVALID input.ids"]
    assert await refused_mark(cora, *[f"ntf_{n}" for n in range(1, 1001)]) == [
        "NOT_FOUND input.ids"
    ]
    assert await mark(cora, *[mine] * 1000) == {"unread": 0, "userErrors": []}


async def test_concurrent_marking_causes_no_errors(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 20)
    mine = await stored_ids(world.cora)
    calls = [
        mark(cora, None),
        mark(cora, *mine),
        mark(cora, *mine[::-1]),
        mark(cora, None),
        mark(cora, *mine[5:]),
    ]
    assert [payload["userErrors"] for payload in await asyncio.gather(*calls)] == [[]] * 5
    assert await count_unread(cora) == 0


async def test_read_times_are_stored_in_the_format_of_records(
    service: Service, world: World
) -> None:
    """SQLite compares instants as text, so raw SQL must write the same format as a record."""
    cora = service.client(world.cora.token)
    await raise_with_replies(service, world, 1)
    await mark(cora, None)
    (marked,) = await Notification.filter(user_id=world.cora.id)
    assert marked.read_at is not None
    assert await Notification.filter(read_at=marked.read_at).count() == 1
    assert (
        await Notification.filter(read_at__gt=marked.read_at - timedelta(microseconds=1)).count()
        == 1
    )


# ---------------------------------------------------------------- preferences


async def read_preferences(client: Client) -> dict[str, bool]:
    answer = await client.run(CHOICES)
    return {
        f"{each['topic']} {each['channel']}": each["enabled"]
        for each in answer["viewer"]["notificationPreferences"]
    }


async def choose(client: Client, topic: str, channel: str, enabled: bool) -> dict[str, Any]:
    input = {"topic": topic, "channel": channel, "enabled": enabled}
    return (await client.run(CHOOSE, input=input))["setNotificationPreference"]


async def test_preferences_list_every_choice_with_its_default(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    staff = await read_preferences(ada)
    assert len(staff) == 16
    assert set(staff.values()) == {True}
    assert not {"NOTES EMAIL", "MENTIONS EMAIL"} & set(staff)
    assert set(await read_preferences(cora)) == {
        *("RAISED EMAIL", "REPLIES IN_APP", "REPLIES EMAIL", "STATUS IN_APP", "STATUS EMAIL"),
        *("REMINDERS IN_APP", "REMINDERS EMAIL"),
    }


async def test_a_preference_applies_to_one_person_until_they_change_it(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    payload = await choose(cora, "REPLIES", "IN_APP", False)
    assert payload["userErrors"] == []
    assert {"topic": "REPLIES", "channel": "IN_APP", "enabled": False} in payload["preferences"]
    assert [name for name, enabled in (await read_preferences(cora)).items() if not enabled] == [
        "REPLIES IN_APP"
    ]
    assert all((await read_preferences(carl)).values())
    await raise_with_replies(service, world, 1)
    assert await stored_ids(world.cora) == []
    for enabled in (True, True, False, True):
        await choose(cora, "REPLIES", "IN_APP", enabled)
        assert (await read_preferences(cora))["REPLIES IN_APP"] is enabled
    assert await NotificationPreference.all().count() == 1
    await raise_with_replies(service, world, 1)
    assert len(await stored_ids(world.cora)) == 1


@pytest.mark.parametrize(
    ("person", "topic", "channel"),
    [
        ("ada", "NOTES", "EMAIL"),
        ("ada", "MENTIONS", "EMAIL"),
        ("cora", "NOTES", "IN_APP"),
        ("cora", "SLA", "EMAIL"),
        ("cora", "RAISED", "IN_APP"),
    ],
)
async def test_a_preference_that_can_never_apply_is_refused(
    service: Service, world: World, person: str, topic: str, channel: str
) -> None:
    client = service.client(getattr(world, person).token)
    payload = await choose(client, topic, channel, True)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("INVALID", ["input", "topic"])
    ]
    assert {f"{each['topic']} {each['channel']}" for each in payload["preferences"]} == set(
        await read_preferences(client)
    )
    assert await NotificationPreference.all().count() == 0


async def test_concurrent_choices_leave_one_preference(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    payloads = await asyncio.gather(
        *(choose(cora, "STATUS", "EMAIL", n % 2 == 0) for n in range(8))
    )
    assert [payload["userErrors"] for payload in payloads] == [[]] * 8
    assert await NotificationPreference.all().count() == 1


async def test_api_clients_have_no_preferences_and_mark_nothing(
    service: Service, world: World
) -> None:
    api_client = service.client(await api_client_token("Other"))
    for query, input in (
        (MARK, {}),
        (CHOOSE, {"topic": "STATUS", "channel": "EMAIL", "enabled": False}),
    ):
        with pytest.raises(Refused) as refusal:
            await api_client.run(query, input=input)
        assert refusal.value.code == "FORBIDDEN"
