"""The examples of README.md, docs/api.md and docs/operations.md, run as a reader would run them.

Each test runs every `sh` and `js` block of its page. Blocks in other languages are not run.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from support.client import TLS
from support.client_program import run_client_program
from support.examples import Document, Reader
from support.live import until
from support.missing_programs import skip_unless_in_ci
from support.service import ROOT, Process, start

NODE_MODULES = ROOT / "tests" / "live" / "node" / "node_modules"
IN_A_BROWSER = "import { EventSource } from 'eventsource';\nconst token = process.env.TOKEN;\n"
"""What a page of an application has: browsers' EventSource, and the token of its user."""


@pytest.fixture(autouse=True)
def require_shell() -> None:
    if not (shutil.which("curl") and shutil.which("bash")):
        skip_unless_in_ci("curl or bash is not installed")


@pytest.fixture
async def demo(empty_url: str) -> AsyncIterator[Process]:
    """The server of `make run`."""
    process = await start(empty_url, None, "--demo")
    yield process
    process.kill()


@pytest.fixture
async def production(empty_url: str) -> AsyncIterator[Process]:
    process = await start(empty_url, None, TICKETWIRE_MODE="production")
    yield process
    process.kill()


def node_program(folder: Path, name: str, code: str) -> None:
    (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / name).write_text(code)


async def metrics_token(reader: Reader) -> str:
    create = ".venv/bin/python -m cli token create --email admin@example.com --scopes admin"
    (token,) = await reader.run(create)
    return token


async def count_subscriptions(process: Process, token: str) -> int:
    """How many subscriptions the server has, by its metrics."""
    url, headers = f"http://127.0.0.1:{process.port}/metrics", {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(verify=TLS) as http:
        text = (await http.get(url, headers=headers)).text
    return int(float(re.findall(r"^ticketwire_subscriptions\{.*\} (\S+)$", text, re.MULTILINE)[0]))


async def wait_for_subscriptions(count: int, process: Process, token: str) -> None:
    async def is_reached() -> bool:
        return await count_subscriptions(process, token) == count

    await until(is_reached)


@pytest.mark.node
async def test_every_example_of_the_readme_works(
    demo: Process, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = Document("README.md")
    reader = Reader(demo, readme)
    admin = await metrics_token(reader)
    await reader.sign_in("customer@example.com")
    await reader.run(readme.example("sh", "# the token from the response"))
    create = readme.example("sh", "mutation($input: CreateTicketInput!)")
    (first,), (again,) = await reader.ask(create), await reader.ask(create)
    ticket = first["createTicket"]["ticket"]
    assert again["createTicket"] == {**first["createTicket"], "replayed": True}
    (refused,) = await reader.ask(readme.example("sh", 'description: \\"?\\"'))
    assert refused["createTicket"]["userErrors"][0]["field"] == ["input", "subject"]
    (found,) = await reader.ask(readme.example("sh", "tickets(first: 2"))
    assert found["tickets"]["totalCount"] >= 1, "the new ticket, and perhaps some of the demo"

    code = readme.example("js", "// live.mjs")
    node_program(tmp_path, "live.mjs", code.replace("127.0.0.1:8000", f"127.0.0.1:{demo.port}"))
    monkeypatch.setenv("TOKEN", reader.token)
    async with run_client_program(node, "live.mjs", folder=tmp_path) as program:
        monkeypatch.delenv("TOKEN")
        await wait_for_subscriptions(1, demo, admin)
        await reader.sign_in("agent@example.com")
        resolve = readme.example("sh", "resolveTicket").replace("tkt_…", ticket["id"])
        (resolved,) = await reader.ask(resolve)
        assert resolved["resolveTicket"]["userErrors"] == []
        ref = ticket["ref"]
        await program.until(lambda: any(each["ticket"]["ref"] == ref for each in program.messages))
        assert program.messages[-1]["to"] == "RESOLVED"

    async with reader.start(readme.example("sh", "graphql/stream")) as stream:
        await stream.line_with("retry: ")

    await reader.sign_in("admin@example.com")
    at_risk, moved = await reader.ask(readme.example("sh", "advanceClock"))
    assert at_risk["ticketStats"]["open"] > 0
    assert moved["advanceClock"]["userErrors"] == []

    sync = readme.example("sh", "--scopes tickets:read,events:read")
    make_token, _, read_log = sync.strip().splitlines()
    (reader.token,) = await reader.run(make_token)
    (log,) = await reader.ask(re.sub(r"0000[0-9a-f]+", first["createTicket"]["cursor"], read_log))
    assert ticket["ref"] in {event["ticket"]["ref"] for event in log["events"]["nodes"]}
    assert readme.unused == []


@pytest.mark.node
async def test_every_example_of_the_api_guide_works(
    demo: Process, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme, guide = Document("README.md"), Document("docs/api.md")
    reader = Reader(demo, readme)
    admin = await metrics_token(reader)
    await reader.sign_in("customer@example.com")
    (created,) = await reader.ask(readme.example("sh", "mutation($input: CreateTicketInput!)"))
    ticket, cursor = created["createTicket"]["ticket"], created["createTicket"]["cursor"]

    def example(part: str) -> str:
        """An example with this ticket and the cursor of its creation."""
        return guide.example("sh", part).replace("tkt_…", ticket["id"]).replace("0000…", cursor)

    (first,) = await reader.ask(example("{ tickets(first: 2) "))
    end = first["tickets"]["pageInfo"]["endCursor"]
    (second,) = await reader.ask(example("TrtF…").replace("TrtF…", end))
    pages = [{node["id"] for node in page["tickets"]["nodes"]} for page in (first, second)]
    assert len(pages[0]) == 2
    assert pages[1]
    assert pages[0].isdisjoint(pages[1])

    reply = example("ReplyToTicketInput!")
    (replied,), (again,) = await reader.ask(reply), await reader.ask(reply)
    assert replied["replyToTicket"]["userErrors"] == []
    assert again["replyToTicket"] == {**replied["replyToTicket"], "replayed": True}

    await reader.sign_in("agent@example.com")
    (stale,) = await reader.ask(example("expectedVersion"))
    assert stale["updateTicket"]["userErrors"][0]["code"] == "STALE_VERSION"
    (unseen,) = await reader.ask(example("lastSeenCursor"))
    (refusal,) = unseen["replyToTicket"]["userErrors"]
    assert refusal["messages"] == [{"body": "It happens on WiFi only."}]
    (log,) = await reader.ask(example("timeline("))
    assert "REPLY_ADDED" in {event["type"] for event in log["ticket"]["timeline"]["nodes"]}

    code = guide.example("js", "new EventSource")
    code = IN_A_BROWSER + code.replace("127.0.0.1:8000", f"127.0.0.1:{demo.port}")
    node_program(tmp_path, "page.mjs", code)
    monkeypatch.setenv("TOKEN", reader.token)
    async with (
        reader.start(example("ticketChanges(")) as live_list,
        run_client_program(node, "page.mjs", folder=tmp_path) as page,
    ):
        monkeypatch.delenv("TOKEN")
        await live_list.line_with("SNAPSHOT_END")
        (present,) = await reader.ask(example("setPresence"))
        assert present["setPresence"]["userErrors"] == []
        await wait_for_subscriptions(2, demo, admin)
        await reader.ask(readme.example("sh", "resolveTicket").replace("tkt_…", ticket["id"]))
        await live_list.line_with('"kind":"REMOVED"')
        await page.until(lambda: bool(page.messages))
        change = page.messages[0]["data"]["ticketStatusChanged"]
        assert (change["to"], change["ticket"]) == ("RESOLVED", {"ref": ticket["ref"]})

    code = guide.example("js", "// mirror.mjs").replace("5000", "100")
    code = code.replace("127.0.0.1:8000", f"127.0.0.1:{demo.port}")
    (tmp_path / "mirror.mjs").write_text(code)
    monkeypatch.setenv("TOKEN", reader.token)
    async with run_client_program(node, "mirror.mjs", folder=tmp_path) as mirror:
        monkeypatch.delenv("TOKEN")
        await mirror.until(lambda: bool(mirror.messages))
        (count,) = await reader.ask("""gql '{"query": "{ tickets { totalCount } }"}'""")
        assert mirror.messages[0]["tickets"] == count["tickets"]["totalCount"]
        (noted,) = await reader.ask(
            """gql '{"query": "mutation { addNote(input: """
            f"""{{ticketId: \\"{ticket["id"]}\\", body: \\"x\\"}}) {{ cursor }} }}"}}'"""
        )
        cursor = noted["addNote"]["cursor"]
        await mirror.until(lambda: mirror.messages[-1]["cursor"] >= cursor)

    (stats,) = [json.loads(line) for line in await reader.run(example("groupBy: DAY"))]
    assert len(stats["data"]["ticketStats"]["groups"]) == 7
    (tags,) = [json.loads(line) for line in await reader.run(example("tags(search:"))]
    assert all(each["name"].startswith("v") for each in tags["data"]["tags"]["nodes"])
    await reader.sign_in("customer@example.com")
    (refused,) = [json.loads(line) for line in await reader.run(example("users(first: 1)"))]
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await reader.ask(example("query={ viewer")) == [{"viewer": {"role": "CUSTOMER"}}]
    assert await reader.ask(example("sha256Hash")) == 2 * [{"viewer": {"role": "CUSTOMER"}}]
    assert guide.unused == []


async def test_every_example_of_the_operations_page_works(production: Process) -> None:
    page = Document("docs/operations.md")
    reader = Reader(production, Document("README.md"))
    settings = await reader.run(page.example("sh", "config check"))
    assert "TICKETWIRE_MODE" in "".join(settings)
    (user_id,) = await reader.run(page.example("sh", "user create"))
    assert user_id.startswith("usr_")
    (reader.token,) = await reader.run(page.example("sh", "token create") + "echo $TOKEN")
    await reader.run(page.example("sh", "seed --tickets"))
    (health,) = await reader.run(page.example("sh", "/health"))
    assert json.loads(health)["status"] == "ok"
    metrics = await reader.run(page.example("sh", "/metrics"))
    assert any(line.startswith("ticketwire_subscriptions{") for line in metrics)
    await reader.run(page.example("sh", "sla verify"))
    assert page.unused == []
