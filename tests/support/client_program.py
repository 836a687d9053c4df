"""A client in a process of its own, which reports results and errors as lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from support.client import TIMEOUT_SECONDS


class ClientProgram:
    """A running program and the messages that it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.messages: list[dict[str, Any]] = []

    def values(self, name: str) -> list[Any]:
        """The values that the messages have under this name, in order."""
        return [message[name] for message in self.messages if name in message]

    async def until(self, holds: Callable[[], bool]) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not holds():
                line = await self.process.stdout.readline()
                assert line, f"the client ended: {self.messages[-3:]}"
                self.messages.append(json.loads(line))


@contextlib.asynccontextmanager
async def run_client_program(
    program: str, *arguments: str, folder: Path
) -> AsyncIterator[ClientProgram]:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield ClientProgram(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
