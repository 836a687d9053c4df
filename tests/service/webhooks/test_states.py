"""Pauses of webhooks: failing targets, owners who lose their rights, and what is sent later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.audit_log import read_audit_log
from support.mailing import send_due_mails
from support.smtp_sink import sink
from support.webhooks import (
    Receiver,
    create_webhook,
    deliver,
    read_deliveries,
    read_gaps,
    read_webhook,
    retry,
    update,
)

from models.core import time
from models.notifications.email import Mail
from models.people.token import Token
from models.people.user import ApiClient, Role, User
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


async def test_a_failing_target_is_paused_and_its_owner_gets_an_email(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    receiver.answer("500 Oops")
    await cora.raise_ticket()
    await deliver(worker)
    for days in (1, 2):
        await retry(worker, days=days)
        assert (await read_webhook(admin, webhook))["state"] == "ACTIVE"
    await retry(worker, days=4)
    found = await read_webhook(admin, webhook)
    assert (found["state"], found["pauseReason"]) == ("PAUSED", "TARGET_FAILING")
    assert found["failingSince"] is not None
    (delivery,) = await read_deliveries(admin, webhook)
    assert delivery["status"] == "FAILED"
    assert len(delivery["attemptLog"]) == 4
    assert len(await read_gaps(admin, webhook)) == 1
    (entry, *_) = await read_audit_log(admin)
    assert entry["action"] == "webhook pause"
    async with sink() as inbox:
        await send_due_mails(inbox, time.now() + timedelta(days=5))
        (message,) = [each for each in inbox.received if "webhook" in str(each["Subject"])]
        assert str(message["To"]).endswith("root@example.com>")
        text = inbox.raw[inbox.received.index(message)].decode()
        assert "status 500" in text
        assert "/hooks" not in text, "the path of a URL may be a secret"
    # Nothing is lost: events during the pause, and the failed one, follow when it is active again.
    await cora.raise_ticket()
    await deliver(worker)
    count = len(receiver.received)
    receiver.answer("200 OK")
    active = await update(admin, webhook, state="ACTIVE")
    assert active["state"] == "ACTIVE"
    await retry(worker, days=4)
    assert len(receiver.received) == count + 2
    assert await read_gaps(admin, webhook) == []


async def test_an_event_that_a_working_target_refuses_fails_alone(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    bad = await cora.raise_ticket("A subject that the receiver can not store")
    receiver.respond = lambda each: "500 Oops" if bad["id"] in each.body.decode() else "200 OK"
    await admin.do("replyToTicket", ticketId=bad["id"], body="A reply.")
    for days in range(4):
        await cora.raise_ticket()
        await retry(worker, days=days)
    found = await read_webhook(admin, webhook)
    assert found["state"] == "ACTIVE"
    statuses = [each["status"] for each in await read_deliveries(admin, webhook)]
    assert statuses[0] == "FAILED"
    assert statuses.count("DELIVERED") == 4


@pytest.mark.parametrize("loss", ["deactivated", "revoked", "expired"])
async def test_the_loss_of_the_owners_rights_pauses_the_webhook_also_without_events(
    service: Service,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    loss: str,
) -> None:
    client = service.client(await api_client_token("billing", ["tickets:read", "webhooks:manage"]))
    webhook, _ = await create_webhook(client, receiver)
    await deliver(worker)
    if loss == "deactivated":
        await ApiClient.filter(display_name="billing").update(active=False)
    elif loss == "revoked":
        await Token.filter(client__display_name="billing").update(revoked_at=time.now())
    else:
        await Token.filter(client__display_name="billing").update(expires_at=time.now())
    await retry(worker, seconds=10)
    found = await read_webhook(admin, webhook)
    expected = "OWNER_DEACTIVATED" if loss == "deactivated" else "SCOPE_REVOKED"
    assert (found["state"], found["pauseReason"]) == ("PAUSED", expected)
    assert await Mail.filter(template="webhook_paused").count() == 1, "an admin gets the email"
    await cora.raise_ticket()
    await retry(worker, seconds=20)
    assert receiver.received == []


@pytest.mark.parametrize("reason", ["SCOPE_REVOKED", "INVALID"])
async def test_gaps_that_can_not_be_determined_are_an_error_and_no_empty_list(
    service: Service,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    reason: str,
) -> None:
    scopes = ["tickets:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    webhook, _ = await create_webhook(client, receiver, types=["TICKET_CREATED"])
    tokens = Token.filter(client__display_name="billing")
    if reason == "INVALID":
        await Webhook.all().update(ticket_filter={"status": {"eq": "FORGOTTEN"}})
    else:
        await tokens.update(scopes=["webhooks:manage"])
    await cora.raise_ticket()
    await retry(worker, seconds=10)
    assert (await read_webhook(admin, webhook))["pauseReason"] == reason
    with pytest.raises(Refused) as error:
        await read_gaps(admin, webhook)
    assert error.value.code == "BAD_REQUEST"
    await tokens.update(scopes=scopes)
    await Webhook.all().update(ticket_filter={})
    assert len(await read_gaps(admin, webhook)) == 1
    await update(admin, webhook, state="ACTIVE")
    await retry(worker, seconds=20)
    assert (len(receiver.received), await read_gaps(admin, webhook)) == (1, [])


async def test_the_deactivation_of_a_person_pauses_the_persons_webhooks(
    service: Service,
    world: World,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    await cora.raise_ticket()
    other = await User.get(id=world.ada.id)
    await User.filter(id=other.id).update(role=Role.ADMIN)
    await User.filter(id=world.root.id).update(active=False)
    await retry(worker, seconds=10)
    watcher = service.client(await api_client_token("watcher"))
    found = await read_webhook(watcher, webhook)
    assert (found["state"], found["pauseReason"]) == ("PAUSED", "OWNER_DEACTIVATED")
    mails = await Mail.filter(template="webhook_paused").values_list("address", flat=True)
    assert mails == [other.email], "another admin gets the email"
    assert receiver.received == []


async def test_a_planned_event_is_not_sent_after_the_owner_was_demoted(
    service: Service,
    world: World,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    await cora.raise_ticket()
    receiver.answer("500 Oops")
    await deliver(worker)
    await User.filter(id=world.root.id).update(role=Role.AGENT)
    receiver.answer("200 OK")
    await retry(worker, days=1)
    assert len(receiver.received) == 1
    other = service.client(await api_client_token("watcher"))
    found = await read_webhook(other, webhook)
    assert (found["state"], found["pauseReason"]) == ("PAUSED", "SCOPE_REVOKED")


async def test_a_webhook_survives_the_rotation_of_its_owners_token(
    service: Service, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    scopes = ["tickets:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    await create_webhook(client, receiver)
    await api_client_token("billing", scopes)
    first = await Token.filter(client__display_name="billing").order_by("created_at").first()
    assert first is not None
    await Token.filter(id=first.id).update(revoked_at=time.now())
    await cora.raise_ticket()
    await retry(worker, seconds=10)
    assert len(receiver.received) == 1


async def test_a_failing_target_is_probed_by_one_request_at_a_time(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await create_webhook(admin, receiver)
    receiver.answer("500 Oops")
    for _ in range(12):
        await cora.raise_ticket()
    await deliver(worker)
    probes = len(receiver.received)
    assert probes < 12, "the first failures stop the others"
    await retry(worker, minutes=1)
    assert len(receiver.received) == probes + 1
    receiver.answer("200 OK")
    await retry(worker, hours=1)
    assert len(receiver.cursors()) == 12


async def test_events_that_a_working_target_refuses_are_not_repeated_after_each_success(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    for number in range(14):
        await cora.raise_ticket("Refused" if number < 4 else "Accepted")
    receiver.respond = lambda each: "500 Oops" if b"Refused" in each.body else "200 OK"
    # The first retries are due after 4 seconds or more, however long the requests take.
    at = time.now()
    await deliver(worker, at)
    await deliver(worker, at + timedelta(seconds=3))
    assert len(receiver.received) == 14
    assert len(await read_gaps(admin, webhook)) == 4


async def test_a_malformed_header_of_a_response_is_ignored(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    receiver.answer("500 Oops\r\nRetry-After: 01 Jan 99999999999 12:60")
    await cora.raise_ticket()
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    assert (delivery["status"], delivery["responseStatus"]) == ("RETRYING", 500)
    receiver.answer("200 OK\r\nRetry-After: 01 Jan 99999999999 12:60")
    await retry(worker, seconds=10)
    assert await read_gaps(admin, webhook) == []
