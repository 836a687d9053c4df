"""Changes of administrative records in the audit log, and in the log as directory events."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation, send_mutation
from support.client import EVENTS
from support.live import positions_of
from support.live_list_client import CHANGES, LiveList
from support.statements import statements

from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.entry import AuditEntry
from models.audit.records import LOGGED_RECORDS, RecordKind
from models.core import ids, time
from models.core.record_changes import columns_of
from models.log import event
from models.log.event import encode_cursor
from models.people.team import Category, Team
from models.people.user import ApiClient, Organization, User
from models.queries.logs import event_log
from workers.job import LogJob

LOGGED_COLUMNS: dict[type, set[str]] = {
    User: {
        *("email", "display_name", "role", "organization_id", "active", "present", "created_at"),
        *("external_id", "locale", "time_zone", "successor_id"),
    },
    Organization: {"name", "shared", "external_id", "active", "matches_domains"},
    Team: {"slug", "name", "assigns_by_load", "active", "successor_id"},
    Category: {"slug", "name", "team_id", "parent_id", "active"},
    ApiClient: {"display_name", "active", "created_at"},
}


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def test_an_admin_mutation_is_logged_with_actor_address_and_values(
    admin: Client, world: World
) -> None:
    before = await event.read_head()
    await run_mutation(admin, "updateTeam", team="support", name="Help", assignsByLoad=False)
    team = await Team.get(slug="support")
    (entry,) = await AuditEntry.all()
    assert (entry.action, entry.record_kind, entry.record_id) == (
        "updateTeam",
        RecordKind.TEAM,
        team.id,
    )
    assert entry.changes == {"name": ["Support", "Help"]}
    assert ids.encode(ids.USER, entry.actor_user_id or team.id) == world.root.gid
    assert entry.address
    assert entry.request_id
    (logged,) = await DirectoryEvent.all()
    assert logged.position == before + 1 == await event.read_head()
    assert (logged.type, logged.record_kind, logged.record_id) == (
        DirectoryEventType.UPDATED,
        RecordKind.TEAM,
        team.id,
    )
    assert logged.changes == {"name": ["Support", "Help"]}
    assert team.version == 2


async def test_a_mutation_without_change_or_with_a_user_error_leaves_no_trace(
    admin: Client,
) -> None:
    before = await event.read_head()
    await run_mutation(admin, "updateTeam", team="support", name="Support")
    await send_mutation(admin, "updateTeam", team="support", name=" ")
    assert await AuditEntry.all().count() == await DirectoryEvent.all().count() == 0
    assert (await Team.get(slug="support")).version == 1
    assert await event.read_head() == before


async def test_a_repeated_mutation_is_logged_once(admin: Client) -> None:
    for _ in range(2):
        await run_mutation(
            admin, "updateTeam", team="support", name="Help", idempotencyKey="rename"
        )
    assert await AuditEntry.all().count() == await DirectoryEvent.all().count() == 1


def test_each_column_of_a_person_or_team_is_logged_or_hidden_on_purpose() -> None:
    for model, columns in LOGGED_COLUMNS.items():
        hidden = LOGGED_RECORDS[model].hidden | {"id", "version"}
        assert set(columns_of(model())) == columns | hidden, model


async def rename_team(admin: Client, name: str) -> None:
    await run_mutation(admin, "updateTeam", team="support", name=name)


async def test_subscribers_and_jobs_pass_over_directory_events(
    service: Service, admin: Client
) -> None:
    await rename_team(admin, "First")  # the log begins with a directory event
    first = await admin.raise_ticket()
    await rename_team(admin, "Second")
    async with admin.socket() as socket, admin.socket() as list_socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        await list_socket.subscribe(CHANGES)
        tickets = LiveList()
        while not tickets.steps or tickets.steps[-1]["kind"] != "SNAPSHOT_END":
            tickets.apply(await list_socket.next("ticketChanges"))
        await rename_team(admin, "Third")
        second = await admin.raise_ticket()
        await rename_team(admin, "Fourth")
        third = await admin.raise_ticket()
        received = await socket.take("ticketEvents", 3)
        while set(tickets.rows) != {each["id"] for each in (first, second, third)}:
            step = await list_socket.next("ticketChanges")
            assert step["kind"] != "GAP"
            tickets.apply(step)
    assert positions_of(received) == [2, 5, 7]
    log = await event_log.read_log(0, 100)
    assert [each.position for each in log] == list(range(1, 8))
    assert [type(each).__name__ for each in log[:3]] == [
        "DirectoryEvent",
        "Event",
        "DirectoryEvent",
    ]


@pytest.mark.usefixtures("without_jobs")
async def test_the_end_of_the_log_is_found_without_reading_events_of_the_directory(
    admin: Client,
) -> None:
    """Every process reads there after each wake-up and twice a second."""
    await admin.raise_ticket()
    await rename_team(admin, "Last")
    head = await event.read_head()
    with statements() as collected:
        assert await event_log.read_log(head, 100) == []
    assert not [text for text in collected.texts if DirectoryEvent.Meta.table in text]
    with statements() as collected:
        (last,) = await event_log.read_log(head - 1, 100)
    assert isinstance(last, DirectoryEvent)
    assert [text for text in collected.texts if DirectoryEvent.Meta.table in text]


class CountingJob(LogJob[Any]):
    name = "counting"

    def wants(self, event: event.Event) -> bool:
        return False


async def test_a_job_reaches_the_head_if_it_is_a_directory_event(admin: Client) -> None:
    await admin.raise_ticket()
    await rename_team(admin, "Last")
    job = CountingJob()
    while (await job.run_once(time.now(), 0)).more:
        pass
    assert job.seen_position == await event.read_head()
