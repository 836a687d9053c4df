"""An admin sets up a company by API alone; its people sign in, work, leave; an auditor reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service
from support.accounts import PASSWORD, succeed
from support.admin_mutations import WEEK, run_mutation
from support.audit import audit
from support.audit_log import read_audit_log, read_directory_events
from support.cli_process import run_cli
from support.live import head_cursor
from support.oidc import (
    API_URL,
    APPLICATION_URL,
    Browser,
    ProviderProcess,
    open_browser,
    provider_settings,
    run_provider,
)
from support.ports import reserve_port
from support.service import running
from support.smtp_sink import Sink, body, sink

DEADLINE_SECONDS = 60
ACCOUNTS: dict[str, dict[str, Any]] = {
    "cleo": {"email": "cleo@acme.example", "email_verified": True, "name": "Cleo"},
    "carl": {"email": "carl@acme.example", "email_verified": True, "name": "Carl"},
    "alan": {"email": "alan@helpdesk.example", "email_verified": True, "name": "Alan"},
}
LINK = re.compile(r"#token=(\S+)")
EVENTS = """subscription($id: ID!, $after: String) {
  ticketEvents(ticketId: $id, after: $after) { type } }"""
VIEWER_ORGANIZATION = "{ viewer { user { email organization { name } } } }"
TICKET = """query($id: ID!) { ticket(id: $id) { team { slug } status organization { name }
  assignee { displayName } messages { nodes { body author { displayName } } } } }"""


@pytest.fixture
async def inbox() -> AsyncIterator[Sink]:
    async with sink() as server:
        yield server


@pytest.fixture
async def both(
    empty_url: str, inbox: Sink, tmp_path: Path
) -> AsyncIterator[tuple[Service, ProviderProcess]]:
    """The service on a database with one admin, and the company's identity provider."""
    await create_first_admin(empty_url, tmp_path)
    port = reserve_port()
    provider = provider_settings(port, trusted_domains=["acme.example", "helpdesk.example"])
    async with (
        running(
            empty_url,
            identity_providers=[provider],
            api_url=API_URL,
            public_url="https://help.example",
            sign_in_redirect_urls=[APPLICATION_URL],
            allow_http_providers=True,
            outbound_allowed_networks="127.0.0.0/8",
            smtp_url=inbox.url,
            mail_from="support@help.example",
        ) as service,
        run_provider(port, service, ACCOUNTS) as process,
    ):
        yield service, process


async def create_first_admin(url: str, folder: Path) -> None:
    """What an operator does once, before anyone can sign in."""
    result = await run_cli(
        folder,
        *("user", "create", "--email", "root@helpdesk.example", "--name", "Root"),
        *("--role", "admin", "--password", PASSWORD),
        TICKETWIRE_DATABASE_URL=url,
    )
    assert result.code == 0, result.err


async def sign_in(service: Service, email: str, password: str) -> Client:
    payload = await succeed(service.client(), "signIn", email=email, password=password)
    return service.client(payload["token"])


async def sign_in_by_provider(service: Service, browser: Browser, subject: str) -> Client:
    payload = await browser.sign_in(subject)
    assert payload["userErrors"] == []
    return service.client(payload["token"])


async def receive_link(inbox: Sink, address: str) -> str:
    """The token of the link in the email to the address, when it has arrived."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            for message in inbox.received:
                if address in str(message["To"]) and (match := LINK.search(body(message))):
                    return match[1]
            await asyncio.sleep(0.05)


async def set_up_company(admin: Client) -> dict[str, Any]:
    """Organization, teams, categories and a policy. Returns the organization."""
    organization = await run_mutation(
        admin, "createOrganization", name="Acme", domains=["acme.example"]
    )
    for slug in ("network", "accounts"):
        await run_mutation(admin, "createTeam", slug=slug, name=slug.title())
        await run_mutation(
            admin, "createCategory", slug=f"{slug}-questions", name=slug.title(), team=slug
        )
    calendar = await run_mutation(
        admin, "createSlaCalendar", name="Office hours", timeZone="Europe/Berlin", week=WEEK
    )
    await run_mutation(
        admin,
        "createSlaPolicy",
        name="Acme",
        organizationId=organization["id"],
        calendarId=calendar["id"],
        firstResponse="PT4H",
        position=0,
    )
    return organization


async def invite(admin: Client, service: Service, inbox: Sink, name: str) -> Client:
    """Invite an agent of the team "network", who chooses a password. Returns their session."""
    email = f"{name.lower()}@helpdesk.example"
    await succeed(
        admin, "inviteUser", email=email, displayName=name, role="AGENT", teams=["network"]
    )
    token = await receive_link(inbox, email)
    await succeed(service.client(), "resetPassword", token=token, newPassword=PASSWORD)
    return await sign_in(service, email, PASSWORD)


async def id_of(client: Client) -> str:
    return (await client.run("{ viewer { user { id } } }"))["viewer"]["user"]["id"]


async def test_a_company_from_the_first_admin_to_the_audit(
    both: tuple[Service, ProviderProcess], inbox: Sink
) -> None:
    service, provider = both
    admin = await sign_in(service, "root@helpdesk.example", PASSWORD)
    acme = await set_up_company(admin)
    bea = await invite(admin, service, inbox, "Bea")
    alan_id = await id_of(await invite(admin, service, inbox, "Alan"))
    await run_mutation(
        admin, "linkIdentity", userId=alan_id, issuer=provider.issuer, subject="alan"
    )

    # Customers sign in by the provider; their address makes them members of their company.
    async with open_browser(service) as browser:
        cleo = await sign_in_by_provider(service, browser, "cleo")
    async with open_browser(service) as browser:
        carl = await sign_in_by_provider(service, browser, "carl")
    for customer in (cleo, carl):
        user = (await customer.run(VIEWER_ORGANIZATION))["viewer"]["user"]
        assert user["organization"] == {"name": "Acme"}
    ticket = await cleo.raise_ticket(category="network-questions")
    assert (await carl.run(TICKET, id=ticket["id"]))["ticket"] is None, "Acme shares no tickets"

    # An agent works, and leaves the company while a socket is open.
    async with open_browser(service) as browser:
        alan = await sign_in_by_provider(service, browser, "alan")
        await alan.do("assignTicket", ticketId=ticket["id"], assigneeId=alan_id)
        async with alan.socket() as socket:
            await socket.subscribe(EVENTS, id=ticket["id"], after=await head_cursor())
            await alan.do("replyToTicket", ticketId=ticket["id"], body="Which gateway?")
            while (await socket.next("ticketEvents"))["type"] != "REPLY_ADDED":
                pass
            await provider.deactivate("alan")
            async with asyncio.timeout(DEADLINE_SECONDS):
                await socket.connection.wait_closed()
            assert socket.connection.close_code == 4403
    async with open_browser(service) as browser:
        assert "signInError" in await browser.sign_in_at_provider("login=alan")
    assert (await alan.post(VIEWER_ORGANIZATION)).status_code == 401
    await run_mutation(admin, "deactivateUser", userId=alan_id, reassignTo=await id_of(bea))
    async with asyncio.timeout(DEADLINE_SECONDS):  # a job hands the tickets over
        while (await read_ticket(bea, ticket["id"]))["assignee"] != {"displayName": "Bea"}:
            await asyncio.sleep(0.05)

    # A colleague finishes the work, and nothing that Alan wrote is lost.
    await bea.do("resolveTicket", ticketId=ticket["id"], resolution="The gateway was down.")
    await cleo.do("closeTicket", ticketId=ticket["id"])
    found = await read_ticket(bea, ticket["id"])
    assert (found["team"], found["status"]) == ({"slug": "network"}, "CLOSED")
    assert found["organization"] == {"name": "Acme"}
    written = [(each["author"]["displayName"], each["body"]) for each in found["messages"]["nodes"]]
    assert ("Alan", "Which gateway?") in written

    await check_records(admin, acme, alan_id)
    await audit()


async def read_ticket(client: Client, ticket_id: str) -> dict[str, Any]:
    return dict((await client.run(TICKET, id=ticket_id))["ticket"])


async def check_records(auditor: Client, acme: dict[str, Any], alan_id: str) -> None:
    """The audit log tells who did what; the directory's events suffice for a copy of it."""
    entries = await read_audit_log(auditor, first=100)
    actions = {each["action"] for each in entries}
    assert actions >= {
        *("createOrganization", "createTeam", "createCategory", "createSlaCalendar"),
        *("createSlaPolicy", "inviteUser", "resetPassword", "signIn", "linkIdentity"),
        *("signInWithCode", "deactivateUser"),
    }
    (deactivation,) = [
        each
        for each in entries
        if each["action"] == "deactivateUser" and each["recordId"] == alan_id
    ]
    assert deactivation["actor"]["displayName"] == "Root"
    changes = {each["field"]: (each["from"], each["to"]) for each in deactivation["changes"]}
    assert changes["active"] == ("true", "false")
    assert PASSWORD not in str(entries)
    assert "argon2" not in str(entries)
    created = [each for each in entries if each["action"] == "createOrganization"]
    assert [each["recordId"] for each in created] == [acme["id"]]
    events = await read_directory_events(auditor, kinds=["USER"], first=100)
    assert [each["user"]["displayName"] for each in events if "CREATED" in each["type"]] == [
        *("Root", "Bea", "Alan", "Cleo", "Carl")
    ]
