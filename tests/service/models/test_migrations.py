"""Migrations: they end where the records say, once, together with others, and never at the cost of
rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.assert_unchanged import assert_nothing_stored
from support.ticket_factory import IS_SQLITE, NOON, Desk, run_processes
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationTarget

from models import database, install, migrate
from models.access import revision_triggers
from models.changes import commands
from models.changes.idempotency import KeyedRequest, find_result, hash_input
from models.changes.storage import allocate_number
from models.core.ids import new_id
from models.core.pagination import PageRequest
from models.database.config import build_config
from models.log import event
from models.people.team import Category, Membership, Team
from models.people.user import Organization, User
from models.queries import indexes, tickets

NAMES = [
    "0001_initial",
    "0002_install",
    "0003_promises",
    "0004_rights",
    "0005_presences",
    "0006_keys",
    "0007_pages",
]
OWN = ("tortoise_migrations",)
"""Tables of the migrations themselves."""

Shape = dict[str, object]


async def sqlite_shape() -> Shape:
    """Tables with columns, indexes and foreign keys; triggers and virtual tables as they are
    written."""
    found = await database.fetch_dicts(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    shape: Shape = {}
    for row in found:
        name = str(row["name"])
        if (
            row["type"] == "table"
            and name not in OWN
            and not str(row["sql"]).startswith("CREATE VIRTUAL")
        ):
            shape[name] = {
                "columns": await listed(
                    f"PRAGMA table_info({name})", "name", "type", "notnull", "dflt_value", "pk"
                ),
                "keys": await listed(
                    f"PRAGMA foreign_key_list({name})",
                    "from",
                    "table",
                    "to",
                    "on_delete",
                    "on_update",
                ),
                "indexes": await sqlite_indexes(name),
            }
        elif row["type"] in ("trigger", "view", "table") and name not in OWN:
            shape[f"{row['type']} {name}"] = row["sql"]
    return shape


async def sqlite_indexes(table: str) -> list[str]:
    found: list[str] = []
    for index in await database.fetch_dicts(f"PRAGMA index_list({table})"):
        columns = [
            (row["name"], row["desc"])
            for row in await database.fetch_dicts(f"PRAGMA index_xinfo({index['name']})")
            if row["key"]
        ]
        # What Tortoise does not know is written by hand, so its words tell the expressions and the
        # condition.
        sql = await database.fetch_dicts(
            "SELECT sql FROM sqlite_master WHERE name = ?", [index["name"]]
        )
        words = sql[0]["sql"] if index["partial"] or None in dict(columns) else ""
        found.append(f"{columns} unique={index['unique']} {words}")
    return sorted(found)


async def postgres_shape() -> Shape:
    own = f"NOT IN ('{OWN[0]}', '{OWN[0]}_id_seq')"
    return {
        "columns": await listed(
            f"SELECT * FROM information_schema.columns WHERE table_schema = 'public' AND table_name {own}",
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
        "indexes": await listed(
            "SELECT i.indrelid::regclass AS on, a.amname AS method, i.indisunique AS unique, i.indisprimary AS primary, "
            "pg_get_expr(i.indpred, i.indrelid) AS where, array(SELECT pg_get_indexdef(i.indexrelid, place, true) "
            "FROM generate_series(1, i.indnatts) place) AS columns FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_am a ON a.oid = c.relam JOIN pg_class t ON t.oid = i.indrelid "
            f"WHERE c.relnamespace = 'public'::regnamespace AND t.relname {own}",
            *("on", "method", "unique", "primary", "where", "columns"),
        ),
        "constraints": await listed(
            "SELECT conrelid::regclass AS on, contype::text AS kind, pg_get_constraintdef(oid) AS text FROM pg_constraint "
            f"WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text {own}",
            *("on", "kind", "text"),
        ),
        "sequences": await listed(
            f"SELECT * FROM information_schema.sequences WHERE sequence_schema = 'public' AND sequence_name {own}",
            *("sequence_name", "data_type", "start_value", "increment"),
        ),
        "triggers": await listed(
            "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE NOT tgisinternal", "text"
        ),
        "functions": await listed(
            "SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "text",
        ),
    }


async def listed(sql: str, *names: str) -> list[str]:
    """Rows as texts that do not depend on the order in which things were made."""
    return sorted(str([row[name] for name in names]) for row in await database.fetch_dicts(sql))


async def shape() -> Shape:
    return await (sqlite_shape() if IS_SQLITE else postgres_shape())


async def test_a_migrated_database_is_what_the_records_say(url: str, empty_url: str) -> None:
    await database.connect(url)
    try:
        migrated = await shape()
    finally:
        await database.disconnect()
    await database.connect(empty_url)
    try:
        await Tortoise.generate_schemas()
        await install.install(database.connection(), database.dialect())
        await revision_triggers.install(database.connection(), database.dialect())
        await indexes.install(database.connection())
        fresh = await shape()
    finally:
        await database.disconnect()
    assert set(migrated) == set(fresh)
    for part, found in fresh.items():
        assert migrated[part] == found, part


@pytest.mark.usefixtures("database")
async def test_no_change_of_the_records_lacks_its_migration(url: str) -> None:
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


@pytest.mark.usefixtures("empty")
async def test_migrating_again_applies_nothing() -> None:
    assert await migrate.pending_migrations() == NAMES
    assert await migrate.migrate() == NAMES
    assert await migrate.pending_migrations() == []
    async with assert_nothing_stored():
        assert await migrate.migrate() == []


@pytest.mark.usefixtures("empty")
async def test_keys_of_before_they_were_for_all_mutations_are_still_known() -> None:
    async with database.transaction():
        await (await migrate.create_executor()).migrate(
            [MigrationTarget("models", "0005_presences")]
        )
    ticket, written = new_id(), hash_input({"body": "Hello"})
    columns = "id, caller, mutation, key, digest, ticket_id, position, reached, created_at"
    values = [new_id(), "user:1", "addNote", "k", written, ticket, 6, 7, NOON]
    await database.fetch_dicts(
        f"INSERT INTO idempotency_keys ({columns}) VALUES ({database.placeholders(values)})", values
    )
    await migrate.migrate()
    async with database.transaction():
        found = await find_result(KeyedRequest("user:1", "addNote", "k", written), NOON)
    assert found is not None
    assert (found.record_id, found.message_id, found.position, found.reached) == (
        ticket,
        None,
        6,
        7,
    )


async def test_processes_that_migrate_at_once_all_succeed_and_one_does_it(empty_url: str) -> None:
    applied = await run_processes(empty_url, 3, "migrate")
    assert sorted(map(str, applied)) == sorted(map(str, [NAMES, [], []]))
    await database.connect(empty_url)
    try:
        assert await migrate.pending_migrations() == []
        assert await Team.all().count() == 3
        assert await event.read_head() == 0
    finally:
        await database.disconnect()


async def test_the_first_start_has_teams_and_categories_that_route_to_them(desk: Desk) -> None:
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
async def test_migrating_keeps_what_people_made_of_teams_and_categories() -> None:
    support = await Team.get(slug="support")
    await Team.filter(slug="sales").update(name="Growth")
    await Category.filter(slug="sales").update(team_id=support.id)
    await migrate.migrate()
    assert (await Team.get(slug="sales")).name == "Growth"
    assert (await Category.get(slug="sales")).team_id == support.id


async def test_a_migrated_database_searches_numbers_and_checks_keys(desk: Desk) -> None:
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


async def test_a_migration_that_leaves_rows_pointing_to_nothing_is_taken_back(
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


async def test_a_migration_that_fails_is_taken_back_and_keys_are_checked_again(
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


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite changes a column by making the table anew")
async def test_a_table_that_is_made_anew_keeps_the_rows_that_hang_on_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply() -> list[str]:
        table = (await database.fetch_dicts("SELECT sql FROM sqlite_master WHERE name = 'teams'"))[
            0
        ]["sql"]
        await database.fetch_dicts(str(table).replace('"teams"', '"anew"'))
        await database.fetch_dicts("INSERT INTO anew SELECT * FROM teams")
        await database.fetch_dicts("DROP TABLE teams")
        await database.fetch_dicts("ALTER TABLE anew RENAME TO teams")
        return []

    monkeypatch.setattr(migrate, "apply_migrations", apply)
    async with assert_nothing_stored():
        await migrate.migrate()
    assert await Membership.all().count() == 2


@pytest.mark.usefixtures("database")
async def test_what_was_installed_can_be_removed_and_installed_again() -> None:
    before = await shape()
    async with database.transaction():
        await indexes.remove(database.connection())
        for part in (revision_triggers, install):
            await part.remove(database.connection(), database.dialect())
        assert await shape() != before
        for part in (install, revision_triggers):
            await part.install(database.connection(), database.dialect())
        await indexes.install(database.connection())
    assert await shape() == before
