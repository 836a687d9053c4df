"""A marker in every column of text that an erasure treats: none is left, also in unused space."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.audit import audit
from support.custom_fields import define, set_values
from support.databases import IS_SQLITE
from support.erasure import checkpoint, erase, find_in_file, find_rows
from support.macros import create_macro
from support.ticket_commands import run_notifier
from tortoise import Tortoise, fields

from models import database
from models.core import ids
from models.core.time import now
from models.escalation.path import EscalationPath, EscalationRun
from models.jobs.caller_job import CallerJob, JobTicket, JobTicketOutcome
from models.log.event import Event
from models.people.account_link import AccountLink, LinkPurpose
from models.people.identity import Identity, SignInCode
from models.people.second_factor import SecondFactor
from models.privacy.registry import TREATMENTS, Treatment
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.message import Message, MessageKind
from models.tickets.presence import Presence, PresenceState
from models.tickets.ticket import Ticket, TicketResource
from models.wall.screen import WallScreen
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from models.webhooks.webhook import Webhook

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]

MARKER = "zq9xkw7hunter"
ADDRESS = f"{MARKER}@example.com"


async def plant(column: str, where: str = "", *params: object) -> None:
    """Write the marker, as an address, into a column of one row, or of the rows `where` says."""
    table, _, name = column.partition(".")
    model: Any = next(m for m in Tortoise.apps["models"].values() if m._meta.db_table == table)
    is_json = isinstance(model._meta.fields_map[name], fields.JSONField)
    value = json.dumps([ADDRESS]) if is_json else ADDRESS
    placeholder = "?::jsonb" if is_json and not IS_SQLITE else "?"
    key = model._meta.db_pk_column
    where = where or f"{key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1)"
    sql = f"UPDATE {table} SET {name} = {placeholder} WHERE {where} RETURNING {key}"
    assert await database.fetch_dicts(sql, [value, *params]), f"{table} has no row"


async def create_rows(service: Service, world: World) -> Ticket:
    """A ticket of Cora with a text of hers everywhere, and rows of all other tables."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    values = {"subject": MARKER, "description": f"Description {MARKER}", "category": "technical"}
    payload = await cora.do("createTicket", **values, tags=[MARKER])
    id = payload["ticket"]["id"]
    await cora.do("replyToTicket", ticketId=id, body=f"Reply {MARKER}")
    await ada.do("resolveTicket", ticketId=id, resolution=f"Solved {MARKER}")
    await cora.do("rateTicket", ticketId=id, score=5, comment=f"Comment {MARKER}")
    await run_notifier()
    everyone = {"audience": "EVERYONE", "filter": {}}
    await run_mutation(root, "createSavedView", name="View", **everyone)
    await create_macro(root, audience="EVERYONE", text="Hello")
    await run_mutation(root, "createRetentionPolicy", name="Old", filter={}, ageDays=365)
    await define(root, "note")
    await set_values(cora, id, {"key": "note", "text": f"Value {MARKER}"})
    await run_mutation(ada, "bulkUpdateTickets", ids=[id], change={"priority": "LOW"})
    await run_mutation(root, "updateUser", userId=world.cora.gid, displayName=f"Ms {MARKER}")
    await run_mutation(root, "updateUser", userId=world.cora.gid, email=ADDRESS)
    ticket = await Ticket.get(id=ids.key_of(ids.TICKET, id))
    await create_records(ticket, world)
    return ticket


async def create_records(ticket: Ticket, world: World) -> None:
    at, cora = now(), world.cora.id
    await WallScreen.create(name="Entrance", approved_by_id=world.ada.id, digest="d")
    await TicketResource.create(ticket_id=ticket.id, kind="k", external_id="x", name="n")
    draft = {"ticket_id": ticket.id, "kind": MessageKind.REPLY, "version": 1}
    await Draft.create(user_id=cora, body=f"Draft {MARKER}", **draft)
    message = await Message.filter(ticket_id=ticket.id).first()
    assert message is not None
    await Attachment.create(
        ticket_id=ticket.id,
        message_id=message.id,
        filename=f"{MARKER}.png",
        content_type="image/png",
        size=1,
        uploader_user_id=cora,
    )
    identity = await Identity.create(issuer="https://id.example.com", subject="s", user_id=cora)
    await SignInCode.create(
        digest="d", identity_id=identity.id, challenge="c", authenticated_at=at, expires_at=at
    )
    await SecondFactor.create(user_id=cora, secret=MARKER, created_at=at)
    await AccountLink.create(
        purpose=LinkPurpose.INVITATION,
        user_id=cora,
        email=ADDRESS,
        display_name="x",
        expires_at=at,
        created_at=at,
    )
    await Presence.create(
        ticket_id=ticket.id,
        user_id=cora,
        client_key="k",
        state=PresenceState.LOOKING,
        since=at,
        until=at,
    )
    path = await EscalationPath.all().first()
    assert path is not None
    await EscalationRun.create(
        ticket_id=ticket.id, path_id=path.id, position=1, steps=[], started_at=at
    )
    row = await JobTicket.get(ticket_id=ticket.id)
    tags = {"changes": {"tags": [[MARKER], []]}, "previous": {"added_tags": [MARKER]}}
    outcome = {"outcome": JobTicketOutcome.CHANGED, "message": f"About {ADDRESS}"}
    await JobTicket.filter(id=row.id).update(**tags, **outcome)
    await CallerJob.all().update(status="finished", finished_at=at)
    await create_webhooks(ticket, world)


async def create_webhooks(ticket: Ticket, world: World) -> None:
    """A webhook of an admin with an attempt, and one of Cora."""
    fields = {"url": "https://hooks.example.com", "types": [], "scopes": [], "secret": "s"}
    webhook = await Webhook.create(
        **fields, ticket_filter={}, log_position=0, user_id=world.root.id
    )
    await Webhook.create(**fields, ticket_filter={}, log_position=0, user_id=world.cora.id)
    event = await Event.filter(ticket_id=ticket.id).first()
    delivery = await WebhookDelivery.create(
        webhook=webhook, event=event, ticket_id=ticket.id, created_at=now()
    )
    await WebhookAttempt.create(delivery=delivery, requested_at=now(), milliseconds=1)


async def plant_everywhere(ticket: Ticket, world: World) -> None:
    """Plant the marker in the columns that no mutation filled with it."""
    cora = world.cora.id
    for name in ("external_id", "locale", "password_hash"):
        await plant(f"users.{name}", "id = ?", cora)
    await plant("users.time_zone", "id = ?", cora)
    await plant("tickets.external_id", "id = ?", ticket.id)
    for name in ("kind", "external_id", "name"):
        await plant(f"ticket_resources.{name}")
    for column in TREATMENTS[Treatment.ACCOUNT]:
        table, _, name = column.partition(".")
        if table not in ("users", "sign_in_codes") and name != "email":
            where = "user_id = ?" if table != "account_links" else ""
            await plant(column, where, *([cora] if where else []))
    await plant("sign_in_codes.challenge")
    for column in TREATMENTS[Treatment.SEARCHED] - {"drafts.body"}:
        if column not in ("directory_events.data", "audit_entries.changes"):
            own = column in ("mails.address", "mails.answer", "audit_entries.address")
            reference = "user_id" if column.startswith("mails") else "actor_user_id"
            await plant(column, f"{reference} = ?" if own else "", *([cora] if own else []))


async def test_no_marker_is_left_in_any_column(service: Service, world: World, url: str) -> None:
    ticket = await create_rows(service, world)
    await database.fetch_dicts(
        "UPDATE audit_entries SET actor_user_id = ? WHERE record_id = ? RETURNING id",
        [world.cora.id, world.cora.id],
    )
    await plant_everywhere(ticket, world)
    planted = set(await find_rows(MARKER))
    for treatment in (Treatment.TICKET, Treatment.ACCOUNT, Treatment.SEARCHED, Treatment.DERIVED):
        missing = TREATMENTS[treatment] - planted - {"sign_in_codes.digest"}
        assert missing == set(), "the test must plant the marker in each column"
    if IS_SQLITE:
        assert find_in_file(url, MARKER) != []
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert (job["status"], job["failed"], job["erasure"]["remaining"]) == ("FINISHED", 0, [])
    assert await find_rows(MARKER) == []
    if IS_SQLITE:
        checkpoint(url)
        assert find_in_file(url, MARKER[3:]) == [], "the file keeps it in unused space"
    await audit()
