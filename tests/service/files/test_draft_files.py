"""Files of drafts: kept as long as the draft has them, and sent with the message."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support import Client, Service
from support.drafts import discard_draft, draft_refusals, read_draft, save_draft
from support.files import announce, upload
from support.macros import apply_macro, apply_refusals, create_macro

from models.files.store import LocalFileStore
from models.tickets.attachment import Attachment
from workers.file_cleanup import FileCleanup

pytestmark = pytest.mark.without_default_policies


@pytest.fixture
async def ticket(cora: Client) -> str:
    return str((await cora.raise_ticket())["id"])


def ids_of(draft: dict[str, object] | None) -> list[str]:
    assert draft is not None
    files = draft["attachments"]
    assert isinstance(files, list)
    return [str(each["id"]) for each in files]


async def clean_up(service: Service, folder: Path, hours: float) -> list[str]:
    """Run the cleanup after some hours; returns the names of the files that are left."""
    await FileCleanup(LocalFileStore(folder)).run_once(service.clock() + timedelta(hours=hours), 0)
    return sorted([each.filename for each in await Attachment.all()])


async def test_a_draft_keeps_its_files_until_it_loses_them(
    ada: Client, ticket: str, service: Service, folder: Path
) -> None:
    first, second = [await upload(ada, filename=f"{each}.txt") for each in "ab"]
    draft = await save_draft(ada, ticket, attachmentIds=[second, first])
    assert ids_of(draft) == ids_of(await read_draft(ada, ticket)) == [first, second]
    assert await clean_up(service, folder, 25) == ["a.txt", "b.txt"]
    draft = await save_draft(ada, ticket, attachmentIds=[second])
    assert ids_of(draft) == [second]
    assert await clean_up(service, folder, 25) == ["b.txt"]
    await discard_draft(ada, ticket)
    assert await clean_up(service, folder, 23) == ["b.txt"]
    assert await clean_up(service, folder, 25) == []


async def test_a_message_sends_the_files_of_its_draft(
    ada: Client, cora: Client, ticket: str, service: Service, folder: Path
) -> None:
    sent, left = [await upload(ada, filename=f"{each}.txt") for each in ("sent", "left")]
    draft = await save_draft(ada, ticket, attachmentIds=[sent, left])
    input = {"ticketId": ticket, "body": "x", "attachmentIds": [sent]}
    await ada.do("replyToTicket", **input, draftVersion=draft["version"])
    assert await read_draft(ada, ticket) is None
    assert await clean_up(service, folder, 25) == ["sent.txt"]


async def test_a_macro_sends_the_files_of_its_draft(
    ada: Client, ticket: str, service: Service, folder: Path
) -> None:
    sent, left = [await upload(ada, filename=f"{each}.txt") for each in ("sent", "left")]
    draft = await save_draft(ada, ticket, attachmentIds=[sent, left])
    macro, silent = await create_macro(ada, text="Hi"), await create_macro(ada, addTags=["x"])
    input = {"attachmentIds": [sent], "draftVersion": draft["version"]}
    assert await apply_refusals(ada, silent, ticket, **input) == ["INVALID attachmentIds"]
    unknown = {**input, "attachmentIds": ["att_00000000-0000-7000-8000-000000000007"]}
    assert await apply_refusals(ada, macro, ticket, **unknown) == ["NOT_FOUND attachmentIds"]
    assert await read_draft(ada, ticket) == draft
    assert (await apply_macro(ada, macro, ticket, **input))["userErrors"] == []
    assert await read_draft(ada, ticket) is None
    assert await apply_refusals(ada, macro, ticket, **input) == ["INVALID attachmentIds"]
    query = """query($id: ID!) { ticket(id: $id) { messages(first: 9) { nodes {
      body ... on Reply { attachments { id } } } } } }"""
    nodes = (await ada.run(query, id=ticket))["ticket"]["messages"]["nodes"]
    assert nodes == [{"body": "Hi", "attachments": [{"id": sent}]}]
    assert await clean_up(service, folder, 25) == ["sent.txt"]


async def test_a_file_that_was_sent_leaves_a_draft_that_stays(ada: Client, ticket: str) -> None:
    sent, left = [await upload(ada) for _ in range(2)]
    await save_draft(ada, ticket, attachmentIds=[sent, left])
    await ada.do("replyToTicket", ticketId=ticket, body="x", attachmentIds=[sent])
    assert ids_of(await read_draft(ada, ticket)) == [left]
    refusals = await draft_refusals(ada, "saveDraft", ticket, attachmentIds=[sent])
    assert refusals == ["INVALID attachmentIds"]


async def test_a_file_moves_to_the_draft_that_names_it_last(
    ada: Client, cora: Client, ticket: str
) -> None:
    other = (await cora.raise_ticket())["id"]
    file = await upload(ada)
    await save_draft(ada, ticket, attachmentIds=[file])
    await save_draft(ada, other, attachmentIds=[file])
    assert ids_of(await read_draft(ada, ticket)) == []
    assert ids_of(await read_draft(ada, other)) == [file]


async def test_a_draft_takes_only_complete_files_of_its_person(
    ada: Client, cora: Client, ticket: str
) -> None:
    foreign = await upload(cora)
    incomplete = (await announce(ada))["attachment"]["id"]
    own = await upload(ada)
    for ids, code in (
        ([foreign], "NOT_FOUND"),
        ([incomplete], "INVALID"),
        ([own, own], "INVALID"),
        ([own] * 11, "INVALID"),
    ):
        refusals = await draft_refusals(ada, "saveDraft", ticket, attachmentIds=ids)
        assert refusals == [f"{code} attachmentIds"]
