"""The examples of README.md, run as a reader would run them: in a shell and with Node.js, against the demo."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.client import TLS
from support.following import following
from support.live import until
from support.missing import missing
from support.service import ROOT, Process, start

pytestmark = pytest.mark.node
NODE_MODULES = ROOT / "tests" / "live" / "node" / "node_modules"
SECONDS = 60


def examples(language: str) -> list[str]:
    """The code blocks of README.md in this language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


class Reader:
    """Somebody who types the examples into a shell. `token` is the one that they keep in TOKEN."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.token = ""
        self.gql = examples("sh")[0].partition("\n")[0]

    def environment(self) -> dict[str, str]:
        own = {"TOKEN": self.token} if self.token else {}
        return {**os.environ, "TICKETWIRE_DATABASE_URL": self.process.url, **own}

    def here(self, text: str) -> str:
        """An example with the address of this server, and this Python."""
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.process.port}").replace(".venv/bin/python", sys.executable)

    async def run(self, example: str) -> list[str]:
        """What an example prints, line by line. Fails if it fails."""
        script = f"set -eu\n{self.gql}\n{example.removeprefix(self.gql)}"
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", self.here(script)),
            env=self.environment(),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                told, _ = await shell.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)  # also what the shell started
        assert shell.returncode == 0, told
        return told.decode().splitlines()

    async def first_line(self, example: str) -> str:
        """The first line of an example that does not end by itself."""
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", self.here(f"exec {example}")), env=self.environment(), stdout=asyncio.subprocess.PIPE
        )
        assert shell.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                return (await shell.stdout.readline()).decode()
        finally:
            shell.kill()
            await shell.communicate()

    async def ask(self, example: str) -> list[dict[str, Any]]:
        """The data of all responses that an example prints."""
        answers = [json.loads(line) for line in await self.run(example) if line]
        assert all("errors" not in answer for answer in answers), answers
        return [answer["data"] for answer in answers]

    async def sign_in(self, email: str) -> None:
        example = examples("sh")[0].replace("customer@example.com", email)
        self.token = ""
        (data,) = await self.ask(example)
        self.token = data["signIn"]["token"]


def one(language: str, part: str) -> str:
    (found,) = [example for example in examples(language) if part in example]
    return found


async def subscriptions(process: Process, token: str) -> int:
    """How many subscriptions the server has, by its metrics."""
    async with httpx2.AsyncClient(verify=TLS) as http:
        answer = await http.get(f"http://127.0.0.1:{process.port}/metrics", headers={"Authorization": f"Bearer {token}"})
    return int(float(re.findall(r"^ticketwire_subscriptions\{.*\} (\S+)$", answer.text, re.MULTILINE)[0]))


async def test_a_reader_can_do_what_the_readme_shows(
    empty_url: str, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (shutil.which("curl") and shutil.which("bash")):
        missing("curl and bash are not installed")
    process = await start(empty_url, None, "--demo")
    try:
        reader = Reader(process)
        (admin,) = await reader.run(".venv/bin/python -m cli token create --email admin@example.com --scopes admin")
        await reader.sign_in("customer@example.com")
        create = one("sh", "mutation($input: CreateTicketInput!)")
        (first,), (again,) = await reader.ask(create), await reader.ask(create)
        ticket = first["createTicket"]["ticket"]
        assert again["createTicket"] == {**first["createTicket"], "replayed": True}
        (refused,) = await reader.ask(one("sh", 'description: \\"?\\"'))
        assert refused["createTicket"]["userErrors"][0]["field"] == ["input", "subject"]
        (found,) = await reader.ask(one("sh", "tickets(first: 2"))
        assert found["tickets"]["totalCount"] >= 1, "the new ticket, and perhaps some of the demo"

        (tmp_path / "node_modules").symlink_to(NODE_MODULES)
        (tmp_path / "live.mjs").write_text(reader.here(one("js", "// live.mjs")))
        monkeypatch.setenv("TOKEN", reader.token)
        async with following(node, "live.mjs", folder=tmp_path) as program:
            monkeypatch.delenv("TOKEN")

            async def is_subscribed() -> bool:
                return await subscriptions(process, admin) == 1

            await until(is_subscribed)
            await reader.sign_in("agent@example.com")
            (resolved,) = await reader.ask(one("sh", "resolveTicket").replace("tkt_…", ticket["id"]))
            assert resolved["resolveTicket"]["userErrors"] == []
            await program.until(lambda: any(told["ticket"]["ref"] == ticket["ref"] for told in program.told))
            assert program.told[-1]["to"] == "RESOLVED"

        stream = one("sh", "graphql/stream")
        assert (await reader.first_line(stream)).startswith("retry: ")

        await reader.sign_in("admin@example.com")
        at_risk, moved = await reader.ask(one("sh", "advanceClock"))
        assert at_risk["ticketStats"]["open"] > 0
        assert moved["advanceClock"]["userErrors"] == []

        make_token, read_log = one("sh", "--scopes tickets:read,events:read").strip().splitlines()
        (reader.token,) = await reader.run(make_token)
        (log,) = await reader.ask(re.sub(r"bG9n\w+", first["createTicket"]["cursor"], read_log))
        assert ticket["ref"] in {event["ticket"]["ref"] for event in log["events"]["nodes"]}
    finally:
        process.kill()
