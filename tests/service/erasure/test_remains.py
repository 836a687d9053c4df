"""Addresses and names in unusual places: they are replaced, or the verification reports them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.audit import audit
from support.drafts import save_draft
from support.erasure import erase, find_rows, start_erasure
from support.jobs import run_caller_jobs
from support.macros import create_macro
from support.mailing import queue_mail

from models.audit import storage
from models.audit.entry import AuditEntry, Origin
from models.core import ids, time
from models.erasure.terms import ERASED
from models.jobs.caller_job import CallerJob
from models.log.event import Event, EventType
from models.macros.macro import Macro
from models.notifications.email import Mail
from models.people.token import Token
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.ticket import Ticket
from workers import mailer
from workers.mail import attempts

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]

ADDRESS = "cora@example.com"
TICKET = {"subject": "Mail", "description": "It is lost", "category": "technical"}


async def test_markdown_and_letters_without_spaces_hide_no_address(
    service: Service, world: World
) -> None:
    carl, ada = service.client(world.carl.token), service.client(world.ada.token)
    cora = service.client(world.cora.token)
    own = (await cora.raise_ticket())["id"]
    await ada.do("addNote", ticketId=own, body=f"_Cora_ 様Cora様 _{ADDRESS}_")
    other = (await carl.raise_ticket())["id"]
    await ada.do("addNote", ticketId=other, body=f"联系{ADDRESS}吧, ...{ADDRESS}, -{ADDRESS}")
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert (job["failed"], job["erasure"]["remaining"]) == (0, [])
    assert await find_rows(ADDRESS) == []
    assert "messages.body" in await find_rows("_[erased]_ 様[erased]様 _[erased]_")


async def test_letters_beyond_ascii_are_found_in_any_case(service: Service, world: World) -> None:
    root, ada = service.client(world.root.token), service.client(world.ada.token)
    created = await run_mutation(
        root, "createUser", email="m\u00fcller@example.com", displayName="Ole", role="CUSTOMER"
    )
    other = (await service.client(world.carl.token).raise_ticket())["id"]
    await ada.do(
        "addNote", ticketId=other, body="Ask M\u00dcLLER@EXAMPLE.COM, not miller@example.com"
    )
    job = await erase(root, created["id"])
    assert (job["failed"], job["erasure"]["remaining"]) == (0, [])
    assert "messages.body" in await find_rows("Ask [erased], not miller@example.com")


async def test_the_verification_reports_what_the_replacement_leaves(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("addNote", ticketId=ticket, body=f"Not x{ADDRESS}, and not CORA")
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert {"name": "messages.body", "count": 2} in job["erasure"]["remaining"]


async def test_files_and_resources_of_others_lose_the_address(
    service: Service, world: World
) -> None:
    """Both are not in the log with their names, so each is searched in its own table."""
    carl = service.client(world.carl.token)
    resource = {"kind": "mailbox", "externalId": "1", "name": f"Box of {ADDRESS}"}
    await carl.do("createTicket", **TICKET, resources=[resource])
    id = (await carl.raise_ticket())["id"]
    file = await Attachment.create(
        ticket_id=ids.key_of(ids.TICKET, id),
        filename=f"Letter of {ADDRESS} (1).pdf",
        content_type="application/pdf",
        size=1,
        uploader_user_id=world.carl.id,
    )
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert job["erasure"]["remaining"] == []
    assert await find_rows(ADDRESS) == []
    await file.refresh_from_db()
    assert file.filename == ERASED


async def test_keys_and_reasons_of_others_are_searched(service: Service, world: World) -> None:
    """The key of a mutation expires. The reason for the erasure of somebody else is replaced."""
    root = service.client(world.root.token)
    reason = f"A colleague of {ADDRESS}"
    await start_erasure(root, world.carl.gid, reason=reason, idempotencyKey=ADDRESS)
    job = await erase(root, world.cora.gid)
    assert job["erasure"]["remaining"] == [{"name": "idempotency_keys.key", "count": 1}]
    reasons = [each.parameters["reason"] for each in await CallerJob.all().order_by("id")]
    assert reasons[0] == "A colleague of [erased]"


async def test_drafts_of_others_lose_the_name_and_an_old_tab_can_not_restore_it(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    await save_draft(ada, ticket, body="Dear Cora, hello")
    (before,) = await Draft.all()
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert {"name": "drafts", "count": 1} in job["erasure"]["erased"]
    assert job["erasure"]["remaining"] == []
    (draft,) = await Draft.all()
    assert (draft.body, draft.version) == ("Dear [erased], hello", before.version + 1)
    await audit()


async def test_personal_macros_are_deleted(service: Service, world: World) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    await create_macro(ada, audience="PERSONAL", text="I am Ada")
    kept = await create_macro(root, audience="EVERYONE", text="Hello")
    await run_mutation(root, "deactivateUser", userId=world.ada.gid)
    await erase(root, world.ada.gid)
    assert [each.id for each in await Macro.all()] == [ids.key_of(ids.MACRO, kept)]


@pytest.mark.parametrize("is_treated", [True, False])
async def test_the_answer_to_an_email_that_is_being_sent_is_not_stored(
    service: Service, world: World, *, is_treated: bool
) -> None:
    """The attempt ends after the job, or between the mutation and the job."""
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    ticket = await Ticket.get(id=ids.key_of(ids.TICKET, (await cora.raise_ticket())["id"]))
    mail = await queue_mail(ticket, world.cora)
    (claim,) = await attempts.claim_mails(time.now(), timedelta(seconds=60), 1)
    refused = mailer.delivery_result.build_failed(mail, f"550 no {ADDRESS}")
    await start_erasure(root, world.cora.gid)
    if is_treated:
        await run_caller_jobs()
    await attempts.record_results([attempts.Attempt(claim, mail, refused)], time.now())
    await run_caller_jobs()
    (mail,) = await Mail.filter(id=mail.id)
    assert (mail.answer, mail.claimed_by, mail.next_attempt_at) == (None, None, None)
    assert not await Event.exists(type=EventType.MAIL_FAILED)
    assert await find_rows(ADDRESS) == []


async def test_entries_about_the_tokens_of_others_stay(service: Service, world: World) -> None:
    """Also if the erased person has created the token. Those of deleted tokens are erased."""
    root, at = service.client(world.root.token), time.now()
    for user in (world.ada.id, world.carl.id):
        token = await Token.filter(user_id=user).first()
        origin = Origin("createApiToken")
        data = {"name": [None, f"Token of {user}"], "user_id": [None, str(user)]}
        await storage.write_action(origin, at, data, record=token)
    await AuditEntry.filter(action="createApiToken").update(actor_user_id=world.ada.id)
    await Token.filter(user_id=world.ada.id).delete()
    await run_mutation(root, "deactivateUser", userId=world.ada.gid)
    await erase(root, world.ada.gid)
    entries = await AuditEntry.filter(action="createApiToken").order_by("id")
    names = [each.changes["name"] for each in entries]
    assert names == [[None, "[erased]"], [None, f"Token of {world.carl.id}"]]
