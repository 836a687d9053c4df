"""The GraphQL operations of docs/webhooks.md, executed one after the other."""

from __future__ import annotations

import re

import pytest
from support import Client
from support.service import ROOT
from support.webhooks import Receiver, deliver, read_deliveries

from models.log.event import decode_cursor, encode_cursor
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
EXAMPLES = re.compile(r"^```graphql\n(.*?)^```$", re.DOTALL | re.MULTILINE)
URL, ID, CURSOR = "https://hooks.example.com/ticketwire", "whk_…", "0000…"


async def test_every_operation_of_the_guide_works(
    admin: Client, cora: Client, ada: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    text = (ROOT / "docs/webhooks.md").read_text().replace(URL, receiver.url)
    create, create_with_query, read, find_gaps, replay = EXAMPLES.findall(text)
    filtered = (await admin.run(create))["createWebhook"]
    selecting = (await admin.run(create_with_query))["createWebhook"]
    for created in (filtered, selecting):
        assert created["userErrors"] == []
        assert created["secret"].startswith("whsec_")
    urgent = await cora.raise_ticket("VPN is down", priority="URGENT")
    other = await cora.raise_ticket("Printer is down", priority="LOW")
    for ticket in (urgent, other):
        await ada.do("replyToTicket", ticketId=ticket["id"], body="We look at it.")
    await deliver(worker)
    sent = [each for each in receiver.received if each.is_signed(filtered["secret"])]
    assert {each.json["data"]["ticket"]["id"] for each in sent} == {urgent["id"]}
    sent = sorted(
        (each for each in receiver.received if each.is_signed(selecting["secret"])),
        key=lambda each: str(each.json["cursor"]),
    )
    assert [each.json["data"] for each in sent] == [
        {
            "ticket": {"ref": ticket["ref"], "requester": {"displayName": "Cora"}},
            "reply": {"body": "We look at it."},
        }
        for ticket in (urgent, other)
    ]

    first, second = await read_deliveries(admin, selecting["webhook"])
    node = (await admin.run(read, id=first["id"]))["node"]
    assert node["requestBody"] == sent[0].body.decode()
    assert [each["status"] for each in node["attemptLog"]] == [200]

    start = encode_cursor(decode_cursor(first["event"]["cursor"]) - 1)
    find_gaps, replay = (
        each.replace(ID, selecting["webhook"]["id"]).replace(CURSOR, start)
        for each in (find_gaps, replay)
    )
    assert (await admin.run(find_gaps))["webhookGaps"] == {"nodes": []}
    await ada.do("replyToTicket", ticketId=other["id"], body="It works again.")
    [gap] = (await admin.run(find_gaps))["webhookGaps"]["nodes"]
    assert gap["type"] == "REPLY_ADDED"
    assert gap["cursor"] > second["event"]["cursor"]
    await deliver(worker)
    receiver.received.clear()
    assert (await admin.run(replay))["replayWebhook"] == {"events": 3, "userErrors": []}
    await deliver(worker)
    assert len(receiver.received) == 3
