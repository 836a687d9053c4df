"""benchmarks/queries: the load client counts complete and failed responses; responses of different
schemas are normalized for comparison."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.missing_programs import skip_unless_in_ci

from benchmarks.programs import BenchmarkError, compile_c_program
from benchmarks.queries import client as client_module
from benchmarks.queries.__main__ import find_difference
from benchmarks.queries.client import ClientResult, run_client
from benchmarks.queries.contenders import PEERS
from benchmarks.queries.operations import build_request, normalize_response

CORES = os.sched_getaffinity(0)
SECONDS = (1.0, 5.0, 25.0, 60.0)
"""How long the client runs.

It runs longer on a machine too slow for all responses in one second.
"""
CONNECTIONS = 2
GOOD = b'{"data":{"n":1}}'
REQUESTS = [build_request("/one", {"n": 1}, "secret"), build_request("/two", {"n": 2}, None)]


@pytest.fixture(scope="session")
async def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None or shutil.which("taskset") is None:
        skip_unless_in_ci("a C compiler and taskset are not installed")
    folder = tmp_path_factory.mktemp("queries")
    return compile_c_program(Path(client_module.__file__).with_suffix(".c"), folder)


def build_response(body: bytes, status: str = "200 OK") -> list[bytes]:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return [head.encode() + body]


async def run_against_server(
    program: Path, responses: Sequence[Sequence[bytes]]
) -> tuple[ClientResult, list[bytes]]:
    """Run the client against a server that sends these responses, in pieces, on each connection.

    An empty response closes the connection. After the last response, the server waits until the
    client's time is over, and then sends a good one. Returns the result and the received requests.
    """
    for seconds in SECONDS:
        result, requests, finished = await run_for(seconds, program, responses)
        if finished >= CONNECTIONS:  # a client whose connection is closed connects again
            return result, requests
    pytest.fail(f"the client did not request all responses within {SECONDS[-1]} s")


async def run_for(
    seconds: float, program: Path, responses: Sequence[Sequence[bytes]]
) -> tuple[ClientResult, list[bytes], int]:
    """One run of that many seconds; also returns how many connections got all responses."""
    finished = 0
    requests: list[bytes] = []
    clock = asyncio.get_running_loop().time
    deadlines: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal finished
        try:
            for response in (*responses, None):
                head = await reader.readuntil(b"\r\n\r\n")
                deadlines.append(clock() + seconds)  # the client's time began before this
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                requests.append(head + await reader.readexactly(length))
                finished += response is None or response == []
                if response is None:
                    await asyncio.sleep(max(0.0, deadlines[0] - clock()))
                for piece in build_response(GOOD) if response is None else response:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if response == []:
                    break
            else:
                # The client still reads other connections, and would notice if this one closed.
                await reader.read()
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = await run_client(
            program, port, CONNECTIONS, seconds, REQUESTS, program.parent, CORES
        )
        return result, requests, finished


async def test_client_counts_complete_responses_however_they_are_split(program: Path) -> None:
    single_bytes = [bytes([byte]) for byte in build_response(GOOD)[0]]
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = [head + b"4\r\n" + GOOD[:4] + b"\r\n", b"c\r\n" + GOOD[4:] + b"\r\n0\r\n", b"\r\n"]
    without_errors = b'{"data":1,"userErrors": [1], "errors": []}'
    result, requests = await run_against_server(
        program, [build_response(GOOD), single_bytes, chunked, build_response(without_errors)]
    )
    assert (result.received, result.wrong) == (8, 0), result
    chunked_length = len(b"".join(chunked)) - len(head)
    assert result.bytes == 2 * (2 * len(GOOD) + chunked_length + len(without_errors))
    assert 0 < result.p50 <= result.p99 <= result.worst + 0.1
    assert sorted(set(requests)) == sorted(REQUESTS), "the client sends the requests unchanged"


@pytest.mark.parametrize(
    "bad",
    [
        build_response(b'{"errors":[{"message":"no"}]}'),
        build_response(b'{"errors": [{}]}'),
        build_response(GOOD, "503 Service Unavailable"),
        [],
    ],
    ids=["errors", "errors after a space", "status", "closed connection"],
)
async def test_client_counts_failures(program: Path, bad: list[bytes]) -> None:
    result, _ = await run_against_server(program, [build_response(GOOD), bad])
    assert result.failed >= 2
    assert result.received >= 2
    assert result.trouble


async def test_client_rejects_a_response_without_a_length(program: Path) -> None:
    with pytest.raises(BenchmarkError, match="without a length"):
        await run_against_server(program, [[b"HTTP/1.1 200 OK\r\n\r\n{}"]])


def test_responses_of_all_schemas_are_normalized_to_equal_values() -> None:
    at = "2026-11-20T08:49:26.443"
    ours = {
        "id": "tkt_1-2",
        "number": 7,
        "status": "OPEN",
        "priority": "HIGH",
        "createdAt": f"{at}667Z",
        "cursor": "abc",
    }
    postgraphile = {
        "id": "1-2",
        "number": "7",
        "status": "open",
        "priority": 3,
        "createdAt": f"{at}667+00:00",
        "cursor": "xyz",
    }
    normalized = normalize_response({"data": ours}, "Q1")
    assert normalized == normalize_response({"data": postgraphile}, "Q1")
    message = {"author": None, "machine": {"displayName": "M"}}
    assert normalize_response({"data": message}, "Q3") == {"author": {"displayName": "M"}}
    changes: dict[str, object] = {
        "id": "1-3",
        "number": 8,
        "status": "new",
        "priority": 2,
        "createdAt": f"{at[:-1]}9Z",
        "cursor": "",
    }
    for key, value in changes.items():
        changed = normalize_response({"data": {**ours, key: value}}, "Q1")
        assert key in (find_difference(normalized, changed) or "")
    with pytest.raises(ValueError, match="has errors"):
        normalize_response({"data": ours, "errors": [{}]}, "Q1")


def test_new_tickets_are_equal_if_they_have_the_same_input() -> None:
    first = {"id": "tkt_1", "number": 1, "subject": "VPN", "requester": {"displayName": "A"}}
    second = {"id": "2", "number": "2", "subject": "VPN", "requester": {"displayName": "B"}}
    normalized = normalize_response({"data": first}, "M1")
    assert normalized == normalize_response({"data": second}, "M1")
    assert normalized != normalize_response({"data": {**second, "subject": "Mail"}}, "M1")
    assert normalized != normalize_response({"data": {**second, "id": None}}, "M1")


def test_lock_file_of_the_peers_names_no_registry() -> None:
    text = (PEERS / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text
