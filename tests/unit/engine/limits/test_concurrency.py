"""Work in the worker thread: one task per caller, and a document that many callers ask for at once is prepared once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.limits.concurrency import FairExecutor
from schema import root

SCHEMA = root.build()._schema
LIMIT = 60
"""Seconds; what is waited for comes in less than one."""


async def steps() -> None:
    """Let the other tasks go on as far as they can without the thread."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_is_cancelled_keeps_its_turn_until_the_thread_is_free() -> None:
    executor, go, began = FairExecutor("test"), threading.Event(), threading.Event()

    def long() -> None:
        began.set()
        assert go.wait(LIMIT)

    first = asyncio.create_task(executor.run("ada", long))
    assert await asyncio.to_thread(began.wait, LIMIT)
    second = asyncio.create_task(executor.run("ada", lambda: "second"))
    first.cancel()
    await steps()
    assert not first.done()
    assert executor.callers.semaphore_of("ada").locked()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == "second"
    executor.close()


async def test_what_has_not_begun_is_not_begun_any_more() -> None:
    executor, go = FairExecutor("test"), threading.Event()
    done: list[str] = []
    first = asyncio.create_task(executor.run("ada", go.wait, LIMIT))
    others = [asyncio.create_task(executor.run(who, done.append, who)) for who in ("bill", "cora")]
    await steps()
    others[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await others[0]
    go.set()
    await asyncio.gather(first, others[1])
    assert done == ["cora"]
    executor.close()


async def test_a_document_that_is_asked_for_many_times_at_once_is_made_once() -> None:
    documents = DocumentCache(SCHEMA, DocumentLimits())
    text = "{ viewer { role } }"
    found = await asyncio.gather(*(documents.load(text, schema_hidden=False, caller="ada") for _ in range(30)))
    assert len({id(each) for each in found}) == 1
    documents.close()


async def test_what_is_wrong_for_strangers_alone_is_kept_with_what_is_right() -> None:
    documents = DocumentCache(SCHEMA, DocumentLimits())
    text = "{ __schema { queryType { name } } }"
    assert (await documents.load(text, schema_hidden=True, caller="stranger")).validation_errors[True]
    assert text in documents.invalid_documents
    assert (await documents.load(text, schema_hidden=False, caller="ada")).validation_errors[False] == []
    assert text in documents.documents
    assert text not in documents.invalid_documents
    documents.close()
