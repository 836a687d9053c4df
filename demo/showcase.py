"""What the demo shows besides its tickets: files, a draft, views, a job, an export, privacy.

It uses the commands of the API's mutations, so the log has events of every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, FOLDER, read_data_file
from demo.files import store_files
from demo.history import REOPEN_WINDOW
from demo.macros import build_values
from demo.privacy import DemoPrivacy, add_policy, erase_customer
from models import database
from models.access.audience import Audience
from models.access.viewer import Viewer, read_shared_tickets, viewer_of_user
from models.bulk.bulk_change import BulkChange
from models.bulk.creation import TicketSelection, create_bulk_update
from models.bulk.ticket_run import RunSettings, lock_waiting, process_locked
from models.changes import attachment_commands, commands
from models.changes.change import TicketChange
from models.changes.drafts import DraftText, save_draft
from models.changes.redactions import redaction
from models.changes.storage import write
from models.core import ids
from models.core.record_limits import DEFAULT_LIMITS
from models.custom_fields.values import NewValue
from models.exports.creation import create_export
from models.files.store import FileStore
from models.jobs.caller_job import ExportFormat, JobErrorPolicy, JobStatus, JobTicket
from models.people.team import Team
from models.people.user import User
from models.tickets.attachment import Attachment
from models.tickets.lifecycle import Status
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView

JOB_TICKETS = 4
TECHNICAL = "technical"
"""The category whose tickets have the custom field that the job sets."""


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoFiles:
    """A reply of the customer, with a picture of an error and a log."""

    reply: str
    picture: str
    picture_lines: tuple[str, ...]
    log: str
    log_text: str


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoSecret:
    """A reply of the customer from which an admin removes the text."""

    reply: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoJob:
    """The tags and the options of custom fields that a job gives to tickets."""

    tags: tuple[str, ...]
    options: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoView:
    """A view of the members of `team`, a slug, or else of the agent."""

    name: str
    filter: dict[str, Any]
    order_by: tuple[dict[str, str], ...]
    columns: tuple[str, ...]
    team: str | None = None


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Showcase:
    """The texts of the demo's showcase."""

    draft: str
    files: DemoFiles
    secret: DemoSecret
    job: DemoJob
    views: tuple[DemoView, ...]
    privacy: DemoPrivacy


@cache
def load_showcase(folder: Path = FOLDER) -> Showcase:
    """Read the texts. Raises DataFileError."""
    return read_data_file("showcase.toml", TypeAdapter(Showcase), folder)


class Actors(NamedTuple):
    customer: Viewer
    agent: Viewer
    admin: Viewer

    @classmethod
    async def read(cls, emails: Sequence[str]) -> Actors:
        """The viewers with these addresses: the customer, the agent and the admin."""
        users = await User.filter(email__in=list(emails)).select_related("organization")
        by_email = {user.email: user for user in users}
        shared = await read_shared_tickets(users)
        return cls(*(viewer_of_user(by_email[email], shared) for email in emails))


async def add_showcase(emails: Sequence[str], store: FileStore | None, at: datetime) -> None:
    """Add the showcase, with files and an export if there is a store.

    `emails` are those of the customer, the agent and the admin.
    """
    showcase, actors = load_showcase(), await Actors.read(emails)
    files = await store_demo_files(showcase.files, actors.customer, store, at)
    async with database.transaction():
        await add_records(showcase, actors, files, with_export=store is not None, at=at)


async def add_records(
    showcase: Showcase,
    actors: Actors,
    files: Sequence[Attachment],
    *,
    with_export: bool,
    at: datetime,
) -> None:
    own_tickets = Ticket.filter(requester_id=actors.customer.user_id).order_by("-number")
    open_ticket = await own_tickets.filter(
        status=Status.OPEN, assignee_id=actors.agent.user_id
    ).first()
    new_ticket = await own_tickets.filter(status=Status.NEW).first()
    assert open_ticket is not None  # the demo's accounts have both
    assert new_ticket is not None
    await add_views(showcase.views, actors.agent, at)
    await reply_with_files(showcase.files, actors.customer, open_ticket, files, at)
    text = DraftText(MessageKind.REPLY, showcase.draft.strip())
    await save_draft(actors.agent, open_ticket, text, (), None, DEFAULT_LIMITS, at)
    await redact_secret(showcase.secret, actors, new_ticket, at)
    await run_job(showcase.job, actors.agent, at)
    await add_policy(showcase.privacy, actors.admin, at)
    await erase_customer(showcase.privacy, actors, at)
    if with_export:  # the server runs it when it starts
        await create_export(actors.agent, None, ExportFormat.JSONL, DEFAULT_LIMITS, at)


async def add_views(views: Sequence[DemoView], agent: Viewer, at: datetime) -> None:
    team_ids = {team.slug: team.id for team in await Team.all()}
    await SavedView.bulk_create(
        [
            SavedView(
                name=view.name,
                audience=Audience.PERSONAL if view.team is None else Audience.TEAM,
                owner_id=agent.user_id if view.team is None else None,
                team_id=None if view.team is None else team_ids[view.team],
                ticket_filter=view.filter,
                order_by=list(view.order_by),
                columns=list(view.columns),
                position=position,
                created_at=at,
                updated_at=at,
            )
            for position, view in enumerate(views)
        ]
    )


async def store_demo_files(
    texts: DemoFiles, customer: Viewer, store: FileStore | None, at: datetime
) -> list[Attachment]:
    """Store the files outside of a transaction; none without a store."""
    if store is None:
        return []
    log = texts.log_text.lstrip().encode()
    assert customer.user_id is not None
    return await store_files(
        store, customer.user_id, texts.picture, texts.picture_lines, texts.log, log, at
    )


async def reply_with_files(
    texts: DemoFiles, customer: Viewer, ticket: Ticket, files: Sequence[Attachment], at: datetime
) -> None:
    change = TicketChange(ticket, customer, at, REOPEN_WINDOW)
    message = commands.reply(change, texts.reply.strip(), is_from_customer=True)
    attachment_commands.attach(change, files, message)
    await write(change)


async def redact_secret(texts: DemoSecret, actors: Actors, ticket: Ticket, at: datetime) -> None:
    """Add a reply with a secret, and remove the secret from it."""
    change = TicketChange(ticket, actors.customer, at, REOPEN_WINDOW)
    key = commands.reply(change, texts.reply.strip(), is_from_customer=True).id
    await write(change)
    ticket = await Ticket.get(id=ticket.id)
    change = TicketChange(ticket, actors.admin, at, REOPEN_WINDOW)
    redaction.redact(change, await Message.get(id=key), texts.text, texts.reason)
    await write(change)


async def run_job(texts: DemoJob, agent: Viewer, at: datetime) -> None:
    """Run a job of the agent to its end. One ticket has no such custom field, so it fails."""
    technical = Ticket.filter(status=Status.OPEN, category__slug=TECHNICAL).order_by("-number")
    other = Ticket.exclude(category__slug=TECHNICAL).order_by("-number")
    found = [*await technical.limit(JOB_TICKETS), *await other.limit(1)]
    keys = [ids.encode(ids.TICKET, ticket.id) for ticket in found]
    values = [NewValue.from_json(each) for each in build_values(texts.options)]
    change = BulkChange(add_tags=texts.tags, custom_fields=tuple(values))
    selection, policy = TicketSelection(ticket_ids=keys), JobErrorPolicy.CONTINUE
    job = await create_bulk_update(
        agent, selection, change, policy, DEFAULT_LIMITS, at, dry_run=False
    )
    job.status, job.started_at = JobStatus.RUNNING, at
    await job.save()
    settings = RunSettings(REOPEN_WINDOW)
    for row in await JobTicket.filter(job_id=job.id).order_by("id"):
        locked = await lock_waiting(job.id, row.id)
        assert locked is not None  # nobody else runs it
        await process_locked(*locked, at, settings)
    await job.refresh_from_db()
    job.status, job.finished_at = JobStatus.FINISHED, at
    await job.save()
