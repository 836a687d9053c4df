"""The job that deletes files that nobody attached, and remains of uploads."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from support import Client, Service
from support.files import announce, png, read_attachment, send, stored_files, upload

from models.files.store import LocalFileStore
from models.tickets.attachment import Attachment
from workers.file_cleanup import FileCleanup

pytestmark = pytest.mark.without_default_policies


async def test_only_files_that_are_not_attached_within_a_day_are_deleted(
    ada: Client, cora: Client, service: Service, folder: Path
) -> None:
    job = FileCleanup(LocalFileStore(folder))
    ticket = await cora.raise_ticket()
    attached = await upload(ada, png(), contentType="image/png")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="x", attachmentIds=[attached])
    old = [
        await upload(ada, png(), contentType="image/png"),
        (await announce(ada))["attachment"]["id"],
    ]
    start = service.clock()
    await job.run_once(start + timedelta(hours=23), 0)
    assert await Attachment.all().count() == 3
    await job.run_once(start + timedelta(hours=25), 0)
    assert [each.filename for each in await Attachment.all()] == ["notes.txt"]
    assert [await read_attachment(ada, each) for each in old] == [None, None]
    assert len(stored_files(folder)) == 2, "the attached image and its thumbnail"
    kept = await read_attachment(cora, attached)
    assert kept is not None
    assert (await send(cora, "GET", kept["url"])).content == png()


async def test_files_of_uploads_that_were_not_finished_are_deleted(
    ada: Client, service: Service, folder: Path
) -> None:
    """As after a crash between the copy to the store and the commit."""
    store = LocalFileStore(folder)
    payload = await announce(ada)
    attachment = await Attachment.get()
    source = folder / "source"
    folder.mkdir(exist_ok=True)
    source.write_bytes(b"Hello")
    await store.put(attachment, source)
    source.unlink()
    store.quarantine.mkdir()
    for name, age in (("old", 3 * 24 * 3600), ("new", 60)):
        path = store.quarantine / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age,) * 2)
    await FileCleanup(store).run_once(service.clock() + timedelta(hours=25), 0)
    assert stored_files(folder) == ["quarantine/new"]
    response = await send(ada, "PUT", payload["uploadUrl"], b"Hello")
    assert response.status_code == 409, "the file is gone, also if its URL has not expired"


async def test_a_repeated_key_of_a_deleted_file_is_refused(
    ada: Client, service: Service, folder: Path
) -> None:
    await announce(ada, idempotencyKey="k")
    await FileCleanup(LocalFileStore(folder)).run_once(service.clock() + timedelta(hours=25), 0)
    (error,) = (await announce(ada, idempotencyKey="k"))["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", ["input", "idempotencyKey"])
