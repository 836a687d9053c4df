"""The worker thread runs one task per caller at a time, and prepares a document once for concurrent
requests."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.limits.concurrency import FairExecutor
from schema import root

SCHEMA = root.build()._schema
TIMEOUT_SECONDS = 60
"""Seconds. Whatever a test waits for normally comes within one."""


async def run_other_tasks() -> None:
    """Let the other tasks run until they wait for the thread."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_cancelled_task_occupies_the_thread_until_it_ends() -> None:
    executor, release, started = FairExecutor("test"), threading.Event(), threading.Event()

    def long() -> None:
        started.set()
        assert release.wait(TIMEOUT_SECONDS)

    first = asyncio.create_task(executor.run("ada", long))
    assert await asyncio.to_thread(started.wait, TIMEOUT_SECONDS)
    second = asyncio.create_task(executor.run("ada", lambda: "second"))
    first.cancel()
    await run_other_tasks()
    assert not first.done()
    assert executor.caller_limit.semaphore_of("ada").locked()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == "second"
    executor.close()


async def test_a_task_that_is_cancelled_while_it_waits_never_starts() -> None:
    executor, release = FairExecutor("test"), threading.Event()
    done: list[str] = []
    first = asyncio.create_task(executor.run("ada", release.wait, TIMEOUT_SECONDS))
    others = [
        asyncio.create_task(executor.run(name, done.append, name)) for name in ("bill", "cora")
    ]
    await run_other_tasks()
    others[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await others[0]
    release.set()
    await asyncio.gather(first, others[1])
    assert done == ["cora"]
    executor.close()


async def test_concurrent_requests_for_a_document_prepare_it_once() -> None:
    documents = DocumentCache(SCHEMA, DocumentLimits())
    text = "{ viewer { role } }"
    loads = [documents.load(text, is_schema_hidden=False, caller="ada") for _ in range(30)]
    loaded = await asyncio.gather(*loads)
    assert len({id(document) for document in loaded}) == 1
    documents.close()


async def test_a_document_invalid_only_for_anonymous_callers_moves_to_the_valid_ones() -> None:
    documents = DocumentCache(SCHEMA, DocumentLimits())
    text = "{ __schema { queryType { name } } }"
    hidden = await documents.load(text, is_schema_hidden=True, caller="anonymous")
    assert hidden.validation_errors[True]
    assert text in documents.invalid_documents
    shown = await documents.load(text, is_schema_hidden=False, caller="ada")
    assert shown.validation_errors[False] == []
    assert text in documents.documents
    assert text not in documents.invalid_documents
    documents.close()
