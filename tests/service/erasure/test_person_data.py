"""`ticketwire user export`: everything that is stored about one person, and nothing of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.cli_process import run_cli
from support.custom_fields import define, set_values
from support.erasure import start_erasure
from tortoise import Tortoise

from models.audit.entry import AuditEntry
from models.erasure.person_data import REFERENCES

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]


async def test_the_export_has_the_rows_of_the_person_only(
    service: Service, world: World, url: str, tmp_path: Path
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = (await cora.raise_ticket("Printer"))["id"]
    for number in range(3):
        await cora.do("replyToTicket", ticketId=ticket, body=f"Reply {number}")
    other = (await carl.raise_ticket("Secret of Carl"))["id"]
    await carl.do("replyToTicket", ticketId=other, body="Carl's")
    result = await run_cli(
        tmp_path, "user", "export", "CORA@example.com", TICKETWIRE_DATABASE_URL=url
    )
    assert (result.code, result.err) == (0, "")
    assert "Carl" not in result.out
    lines = [json.loads(line) for line in result.out.splitlines()]
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        rows.setdefault(line["table"], []).append(line["row"])
    assert [row["email"] for row in rows["users"]] == ["cora@example.com"]
    assert "password_hash" not in rows["users"][0]
    assert "digest" not in rows["tokens"][0]
    assert [row["subject"] for row in rows["tickets"]] == ["Printer"]
    assert [row["body"] for row in rows["messages"]] == ["Reply 0", "Reply 1", "Reply 2"]
    assert len(rows["events"]) == 4
    assert await AuditEntry.filter(action="exportPerson", record_id=world.cora.id).count() == 1
    by_id = await run_cli(tmp_path, "user", "export", world.cora.gid, TICKETWIRE_DATABASE_URL=url)
    assert by_id.out.startswith(result.out.splitlines()[0])


async def test_the_export_of_an_agent_has_no_data_of_others(
    service: Service, world: World, url: str, tmp_path: Path
) -> None:
    root, cora = service.client(world.root.token), service.client(world.cora.token)
    values = {"email": "mia@example.com", "displayName": "Mia Stranger"}
    await run_mutation(root, "createUser", **values)
    await AuditEntry.filter(action="createUser").update(
        actor_user_id=world.ada.id, address="192.0.2.1"
    )
    await run_mutation(root, "updateUser", userId=world.ada.gid, locale="de")
    await AuditEntry.filter(action="updateUser").update(address="192.0.2.2")
    await define(root, "room")
    ticket = (await cora.raise_ticket())["id"]
    await set_values(cora, ticket, {"key": "room", "text": "Room of Cora"})
    ada = await run_cli(tmp_path, "user", "export", "ada@example.com", TICKETWIRE_DATABASE_URL=url)
    assert (ada.code, ada.err) == (0, "")
    entries = [json.loads(line)["row"] for line in ada.out.splitlines() if "audit_entries" in line]
    shown = {row["action"]: (row["address"], row["changes"]) for row in entries}
    assert shown["createUser"] == ("192.0.2.1", None)
    assert shown["updateUser"] == (None, {"locale": [None, "de"]})
    assert "Stranger" not in ada.out
    customer = await run_cli(
        tmp_path, "user", "export", "cora@example.com", TICKETWIRE_DATABASE_URL=url
    )
    rows = [json.loads(line) for line in customer.out.splitlines()]
    own = [each["row"]["stored_text"] for each in rows if each["table"] == "ticket_custom_values"]
    assert own == ["Room of Cora"]


async def test_the_export_of_an_admin_does_not_name_the_person_whom_the_admin_erases(
    service: Service, world: World, url: str, tmp_path: Path
) -> None:
    await start_erasure(service.client(world.root.token), world.cora.gid)
    root = await run_cli(
        tmp_path, "user", "export", "root@example.com", TICKETWIRE_DATABASE_URL=url
    )
    rows = [json.loads(line) for line in root.out.splitlines()]
    jobs = [each["row"] for each in rows if each["table"] == "caller_jobs"]
    assert [(row["kind"], row["parameters"]) for row in jobs] == [("erase_person", None)]
    assert "cora@example.com" not in root.out


async def test_an_unknown_person_is_an_error(url: str, tmp_path: Path) -> None:
    for reference in ("nobody@example.com", "usr_x", ""):
        result = await run_cli(tmp_path, "user", "export", reference, TICKETWIRE_DATABASE_URL=url)
        assert (result.code, result.out) == (1, "")
        assert result.err == f"ticketwire: there is no user {reference!r}\n"


async def test_each_table_that_refers_to_users_is_exported(service: Service) -> None:
    referring: set[str] = set()
    apps: Any = Tortoise.apps
    for model in apps["models"].values():
        for field in model._meta.fields_map.values():
            if getattr(field, "model_name", None) == "models.User":
                referring.add(model._meta.db_table)
    assert referring
    assert referring - set(REFERENCES) == set(), "decide whether the export has these"
