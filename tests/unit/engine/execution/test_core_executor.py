"""A query of graphql-core that is cancelled before its fields have started."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import warnings
import weakref
from typing import Any, cast

import pytest
import strawberry
from graphql import parse

from engine.execution.core_executor import build_core_executor
from engine.graphql.operation import Operation
from engine.telemetry.logging import UNSTARTED_COROUTINES

STARTED: list[str] = []


@strawberry.type
class Query:
    @strawberry.field
    async def first(self) -> int:
        STARTED.append("first")
        return 1

    @strawberry.field
    async def second(self) -> int:
        STARTED.append("second")
        return 2


class Context:
    """What a request holds."""


async def execute(context: Context) -> Any:
    operation: Any = type("Document", (), {"document": parse("{ first second }"), "name": None})
    schema: Any = strawberry.Schema(query=Query)
    executor = build_core_executor(
        schema._schema, cast("Operation", operation), None, context, hide_suggestions=False
    )
    return await executor.execute_operation()


async def cancel_before_fields_start() -> weakref.ref[Context]:
    """Return a reference to the context of the cancelled request."""
    context = Context()
    request = asyncio.create_task(execute(context))
    await asyncio.sleep(0)  # the tasks of both fields exist, and take their first step next
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    return weakref.ref(context)


async def test_its_resolvers_never_start_and_hold_nothing() -> None:
    STARTED.clear()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        context = await cancel_before_fields_start()
        await asyncio.sleep(0)
        gc.collect()
    messages = [str(each.message) for each in found]
    found.clear()  # a warning has its coroutine
    gc.collect()
    assert (STARTED, context()) == ([], None)
    assert len(messages) == 2
    for message in messages:
        assert message.startswith(UNSTARTED_COROUTINES[0])
        assert "was never awaited" in message


PROGRAM = """
import asyncio, gc, sys, warnings
sys.path[:0] = sys.argv[1:]
from engine.telemetry.logging import configure_logging
from unit.engine.execution.test_core_executor import cancel_before_fields_start
configure_logging("info")
asyncio.run(cancel_before_fields_start())
gc.collect()
warnings.warn("another one", RuntimeWarning)
"""


def test_the_log_has_other_warnings_as_json_and_not_these() -> None:
    paths = [path for path in sys.path if path]
    command = [sys.executable, "-c", PROGRAM, *paths]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (line,) = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (line["level"], "another one" in line["event"]) == ("warning", True)
