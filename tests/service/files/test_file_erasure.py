"""Files of an erased person: the rows stay without names, the storage loses the contents."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from support import Client, Service, World
from support.erasure import erase, read_erasure
from support.files import announce, png, read_attachment, send, stored_files, upload

from models.core import ids
from models.files.store import LocalFileStore
from models.tickets.attachment import Attachment, FileDeletion
from workers import file_cleanup
from workers.file_cleanup import FileCleanup

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]


async def test_the_storage_loses_the_files_of_an_erased_person(
    ada: Client, cora: Client, service: Service, world: World, folder: Path
) -> None:
    root, job = service.client(world.root.token), FileCleanup(LocalFileStore(folder))
    own = await upload(cora, png(), filename="cora.png", contentType="image/png")
    named = await upload(cora, b"A secret of Cora", filename="[erased]")
    ticket = (await cora.raise_ticket())["id"]
    await cora.do("replyToTicket", ticketId=ticket, body="See it.", attachmentIds=[own, named])
    unattached = await upload(cora, b"Cora's diary", filename="diary.txt")
    others = await upload(ada, b"An answer", filename="answer.txt")
    await ada.do("replyToTicket", ticketId=ticket, body="Here.", attachmentIds=[others])
    pending = (await announce(cora, filename="later.txt"))["uploadUrl"]
    before = await read_attachment(ada, own)
    assert before is not None
    erasure = await erase(root, world.cora.gid)
    assert erasure["erasure"]["pendingFiles"] == 4
    shown = await read_attachment(ada, own)
    assert shown == {
        "id": own,
        "filename": "[erased]",
        "contentType": "image/png",
        "size": len(png()),
        "sha256": None,
        "url": None,
    }
    assert (await send(ada, "GET", before["url"])).status_code == 404
    assert (await send(ada, "PUT", pending, b"Hello")).status_code in (404, 409, 410)
    await job.run_once(service.clock(), 0)
    assert len(stored_files(folder)) == 1, "the file of the agent"
    assert (await read_erasure(root, erasure))["erasure"]["pendingFiles"] == 0
    names = sorted([each.filename for each in await Attachment.all()])
    assert names == [*["[erased]"] * 4, "answer.txt"]
    assert unattached


async def test_a_storage_that_fails_is_tried_again(
    cora: Client, service: Service, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, store = service.client(world.root.token), LocalFileStore(folder)
    await upload(cora, b"Cora's diary")
    await erase(root, world.cora.gid)

    async def fail(*_: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(store, "delete_all", fail)
        await FileCleanup(store).run_once(service.clock(), 0)
    assert len(stored_files(folder)) == 1
    await FileCleanup(store).run_once(service.clock(), 0)
    assert stored_files(folder) == []


async def test_files_that_can_not_be_deleted_do_not_hold_up_the_others(
    cora: Client, service: Service, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, store = service.client(world.root.token), LocalFileStore(folder)
    first = ids.key_of(ids.ATTACHMENT, await upload(cora, b"Cora's first"))
    await upload(cora, b"Cora's second")
    await erase(root, world.cora.gid)
    delete_all = store.delete_all

    async def fail_first(key: UUID) -> None:
        if key == first:
            raise OSError("no permission")
        await delete_all(key)

    monkeypatch.setattr(store, "delete_all", fail_first)
    monkeypatch.setattr(file_cleanup, "MAX_FILES_PER_RUN", 1)
    job = FileCleanup(store)
    for _ in range(2):
        service.clock.advance(seconds=1)
        await job.run_once(service.clock(), 0)
    assert [each.attachment_id for each in await FileDeletion.all()] == [first]
