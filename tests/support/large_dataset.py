"""A database in which every field of the API has a value, with fixed times, and tokens of
viewers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import time_machine

from demo.seed import seed_demo
from models import database
from models.access.audience import Audience
from models.access.scopes import CallerKind, Scope
from models.access.viewer import Viewer
from models.audit import storage
from models.audit.entry import Origin
from models.audit.records import LOGGED_RECORDS
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import link_commands, merge_records, merging
from models.changes.storage import lock_tickets, write
from models.core import ids
from models.core.record_changes import RecordChanges
from models.custom_fields.custom_field import (
    OPTION_TYPES,
    CustomerAccess,
    CustomField,
    CustomFieldType,
    RequiredAt,
    TicketCustomValue,
)
from models.erasure.job import ErasureParameters, ErasureReport
from models.escalation.path import EscalationPath, EscalationTrigger, StepAction
from models.jobs.caller_job import (
    CallerJob,
    ExportFormat,
    JobErrorCode,
    JobErrorPolicy,
    JobKind,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.log.event import Event, EventType
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.notifications.email import Mail, MailStatus
from models.notifications.notification import Channel, Notification, Topic
from models.people.domains import OrganizationDomain
from models.people.identity import Identity
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.retention.policy import RetentionPolicy
from models.sla import calendar_admin, policy_admin
from models.sla.snapshot import Metric
from models.tickets import presence
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.link_kind import LinkKind
from models.tickets.message import MessageKind
from models.tickets.ticket import Ticket, TicketResource
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from support import ticket_commands
from support.actors import Person, World, api_client_token, person, token_of
from support.stored_webhooks import create_webhooks

NOW = datetime(2026, 11, 3, 10, 30, tzinfo=UTC)
"""A Tuesday morning: the time of all queries."""
HOUR = timedelta(hours=1)
MACHINE_SCOPES: Mapping[str, list[Scope]] = {
    "machine that reads tickets": [Scope.TICKETS_READ],
    "machine that reads the log": [Scope.EVENTS_READ],
    "machine that reads tickets and notes": [Scope.TICKETS_READ, Scope.NOTES_READ],
    "machine that reads tickets and people": [
        Scope.TICKETS_READ,
        Scope.USERS_READ,
        Scope.EVENTS_READ,
    ],
    "API client that writes tickets": [Scope.TICKETS_WRITE],
    "API client with all scopes": list(Scope),
}
ACTIVE_VIEWERS = (
    "agent",
    "admin",
    "API client with all scopes",
    "customer of a shared account",
    "customer",
)
"""Viewers with many permissions. Tests query as these more often than as the others."""


@dataclass
class LargeDataset:
    """`tokens` are the tokens of the viewers by name; the anonymous viewer has None."""

    world: World
    tokens: Mapping[str, str | None]

    @classmethod
    async def make(cls) -> LargeDataset:
        """Fill the open, migrated database."""
        with time_machine.travel(NOW - 2 * HOUR, tick=False):
            await seed_demo(NOW - 2 * HOUR)
            world = await World.make()
            await fill_directory(world)
            await create_policies(world)
            tickets = await create_tickets(world)
            await create_custom_fields(tickets)
            await Ticket.filter(status=Status.CLOSED).update(texts_erased_at=NOW - HOUR)
        with time_machine.travel(NOW - HOUR, tick=False):
            await create_events(tickets, world)
            await ticket_commands.run_notifier()
            await fill_mails(world)
            await log_changes(world)
            await create_jobs(tickets, world)
            await create_drafts(tickets, world)
            await create_webhooks(NOW)
        with time_machine.travel(NOW, tick=False):
            await presence.set_presence(
                tickets[0].id,
                world.ada.id,
                "one",
                presence.PresenceState.WRITING,
                NOW - timedelta(seconds=5),
            )
            await presence.set_presence(
                tickets[0].id, world.root.id, "one", presence.PresenceState.LOOKING, NOW
            )
            tokens = await make_tokens(world)
        return cls(world, tokens)


async def create_drafts(tickets: list[Ticket], world: World) -> None:
    """A draft of each kind with a file, one of them proposed, and one of a customer."""
    client = await ApiClient.get(display_name="Sync")
    common: dict[str, Any] = {"body": "**Hello**", "version": 7, "created_at": NOW - HOUR}
    common["updated_at"] = NOW - HOUR / 2
    alex, robin = [await User.get(email=f"{name}@example.com") for name in ("agent", "admin")]
    for owner, kind in ((alex, MessageKind.REPLY), (robin, MessageKind.NOTE)):
        values = {**common, "user_id": owner.id, "ticket_id": tickets[0].id, "kind": kind}
        draft = await Draft.create(**values, proposed_by=client)
        await Attachment.create(
            draft=draft,
            filename="draft.txt",
            content_type="text/plain",
            size=5,
            storage_key="draft",
            sha256="0" * 64,
            uploader_user_id=owner.id,
            created_at=NOW - HOUR,
        )
    values = {**common, "user_id": world.cora.id, "ticket_id": tickets[0].id}
    await Draft.create(**values, kind=MessageKind.REPLY)


async def create_jobs(tickets: list[Ticket], world: World) -> None:
    """Jobs with a value in every field: a dry run that was stopped, an undo that was cancelled, and
    one that waits."""
    client = await ApiClient.get(display_name="Sync")
    common: dict[str, Any] = {"parameters": {}, "scopes": [], "created_at": NOW - HOUR}
    times: dict[str, Any] = {"started_at": NOW - HOUR, "finished_at": NOW - HOUR / 2}
    policies = JobErrorPolicy
    update = await CallerJob.create(
        **{**common, **times, "kind": JobKind.BULK_UPDATE_TICKETS, "status": JobStatus.STOPPED},
        error_policy=policies.STOP,
        dry_run=True,
        is_undoable=True,
        total=4,
        changed=1,
        unchanged=1,
        failed=1,
        created_by_user_id=world.ada.id,
    )
    undo = await CallerJob.create(
        **{**common, **times, "kind": JobKind.UNDO_JOB, "status": JobStatus.CANCELLED},
        error_policy=policies.CONTINUE,
        total=1,
        undoes_id=update.id,
        created_by_client=client,
        cancelled_by_user_id=world.root.id,
    )
    await CallerJob.create(
        **{**common, "kind": JobKind.BULK_UPDATE_TICKETS, "status": JobStatus.WAITING},
        error_policy=policies.CONTINUE,
        created_by_user_id=world.root.id,
    )
    await CallerJob.create(
        **{**common, **times, "parameters": {"user_id": str(world.cora.id)}},
        kind=JobKind.EXPORT_PERSON,
        status=JobStatus.STOPPED,
        error_policy=policies.CONTINUE,
        created_by_user_id=world.root.id,
    )
    export = await CallerJob.create(
        **{**common, **times, "kind": JobKind.EXPORT_TICKETS, "status": JobStatus.FINISHED},
        error_policy=policies.CONTINUE,
        total=1,
        exported=1,
        created_by_user_id=world.ada.id,
        export_format=ExportFormat.JSONL,
        export_start=7,
        export_checked=7,
        export_key="exports/none",
        export_size=123,
        export_sha256="0" * 64,
        export_expires_at=NOW + 24 * HOUR,
    )
    parameters = ErasureParameters(str(world.otto.id), "A request", is_customer=True)
    report = ErasureReport("end", counts={"events": 3}, remaining={"messages.body": 1})
    report.verified_at = "2026-11-09T10:30:00Z"
    await CallerJob.create(
        **{**common, **times, "kind": JobKind.ERASE_PERSON, "status": JobStatus.FINISHED},
        error_policy=policies.CONTINUE,
        created_by_user_id=world.root.id,
    )
    await CallerJob.filter(kind=JobKind.ERASE_PERSON).update(
        parameters=parameters.to_json(), report=report.to_json()
    )
    changes = {
        "priority": [2, 3],
        "tags": [["a"], ["a", "b"]],
        "assignee_id": [None, str(world.ada.id)],
    }
    for job, ticket, outcome, values in (
        (update, tickets[0], JobTicketOutcome.CHANGED, {"changes": changes}),
        (update, tickets[1], JobTicketOutcome.UNCHANGED, {}),
        (
            *(update, tickets[2], JobTicketOutcome.FAILED),
            {"code": JobErrorCode.INVALID, "message": "must have at most 20 tags"},
        ),
        (update, tickets[3], JobTicketOutcome.WAITING, {}),
        (undo, tickets[0], JobTicketOutcome.WAITING, {}),
        (export, tickets[0], JobTicketOutcome.EXPORTED, {}),
    ):
        await JobTicket.create(
            job=job, ticket_id=ticket.id, ticket_number=ticket.number, outcome=outcome, **values
        )


async def log_changes(world: World) -> None:
    """An entry of the audit log for each kind of record, and an event of the directory."""
    changes = RecordChanges()
    for model in LOGGED_RECORDS:
        record = await model.all().order_by("id").first()
        if record is not None:
            changes.log(record, "name", "Before", "After")
            changes.log(record, "tags", ["a"], ["a", "b"])
    root = await User.get(id=world.root.id)
    actor = Viewer(CallerKind.ADMIN, user=root)
    await storage.write(changes, Origin("updateTeam", actor, "192.0.2.1", "request"), NOW - HOUR)


async def make_tokens(world: World) -> dict[str, str | None]:
    """A token of each viewer, by name."""
    clara, alex, robin = [
        await User.get(email=f"{name}@example.com") for name in ("customer", "agent", "admin")
    ]
    narrow = await token_of(await User.get(id=world.cora.id), [Scope.TICKETS_READ.value])
    revoked = await token_of(alex, [Scope.EVENTS_READ.value])
    await Token.filter(prefix=revoked[:12]).update(revoked_at=NOW - HOUR)
    await Token.filter(prefix=narrow[:12]).update(
        last_used_at=NOW - HOUR, expires_at=NOW + HOUR, rotated_at=NOW - HOUR
    )
    for user in (alex, robin):
        await Identity.create(
            issuer="https://login.example.com", subject=user.email, user=user, created_at=NOW - HOUR
        )
    admin = await token_of(robin)
    await Token.filter(prefix=admin[:12]).update(
        last_used_at=NOW - HOUR, expires_at=NOW + HOUR, address="192.0.2.1", user_agent="Browser"
    )
    return {
        "anonymous": None,
        "customer": world.olga.token,
        "customer of a shared account": world.cora.token,
        "customer of the demo": await token_of(clara),
        "customer's program": narrow,
        "customer without tickets": (await person("nora")).token,
        "agent": await token_of(alex),
        "agent of billing": world.bill.token,
        "admin": admin,
        **{
            name: await api_client_token("Sync", [scope.value for scope in scopes])
            for name, scopes in MACHINE_SCOPES.items()
        },
    }


async def fill_directory(world: World) -> None:
    """A value in each optional field of a user, an organization and a category."""
    for each in (world.ada, world.cora, world.root):
        await User.filter(id=each.id).update(
            external_id=str(each.id), locale="de-CH", time_zone="Europe/Berlin"
        )
    acme = await Organization.get(name="Acme")
    await Organization.filter(id=acme.id).update(external_id="acme-1")
    await OrganizationDomain.create(organization_id=acme.id, domain="acme.example")
    technical = await Category.get(slug="technical")
    await Category.filter(slug="billing").update(parent_id=technical.id)
    view = {"ticket_filter": {}, "order_by": [], "columns": ["REF"], "position": 1}
    support = await Team.get(slug="support")
    by_field = {"field": "CUSTOM_FIELD", "direction": "ASC", "customField": "seats"}
    columns = ["REF", "custom_fields.seats"]
    ordered: dict[str, Any] = {**view, "order_by": [by_field], "columns": columns}
    await SavedView.create(**ordered, name="Support", audience=Audience.TEAM, team=support)
    robin = await User.get(email="admin@example.com")
    view |= {"ticket_filter": {"status": {"eq": "FORGOTTEN"}}}  # of an earlier version
    await SavedView.create(**view, name="Own", audience=Audience.PERSONAL, owner=robin)
    await create_macros(support, robin)
    policy: dict[str, Any] = {"age_days": 30, "active": True, "erased_tickets": 2}
    await RetentionPolicy.create(**policy, name="All", ticket_filter={}, last_erased_at=NOW)
    forgotten = {"status": {"eq": "FORGOTTEN"}}
    await RetentionPolicy.create(name="Invalid", ticket_filter=forgotten, age_days=365)
    await WallScreen.create(name="Entrance", digest="a" * 64, approved_by=robin)
    await WallScreen.create(name="Support", digest="b" * 64, team=support, approved_by=robin)


async def create_macros(support: Team, robin: User) -> None:
    """Macros of each audience, with a value in every field."""
    macro: dict[str, Any] = {"text": "{{ticket.ref}}", "add_tags": ["vpn"], "remove_tags": ["a"]}
    macro["custom_fields"] = [
        {"key": "note", "name": "text", "value": "Rack 7"},
        {"key": "products", "name": "options", "value": ["dns", "mail"]},
        {"key": "seats", "name": "number", "value": 12.5},
        {"key": "urgent", "name": "boolean", "value": True},
        {"key": "due", "name": "date", "value": "2026-02-28"},
        {"key": "zone", "name": None, "value": None},
    ]
    await Macro.create(**macro, name="Everyone", audience=Audience.EVERYONE, active=False)
    macro |= {"status_action": MacroStatusAction.HOLD, "hold_for": 3600}
    macro |= {"assignment": MacroAssignment.PERSON, "assignee": robin, "new_team": support}
    await Macro.create(**macro, name="Support", audience=Audience.TEAM, team=support)
    macro |= {"status_action": MacroStatusAction.CLOSE, "hold_for": None}
    macro |= {"close_reason": CloseReason.SPAM, "priority": Priority.HIGH, "text": None}
    await Macro.create(**macro, name="Own", audience=Audience.PERSONAL, owner=robin)


async def create_custom_fields(tickets: list[Ticket]) -> None:
    """A custom field of each type, which the first two tickets have, and an archived one."""
    technical = str((await Category.get(slug="technical")).id)
    options = [{"key": key, "label": key, "active": key != "mail"} for key in ("dns", "mail")]
    values: dict[str, tuple[CustomFieldType, str, float]] = {
        "note": (CustomFieldType.TEXT, "Rack 7", 0),
        "seats": (CustomFieldType.NUMBER, "", 12.5),
        "urgent": (CustomFieldType.BOOLEAN, "", 1),
        "due": (CustomFieldType.DATE, "2026-02-28", 0),
        "zone": (CustomFieldType.SELECT, "dns", 0),
        "products": (CustomFieldType.MULTI_SELECT, "|dns|mail|", 0),
    }
    for key, (type, text, number) in values.items():
        is_select = type in OPTION_TYPES
        field = await CustomField.create(
            key=key,
            label=key,
            type=type,
            options=options if is_select else [],
            categories=[technical] if is_select else [],
            required_at=RequiredAt.RESOLUTION if key == "urgent" else None,
            customer_access=CustomerAccess.HIDDEN if key == "seats" else CustomerAccess.VISIBLE,
            active=key != "urgent",
        )
        for ticket in tickets[:2]:
            await TicketCustomValue.create(
                ticket_id=ticket.id,
                field=field,
                type=type,
                stored_text=text,
                stored_number=number,
            )


async def create_policies(world: World) -> None:
    """Policies, a calendar and escalation paths with a value in every field."""
    acme = await Organization.get(name="Acme")
    support = await Team.get(slug="support")
    week = [[("09:00", "12:00"), ("13:00", "18:00")]] * 5 + [[], []]
    lunch = await calendar_admin.create_calendar(
        RecordChanges(),
        {
            "name": "Lunch apart",
            "time_zone": "Europe/Berlin",
            "week": week,
            "holidays": [date(2026, 12, 25)],
        },
        NOW,
    )
    for name, position in (("Acme's", 1), ("Of old", 2)):
        policy = await policy_admin.create_policy(
            RecordChanges(),
            {
                "name": name,
                "position": position,
                "priority": Priority.HIGH,
                "team": "support",
                "category": "technical",
                "organization_id": ids.encode(ids.ORGANIZATION, acme.id),
                "calendar_id": ids.encode(ids.SLA_CALENDAR, lunch.id),
                "first_response": HOUR,
                "next_response": 2 * HOUR,
                "resolution": 8 * HOUR,
            },
            NOW,
        )
    await policy_admin.archive_policy(RecordChanges(), ids.encode(ids.SLA_POLICY, policy.id), NOW)
    steps = [
        {"after": 0, "action": StepAction.NOTIFY_TEAM.value},
        {"after": 60, "action": StepAction.TRANSFER.value, "team": str(support.id)},
        {"after": 90, "action": StepAction.REASSIGN.value, "user": str(world.ada.id)},
    ]
    path: dict[str, Any] = {
        "trigger": EscalationTrigger.SLA_AT_RISK,
        "metric": Metric.RESOLUTION,
        "team": support,
        "steps": steps,
    }
    await EscalationPath.create(name="Acme's", position=1, priority=Priority.HIGH, **path)
    await EscalationPath.create(name="Of old", position=2, active=False, **path)
    await Team.filter(id=support.id).update(assigns_by_load=True)
    await ticket_commands.set_preference(world.ada, Topic.NOTES, Channel.IN_APP, True)
    await ticket_commands.set_preference(world.olga, Topic.REPLIES, Channel.EMAIL, False)


async def create_tickets(world: World) -> list[Ticket]:
    """Tickets of both accounts and of the API client."""
    high_priority = [
        await ticket_commands.create_ticket(
            by,
            subject=f"{name} is down",
            description="*Since* noon.",
            priority=Priority.HIGH,
            external_id=name,
        )
        for name, by in (
            ("vpn", world.cora),
            ("mail", world.carl),
            ("dns", world.olga),
            ("disk", world.otto),
        )
    ]
    normal_priority = [
        await ticket_commands.create_ticket(by, category=kind)
        for by, kind in ((world.cora, "billing"), (world.olga, "sales"))
    ]
    scope = str((await ApiClient.get(display_name="Sync")).id)
    by_program = await ticket_commands.create_ticket(
        world.ada,
        world.cora,
        external_id="vpn",
        external_scope=scope,
        subject="Raised by a program",
    )
    return [*high_priority, *normal_priority, by_program]


async def create_events(tickets: list[Ticket], world: World) -> None:
    """Append events of each type, with a value in each field."""
    ada, bill, cora, olga = world.ada, world.bill, world.cora, world.olga
    for ticket, by in ((tickets[0], cora), (tickets[2], olga)):
        team = await Team.get(slug="support")
        await ticket_commands.apply_commands(
            ada,
            ticket,
            lambda change: commands.update(
                change, current_tags=[], subject="New", add_tags=["vpn", "berlin"]
            ),
        )
        choice = {"rule": "load", "open": {str(ada.id): 2, str(world.root.id): 3}}
        await ticket_commands.assign(bill, ticket, bill)
        ada_user = await User.get(id=ada.id)
        await ticket_commands.apply_commands(
            None,
            ticket,
            lambda change, to=ada_user, choice=choice: commands.assign(change, to, choice),
        )
        await ticket_commands.reply(ada, ticket, "Have you tried to turn it **off**?")
        reply = await ticket_commands.reply(by, ticket, "Yes, @ada.\n\n- twice")
        note = await ticket_commands.add_note(ada, ticket, "A hard one, see <b>the log</b>.")
        await ticket_commands.watch(by, ticket)
        await ticket_commands.watch(bill, ticket)
        await ticket_commands.apply_commands(
            by, ticket, lambda change: commands.escalate(change, "It is urgent.")
        )
        await TicketResource.create(
            ticket_id=ticket.id, kind="server", external_id="srv-1", name="web-1"
        )
        await create_attachments(ticket, None, reply.messages[0].id, note.messages[0].id)
        await create_worker_events(ticket, ada, team)
        await ticket_commands.append_worker_events(
            ticket,
            EventType.MESSAGE_REDACTED,
            redacted_id=str(reply.messages[0].id),
            reason="A password.",
        )
        await ticket_commands.append_worker_events(
            ticket, EventType.TICKET_REDACTED, reason="An erasure."
        )
        await ticket_commands.append_worker_events(
            ticket,
            EventType.TICKET_REDACTED,
            reason="Retention.",
            retention_policy_id=str(world.root.id),
        )
    await link_and_merge(tickets, world)
    await end_tickets(tickets, world)
    shared_ticket = next(each for each in tickets if each.requester_id == world.otto.id)
    await ticket_commands.apply_commands(
        world.otto,
        shared_ticket,
        lambda change: change.log(
            EventType.TICKET_UPDATED, change.set(shared_with_organization=True)
        ),
    )
    await ticket_commands.apply_commands(
        bill, tickets[4], lambda change: commands.transfer(change, team, [ada.id])
    )
    await ticket_commands.apply_commands(
        bill, tickets[4], lambda change: commands.hold(change, NOW + 9 * HOUR)
    )


async def create_worker_events(ticket: Ticket, ada: Person, team: Team) -> None:
    """Append the events that workers write for a ticket."""
    terms = (await Ticket.get(id=ticket.id)).sla_terms
    clock: dict[str, Any] = {"metric": Metric.RESOLUTION.value, "terms": terms, "ordinal": 1}
    await ticket_commands.append_worker_events(
        ticket, EventType.SLA_AT_RISK, EventType.SLA_BREACHED, **clock
    )
    await ticket_commands.append_worker_events(ticket, EventType.SLA_ACHIEVED, **clock, late=True)
    await ticket_commands.append_worker_events(
        ticket, EventType.SLA_RETARGETED, changes={"sla_terms": [terms, terms]}
    )
    step: dict[str, Any] = {"path": "Acme's", "step": 1, "action": StepAction.NOTIFY_TEAM.value}
    await ticket_commands.append_worker_events(
        ticket,
        EventType.ESCALATION_STEP,
        internal=True,
        **step,
        notified=[str(ada.id)],
        outcome="Nobody came.",
    )
    reminder: dict[str, Any] = {"status": "resolved", "closes_at": "2026-11-09T10:30:00Z"}
    await ticket_commands.append_worker_events(ticket, EventType.REMINDED, **reminder)
    await ticket_commands.append_worker_events(
        ticket, EventType.MAIL_FAILED, internal=True, user=str(ada.id), answer="550 no such user"
    )
    await ticket_commands.append_worker_events(
        ticket, EventType.DRAFT_PROPOSED, internal=True, user=str(ada.id), kind="reply"
    )


async def create_attachments(ticket: Ticket, *message_ids: Any) -> None:
    for number, message_id in enumerate(message_ids):
        file = await Attachment.create(
            ticket_id=ticket.id,
            message_id=message_id,
            filename=f"log-{number}.txt",
            content_type="text/plain",
            size=2**33 if number == 9 else 1024 + number,
            sha256=f"{number:064x}",
        )
        await ticket_commands.append_worker_events(
            ticket, EventType.ATTACHMENT_ADDED, attachment_id=str(file.id)
        )


async def link_and_merge(tickets: list[Ticket], world: World) -> None:
    """Link tickets within and across accounts, and merge tickets, one of them twice."""
    pairs = (
        (tickets[0], tickets[4], LinkKind.RELATED),
        (tickets[0], tickets[2], LinkKind.PARENT_OF),
        (tickets[2], tickets[5], LinkKind.DUPLICATE_OF),
    )
    for one, other, kind in pairs:
        await apply_to_pair(world.ada, one, other, partial(link_commands.link, kind=kind))
    await apply_to_pair(
        world.ada, tickets[0], tickets[4], partial(link_commands.unlink, kinds=[LinkKind.RELATED])
    )
    await apply_to_pair(
        world.ada, tickets[0], tickets[4], partial(link_commands.link, kind=LinkKind.RELATED)
    )
    merge = partial(merging.merge, merged_into_this=[], across_requesters=True)
    await apply_to_pair(world.root, tickets[6], tickets[0], merge)
    await apply_to_pair(world.root, tickets[3], tickets[2], merge)
    await ticket_commands.reply(world.otto, tickets[2], "Mine, too.")
    await undo_merge(world.root, tickets[3], tickets[2])
    await apply_to_pair(world.root, tickets[3], tickets[2], merge)


async def undo_merge(by: Person, ticket: Ticket, into: Ticket) -> None:
    """Undo a merge, and move the replies of the ticket's requester to it."""
    actor = await ticket_commands.viewer(by)
    async with database.transaction():
        locked = await lock_tickets([ticket.id, into.id])
        change, remaining = [
            TicketChange(locked[each.id], actor, NOW - HOUR, ticket_commands.WINDOW)
            for each in (ticket, into)
        ]
        events = await merge_records.read_merge_events([change])
        _, merge_event = merging.find_merge_path(events[ticket.id])[0]
        replies = await merge_records.read_replies(
            [into.id], [ticket.requester_id], after=merge_event.position
        )
        participants = await merge_records.read_participants([change, remaining])
        last_replies = await merge_records.read_last_replies(replies)
        merging.unmerge(change, merge_event, [], [remaining], replies, last_replies, participants)
        await write(change, remaining)


async def apply_to_pair(by: Person, one: Ticket, other: Ticket, verb: Any) -> None:
    actor = await ticket_commands.viewer(by)
    async with database.transaction():
        locked = await lock_tickets([one.id, other.id])
        changes = [
            TicketChange(locked[ticket.id], actor, NOW - HOUR, ticket_commands.WINDOW)
            for ticket in (one, other)
        ]
        verb(*changes)
        await write(*changes)


async def end_tickets(tickets: list[Ticket], world: World) -> None:
    """Resolve, rate and close a ticket, and withdraw another one."""
    await ticket_commands.apply_commands(
        world.ada, tickets[1], lambda change: commands.resolve(change, "It was *unplugged*.")
    )
    await ticket_commands.apply_commands(
        world.carl, tickets[1], lambda change: rating.rate(change, 5, "Quick!")
    )
    await ticket_commands.apply_commands(
        world.carl, tickets[1], lambda change: commands.close(change, CloseReason.RESOLVED)
    )
    await ticket_commands.apply_commands(
        world.olga, tickets[5], lambda change: commands.close(change, CloseReason.WITHDRAWN)
    )


async def fill_mails(world: World) -> None:
    """Create a mail per type of event, give every mail a delivery status, and read some
    notifications."""
    newest = {each.type: each for each in await Event.all().order_by("position")}
    for event in newest.values():
        about: dict[str, Any] = {
            "event_id": event.position,
            "ticket_id": event.ticket_id,
            "template": "raised",
        }
        to: dict[str, Any] = {"user_id": world.root.id, "address": "root@example.com"}
        await Mail.filter(event_id=event.position, user_id=world.root.id).delete()
        await Mail.create(
            **about, **to, message_id=f"<{event.position}@example.com>", created_at=NOW - HOUR
        )
    replies: dict[MailStatus, Any] = {
        MailStatus.SENT: "250 OK",
        MailStatus.DEFERRED: "451 later",
        MailStatus.FAILED: "550 no",
        MailStatus.QUEUED: None,
    }
    for number, mail in enumerate(await Mail.all().order_by("event_id", "address")):
        status = list(replies)[number % len(replies)]
        mail.status, mail.answer, mail.attempts = status, replies[status], number % 3
        mail.sent_at = NOW - HOUR if status is MailStatus.SENT else None
        mail.next_attempt_at = NOW if status in (MailStatus.DEFERRED, MailStatus.QUEUED) else None
        await mail.save()
    numbers = [each.number for each in await Notification.all().order_by("number")]
    await Notification.filter(number__in=numbers[::3]).update(read_at=NOW - HOUR)
