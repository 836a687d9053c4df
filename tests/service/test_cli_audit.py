"""The commands `audit export` and `config check`: what they print, where, and the exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from support.cli_process import run_cli
from support.commands import ROOT
from support.ports import reserve_port
from support.ticket_factory import NOON

from models import database
from models.audit.entry import AuditEntry, Origin
from models.audit.storage import write, write_action
from models.core import ids
from models.core.record_changes import RecordChanges
from models.people.team import Team
from models.people.user import User

DAY = timedelta(days=1)


async def add_entries(url: str) -> list[str]:
    """Add three entries on three days; returns their ids."""
    await database.connect(url)
    try:
        user = await User.create(email="ada@example.com", display_name="Ada")
        await write_action(Origin("signIn", address="192.0.2.1", request_id="r"), NOON, record=user)
        team = await Team.get(slug="support")
        changes = RecordChanges()
        await changes.update(team, name="Hilfe für alle\nund jeden")
        await write(changes, Origin("updateTeam"), NOON + DAY)
        await write_action(Origin("advanceClock"), NOON + 2 * DAY, {"by": [None, "PT1H"]})
        entries = await AuditEntry.all().order_by("occurred_at")
        return [ids.encode(ids.AUDIT_ENTRY, entry.id) for entry in entries]
    finally:
        await database.disconnect()


async def test_the_export_has_a_line_for_each_entry_oldest_first(url: str, tmp_path: Path) -> None:
    entry_ids = await add_entries(url)
    result = await run_cli(tmp_path, "audit", "export", TICKETWIRE_DATABASE_URL=url)
    assert (result.code, result.err) == (0, "")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["id"] for line in lines] == entry_ids
    signed_in, updated, advanced = lines
    assert signed_in["recordId"].startswith("usr_")
    assert {
        name: signed_in[name] for name in ("address", "requestId", "recordKind", "changes")
    } == {
        "address": "192.0.2.1",
        "requestId": "r",
        "recordKind": "USER",
        "changes": [],
    }
    assert updated["changes"] == [
        {"field": "name", "from": "Support", "to": "Hilfe für alle\nund jeden"}
    ]
    assert advanced == {
        "id": entry_ids[2],
        "occurredAt": (NOON + 2 * DAY).isoformat().replace("+00:00", "Z"),
        "action": "advanceClock",
        "actorId": None,
        "address": None,
        "requestId": None,
        "recordKind": None,
        "recordId": None,
        "changes": [{"field": "by", "from": None, "to": "PT1H"}],
    }


async def test_the_export_keeps_to_the_given_times(url: str, tmp_path: Path) -> None:
    entry_ids = await add_entries(url)
    day = (NOON + DAY).date()
    for arguments, expected in (
        (("--since", day.isoformat()), entry_ids[1:]),
        (("--until", day.isoformat()), entry_ids[:1]),
        (("--since", day.isoformat(), "--until", (day + DAY).isoformat()), entry_ids[1:2]),
        (("--since", (NOON + 2 * DAY).isoformat()), entry_ids[2:]),
        (("--since", "9999-12-31"), []),
    ):
        result = await run_cli(tmp_path, "audit", "export", *arguments, TICKETWIRE_DATABASE_URL=url)
        assert (result.code, result.err) == (0, ""), arguments
        assert [json.loads(line)["id"] for line in result.out.splitlines()] == expected, arguments


async def test_an_invalid_time_is_refused_in_one_line(url: str, tmp_path: Path) -> None:
    for text in ("yesterday", "2026-02-30", "2026-01-31T09:30:00", "", "0" * 5000):
        result = await run_cli(
            tmp_path, "audit", "export", "--since", text, TICKETWIRE_DATABASE_URL=url
        )
        assert (result.code, result.out) == (1, ""), text[:20]
        assert len(result.err.splitlines()) == 1
        assert "use a date such as 2026-01-31" in result.err


async def test_an_export_to_a_reader_that_stops_ends_quietly(url: str, tmp_path: Path) -> None:
    await database.connect(url)
    try:
        entries = [AuditEntry(occurred_at=NOON, action="x" * 60) for _ in range(5000)]
        await AuditEntry.bulk_create(entries, batch_size=500)
    finally:
        await database.disconnect()
    command = f"{sys.executable} -m cli audit export | head -n 1"
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TICKETWIRE_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (len(out.splitlines()), err) == (1, b"")


async def test_valid_settings_are_printed_with_masked_secrets(url: str, tmp_path: Path) -> None:
    result = await run_cli(
        tmp_path,
        "config",
        "check",
        TICKETWIRE_DATABASE_URL="postgres://desk:hunter2@db.example:5432/desk",
        TICKETWIRE_BUS_URL="rediss://:hunter2@cache.example?password=hunter2",
        TICKETWIRE_SMTP_URL="smtp://desk:hunter2@mail.example:25",
        TICKETWIRE_SESSION_DAYS="7",
        PORT="8080",
    )
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "hunter" not in result.out
    assert "TICKETWIRE_DATABASE_URL=postgres://desk:***@db.example:5432/desk" in lines
    assert "TICKETWIRE_BUS_URL=rediss://:***@cache.example?password=***" in lines
    assert "TICKETWIRE_SMTP_URL=smtp://desk:***@mail.example:25" in lines
    assert {"TICKETWIRE_SESSION_DAYS=7", "PORT=8080", "TICKETWIRE_RUN_JOBS=true"} <= set(lines)


async def test_every_error_has_a_line_and_the_exit_code_is_1(tmp_path: Path) -> None:
    result = await run_cli(
        tmp_path,
        "config",
        "check",
        TICKETWIRE_SMTP_URL="hunter2",
        TICKETWIRE_SESSION_DAYS="0",
        TICKETWIRE_WAITING_REMINDER_DAYS="9",
        PORT="x",
    )
    assert result.code == 1
    variables = sorted(line.split(": ")[1] for line in result.err.splitlines())
    assert variables == [
        "PORT",
        "TICKETWIRE_ABANDON_AFTER_DAYS",
        "TICKETWIRE_SESSION_DAYS",
        "TICKETWIRE_SMTP_URL",
    ]
    assert "hunter2" not in result.out + result.err
    slash = "postgres://desk:hunter/2@db.example/desk"
    result = await run_cli(tmp_path, "config", "check", TICKETWIRE_DATABASE_URL=slash)
    assert result.code == 1
    assert "hunter" not in result.out + result.err
    result = await run_cli(tmp_path, "config", "check", TICKETWIRE_ALLOWED_ORIGINS="x")
    assert (result.code, result.out) == (1, "")
    assert "TICKETWIRE_ALLOWED_ORIGINS" in result.err


async def test_connections_are_checked_on_request(url: str, tmp_path: Path) -> None:
    unused = f"127.0.0.1:{reserve_port()}"
    result = await run_cli(tmp_path, "config", "check", "--connect", TICKETWIRE_DATABASE_URL=url)
    assert (result.code, result.err) == (0, "")
    result = await run_cli(
        tmp_path,
        "config",
        "check",
        "--connect",
        TICKETWIRE_DATABASE_URL=f"postgres://desk:hunter2@{unused}/desk",
        TICKETWIRE_BUS_URL=f"redis://:hunter2@{unused}",
    )
    assert result.code == 1
    assert [line.split(": ")[1:3] for line in result.err.splitlines()] == [
        ["TICKETWIRE_DATABASE_URL", "can't connect"],
        ["TICKETWIRE_BUS_URL", "can't connect"],
    ]
    assert "hunter2" not in result.out + result.err


async def test_the_check_creates_no_database(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    result = await run_cli(
        tmp_path, "config", "check", "--connect", TICKETWIRE_DATABASE_URL=f"sqlite:///{path}"
    )
    assert (result.code, result.err) == (0, "")
    assert not path.exists()


async def test_misspelt_variables_are_errors_of_the_check_alone(tmp_path: Path) -> None:
    wrong = {"TICKETWIRE_REQUIRE_SECOND_FACTORS": "true", "TICKETWIRE_XYZZY": "hunter2"}
    wrong["TICKETWIRE_PORT"] = "80"
    wrong["TICKETWIRE_FOLLOW_TOKEN_FILE"] = "token"  # a variable of `follow`, and no error
    (tmp_path / ".env").write_text("ticketwire_max_team=3\nOTHER=1\n")
    result = await run_cli(tmp_path, "config", "check", **wrong)
    assert result.code == 1
    assert result.err.splitlines() == [
        "ticketwire: TICKETWIRE_PORT: there is no such setting. Did you mean PORT?",
        "ticketwire: TICKETWIRE_REQUIRE_SECOND_FACTORS: there is no such setting. "
        "Did you mean TICKETWIRE_REQUIRE_SECOND_FACTOR?",
        "ticketwire: TICKETWIRE_XYZZY: there is no such setting.",
        "ticketwire: TICKETWIRE_MAX_TEAM: there is no such setting. "
        "Did you mean TICKETWIRE_MAX_TEAMS?",
    ]
    assert "TICKETWIRE_REQUIRE_SECOND_FACTOR=false" in result.out.splitlines()
    listed = await run_cli(tmp_path, "user", "list", **wrong)
    assert (listed.code, listed.out) == (0, "")
