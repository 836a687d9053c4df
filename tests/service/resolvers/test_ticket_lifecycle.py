"""Actions that change the status of a ticket over the API: transitions, fields and refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.assert_unchanged import assert_nothing_stored, refusals
from support.ticket_mutations import NEW_TICKET, event_type, read_timeline, read_version
from support.transitions import TRANSITIONS

pytestmark = pytest.mark.without_default_policies

ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "START": ("startTicket", {}),
    "AWAIT_CUSTOMER": ("awaitCustomer", {}),
    "HOLD": ("holdTicket", {}),
    "RESUME": ("resumeTicket", {}),
    "RESOLVE": ("resolveTicket", {"resolution": "Done."}),
    "CLOSE": ("closeTicket", {"reason": "ABANDONED"}),
    "REOPEN": ("reopenTicket", {"reason": "Again."}),
}


async def run_action(client: Client, ticket_id: str, action: str) -> dict[str, Any]:
    name, fields = ACTIONS[action]
    return await client.do(name, ticketId=ticket_id, **fields)


async def raise_in_status(cora: Client, ada: Client, status: str) -> str:
    key = str((await cora.raise_ticket())["id"])
    if status != "NEW":
        await run_action(
            ada, key, next(action for action, to in TRANSITIONS["NEW"].items() if to == status)
        )
    return key


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_every_action_follows_the_transition_table(
    service: Service, world: World, status: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    allowed = [action for action in ACTIONS if action in TRANSITIONS[status]]
    for action, (name, fields) in ACTIONS.items():
        key = await raise_in_status(cora, ada, status)
        if action in TRANSITIONS[status]:
            payload = await run_action(ada, key, action)
            assert payload["ticket"]["status"] == TRANSITIONS[status][action], action
            assert event_type(payload) == "STATUS_CHANGED"
            last = (await read_timeline(ada, key))[-1]
            assert (last["action"], last["from"], last["to"]) == (
                action,
                status,
                TRANSITIONS[status][action],
            )
            data = await cora.run("query($id: ID!) { ticket(id: $id) { allowedActions } }", id=key)
            after = data["ticket"]["allowedActions"]
            assert set(after) == set(TRANSITIONS[TRANSITIONS[status][action]]) & {
                "CLOSE",
                "REOPEN",
            }, "customers close and reopen"
            continue
        async with assert_nothing_stored():
            payload = await ada.mutate(name, {"ticketId": key, **fields})
        (error,) = payload["userErrors"]
        assert payload["ticket"] is None
        details = (
            error["__typename"],
            error["code"],
            error["field"],
            error["from"],
            error["action"],
        )
        assert details == ("TransitionRefused", "TRANSITION_REFUSED", None, status, action)
        assert sorted(error["allowed"]) == sorted(allowed)


async def test_one_of_several_concurrent_actions_succeeds(service: Service, world: World) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    key = (await cora.raise_ticket())["id"]
    payloads = await asyncio.gather(
        *(client.mutate("startTicket", {"ticketId": key}) for client in (ada, bill) * 4)
    )
    codes = sorted(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "done"
        for payload in payloads
    )
    assert codes == ["TRANSITION_REFUSED"] * 7 + ["done"]
    assert await read_version(ada, key) == 2


async def test_a_ticket_is_held_until_a_future_time(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for past in ("2020-01-01T00:00:00Z", service.clock().isoformat()):
        assert await refusals(ada, "holdTicket", ticketId=key, until=past) == ["INVALID until"]
    held = await ada.do("holdTicket", ticketId=key, until="2090-01-01T02:00:00+02:00")
    assert (held["ticket"]["status"], held["ticket"]["heldUntil"]) == (
        "ON_HOLD",
        "2090-01-01T00:00:00Z",
    )
    moved = await ada.do("holdTicket", ticketId=key, until="2080-01-01T00:00:00Z")
    assert (moved["ticket"]["status"], moved["ticket"]["heldUntil"]) == (
        "ON_HOLD",
        "2080-01-01T00:00:00Z",
    )
    assert await refusals(ada, "holdTicket", ticketId=key, until="2020-01-01T00:00:00Z") == [
        "INVALID until"
    ]
    resumed = await ada.do("resumeTicket", ticketId=key)
    assert (resumed["ticket"]["status"], resumed["ticket"]["heldUntil"]) == ("OPEN", None)
    assert (await ada.do("holdTicket", ticketId=key, until=None))["ticket"]["heldUntil"] is None


async def test_a_date_time_without_an_offset_is_refused(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for value in ("2090-01-01T00:00:00", "2090-01-01", "tomorrow", 1, "2090-13-01T00:00:00Z"):
            with pytest.raises(Refused) as refusal:
                await ada.mutate("holdTicket", {"ticketId": key, "until": value})
            assert refusal.value.code == "BAD_REQUEST", value
            assert "offset" in refusal.value.errors[0]["message"]
        with pytest.raises(Refused) as refusal:
            await ada.run(
                f"""mutation {{
                  holdTicket(input: {{ticketId: "{key}", until: "2090-01-01T00:00:00"}}) {{
                  cursor }}
                }}"""
            )
        assert refusal.value.code == "GRAPHQL_VALIDATION_FAILED"


async def test_a_resolution_is_shown_and_cleared_by_reopening(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for text, code in (("  ", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(ada, "resolveTicket", ticketId=key, resolution=text) == [
            f"{code} resolution"
        ]
    resolved = (await ada.do("resolveTicket", ticketId=key, resolution=" Switched on. "))["ticket"]
    assert (resolved["resolution"], resolved["stage"], resolved["closedAt"]) == (
        " Switched on. ",
        "CLOSURE",
        None,
    )
    assert resolved["resolvedAt"] == resolved["updatedAt"]
    closed = (await cora.do("closeTicket", ticketId=key))["ticket"]
    assert (closed["closeReason"], closed["resolution"], closed["closedAt"]) == (
        "RESOLVED",
        " Switched on. ",
        closed["updatedAt"],
    )
    for text, code in (("", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("a\0", "INVALID")):
        assert await refusals(cora, "reopenTicket", ticketId=key, reason=text) == [f"{code} reason"]
    reopened = (await cora.do("reopenTicket", ticketId=key, reason="Off again."))["ticket"]
    assert [reopened[name] for name in ("resolution", "resolvedAt", "closedAt", "closeReason")] == [
        None
    ] * 4
    assert [
        each["step_comment"]
        for each in await read_timeline(cora, key)
        if each["type"] == "STATUS_CHANGED"
    ] == [
        " Switched on. ",
        None,
        "Off again.",
    ]


async def test_the_close_reason_depends_on_the_caller_and_the_status(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)

    async def raise_ticket(*, resolved: bool) -> str:
        return await raise_in_status(cora, ada, "RESOLVED" if resolved else "OPEN")

    for client, resolved, reason, stored in (
        (ada, False, "SPAM", "SPAM"),
        (ada, True, None, "RESOLVED"),
        (ada, True, "INVALID", "INVALID"),
        (cora, False, None, "WITHDRAWN"),
        (cora, False, "WITHDRAWN", "WITHDRAWN"),
        (cora, True, None, "RESOLVED"),
        (cora, True, "RESOLVED", "RESOLVED"),
    ):
        payload = await client.do(
            "closeTicket", ticketId=await raise_ticket(resolved=resolved), reason=reason
        )
        assert (payload["ticket"]["status"], payload["ticket"]["closeReason"]) == ("CLOSED", stored)
    for client, resolved, reason, code in (
        (ada, False, None, "REQUIRED reason"),
        (cora, False, "RESOLVED", "INVALID reason"),
        (cora, False, "SPAM", "INVALID reason"),
        (cora, True, "WITHDRAWN", "INVALID reason"),
    ):
        assert await refusals(
            client, "closeTicket", ticketId=await raise_ticket(resolved=resolved), reason=reason
        ) == [code]


async def test_a_closed_ticket_can_be_reopened_for_fourteen_days(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    early, late = (
        await raise_in_status(cora, ada, "CLOSED"),
        await raise_in_status(cora, ada, "CLOSED"),
    )
    service.clock.advance(days=13.9)
    answer = await cora.do("reopenTicket", ticketId=early, reason="Again.")
    assert answer["ticket"]["status"] == "OPEN"
    service.clock.advance(days=1.1)
    for client, name, fields in (
        (cora, "reopenTicket", {"reason": "x"}),
        (ada, "reopenTicket", {"reason": "x"}),
        (cora, "replyToTicket", {"body": "x"}),
    ):
        async with assert_nothing_stored():
            payload = await client.mutate(name, {"ticketId": late, **fields})
        (error,) = payload["userErrors"]
        details = (
            error["__typename"],
            error["code"],
            error["from"],
            error["action"],
            error["allowed"],
        )
        assert details == ("TransitionRefused", "REOPEN_WINDOW_PASSED", "CLOSED", "REOPEN", [])
    data = await ada.run("query($id: ID!) { ticket(id: $id) { allowedActions } }", id=late)
    seen = data["ticket"]
    assert seen == {"allowedActions": []}
    assert (await cora.do("createTicket", **NEW_TICKET, followUpOf=late))["ticket"][
        "status"
    ] == "NEW"


async def test_escalating_and_rating_are_possible_only_in_their_stages(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for reason, code in ((" ", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(cora, "escalateTicket", ticketId=key, reason=reason) == [
            f"{code} reason"
        ]
    assert await refusals(cora, "rateTicket", ticketId=key, score=5) == ["INVALID ticketId"]
    for level in (1, 2):
        payload = await cora.do("escalateTicket", ticketId=key, reason="It burns.")
        assert (
            payload["ticket"]["escalationLevel"],
            event_type(payload),
            payload["ticket"]["status"],
        ) == (
            level,
            "ESCALATED",
            "NEW",
        )
    await ada.do("resolveTicket", ticketId=key, resolution="Out.")
    assert await refusals(cora, "escalateTicket", ticketId=key, reason="x") == ["INVALID ticketId"]
    for score in (0, 6, -1, 2**31 - 1):
        assert await refusals(cora, "rateTicket", ticketId=key, score=score) == ["INVALID score"]
    for comment, code in (("c" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(cora, "rateTicket", ticketId=key, score=3, comment=comment) == [
            f"{code} comment"
        ]
    more = "ticket { satisfaction { score comment ratedAt } }"
    ratings: list[tuple[dict[str, object], str | None]] = [
        ({"score": 2, "comment": " Slow. "}, "Slow."),
        ({"score": 3, "comment": ""}, None),
        ({"score": 4, "comment": " \u200b"}, None),
        ({"score": 5}, None),
    ]
    for rating, comment in ratings:
        payload = await cora.mutate("rateTicket", {"ticketId": key, **rating}, more)
        satisfaction = payload["ticket"]["satisfaction"]
        assert (satisfaction["score"], satisfaction["comment"]) == (rating["score"], comment)
    events = [
        (each["type"], each.get("level"), each.get("score"))
        for each in await read_timeline(cora, key)
    ]
    assert events[1:] == [
        ("ESCALATED", 1, None),
        ("ESCALATED", 2, None),
        ("STATUS_CHANGED", None, None),
        ("RATED", None, 2),
        ("RATED", None, 3),
        ("RATED", None, 4),
        ("RATED", None, 5),
    ]


async def test_only_the_requester_rates_a_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    carl, program = service.client(world.carl.token), service.client(world.api_client_token)
    key = (await cora.raise_ticket())["id"]
    staffs_own = (await ada.raise_ticket())["id"]
    for each in (key, staffs_own):
        await ada.do("resolveTicket", ticketId=each, resolution="Out.")
    await cora.do("rateTicket", ticketId=key, score=1, comment="Bad")
    async with assert_nothing_stored():
        assert await refusals(carl, "rateTicket", ticketId=key, score=5) == ["INVALID ticketId"]
        for client in (ada, service.client(world.root.token), program):
            for id in (key, staffs_own):
                with pytest.raises(Refused) as refusal:
                    await client.mutate("rateTicket", {"ticketId": id, "score": 5})
                assert refusal.value.code == "FORBIDDEN"
    satisfaction = "query($id: ID!) { ticket(id: $id) { satisfaction { score comment } } }"
    found = (await ada.run(satisfaction, id=key))["ticket"]["satisfaction"]
    assert found == {"score": 1, "comment": "Bad"}


@pytest.mark.parametrize("reason", ["SPAM", "INVALID", "DUPLICATE"])
async def test_tickets_without_work_are_not_rated(
    service: Service, world: World, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key, into = (await cora.raise_ticket())["id"], (await cora.raise_ticket())["id"]
    if reason == "DUPLICATE":
        await ada.do("mergeTickets", ticketId=key, intoId=into)
    else:
        await ada.do("closeTicket", ticketId=key, reason=reason)
    assert await refusals(cora, "rateTicket", ticketId=key, score=1) == ["INVALID ticketId"]
