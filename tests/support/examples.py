"""Runs the examples of the documentation in a shell, against a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

from support.client import TIMEOUT_SECONDS
from support.service import ROOT, Process

RUNNABLE = ("sh", "js", "python")
"""The languages of code blocks that are examples to run.

Others show responses, or need more than a laptop.
"""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Document:
    """The examples of a Markdown file, in its order, and those that no test has used yet."""

    def __init__(self, path: str) -> None:
        blocks: list[tuple[str, str]] = BLOCK.findall((ROOT / path).read_text())
        self.examples = [each for each in blocks if each[0] in RUNNABLE]
        self.unused = list(self.examples)

    def example(self, language: str, part: str) -> str:
        """The one example in this language that contains this part."""
        (block,) = [each for each in self.examples if each[0] == language and part in each[1]]
        if block in self.unused:
            self.unused.remove(block)
        return block[1]


class Program:
    """A command that runs until it is stopped."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line_with(self, part: str) -> str:
        """Read until a line contains this part; returns the line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                if part in line:
                    return line
        raise AssertionError(f"the program ended without a line with {part!r}")


class Reader:
    """Runs examples in a shell with README's function `gql`, and with the reader's token in
    TOKEN."""

    def __init__(self, process: Process, readme: Document) -> None:
        self.process = process
        self.token = ""
        self.sign_in_example = readme.example("sh", "signIn")
        self.gql = self.sign_in_example.partition("\n")[0]

    def script(self, example: str) -> str:
        """The example with this server's address and this Python, after the definition of `gql`."""
        text = f"set -eu\n{self.gql}\n{example.removeprefix(self.gql)}"
        address = f"127.0.0.1:{self.process.port}"
        return text.replace("127.0.0.1:8000", address).replace(".venv/bin/python", sys.executable)

    @contextlib.asynccontextmanager
    async def shell(self, example: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A shell that runs an example. It ends with the block, and so does whatever it started."""
        token_variable = {"TOKEN": self.token} if self.token else {}
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", self.script(example)),
            env={**os.environ, "TICKETWIRE_DATABASE_URL": self.process.url, **token_variable},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield shell
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            await shell.communicate()

    @contextlib.asynccontextmanager
    async def start(self, example: str) -> AsyncIterator[Program]:
        """Run an example that does not end by itself."""
        async with self.shell(example) as shell:
            yield Program(shell)

    async def run(self, example: str) -> list[str]:
        """Run an example to its end; returns the lines that it prints. Fails if it fails."""
        async with self.shell(example) as shell, asyncio.timeout(TIMEOUT_SECONDS):
            output, _ = await shell.communicate()
        assert shell.returncode == 0, output
        return [line for line in output.decode().splitlines() if line]

    async def ask(self, example: str) -> list[dict[str, Any]]:
        """The data of all responses that an example prints."""
        responses = [json.loads(line) for line in await self.run(example)]
        assert all("errors" not in response for response in responses), responses
        return [response["data"] for response in responses]

    async def sign_in(self, email: str) -> None:
        self.token = ""
        (data,) = await self.ask(self.sign_in_example.replace("customer@example.com", email))
        self.token = data["signIn"]["token"]
