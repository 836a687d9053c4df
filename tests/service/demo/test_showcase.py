"""What the demo shows besides its tickets, as its accounts see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service
from support.actors import token_of
from support.erasure import find_rows
from support.exports import build_exporter, download, parse_lines, run_exports
from support.files import running_with_files, send
from support.jobs import read_errors, run_caller_jobs

from demo.data_files import DataFileError
from demo.seed import ADMIN_EMAIL, AGENT_EMAIL, CUSTOMER_EMAIL, DEMO_TICKETS, seed_demo
from demo.showcase import load_showcase
from models.changes.sla_audit import verify_all_tickets
from models.core import ids
from models.core.time import now
from models.files.store import LocalFileStore
from models.people.user import ERASED_DOMAIN, User

pytestmark = pytest.mark.usefixtures("without_jobs")


@pytest.fixture
async def service(url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running_with_files(url, tmp_path) as found:
        assert await seed_demo(now(), LocalFileStore(tmp_path))
        yield found


async def sign_in(service: Service, email: str) -> Client:
    return service.client(await token_of(await User.get(email=email)))


async def test_the_admin_finds_a_retention_policy_and_an_erased_person(service: Service) -> None:
    admin = await sign_in(service, ADMIN_EMAIL)
    query = """{ retentionPolicies(first: 5) { nodes { name active filterError
      preview { tickets messages } } } }"""
    (policy,) = (await admin.run(query))["retentionPolicies"]["nodes"]
    assert (policy["active"], policy["filterError"]) == (False, None)
    assert policy["preview"]["tickets"] > 0
    assert policy["preview"]["messages"] > 0
    person = await User.get(email__endswith=ERASED_DOMAIN)
    assert not person.active
    await run_caller_jobs()
    query = """{ jobs(kinds: [ERASE_PERSON]) { nodes { status total succeeded
      erasure { userId remaining { name count } verifiedAt } } } }"""
    (job,) = (await admin.run(query))["jobs"]["nodes"]
    assert (job["status"], job["succeeded"]) == ("FINISHED", job["total"])
    assert job["total"] > 0
    assert job["erasure"]["userId"] == ids.encode(ids.USER, person.id)
    assert job["erasure"]["verifiedAt"] is not None
    assert (await verify_all_tickets())[1] == []


async def test_the_agent_finds_files_a_draft_and_views(service: Service) -> None:
    agent = await sign_in(service, AGENT_EMAIL)
    customer = ids.encode(ids.USER, (await User.get(email=CUSTOMER_EMAIL)).id)
    query = """query($id: ID!) { tickets(first: 50, filter: {requesterId: {eq: $id}}) { nodes {
      viewerDraft { body } messages(last: 1) { nodes {
        attachments { filename url thumbnailUrl } } } } } }"""
    nodes = (await agent.run(query, id=customer))["tickets"]["nodes"]
    (drafted,) = [each for each in nodes if each["viewerDraft"] is not None]
    (message,) = drafted["messages"]["nodes"]
    picture, log = message["attachments"]
    assert (picture["filename"], log["filename"]) == ("error.png", "connection.log")
    for url in (picture["url"], picture["thumbnailUrl"], log["url"]):
        assert (await send(agent, "GET", url)).status_code == 200
    views = await agent.run("{ savedViews { nodes { name count filterError } } }")
    nodes = views["savedViews"]["nodes"]
    counts = {each["name"]: each["count"] for each in nodes}
    assert counts["Major outages"] > 0
    assert counts["Outage of tonight"] > 0
    assert [each["filterError"] for each in nodes] == [None] * len(counts)


async def test_a_job_has_ended_and_an_export_waits(
    service: Service, url: str, tmp_path: Path
) -> None:
    agent = await sign_in(service, AGENT_EMAIL)
    query = "{ jobs { nodes { id kind status succeeded failed undoableUntil } } }"
    export, job = (await agent.run(query))["jobs"]["nodes"]
    assert (export["kind"], export["status"]) == ("EXPORT_TICKETS", "WAITING")
    assert (job["kind"], job["status"]) == ("BULK_UPDATE_TICKETS", "FINISHED")
    assert job["succeeded"] > 1
    assert job["undoableUntil"] is not None
    errors = await read_errors(agent, job)
    assert [code for _, code in errors] == ["INVALID"], "the ticket of another category"
    await run_exports(build_exporter(url, tmp_path))
    assert len(parse_lines(await download(agent, export))) == DEMO_TICKETS


async def test_a_secret_was_redacted_and_the_log_agrees(service: Service) -> None:
    assert await find_rows(load_showcase().secret.text) == []
    admin = await sign_in(service, ADMIN_EMAIL)
    query = """{ tickets(first: 20, filter: {status: {eq: NEW}}) { nodes {
      timeline(last: 5) { nodes { ... on TicketMessageRedacted { message { body } } } } } } }"""
    nodes = (await admin.run(query))["tickets"]["nodes"]
    redacted: list[dict[str, Any]] = [
        each for node in nodes for each in node["timeline"]["nodes"] if each
    ]
    assert len(redacted) == 1
    assert "[redacted]" in redacted[0]["message"]["body"]
    assert (await verify_all_tickets())[1] == []


def test_errors_in_the_data_file_are_reported(tmp_path: Path) -> None:
    (tmp_path / "showcase.toml").write_text('draft = "Hello"', encoding="utf-8")
    with pytest.raises(DataFileError, match="missing key"):
        load_showcase(tmp_path)
