"""Migrations: the result matches the records, concurrent runs apply them once, and rows stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import import_module
from uuid import UUID

import pytest
from support.assert_unchanged import assert_nothing_stored
from support.databases import IS_SQLITE
from support.migrations import list_pending_migrations
from support.ticket_factory import NOON, Desk, allocate_number, run_processes
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder

from models import database, install, migrate
from models.access import revision_triggers
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.idempotency import KeyedRequest, find_stored, hash_input
from models.core.ids import new_id
from models.core.paging.pagination import PageRequest
from models.database.config import build_config
from models.log import event
from models.log.event import Event, EventType
from models.people.team import Category, Membership, Team
from models.people.user import Organization, User
from models.queries import indexes, tickets
from models.queries.filters.filter import FilterData
from models.tickets.ticket import Ticket, TicketTag
from models.webhooks import indexes as webhook_indexes

NAMES = [
    "0001_initial",
    "0002_install",
    "0003_promises",
    "0004_rights",
    "0005_presences",
    "0006_keys",
    "0007_pages",
    "0008_sign_in_attempts",
    "0009_public_versions",
    "0010_folding",
    "0011_participants",
    "0012_search",
    "0013_audit",
    "0014_index_names",
    "0015_last_replies_and_read_marks",
    "0016_notifications",
    "0017_people",
    "0018_audit_indexes",
    "0019_identity",
    "0020_identities",
    "0021_open_tickets_by_organization",
    "0022_saved_views",
    "0023_attachments",
    "0024_macros",
    "0025_redaction",
    "0026_completed_logouts",
    "0027_caller_jobs",
    "0028_custom_fields",
    "0029_drafts",
    "0030_exports",
    "0031_erasure",
    "0032_retention",
    "0033_macro_custom_fields",
    "0034_rotated_tokens",
    "0035_webhooks",
    "0036_wallboards",
    "0037_webhook_deliveries",
    "0038_sla_versions",
    "0039_message_events",
    "0040_webhook_requests",
    "0041_organization_sharing",
    "0042_ticket_counts",
    "0043_order_indexes",
]
MIGRATION_TABLES = ("tortoise_migrations",)
"""Tables that record the applied migrations."""

DatabaseSchema = dict[str, object]


async def read_sqlite_schema() -> DatabaseSchema:
    """Tables with columns, indexes and foreign keys; the SQL of triggers and virtual tables."""
    found = await database.fetch_dicts(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    read_schema: DatabaseSchema = {}
    for row in found:
        name = str(row["name"])
        if (
            row["type"] == "table"
            and name not in MIGRATION_TABLES
            and not str(row["sql"]).startswith("CREATE VIRTUAL")
        ):
            read_schema[name] = {
                "columns": await read_rows(
                    f"PRAGMA table_info({name})", "name", "type", "notnull", "dflt_value", "pk"
                ),
                "keys": await read_rows(
                    f"PRAGMA foreign_key_list({name})",
                    "from",
                    "table",
                    "to",
                    "on_delete",
                    "on_update",
                ),
                "indexes": await read_sqlite_indexes(name),
            }
        elif row["type"] in ("trigger", "view", "table") and name not in MIGRATION_TABLES:
            read_schema[f"{row['type']} {name}"] = row["sql"]
    return read_schema


async def read_sqlite_indexes(table: str) -> list[str]:
    found: list[str] = []
    for index in await database.fetch_dicts(f"PRAGMA index_list({table})"):
        columns = [
            (row["name"], row["desc"])
            for row in await database.fetch_dicts(f"PRAGMA index_xinfo({index['name']})")
            if row["key"]
        ]
        # Tortoise does not create indexes with expressions or conditions; compare their SQL.
        sql = await database.fetch_dicts(
            "SELECT sql FROM sqlite_master WHERE name = ?", [index["name"]]
        )
        sql_text = sql[0]["sql"] if index["partial"] or None in dict(columns) else ""
        found.append(f"{columns} unique={index['unique']} {sql_text}")
    return sorted(found)


async def read_postgres_schema() -> DatabaseSchema:
    condition = f"NOT IN ('{MIGRATION_TABLES[0]}', '{MIGRATION_TABLES[0]}_id_seq')"
    return {
        "columns": await read_rows(
            "SELECT * FROM information_schema.columns "
            f"WHERE table_schema = 'public' AND table_name {condition}",
            *(
                "table_name",
                "column_name",
                "data_type",
                "character_maximum_length",
                "numeric_precision",
                "datetime_precision",
            ),
            *(
                "is_nullable",
                "column_default",
                "is_generated",
                "generation_expression",
                "is_identity",
            ),
        ),
        "indexes": await read_rows(
            "SELECT i.indrelid::regclass AS on, a.amname AS method, i.indisunique AS unique, "
            "i.indisprimary AS primary, pg_get_expr(i.indpred, i.indrelid) AS where, "
            "array(SELECT pg_get_indexdef(i.indexrelid, number, true) "
            "FROM generate_series(1, i.indnatts) number) AS columns "
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_am a ON a.oid = c.relam JOIN pg_class t ON t.oid = i.indrelid "
            f"WHERE c.relnamespace = 'public'::regnamespace AND t.relname {condition}",
            *("on", "method", "unique", "primary", "where", "columns"),
        ),
        "constraints": await read_rows(
            "SELECT conrelid::regclass AS on, contype::text AS kind, "
            "pg_get_constraintdef(oid) AS text FROM pg_constraint "
            f"WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text {condition}",
            *("on", "kind", "text"),
        ),
        "sequences": await read_rows(
            "SELECT * FROM information_schema.sequences "
            f"WHERE sequence_schema = 'public' AND sequence_name {condition}",
            *("sequence_name", "data_type", "start_value", "increment"),
        ),
        "triggers": await read_rows(
            "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE NOT tgisinternal", "text"
        ),
        "functions": await read_rows(
            "SELECT pg_get_functiondef(oid) AS text FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace",
            "text",
        ),
    }


async def read_rows(sql: str, *names: str) -> list[str]:
    """Rows as sorted texts, independent of the order of creation."""
    return sorted(str([row[name] for name in names]) for row in await database.fetch_dicts(sql))


async def read_schema() -> DatabaseSchema:
    return await (read_sqlite_schema() if IS_SQLITE else read_postgres_schema())


async def test_a_migrated_database_matches_the_records(url: str, empty_url: str) -> None:
    await database.connect(url)
    try:
        migrated = await read_schema()
    finally:
        await database.disconnect()
    await database.connect(empty_url)
    try:
        await Tortoise.generate_schemas()
        await install.install(database.connection(), database.dialect())
        await revision_triggers.install(database.connection(), database.dialect())
        for triggers in (
            revision_triggers.PARTICIPANT_TRIGGERS,
            revision_triggers.SHARING_TRIGGERS,
        ):
            await revision_triggers.create_triggers(
                database.connection(), database.dialect(), triggers
            )
        await indexes.install(database.connection())
        await indexes.install(database.connection(), indexes.LAST_REPLY_INDEXES)
        await indexes.install(database.connection(), indexes.RETENTION_INDEXES)
        await indexes.install(database.connection(), indexes.SHARING_INDEXES)
        await indexes.install(database.connection(), indexes.ORDER_INDEXES)
        await webhook_indexes.install(database.connection())
        await indexes.install_email_prefix(database.connection(), database.dialect())
        await indexes.install_message_events(database.connection(), database.dialect())
        fresh = await read_schema()
    finally:
        await database.disconnect()
    assert set(migrated) == set(fresh)
    for part, found in fresh.items():
        assert migrated[part] == found, part


@pytest.mark.usefixtures("database")
async def test_every_change_of_the_records_has_a_migration(url: str) -> None:
    apps = build_config(url)["apps"]
    changes = await MigrationAutodetector(Tortoise.apps, apps).changes()  # type: ignore[arg-type]
    assert [change.operations for change in changes] == []


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[str]:
    """An open database without any table."""
    await database.connect(empty_url)
    try:
        yield empty_url
    finally:
        await database.disconnect()


async def insert_row(table: str, **values: object) -> None:
    await database.fetch_dicts(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({database.placeholders(list(values))})",
        list(values.values()),
    )


@pytest.mark.usefixtures("empty")
async def test_a_second_migration_applies_nothing() -> None:
    assert await list_pending_migrations() == NAMES == sorted(NAMES)
    assert await migrate.migrate() == NAMES
    assert await list_pending_migrations() == []
    async with assert_nothing_stored():
        assert await migrate.migrate() == []


@pytest.mark.usefixtures("empty")
async def test_idempotency_keys_of_version_0005_are_migrated() -> None:
    async with database.transaction():
        await (await migrate.create_executor()).migrate(
            [MigrationTarget("models", "0005_presences")]
        )
    ticket, digest = new_id(), hash_input({"body": "Hello"})
    columns = "id, caller, mutation, key, digest, ticket_id, position, reached, created_at"
    values = [new_id(), "user:1", "addNote", "k", digest, ticket, 6, 7, NOON]
    await database.fetch_dicts(
        f"INSERT INTO idempotency_keys ({columns}) VALUES ({database.placeholders(values)})", values
    )
    await migrate.migrate()
    async with database.transaction():
        found = await find_stored(KeyedRequest("user:1", "addNote", "k", digest), NOON)
    assert found is not None
    assert (found.record_id, found.message_id, found.position, found.reached) == (
        ticket,
        None,
        6,
        7,
    )


@pytest.mark.usefixtures("empty")
async def test_tickets_of_version_0007_get_a_public_version() -> None:
    async with database.transaction():
        await (await migrate.create_executor()).migrate([MigrationTarget("models", "0007_pages")])
    # Not by the models, which have the columns of later versions.
    team_id, category_id = new_id(), new_id()
    await insert_row("teams", id=team_id, slug="t", name="T", assigns_by_load=False)
    await insert_row("categories", id=category_id, slug="c", name="C", team_id=team_id)
    cora, olga, ada = new_id(), new_id(), new_id()
    for key, name, role in (
        (cora, "cora", "customer"),
        (olga, "olga", "customer"),
        (ada, "ada", "agent"),
    ):
        await insert_row(
            "users",
            id=key,
            email=f"{name}@x.org",
            display_name=name,
            role=role,
            active=True,
            present=True,
            created_at=NOON,
        )
    tickets_by_requester = {cora: new_id(), olga: new_id()}
    for number, (requester_id, key) in enumerate(tickets_by_requester.items(), 1001):
        columns = (
            "id, number, external_scope, subject, description, status, priority, category_id, "
            "team_id, requester_id, escalation_level, created_at, updated_at, version"
        )
        values = [key, number, "", "s", "d", "new", 2, category_id]
        values += [team_id, requester_id, 0, NOON, NOON + timedelta(hours=1), 7]
        await database.fetch_dicts(
            f"INSERT INTO tickets ({columns}) VALUES ({database.placeholders(values)})", values
        )
    mine, other = tickets_by_requester.values()
    watching = {"changes": {"watchers": [[], ["x"]]}}
    events = [
        (EventType.TICKET_UPDATED, ada, watching),
        (EventType.TICKET_UPDATED, cora, watching),
        (EventType.TICKET_UPDATED, ada, {"changes": {"subject": ["r", "s"]}}),
        (EventType.LINKED, ada, {"changes": {}, "other_id": str(other)}),
        (EventType.LINKED, ada, {"changes": {}, "other_id": str(mine)}),
    ]
    for position, (type, actor_id, data) in enumerate(events, 1):
        await Event.create(
            position=position,
            type=type,
            ticket_id=mine,
            actor_user_id=actor_id,
            occurred_at=NOON,
            version=1,
            data=data,
        )
    await migrate.migrate()
    for ticket in await Ticket.all():
        assert (ticket.public_version, ticket.public_updated_at) == (7, NOON + timedelta(hours=1))
    marked = await Event.filter(internal=True).order_by("position")
    assert [each.position for each in marked] == [1, 4]


@pytest.mark.usefixtures("empty")
async def test_tickets_of_version_0007_are_found_by_the_new_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    migration = import_module("migrations.0012_search")
    monkeypatch.setattr(migration, "BATCH_ROWS", 2)
    async with database.transaction():
        await (await migrate.create_executor()).migrate([MigrationTarget("models", "0007_pages")])
    team_id, category_id, user_id = new_id(), new_id(), new_id()
    await insert_row("teams", id=team_id, slug="support", name="Support")
    await insert_row(
        "categories", id=category_id, slug="technical", name="Technical", team_id=team_id
    )
    await insert_row(
        "users",
        id=user_id,
        email="zoe@example.com",
        display_name="Zoë",
        role="agent",
        active=True,
        present=True,
        created_at=NOON,
    )
    for number in range(1001, 1006):
        ticket_id = new_id()
        await insert_row(
            "tickets",
            id=ticket_id,
            number=number,
            external_scope="",
            status="new",
            subject=f"Büro {number - 1000}",
            description="サーバーがダウン",
            priority=2,
            category_id=category_id,
            team_id=team_id,
            requester_id=user_id,
            created_at=NOON,
            updated_at=NOON,
            escalation_level=0,
            version=1,
        )
        await insert_row(
            "messages",
            id=new_id(),
            ticket_id=ticket_id,
            kind="note",
            body="naïve Straße",
            created_at=NOON,
        )
        for name in ("Ærø", "ærø", f"Tag{number}"):
            await insert_row("ticket_tags", id=new_id(), ticket_id=ticket_id, name=name)
    await migrate.migrate()
    for text in ("buro", "ダウン", "naive strasse", "aero", "zoe"):
        assert await find_numbers(text) == [1001, 1002, 1003, 1004, 1005], text
    for tags, numbers in ((["ÆRØ"], [1001, 1002, 1003, 1004, 1005]), (["ærø", "tag1005"], [1005])):
        assert await list_numbers({"tags": {"every": tags}}) == numbers
    assert await find_numbers("tag1005") == await find_numbers("buro 5") == [1005]


async def insert_ticket() -> UUID:
    """Insert a ticket and what it refers to, with the columns of version 0012."""
    team_id, category_id, user_id, ticket_id = new_id(), new_id(), new_id(), new_id()
    await insert_row("teams", id=team_id, slug="t", name="T", assigns_by_load=False)
    await insert_row("categories", id=category_id, slug="c", name="C", team_id=team_id)
    await insert_row(
        "users",
        id=user_id,
        email="cora@x.org",
        display_name="Cora",
        role="customer",
        active=True,
        present=True,
        created_at=NOON,
    )
    await insert_row(
        "tickets",
        id=ticket_id,
        number=1001,
        external_scope="",
        subject="s",
        description="d",
        status="new",
        priority=2,
        category_id=category_id,
        team_id=team_id,
        requester_id=user_id,
        escalation_level=0,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    return ticket_id


@pytest.mark.usefixtures("empty")
async def test_tags_of_version_0012_get_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("migrations.0016_notifications"), "BATCH_NAMES", 2)
    await migrate_to("0012_search")
    ticket_id = await insert_ticket()
    names = ["VPN", "vpn", "Straße", "İ", "e\u0301", "\u0390" * 50, "a", "b", "c"]
    for name in names:
        await insert_row("ticket_tags", id=new_id(), ticket_id=ticket_id, name=name)
    await migrate.migrate()
    keys = await TicketTag.all().values_list("name", "key")
    assert sorted(keys) == sorted((name, name.casefold()) for name in names)


async def read_index_names() -> set[str]:
    source, column = ("sqlite_master", "name") if IS_SQLITE else ("pg_indexes", "indexname")
    rows = await database.fetch_dicts(f"SELECT {column} AS name FROM {source}")
    return {str(row["name"]) for row in rows}


async def migrate_to(name: str) -> None:
    async with database.transaction():
        executor = await migrate.create_executor()
        await executor.migrate([MigrationTarget("models", name)])


@pytest.mark.timeout(1200)  # it migrates through all versions, twice
@pytest.mark.usefixtures("empty")
async def test_undoing_migrations_restores_the_schema_of_each_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One run applies all migrations and one undoes them; the schema is read after each step."""
    first = "0012_search"
    await migrate_to(first)
    schemas = {first: await read_schema()}
    record_applied = MigrationRecorder.record_applied
    record_unapplied = MigrationRecorder.record_unapplied

    async def remember(recorder: MigrationRecorder, app: str, name: str) -> None:
        await record_applied(recorder, app, name)
        schemas[name] = await read_schema()

    async def compare(recorder: MigrationRecorder, app: str, name: str) -> None:
        await record_unapplied(recorder, app, name)
        schemas.pop(name)
        assert await read_schema() == schemas[NAMES[NAMES.index(name) - 1]], name

    with monkeypatch.context() as patched:
        patched.setattr(MigrationRecorder, "record_applied", remember)
        patched.setattr(MigrationRecorder, "record_unapplied", compare)
        await migrate_to(NAMES[-1])
        assert list(schemas) == NAMES[NAMES.index(first) :]
        newest = schemas[NAMES[-1]]
        await migrate_to(first)
        assert list(schemas) == [first]
    await migrate.migrate()
    assert await read_schema() == newest


@pytest.mark.usefixtures("empty")
async def test_renamed_indexes_keep_their_definition_in_both_directions() -> None:
    migration = import_module("migrations.0014_index_names")
    first, current = ({pair[side] for pair in migration.NAMES} for side in (0, 1))

    await migrate_to("0014_index_names")
    schema = await read_schema()
    assert current <= await read_index_names()
    await migrate_to("0012_search")
    assert first <= await read_index_names()
    await migrate_to("0014_index_names")
    assert first.isdisjoint(await read_index_names())
    assert await read_schema() == schema


async def find_numbers(text: str) -> list[int]:
    return await list_numbers({"search": text})


async def list_numbers(filter: FilterData) -> list[int]:
    order = tickets.build_ticket_order([("number", False)])
    page = await tickets.list_tickets(
        SYSTEM, filter, order, PageRequest(10, False, None, None), NOON
    )
    return [ticket.number for ticket in page.rows]


@pytest.mark.usefixtures("empty")
async def test_people_of_version_0012_stay_active_and_unmatched_if_shared() -> None:
    await migrate_to("0012_search")
    for name, shared in (("Shared", True), ("Alone", False)):
        await insert_row("organizations", id=new_id(), name=name, shared=shared)
    team_id = new_id()
    await insert_row("teams", id=team_id, slug="t", name="T")
    await insert_row("categories", id=new_id(), slug="c", name="C", team_id=team_id)
    await migrate.migrate()
    organizations = await Organization.all().order_by("name")
    assert [(each.name, each.active, each.matches_domains) for each in organizations] == [
        ("Alone", True, True),
        ("Shared", True, False),
    ]
    category = await Category.get(slug="c").select_related("team")
    assert (category.active, category.parent_id, category.team.active) == (True, None, True)
    assert category.team.successor_id is None


async def test_concurrent_migrations_all_succeed_and_one_applies_them(empty_url: str) -> None:
    applied = await run_processes(empty_url, 3, "migrate")
    assert sorted(map(str, applied)) == sorted(map(str, [NAMES, [], []]))
    await database.connect(empty_url)
    try:
        assert await list_pending_migrations() == []
        assert await Team.all().count() == 3
        assert await event.read_head() == 0
    finally:
        await database.disconnect()


async def test_a_new_database_has_teams_and_categories(desk: Desk) -> None:
    assert {slug: team.name for slug, team in desk.teams.items()} == {
        "support": "Support",
        "sales": "Sales",
        "billing": "Billing",
    }
    routes = {slug: (category.name, category.team_id) for slug, category in desk.categories.items()}
    assert routes == {
        "technical": ("Technical", desk.teams["support"].id),
        "sales": ("Sales", desk.teams["sales"].id),
        "billing": ("Billing", desk.teams["billing"].id),
    }


@pytest.mark.usefixtures("database")
async def test_a_migration_keeps_changes_of_teams_and_categories() -> None:
    support = await Team.get(slug="support")
    await Team.filter(slug="sales").update(name="Growth")
    await Category.filter(slug="sales").update(team_id=support.id)
    await migrate.migrate()
    assert (await Team.get(slug="sales")).name == "Growth"
    assert (await Category.get(slug="sales")).team_id == support.id


async def test_a_migrated_database_has_search_numbers_and_foreign_keys(desk: Desk) -> None:
    ticket = await desk.raise_ticket(subject="Printer on fire")
    await desk.act(
        ticket,
        lambda change: commands.reply(change, "Use the extinguisher", is_from_customer=False),
    )
    for text in ("printer", "extinguisher"):
        page = await tickets.list_tickets(
            desk.cora,
            {"search": text},
            tickets.build_ticket_order(()),
            PageRequest(10, False, None, None),
            NOON,
        )
        assert [each.id for each in page.rows] == [ticket.id], text
    assert (ticket.number, await allocate_number()) == (1001, 1002)
    with pytest.raises(IntegrityError):
        await User.create(email="x@example.com", display_name="X", organization_id=new_id())
    with pytest.raises(IntegrityError):
        await Organization.filter(id=desk.cora.shared_organization_id).delete()


async def test_a_migration_that_breaks_references_is_rolled_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply() -> list[str]:
        await database.connection().execute_script("CREATE TABLE made (id int); SELECT 1;")
        await database.fetch_dicts("DELETE FROM memberships")
        await database.fetch_dicts("DELETE FROM users WHERE email = ?", ["ada@example.com"])
        await database.fetch_dicts("UPDATE categories SET team_id = ?", [new_id()])
        return ["0003_broken"]

    monkeypatch.setattr(migrate, "apply_migrations", apply)
    async with assert_nothing_stored():
        with pytest.raises(
            migrate.BrokenReferences if IS_SQLITE else IntegrityError, match="categories"
        ):
            await migrate.migrate()
    assert {category.team_id for category in await Category.all()} == {
        team.id for team in desk.teams.values()
    }
    with pytest.raises(OperationalError):
        await database.fetch_dicts("SELECT * FROM made")
    with pytest.raises(IntegrityError):
        await Membership.create(team_id=new_id(), user_id=desk.ada.user_id)


async def test_a_failed_migration_is_rolled_back_and_keys_are_checked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply() -> list[str]:
        await database.fetch_dicts("DELETE FROM memberships")
        raise LookupError

    monkeypatch.setattr(migrate, "apply_migrations", apply)
    async with assert_nothing_stored():
        with pytest.raises(LookupError):
            await migrate.migrate()
    with pytest.raises(IntegrityError):
        await Membership.create(team_id=new_id(), user_id=desk.ada.user_id)


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite rebuilds a table to change a column")
async def test_rebuilding_a_table_keeps_the_rows_that_reference_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply() -> list[str]:
        table = (await database.fetch_dicts("SELECT sql FROM sqlite_master WHERE name = 'teams'"))[
            0
        ]["sql"]
        await database.fetch_dicts(str(table).replace('"teams"', '"rebuilt"'))
        await database.fetch_dicts("INSERT INTO rebuilt SELECT * FROM teams")
        await database.fetch_dicts("DROP TABLE teams")
        await database.fetch_dicts("ALTER TABLE rebuilt RENAME TO teams")
        return []

    monkeypatch.setattr(migrate, "apply_migrations", apply)
    async with assert_nothing_stored():
        await migrate.migrate()
    assert await Membership.all().count() == 2


@pytest.mark.usefixtures("database")
async def test_indexes_and_triggers_can_be_removed_and_installed_again() -> None:
    before = await read_schema()
    later = [*revision_triggers.PARTICIPANT_TRIGGERS, *revision_triggers.SHARING_TRIGGERS]
    async with database.transaction():
        connection, dialect = database.connection(), database.dialect()
        await revision_triggers.drop_triggers(connection, dialect, later)
        await indexes.remove_email_prefix(connection, dialect)
        await indexes.remove_message_events(connection)
        await indexes.remove(database.connection(), indexes.LAST_REPLY_INDEXES)
        await indexes.remove(database.connection())
        for part in (revision_triggers, install):
            await part.remove(database.connection(), database.dialect())
        assert await read_schema() != before
        for part in (install, revision_triggers):
            await part.install(database.connection(), database.dialect())
        await revision_triggers.create_triggers(connection, dialect, later)
        await indexes.install(database.connection())
        await indexes.install(database.connection(), indexes.LAST_REPLY_INDEXES)
        await indexes.install_email_prefix(connection, dialect)
        await indexes.install_message_events(connection, dialect)
    assert await read_schema() == before


@pytest.mark.usefixtures("empty")
async def test_tickets_of_version_0012_get_their_last_reply() -> None:
    async with database.transaction():
        await (await migrate.create_executor()).migrate([MigrationTarget("models", "0012_search")])
    # Not by the models, which have the columns of later versions.
    team_id, category_id, user_ids = new_id(), new_id(), [new_id(), new_id()]
    await insert_row("teams", id=team_id, slug="t", name="T", assigns_by_load=False)
    await insert_row("categories", id=category_id, slug="c", name="C", team_id=team_id)
    for user_id in user_ids:
        await insert_row(
            "users",
            id=user_id,
            email=f"{user_id}@x.org",
            display_name="U",
            role="customer",
            active=True,
            present=True,
            created_at=NOON,
        )
    replied, noted = new_id(), new_id()
    for number, key in enumerate((replied, noted), 1001):
        columns = (
            "id, number, external_scope, subject, description, status, priority, category_id, "
            "team_id, requester_id, escalation_level, created_at, updated_at, version"
        )
        values = [key, number, "", "s", "d", "new", 2, category_id]
        values += [team_id, user_ids[0], 0, NOON, NOON, 1]
        await database.fetch_dicts(
            f"INSERT INTO tickets ({columns}) VALUES ({database.placeholders(values)})", values
        )
    for key, kind, author_id, hours in (
        (replied, "reply", user_ids[0], 2),
        (replied, "reply", user_ids[1], 3),
        (replied, "reply", user_ids[0], 1),
        (replied, "note", user_ids[0], 4),
        (noted, "note", user_ids[0], 5),
    ):
        await insert_row(
            "messages",
            id=new_id(),
            ticket_id=key,
            kind=kind,
            author_user_id=author_id,
            body="b",
            created_at=NOON + timedelta(hours=hours),
        )
    await migrate.migrate()
    found = await Ticket.get(id=replied)
    last = (found.last_reply_at, found.last_reply_user_id, found.last_reply_client_id)
    assert last == (NOON + timedelta(hours=3), user_ids[1], None)
    assert (await Ticket.get(id=noted)).last_reply_at is None
