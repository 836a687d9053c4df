"""The command line on a real database: what it prints, where, and with which exit code."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from support.cli_process import CliResult, run_cli
from support.migrations import list_pending_migrations
from support.service import running

from models import database as db
from models.access.scopes import AGENT_SCOPES, ALL_SCOPES
from models.audit.entry import AuditEntry
from models.core import time
from models.sla.records import SlaClock

ROOT = Path(__file__).parents[2]
ADA = (
    "user",
    "create",
    "--email",
    "Ada@Example.com",
    "--name",
    "Ada",
    "--role",
    "agent",
    "--team",
    "support",
    "--password",
    "long enough",
)
READ = ["--scopes", "tickets:read"]


def expect_refusal(result: CliResult, *expected_words: str) -> None:
    assert (result.code, result.out) == (1, ""), result
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith("ticketwire: ")
    assert all(expected_word in result.err for expected_word in expected_words), result.err


async def test_migrating_twice_applies_everything_once(empty_url: str, tmp_path: Path) -> None:
    first = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL=empty_url)
    assert (first.code, first.err) == (0, "")
    assert "applied 0001_initial" in first.out.splitlines()
    second = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL=empty_url)
    assert (second.code, second.out, second.err) == (0, "nothing to apply\n", "")
    await db.connect(empty_url)
    try:
        assert await list_pending_migrations() == []
    finally:
        await db.disconnect()


async def test_a_user_is_created_once_and_can_sign_in(url: str, tmp_path: Path) -> None:
    created = await run_cli(tmp_path, *ADA, TICKETWIRE_DATABASE_URL=url)
    assert (created.code, created.err) == (0, "")
    assert created.out.startswith("usr_")
    assert len(created.out.split()) == 1
    again, piped = await asyncio.gather(
        run_cli(tmp_path, *ADA, TICKETWIRE_DATABASE_URL=url),
        run_cli(
            tmp_path,
            *("user", "create", "--email", "cora@example.com", "--name", "Cora"),
            *("--organization", "Acme"),
            stdin="from a pipe\n",
            TICKETWIRE_DATABASE_URL=url,
        ),
    )
    expect_refusal(again, "Another user has this email address")
    assert piped.code == 0, piped.err
    query = """mutation($i: SignInInput!) { signIn(input: $i) {
      viewer { role user { id organization { name } teams { slug } } } } }"""
    async with running(url) as service:
        ada = (
            await service.client().run(
                query, i={"email": "ada@example.com", "password": "long enough"}
            )
        )["signIn"]["viewer"]
        assert ada == {
            "role": "AGENT",
            "user": {
                "id": created.out.strip(),
                "organization": None,
                "teams": [{"slug": "support"}],
            },
        }
        cora = (
            await service.client().run(
                query, i={"email": "cora@example.com", "password": "from a pipe"}
            )
        )["signIn"]["viewer"]
        assert cora == {
            "role": "CUSTOMER",
            "user": {"id": piped.out.strip(), "organization": {"name": "Acme"}, "teams": []},
        }


async def test_an_invalid_user_is_refused_and_stores_nothing(url: str, tmp_path: Path) -> None:
    def arguments(**changed_values: str) -> list[str]:
        values = {
            "email": "x@example.com",
            "name": "X",
            "role": "customer",
            "password": "long enough",
            **changed_values,
        }
        return [
            "user",
            "create",
            *(part for name, value in values.items() for part in (f"--{name}", value)),
        ]

    invalid_cases: list[tuple[dict[str, str], str]] = [
        ({"role": "king"}, "king"),
        ({"email": "nobody"}, "email address"),
        ({"password": "short"}, "password: must have at least 8"),
        ({"password": " " * 8}, "password: must not be blank"),
        ({"name": " "}, "name"),
        ({"team": "nowhere", "role": "agent", "organization": "Acme"}, "no such team"),
        ({"team": "support"}, "member of a team"),
    ]
    results = await asyncio.gather(
        *(
            run_cli(tmp_path, *arguments(**changed_values), TICKETWIRE_DATABASE_URL=url)
            for changed_values, _ in invalid_cases
        )
    )
    for each, (_, expected_word) in zip(results, invalid_cases, strict=True):
        expect_refusal(each, expected_word)
    await db.connect(url)
    try:
        assert (
            await db.fetch_dicts("SELECT id FROM users")
            == await db.fetch_dicts("SELECT id FROM organizations")
            == []
        )
    finally:
        await db.disconnect()


async def test_a_token_is_printed_alone_and_works(url: str, tmp_path: Path) -> None:
    environment = {"TICKETWIRE_DATABASE_URL": url}
    assert (await run_cli(tmp_path, *ADA, **environment)).code == 0
    user, api_client, short_lived = await asyncio.gather(
        run_cli(
            tmp_path,
            "token",
            "create",
            "--email",
            " ADA@example.com",
            "--scopes",
            ",".join(scope.value for scope in AGENT_SCOPES),
            **environment,
        ),
        run_cli(
            tmp_path,
            "token",
            "create",
            "--client",
            "Sync",
            "--scopes",
            "tickets:read, events:read",
            **environment,
        ),
        run_cli(
            tmp_path,
            "token",
            "create",
            "--client",
            "Brief",
            "--scopes",
            ",".join(scope.value for scope in ALL_SCOPES),
            "--expires",
            "90d",
            "--name",
            "brief",
            **environment,
        ),
    )
    for result in (user, api_client, short_lived):
        assert (result.code, result.err) == (0, "")
        assert result.out == result.out.strip() + "\n"
        assert len(result.out.split()) == 1
    query = "{ viewer { role scopes user { displayName } apiClient { displayName } } }"
    async with running(url) as service:
        ada = (await service.client(user.out.strip()).run(query))["viewer"]
        assert (ada["role"], ada["user"]) == ("AGENT", {"displayName": "Ada"})
        assert set(ada["scopes"]) == {scope.value for scope in AGENT_SCOPES}
        sync = (await service.client(api_client.out.strip()).run(query))["viewer"]
        assert (sync["scopes"], sync["apiClient"]) == (
            ["events:read", "tickets:read"],
            {"displayName": "Sync"},
        )
        assert len(
            (await service.client(short_lived.out.strip()).run(query))["viewer"]["scopes"]
        ) == len(ALL_SCOPES)
        service.clock.advance(days=91)
        assert (await service.client(short_lived.out.strip()).post(query)).status_code == 401
        assert (await service.client(api_client.out.strip()).post(query)).status_code == 200


async def test_an_invalid_token_is_refused(url: str, tmp_path: Path) -> None:
    environment = {"TICKETWIRE_DATABASE_URL": url}
    assert (await run_cli(tmp_path, *ADA, **environment)).code == 0
    invalid_cases: list[tuple[list[str], str]] = [
        (READ, "--email or --client"),
        (["--email", "ada@example.com", "--client", "Sync", *READ], "--email or --client"),
        (["--email", "nobody@example.com", *READ], "nobody@example.com"),
        (["--email", "ada@example.com", "--scopes", "admin"], "admin"),
        (["--client", "Sync", "--scopes", "tickets:eat"], "tickets:eat"),
        (["--client", "Sync", "--scopes", ","], "scope"),
        (["--client", "Sync", *READ, "--expires", "tomorrow"], "tomorrow"),
        (["--client", "Sync", *READ, "--expires", "2020-01-01T00:00:00Z"], "in the past"),
        (["--client", "Sync", *READ, "--expires", "2090-01-01T00:00:00"], "offset"),
        (["--client", " ", *READ], "name"),
    ]
    results = await asyncio.gather(
        *(
            run_cli(tmp_path, "token", "create", *arguments, **environment)
            for arguments, _ in invalid_cases
        )
    )
    for each, (_, expected_word) in zip(results, invalid_cases, strict=True):
        expect_refusal(each, expected_word)


async def test_schema_print_prints_the_committed_schema(tmp_path: Path) -> None:
    result = await run_cli(tmp_path, "schema", "print")
    assert (result.code, result.err) == (0, "")
    assert result.out == (ROOT / "schema" / "schema.graphql").read_text()
    assert list(tmp_path.iterdir()) == [], "no database is created"


async def test_wrong_usage_exits_with_2_and_help_with_0(tmp_path: Path) -> None:
    cases: list[tuple[tuple[str, ...], int]] = [
        (("--help",), 0),
        (("serve", "--help"), 0),
        (("nothing",), 2),
        (("serve", "--nothing"), 2),
        (("user", "create"), 2),
        (("seed", "--tickets", "0"), 2),
        (("serve", "--workers", "x"), 2),
    ]
    results = await asyncio.gather(*(run_cli(tmp_path, *arguments) for arguments, _ in cases))
    for each, (arguments, code) in zip(results, cases, strict=True):
        assert each.code == code, (arguments, each)
        assert "Traceback" not in each.err
        assert ("ticketwire" in each.out) if code == 0 else (each.out == "" and each.err), arguments


async def test_invalid_server_options_are_refused_in_one_line(url: str, tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = str(occupied.getsockname()[1])
        workers, port_in_use = await asyncio.gather(
            run_cli(
                tmp_path,
                "serve",
                "--workers",
                "2",
                "--port",
                "0",
                TICKETWIRE_DATABASE_URL="sqlite:///x.db",
            ),
            run_cli(tmp_path, "serve", "--port", port, TICKETWIRE_DATABASE_URL=url),
        )
    expect_refusal(workers, "Postgres")
    assert port_in_use.code == 1
    assert port_in_use.err.splitlines()[-1].startswith("ticketwire: ")
    assert port in port_in_use.err
    assert "Traceback" not in port_in_use.err
    production = await run_cli(
        tmp_path, "serve", "--demo", TICKETWIRE_DATABASE_URL=url, TICKETWIRE_MODE="production"
    )
    expect_refusal(production, "demo")


async def test_seeding_adds_the_requested_tickets_with_their_histories(
    url: str, tmp_path: Path
) -> None:
    result = await run_cli(tmp_path, "seed", "--tickets", "20", TICKETWIRE_DATABASE_URL=url)
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "added 20 tickets"
    assert (
        await run_cli(tmp_path, "seed", "--tickets", "5", TICKETWIRE_DATABASE_URL=url)
    ).code == 0
    await db.connect(url)
    try:
        ticket_count: Any = (await db.fetch_dicts("SELECT COUNT(*) AS n FROM tickets"))[0]["n"]
        assert ticket_count == 25
        head, event_count = (
            (await db.fetch_dicts("SELECT position AS n FROM log_head"))[0]["n"],
            (await db.fetch_dicts("SELECT COUNT(*) AS n FROM events"))[0]["n"],
        )
        assert head == event_count, "the log has no gap"
        assert int(str(event_count)) > 25
        latest = (await db.fetch_dicts("SELECT MAX(occurred_at) AS at FROM events"))[0]["at"]
        assert (db.as_instant(latest) or time.now()) <= time.now()
    finally:
        await db.disconnect()


async def test_commands_report_an_unavailable_database_in_one_line(tmp_path: Path) -> None:
    unavailable = {"TICKETWIRE_DATABASE_URL": "postgres://nobody@127.0.0.1:1/x"}
    results = await asyncio.gather(
        run_cli(tmp_path, "migrate", **unavailable),
        run_cli(tmp_path, "run-jobs", **unavailable),
        run_cli(tmp_path, *ADA, **unavailable),
        run_cli(tmp_path, "token", "create", "--client", "x", *READ, **unavailable),
    )
    for each in results:
        expect_refusal(each, "database")


async def test_the_folder_of_an_sqlite_file_is_created(tmp_path: Path) -> None:
    result = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL="sqlite:///data/deep/x.db")
    assert result.code == 0, result.err
    assert (tmp_path / "data" / "deep" / "x.db").exists()


async def test_sla_verify_reports_differences_from_the_log(url: str, tmp_path: Path) -> None:
    assert (
        await run_cli(tmp_path, "seed", "--tickets", "20", TICKETWIRE_DATABASE_URL=url)
    ).code == 0
    result = await run_cli(tmp_path, "sla", "verify", TICKETWIRE_DATABASE_URL=url)
    assert (result.code, result.err) == (0, "")
    assert result.out == "the SLA clocks of 20 tickets match the log\n"
    await db.connect(url)
    try:
        clock = await SlaClock.all().order_by("id").first()
        assert clock is not None
        await SlaClock.filter(id=clock.id).update(spent=clock.spent + 1)
    finally:
        await db.disconnect()
    result = await run_cli(tmp_path, "sla", "verify", TICKETWIRE_DATABASE_URL=url)
    assert result.code == 1
    assert result.out.startswith(str(clock.ticket_id))
    assert result.err == "ticketwire: 1 differences in 20 tickets\n"


async def test_users_are_listed_deactivated_and_get_passwords(url: str, tmp_path: Path) -> None:
    async def run(*arguments: str, stdin: str = "") -> CliResult:
        return await run_cli(tmp_path, *arguments, stdin=stdin, TICKETWIRE_DATABASE_URL=url)

    created = await run(*ADA)
    admin = ("--email", "root@example.com", "--name", "Root", "--role", "admin")
    await run("user", "create", *admin, stdin="first password\n")
    changed = await run(
        "user", "set-password", "--email", "ADA@example.com", stdin="second password\n"
    )
    assert (changed.code, changed.err) == (0, "")
    listed = await run("user", "list", "--role", "agent")
    ada = "\t".join((created.out.strip(), "ada@example.com", "agent", "active", "Ada"))
    assert listed.out.splitlines() == [ada]
    last = await run("user", "deactivate", "--email", "root@example.com")
    expect_refusal(last, "last active admin")
    short = await run("user", "set-password", "--email", "ada@example.com", "--password", "short")
    expect_refusal(short, "password: must have at least 8 characters")
    unknown = await run("user", "deactivate", "--email", "nobody@example.com")
    expect_refusal(unknown, "nobody@example.com")
    arguments = ("--email", "ada@example.com", "--reassign-to", "root@example.com")
    assert (await run("user", "deactivate", *arguments)).code == 0
    assert "ada@" not in (await run("user", "list")).out
    assert "inactive" in (await run("user", "list", "--inactive")).out
    await db.connect(url)
    try:
        entries = await AuditEntry.all().order_by("id")
        assert [each.action for each in entries] == [
            *("user create", "user create", "user set-password", "user deactivate")
        ]
        assert {each.actor_user_id for each in entries} == {None}
        assert all("password_hash" not in each.changes for each in entries)
    finally:
        await db.disconnect()


async def test_tokens_and_clients_are_listed_and_revoked(url: str, tmp_path: Path) -> None:

    async def run(*arguments: str) -> CliResult:
        return await run_cli(tmp_path, *arguments, TICKETWIRE_DATABASE_URL=url)

    created = await run("client", "create", "--name", "Sync")
    assert created.out.startswith("cli_")
    expect_refusal(await run("client", "create", "--name", "Sync"), "name")
    listed = await run("client", "list")
    assert listed.out == f"{created.out.strip()}  active  Sync\n"
    token = ["token", "create", "--client", "Sync", *READ, "--name", "nightly"]
    text = (await run(*token)).out.strip()
    listed = await run("token", "list", "--client", "Sync")
    (line,) = listed.out.splitlines()
    token_id, prefix, expires, scopes, owner, name = line.split("  ")
    assert text.startswith(prefix)
    assert text not in line
    assert (expires, scopes, owner, name) == ("never", "tickets:read", "Sync", "nightly")
    expect_refusal(await run("token", "revoke", "tok_x"), "token: There is no such token")
    revoked = await run("token", "revoke", token_id)
    assert (revoked.code, revoked.out) == (0, "")
    assert (await run("token", "list")).out == ""
    async with running(url) as service:
        assert (await service.client(text).post("{ viewer { role } }")).status_code == 401
        actions = await AuditEntry.all().order_by("id").values_list("action", flat=True)
    assert actions == ["client create", "token create", "token revoke"]
    unknown = ("token", "list", "--client", "Nobody")
    expect_refusal(await run(*unknown), "Nobody")
    without_scopes = ("token", "create", "--client", "Sync")
    assert (await run(*without_scopes)).code == 2
