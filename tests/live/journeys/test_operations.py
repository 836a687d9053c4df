"""The example operations of docs/operations do in the demo what their comments say."""

from __future__ import annotations

from typing import Any

from support.client import Client
from support.operations import read_examples
from support.service import start

PASSWORD = "demo"
SIGN_IN = "mutation($input: SignInInput!) { signIn(input: $input) { token } }"


async def sign_in(anonymous: Client) -> str:
    input = {"email": "agent@example.com", "password": PASSWORD}
    return str((await anonymous.run(SIGN_IN, input=input))["signIn"]["token"])


class Runner:
    """Runs the examples as an agent, and knows which no test has used."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.examples = {each.name: each for each in read_examples()}
        self.unused = set(self.examples)

    def take(self, name: str, variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.unused.discard(name)
        example = self.examples[name]
        return example.text, {**example.variables, **variables}

    async def run(self, name: str, **variables: Any) -> dict[str, Any]:
        text, values = self.take(name, variables)
        return await self.client.run(text, **values)


async def test_every_operation_works_in_the_demo(empty_url: str) -> None:
    process = await start(empty_url, None, "--demo")
    try:
        runner = Runner(process.client(await sign_in(process.client())))
        await check_queries(runner)
        await check_changes(runner)
        assert runner.unused == set()
    finally:
        process.kill()


async def check_queries(runner: Runner) -> None:
    viewer = (await runner.run("Viewer"))["viewer"]
    assert (viewer["role"], viewer["user"]["email"]) == ("AGENT", "agent@example.com")
    assert "tickets:read" in viewer["scopes"]

    queue = (await runner.run("Queue", first=5))["tickets"]
    assert len(queue["nodes"]) == 5
    more = (await runner.run("Queue", after=queue["pageInfo"]["endCursor"]))["tickets"]
    refs = [{node["ref"] for node in page["nodes"]} for page in (queue, more)]
    assert refs[1]
    assert refs[0].isdisjoint(refs[1])
    assert not {"RESOLVED", "CLOSED"} & {node["status"] for node in queue["nodes"]}
    assert queue["nodes"][0]["clocks"]

    found = (await runner.run("Search"))["tickets"]
    assert found["totalCount"] >= len(found["nodes"]) > 0

    seen, after, has_next = set[str](), None, True
    while has_next:
        page = (await runner.run("Pages", after=after))["tickets"]
        assert seen.isdisjoint({node["id"] for node in page["nodes"]}), "the pages end"
        seen |= {node["id"] for node in page["nodes"]}
        after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert (
        len(seen)
        == (await runner.client.run("{ tickets { totalCount } }"))["tickets"]["totalCount"]
    )

    ticket = (await runner.run("Ticket"))["ticketByNumber"]
    assert ticket["ref"] == "TKT-1002"
    assert ticket["messages"]["nodes"]
    assert ticket["timeline"]["nodes"]
    assert ticket["clocks"]

    figures = await runner.run("Statistics")
    assert figures["now"]["open"] > 0
    assert {"label", "count"} == figures["teams"]["groups"][0].keys()
    assert len(figures["days"]["groups"]) == 7


async def check_changes(runner: Runner) -> None:
    """Raise a ticket and resolve it, while a live list and the log show that."""
    live_list, _ = runner.take("LiveList", {})
    events, _ = runner.take("Events", {})
    head = (await runner.client.run("{ ticketStats { cursor } }"))["ticketStats"]["cursor"]
    async with runner.client.socket() as changes, runner.client.socket() as log:
        await changes.subscribe(live_list)
        await log.subscribe(events, after=head)
        change = await changes.next("ticketChanges")
        while change["kind"] != "SNAPSHOT_END":
            assert change["kind"] == "SNAPSHOT"
            assert change["ticket"]["status"] in ("NEW", "OPEN")
            change = await changes.next("ticketChanges")

        created = (await runner.run("CreateTicket"))["createTicket"]
        again = (await runner.run("CreateTicket"))["createTicket"]
        assert created["userErrors"] == []
        assert again == {**created, "replayed": True}
        id, ref = created["ticket"]["id"], created["ticket"]["ref"]
        await next_change(changes, id, "ADDED")
        event = await next_event(log, ref)
        assert (event["type"], event["to"]) == ("TICKET_CREATED", "NEW")

        reply = {"ticketId": id, "lastSeenCursor": created["cursor"]}
        replied = (await runner.run("ReplyAndResolve", **reply))["replyToTicket"]
        assert replied["userErrors"] == []
        assert replied["ticket"]["status"] == "RESOLVED"
        await next_change(changes, id, "REMOVED")
        while event["type"] != "STATUS_CHANGED":
            event = await next_event(log, ref)
        assert (event["from"], event["to"]) == ("NEW", "RESOLVED")


async def next_change(socket: Any, ticket_id: str, kind: str) -> None:
    """Wait for a change of this kind. The demo's own jobs may change other tickets."""
    change = await socket.next("ticketChanges")
    while (change["ticketId"], change["kind"]) != (ticket_id, kind):
        change = await socket.next("ticketChanges")


async def next_event(socket: Any, ref: str) -> dict[str, Any]:
    event: dict[str, Any] = await socket.next("ticketEvents")
    while event["ticket"]["ref"] != ref:
        event = await socket.next("ticketEvents")
    return event
