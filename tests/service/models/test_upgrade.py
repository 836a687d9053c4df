"""An upgrade from the last release keeps everything that the API shows.

A service fills a database of the current version. Its rows, as far as the last release had their
tables and columns, become a database of that release, which is then migrated.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from support import Client, World
from support.admin_mutations import run_mutation
from support.databases import IS_SQLITE
from support.migrations import list_pending_migrations
from support.service import Service, running
from tortoise.migrations.executor import MigrationTarget

from models import database, migrate
from models.people.user import User

LAST_RELEASE = "0012_search"
"""The newest migration of the last release."""
MIGRATIONS_SEQUENCE = "tortoise_migrations_id_seq"
Rows = dict[str, list[dict[str, object]]]
READS = {
    "tickets": """{ tickets(first: 10) { totalCount nodes { id number subject description status
      priority version createdAt updatedAt tags escalationLevel category { slug } team { slug }
      requester { id displayName email } assignee { displayName } organization { name }
      watchers { displayName } clocks { metric status target startedAt breachesAt policy { name } }
      links { kind ticket { number } } resources { kind name externalId }
      messages(first: 10) { nodes { __typename id body createdAt author { displayName } } }
      timeline(first: 10) { nodes { __typename } } } } }""",
    "events": """{ events(first: 100) { nodes { __typename id type cursor occurredAt
      actor { displayName } ticket { number } } } }""",
    "people": """{ users(first: 10) { totalCount nodes { id email displayName role active createdAt
      organization { id name shared } teams { slug } } } }""",
    "teams": "{ teams { id slug name assignsByLoad } categories { id slug name team { slug } } }",
    "policies": """{ slaPolicies { id name position priority resolution active
      calendar { name timeZone week { start end } } } escalationPaths { id name position
      steps { after action } } }""",
    "notifications": "{ notifications(first: 10) { nodes { id reason readAt createdAt } } }",
    "search": '{ tickets(filter: { search: "vpn" }) { nodes { number } } }',
    "viewer": "{ viewer { role scopes user { displayName email } apiClient { displayName } } }",
}

REFUSED = ["cora people", "cora policies", "olga people", "olga policies", "machine notifications"]


async def fill(service: Service, world: World) -> None:
    """Tickets with conversations, links, tags, watchers, ratings and SLA clocks."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first = await cora.raise_ticket("VPN is down", priority="URGENT")
    second = await cora.raise_ticket("Drucker brennt 火事")
    third = await service.client(world.api_client_token).raise_ticket(
        "Invoice", requesterId=world.olga.gid, externalId="inv-1"
    )
    await ada.do("startTicket", ticketId=first["id"])
    await ada.do("replyToTicket", ticketId=first["id"], body="We **look** into it.")
    await ada.do("addNote", ticketId=first["id"], body="It is the firewall again.")
    await ada.do("updateTicket", ticketId=second["id"], addTags=["printer", "fire"])
    await ada.do("assignTicket", ticketId=second["id"], assigneeId=world.ada.gid)
    await ada.do("linkTickets", ticketId=first["id"], otherId=second["id"], kind="RELATED")
    await ada.do("resolveTicket", ticketId=third["id"], resolution="Paid")
    await cora.do("watchTicket", ticketId=first["id"])


async def read_everything(service: Service, tokens: dict[str, str]) -> dict[str, Any]:
    """What each caller sees, with refusals."""
    answers: dict[str, Any] = {}
    for caller, token in tokens.items():
        client = service.client(token)
        for name, query in READS.items():
            answer = await client.answer(query)
            answers[f"{caller} {name}"] = answer.get("data") or [
                error["extensions"]["code"] for error in answer["errors"]
            ]
    return answers


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[None]:
    await database.connect(url)
    try:
        yield
    finally:
        await database.disconnect()


async def list_columns() -> dict[str, list[str]]:
    """The columns of each table that can be written, without those of search indexes."""
    if IS_SQLITE:
        tables = await database.fetch_dicts(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
        )
        names = [str(row["name"]) for row in tables]
        columns = {
            name: await database.fetch_dicts(
                f"SELECT name FROM pragma_table_xinfo('{name}') WHERE hidden = 0"
            )
            for name in names
            if not name.startswith("sqlite_")
        }
    else:
        rows = await database.fetch_dicts(
            "SELECT c.table_name AS table, c.column_name AS name FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) WHERE "
            "c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'"
        )
        columns = {}
        for row in rows:
            columns.setdefault(str(row["table"]), []).append(row)
    return {
        table: [str(row["name"]) for row in rows]
        for table, rows in columns.items()
        if table != "tortoise_migrations"
    }


async def read_rows() -> Rows:
    return {
        table: [dict(row) for row in await database.fetch_dicts(f'SELECT * FROM "{table}"')]
        for table in await list_columns()
    }


async def store_rows(rows: Rows) -> None:
    """Replace the rows of all tables, in any order. SQLite's triggers fill its search index."""
    async with database.transaction():
        if IS_SQLITE:
            await database.fetch_dicts("PRAGMA defer_foreign_keys = ON")
        else:
            await database.fetch_dicts("SET LOCAL session_replication_role = replica")
        columns = await list_columns()
        for table in columns:
            await database.fetch_dicts(f'DELETE FROM "{table}"')
        for table, names in columns.items():
            for row in rows[table]:
                common = [name for name in names if name in row]
                listed = ", ".join(f'"{name}"' for name in common)
                await database.fetch_dicts(
                    f'INSERT INTO "{table}" ({listed}) VALUES ({database.placeholders(common)})',
                    [row[name] for name in common],
                )


async def read_sequences() -> dict[str, int]:
    """The last number of each sequence that has given one. SQLite has none."""
    if IS_SQLITE:
        return {}
    rows = await database.fetch_dicts(
        "SELECT sequencename AS name, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
    )
    return {str(row["name"]): int(str(row["last_value"])) for row in rows}


async def store_sequences(last_values: dict[str, int]) -> None:
    known = await database.fetch_dicts("SELECT sequencename AS name FROM pg_sequences")
    for row in known:
        if row["name"] in last_values and row["name"] != MIGRATIONS_SEQUENCE:
            await database.fetch_dicts(
                f"SELECT setval('{row['name']}', {last_values[str(row['name'])]})"
            )


async def test_an_upgrade_from_the_last_release_keeps_what_the_api_shows(
    url: str, empty_url: str
) -> None:
    async with running(url, run_jobs=False) as service:
        world = await World.make()
        await fill(service, world)
        tokens = {name: getattr(world, name).token for name in ("cora", "olga", "ada", "root")}
        tokens["machine"] = world.api_client_token
        before = await read_everything(service, tokens)
        rows, last_values = await read_rows(), await read_sequences()
    assert [name for name, answer in before.items() if isinstance(answer, list)] == REFUSED
    assert len(before["ada tickets"]["tickets"]["nodes"]) == 3
    assert before["ada search"]["tickets"]["nodes"]
    async with opened(empty_url):
        async with database.transaction():
            executor = await migrate.create_executor()
            await executor.migrate([MigrationTarget("models", LAST_RELEASE)])
        await store_rows(rows)
        if not IS_SQLITE:
            await store_sequences(last_values)
        assert await list_pending_migrations() != []
        await migrate.migrate()
        assert await list_pending_migrations() == []
        assert {user.version for user in await User.all()} == {1}
    async with running(empty_url, run_jobs=False) as service:
        after = await read_everything(service, tokens)
        for name, answer in before.items():
            assert after[name] == answer, name
        await check_writes(service.client(world.root.token), service.client(world.cora.token))


async def check_writes(admin: Client, customer: Client) -> None:
    """The upgraded database takes new tickets, and records changes of administrators."""
    ticket = await customer.raise_ticket("After the upgrade")
    assert ticket["number"] == 1004
    await run_mutation(admin, "updateTeam", team="support", name="Help")
    data = await admin.run(
        "{ auditLog { nodes { action } } directoryEvents { nodes { cursor } } "
        "events(last: 1) { nodes { cursor } } }"
    )
    assert data["auditLog"]["nodes"] == [{"action": "updateTeam"}]
    (logged,) = data["directoryEvents"]["nodes"]
    assert logged["cursor"] > data["events"]["nodes"][0]["cursor"]
