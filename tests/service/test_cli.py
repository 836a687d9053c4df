"""The command line on a real database: what it prints, where, and with which exit code."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from support.cli_process import CliResult, run_cli
from support.service import running

from models import database as db
from models import migrate
from models.access.scopes import AGENT_SCOPES, ALL_SCOPES
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


def refused(done: CliResult, *words: str) -> None:
    assert (done.code, done.out) == (1, ""), done
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("ticketwire: ")
    assert all(word in done.err for word in words), done.err


async def test_migrating_twice_applies_everything_once(empty_url: str, tmp_path: Path) -> None:
    first = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL=empty_url)
    assert (first.code, first.err) == (0, "")
    assert "applied 0001_initial" in first.out.splitlines()
    second = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL=empty_url)
    assert (second.code, second.out, second.err) == (0, "nothing to apply\n", "")
    await db.connect(empty_url)
    try:
        assert await migrate.pending_migrations() == []
    finally:
        await db.disconnect()


async def test_a_person_is_made_once_and_signs_in(url: str, tmp_path: Path) -> None:
    made = await run_cli(tmp_path, *ADA, TICKETWIRE_DATABASE_URL=url)
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("usr_")
    assert len(made.out.split()) == 1
    again, piped = await asyncio.gather(
        run_cli(tmp_path, *ADA, TICKETWIRE_DATABASE_URL=url),
        run_cli(
            tmp_path, "user", "create", "--email", "cora@example.com", "--name", "Cora", "--organization", "Acme",
            stdin="from a pipe\n", TICKETWIRE_DATABASE_URL=url,
        ),
    )  # fmt: skip
    refused(again, "ada@example.com already exists")
    assert piped.code == 0, piped.err
    query = "mutation($i: SignInInput!) { signIn(input: $i) { viewer { role user { id organization { name } teams { slug } } } } }"
    async with running(url) as service:
        ada = (
            await service.client().run(
                query, i={"email": "ada@example.com", "password": "long enough"}
            )
        )["signIn"]["viewer"]
        assert ada == {
            "role": "AGENT",
            "user": {"id": made.out.strip(), "organization": None, "teams": [{"slug": "support"}]},
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


async def test_a_person_that_can_not_be_is_refused_and_leaves_nothing(
    url: str, tmp_path: Path
) -> None:
    def given(**other: str) -> list[str]:
        values = {
            "email": "x@example.com",
            "name": "X",
            "role": "customer",
            "password": "long enough",
            **other,
        }
        return [
            "user",
            "create",
            *(part for name, value in values.items() for part in (f"--{name}", value)),
        ]

    wrong: list[tuple[dict[str, str], str]] = [
        ({"role": "king"}, "king"),
        ({"email": "nobody"}, "email address"),
        ({"password": "short"}, "password"),
        ({"name": " "}, "name"),
        ({"team": "nowhere", "role": "agent", "organization": "Acme"}, "nowhere"),
        ({"team": "support"}, "members of a team"),
    ]
    done = await asyncio.gather(
        *(run_cli(tmp_path, *given(**other), TICKETWIRE_DATABASE_URL=url) for other, _ in wrong)
    )
    for each, (_, word) in zip(done, wrong, strict=True):
        refused(each, word)
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
    person, machine, brief = await asyncio.gather(
        run_cli(tmp_path, "token", "create", "--email", " ADA@example.com", **environment),
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
            "--expires",
            "90d",
            "--name",
            "brief",
            **environment,
        ),
    )
    for done in (person, machine, brief):
        assert (done.code, done.err) == (0, "")
        assert done.out == done.out.strip() + "\n"
        assert len(done.out.split()) == 1
    query = "{ viewer { role scopes user { displayName } apiClient { displayName } } }"
    async with running(url) as service:
        ada = (await service.client(person.out.strip()).run(query))["viewer"]
        assert (ada["role"], ada["user"]) == ("AGENT", {"displayName": "Ada"})
        assert set(ada["scopes"]) == {scope.value for scope in AGENT_SCOPES}
        sync = (await service.client(machine.out.strip()).run(query))["viewer"]
        assert (sync["scopes"], sync["apiClient"]) == (
            ["events:read", "tickets:read"],
            {"displayName": "Sync"},
        )
        assert len((await service.client(brief.out.strip()).run(query))["viewer"]["scopes"]) == len(
            ALL_SCOPES
        )
        service.clock.advance(days=91)
        assert (await service.client(brief.out.strip()).post(query)).status_code == 401
        assert (await service.client(machine.out.strip()).post(query)).status_code == 200


async def test_a_token_that_can_not_be_is_refused(url: str, tmp_path: Path) -> None:
    environment = {"TICKETWIRE_DATABASE_URL": url}
    assert (await run_cli(tmp_path, *ADA, **environment)).code == 0
    wrong: list[tuple[list[str], str]] = [
        ([], "--email or --client"),
        (["--email", "ada@example.com", "--client", "Sync"], "--email or --client"),
        (["--email", "nobody@example.com"], "nobody@example.com"),
        (["--email", "ada@example.com", "--scopes", "admin"], "admin"),
        (["--client", "Sync", "--scopes", "tickets:eat"], "tickets:eat"),
        (["--client", "Sync", "--scopes", ","], "scope"),
        (["--client", "Sync", "--expires", "tomorrow"], "tomorrow"),
        (["--client", "Sync", "--expires", "2020-01-01T00:00:00Z"], "in the past"),
        (["--client", "Sync", "--expires", "2090-01-01T00:00:00"], "offset"),
        (["--client", " "], "name"),
    ]
    done = await asyncio.gather(
        *(run_cli(tmp_path, "token", "create", *given, **environment) for given, _ in wrong)
    )
    for each, (_, word) in zip(done, wrong, strict=True):
        refused(each, word)


async def test_the_schema_is_printed_as_it_is_committed(tmp_path: Path) -> None:
    done = await run_cli(tmp_path, "schema", "print")
    assert (done.code, done.err) == (0, "")
    assert done.out == (ROOT / "schema" / "schema.graphql").read_text()
    assert list(tmp_path.iterdir()) == [], "without a database"


async def test_wrong_usage_exits_with_two_and_help_with_none(tmp_path: Path) -> None:
    asked: list[tuple[tuple[str, ...], int]] = [
        (("--help",), 0),
        (("serve", "--help"), 0),
        (("nothing",), 2),
        (("serve", "--nothing"), 2),
        (("user", "create"), 2),
        (("seed", "--tickets", "0"), 2),
        (("serve", "--workers", "x"), 2),
    ]
    done = await asyncio.gather(*(run_cli(tmp_path, *arguments) for arguments, _ in asked))
    for each, (arguments, code) in zip(done, asked, strict=True):
        assert each.code == code, (arguments, each)
        assert "Traceback" not in each.err
        assert ("ticketwire" in each.out) if code == 0 else (each.out == "" and each.err), arguments


async def test_a_server_that_can_not_be_is_refused_in_one_line(url: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        workers, busy = await asyncio.gather(
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
    refused(workers, "Postgres")
    assert busy.code == 1
    assert busy.err.splitlines()[-1].startswith("ticketwire: ")
    assert port in busy.err
    assert "Traceback" not in busy.err
    production = await run_cli(
        tmp_path, "serve", "--demo", TICKETWIRE_DATABASE_URL=url, TICKETWIRE_MODE="production"
    )
    refused(production, "demo")


async def test_seeding_adds_as_many_tickets_as_asked_for_and_their_histories(
    url: str, tmp_path: Path
) -> None:
    done = await run_cli(tmp_path, "seed", "--tickets", "20", TICKETWIRE_DATABASE_URL=url)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "added 20 tickets"
    assert (
        await run_cli(tmp_path, "seed", "--tickets", "5", TICKETWIRE_DATABASE_URL=url)
    ).code == 0
    await db.connect(url)
    try:
        counted: Any = (await db.fetch_dicts("SELECT COUNT(*) AS n FROM tickets"))[0]["n"]
        assert counted == 25
        head, most = (
            (await db.fetch_dicts("SELECT position AS n FROM log_head"))[0]["n"],
            (await db.fetch_dicts("SELECT COUNT(*) AS n FROM events"))[0]["n"],
        )
        assert head == most, "the log has no gap"
        assert int(str(most)) > 25
        latest = (await db.fetch_dicts("SELECT MAX(occurred_at) AS at FROM events"))[0]["at"]
        assert (db.as_instant(latest) or time.now()) <= time.now()
    finally:
        await db.disconnect()


async def test_commands_name_a_database_that_is_away_in_one_line(tmp_path: Path) -> None:
    away = {"TICKETWIRE_DATABASE_URL": "postgres://nobody@127.0.0.1:1/x"}
    done = await asyncio.gather(
        run_cli(tmp_path, "migrate", **away),
        run_cli(tmp_path, "run-jobs", **away),
        run_cli(tmp_path, *ADA, **away),
        run_cli(tmp_path, "token", "create", "--client", "x", **away),
    )
    for each in done:
        refused(each, "database")


async def test_an_sqlite_file_gets_its_folder(tmp_path: Path) -> None:
    done = await run_cli(tmp_path, "migrate", TICKETWIRE_DATABASE_URL="sqlite:///data/deep/x.db")
    assert done.code == 0, done.err
    assert (tmp_path / "data" / "deep" / "x.db").exists()


async def test_promises_are_verified_against_the_log_and_a_difference_is_told(
    url: str, tmp_path: Path
) -> None:
    assert (
        await run_cli(tmp_path, "seed", "--tickets", "20", TICKETWIRE_DATABASE_URL=url)
    ).code == 0
    done = await run_cli(tmp_path, "sla", "verify", TICKETWIRE_DATABASE_URL=url)
    assert (done.code, done.err) == (0, "")
    assert done.out == "the SLA clocks of 20 tickets match the log\n"
    await db.connect(url)
    try:
        clock = await SlaClock.all().order_by("id").first()
        assert clock is not None
        await SlaClock.filter(id=clock.id).update(spent=clock.spent + 1)
    finally:
        await db.disconnect()
    done = await run_cli(tmp_path, "sla", "verify", TICKETWIRE_DATABASE_URL=url)
    assert done.code == 1
    assert done.out.startswith(str(clock.ticket_id))
    assert done.err == "ticketwire: 1 differences in 20 tickets\n"
