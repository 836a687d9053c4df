"""The wake-up bus: it wakes this process at once, others over Redis, and never blocks a caller."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import asyncio as redis
from structlog.testing import capture_logs
from support.live import until
from support.missing_programs import skip_unless_in_ci
from support.ports import reserve_port
from support.redis_server import RedisServer, redis_server
from support.service import ROOT
from support.tcp_proxy import TcpProxy, run_tcp_proxy
from support.wakeup import (
    LIMIT,
    ListeningBus,
    RedisTimeouts,
    running,
    send_wakeup,
    send_wakeup_both_ways,
    wait_until_connected,
    wait_until_lost,
    wait_until_reconnected,
)

from engine.bus.wakeup import CHANNEL


@pytest.fixture(autouse=True)
def timeouts(monkeypatch: pytest.MonkeyPatch) -> RedisTimeouts:
    return RedisTimeouts(monkeypatch)


async def test_notify_wakes_a_listener_of_this_process_before_the_bus_runs() -> None:
    bus = ListeningBus("memory://")
    waiting = asyncio.create_task(bus.wait(3600))
    await asyncio.sleep(0)
    bus.notify()
    await asyncio.wait_for(waiting, LIMIT)
    assert not bus.notified.is_set()


async def test_a_signal_while_nobody_waits_ends_the_next_wait() -> None:
    bus = ListeningBus("memory://")
    bus.notify()
    bus.notify()
    await bus.wait_for_wakeup()
    assert not bus.notified.is_set(), "many signals are merged into one"


async def test_a_signal_wakes_every_listener() -> None:
    bus = ListeningBus("memory://")
    others = [bus.listen(), bus.listen()]
    bus.notify()
    for listener in (bus, *others):
        await asyncio.wait_for(listener.wait(3600), LIMIT)


async def test_a_wait_ends_after_its_time() -> None:
    bus = ListeningBus("memory://")
    await asyncio.wait_for(bus.wait(0.01), LIMIT)
    assert not bus.notified.is_set()


async def test_a_signal_reaches_buses_on_the_same_redis_and_no_others() -> None:
    async with redis_server() as server:
        here, there, alone = (
            ListeningBus(server.url),
            ListeningBus(server.url),
            ListeningBus("memory://"),
        )
        async with running(here, there, alone):
            await wait_until_connected(here, there, alone)
            there.notified.clear()
            await send_wakeup(here, there)
            await there.wait_for_wakeup()
            await send_wakeup(there, here)
            assert not alone.notified.is_set()


async def test_many_signals_at_once_are_sent_as_one_which_the_sender_ignores() -> None:
    async with redis_server() as server:
        here, there = ListeningBus(server.url), ListeningBus(server.url)
        async with running(here, there):
            await wait_until_connected(here, there)
            await send_wakeup_both_ways(here, there)
            published, sent, received = (
                await server.count_published(),
                here.sent,
                (here.received, there.received),
            )
            for _ in range(1000):
                here.notify()
            assert here.notified.is_set()
            await until(lambda: has_received(there, received[1] + 1))
            # its own signals would have come before this one
            await send_wakeup(there, here)
            await until(lambda: has_sent(here, sent + 1))
            assert await server.count_published() == published + 2
            assert (here.sent, here.received, there.received) == (
                sent + 1,
                received[0] + 1,
                received[1] + 1,
            )


async def has_received(bus: ListeningBus, count: int) -> bool:
    return bus.received >= count


async def has_sent(bus: ListeningBus, count: int) -> bool:
    return bus.sent >= count


async def test_in_memory_a_bus_is_always_connected_and_counts_nothing() -> None:
    bus = ListeningBus("memory://")
    async with running(bus):
        bus.notify()
        await bus.wait_for_wakeup()
        for _ in range(50):
            await asyncio.sleep(0)
        assert not bus.notified.is_set(), "its own signal would make it read the log twice"
        assert (bus.connected, bus.reconnects, bus.received, bus.sent) == (True, 0, 0, 0)


async def test_a_missing_redis_is_logged_once_and_used_when_it_starts() -> None:
    server = RedisServer()
    bus = ListeningBus(server.url)
    with capture_logs() as lines:
        async with running(bus):
            await until(lambda: has_logged(lines, 1))
            bus.notify()
            await bus.wait_for_wakeup()
            assert not bus.connected
            # a second bus at the same address waits for it as well
            other = ListeningBus(server.url)
            async with running(other):
                await until(lambda: has_logged(lines, 2))
                assert not other.connected
                async with redis_server(port=server.port):
                    await wait_until_connected(bus, other)
                    await send_wakeup_both_ways(bus, other)
                    assert [line["event"] for line in lines] == [
                        "bus.disconnected",
                        "bus.disconnected",
                        "bus.reconnected",
                        "bus.reconnected",
                    ]


async def has_logged(lines: list[dict[str, object]], count: int) -> bool:
    return len(lines) >= count


async def test_a_password_and_a_database_are_taken_from_the_url() -> None:
    word = "s/cr@t:ü"
    async with redis_server("--requirepass", word) as server:
        options = "protocol=3&decode_responses=1&socket_timeout=0.01"
        url = f"redis://:{quote(word, safe='')}@127.0.0.1:{server.port}/3?{options}"
        here, there = ListeningBus(url), ListeningBus(url)
        async with running(here, there):
            await wait_until_connected(here, there)
            await send_wakeup_both_ways(here, there)
            async with redis.from_url(url.partition("?")[0]) as control:
                assert {each["db"] for each in await control.client_list()} == {"3"}


async def test_a_wrong_password_is_logged_once_without_the_password() -> None:
    async with redis_server("--requirepass", "right") as server:
        bus = ListeningBus(f"redis://:wrong@127.0.0.1:{server.port}")
        with capture_logs() as lines:
            async with running(bus):
                await until(lambda: refused(server, "right", "cmdstat_auth", 4))
        assert [line["event"] for line in lines] == ["bus.disconnected"]
        assert "Authentication" in str(lines)
        assert "wrong" not in str(lines).replace("WRONGPASS", "").lower()


async def test_a_user_without_permission_to_publish_counts_as_lost_once() -> None:
    async with redis_server() as server:
        async with redis.from_url(server.url) as control:
            await control.execute_command(
                "ACL SETUSER", "deaf", "on", ">word", "+@all", "-publish", "&*"
            )
        bus = ListeningBus(f"redis://deaf:word@127.0.0.1:{server.port}")
        with capture_logs() as lines:
            async with running(bus):
                await until(lambda: refused(server, None, "cmdstat_publish", 4))
                assert not bus.connected
        assert [line["event"] for line in lines] == ["bus.disconnected"]


async def refused(server: RedisServer, password: str | None, command: str, count: int) -> bool:
    """Whether Redis has refused a command so many times."""
    async with redis.from_url(server.url, password=password) as control:
        stats = (await control.info("commandstats")).get(command, {})
    return int(stats.get("failed_calls", 0)) + int(stats.get("rejected_calls", 0)) >= count


async def test_signals_arrive_over_tls_and_again_after_an_outage(
    tmp_path: Path, timeouts: RedisTimeouts
) -> None:
    certificate = tmp_path / "certificate.pem"
    words = (
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 "
        "-addext subjectAltName=DNS:localhost"
    )
    made = subprocess.run(
        [*words.split(), "-keyout", tmp_path / "key.pem", "-out", certificate],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        skip_unless_in_ci("openssl is not installed")
    files = [
        "--tls-cert-file",
        str(certificate),
        "--tls-key-file",
        str(tmp_path / "key.pem"),
        "--tls-auth-clients",
        "no",
    ]
    port = reserve_port()
    async with redis_server("--tls-port", str(port), *files), run_tcp_proxy(port) as line:
        url = f"rediss://localhost:{line.port}?ssl_ca_certs={certificate}"
        here, there = ListeningBus(url), ListeningBus(url)
        async with running(here, there):
            await wait_until_connected(here, there)
            await send_wakeup_both_ways(here, there)
            line.drop_bytes()
            with timeouts.enforced():
                await wait_until_lost(1, here, there)
            line.mend()
            await wait_until_reconnected(1, here, there)
            await send_wakeup_both_ways(here, there)
            await until(lambda: carries(line, 4))


async def carries(line: TcpProxy, connections: int) -> bool:
    return len(line.connections) == connections


STOPPING = """
import asyncio, sys, gc
from engine.bus.wakeup import WakeupBus
async def main():
    asyncio.get_running_loop().slow_callback_duration = 60
    bus = WakeupBus(sys.argv[1])
    running = asyncio.create_task(bus.run())
    while not bus.connected and not (bus.redis and bus.redis.lost_at):
        await asyncio.sleep(0.01)
    bus.notify()
    running.cancel()
    await asyncio.wait([running])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
asyncio.run(main())
gc.collect()
"""


@pytest.mark.parametrize("kind", ["memory", "redis", "no server"])
async def test_a_stopped_bus_leaves_no_task_or_socket_open(kind: str) -> None:
    """In development mode Python reports each leaked task and socket on standard error."""
    async with redis_server() as server:
        url = {
            "memory": "memory://",
            "redis": server.url,
            "no server": f"redis://127.0.0.1:{reserve_port()}",
        }[kind]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-c", STOPPING, url),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        _, stderr = await asyncio.wait_for(process.communicate(), 2 * LIMIT)
        assert (process.returncode, stderr.decode()) == (0, "")
        if kind == "redis":
            await until(lambda: has_no_subscriber(server))


async def has_no_subscriber(server: RedisServer) -> bool:
    return await server.count_subscribers(CHANNEL) == 0


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_signal_at_the_moment_of_a_cancellation_does_not_prevent_it(steps: int) -> None:
    """Otherwise a service that stops would wait for ever."""
    bus = ListeningBus("memory://")
    waiting = asyncio.create_task(bus.wait(3600))
    await asyncio.sleep(0)
    bus.notify()
    for _ in range(steps):
        await asyncio.sleep(0)
    if waiting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert waiting.done()
