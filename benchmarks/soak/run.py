"""One soak: fills the log tail, opens the clients, keeps the load up, and verifies at the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from random import Random

from benchmarks.command_line import log
from benchmarks.server import Server
from benchmarks.soak.api import Api, open_api
from benchmarks.soak.client import CONNECT_TIMEOUT_SECONDS, Client
from benchmarks.soak.latency import Latencies, percentile
from benchmarks.soak.mix import Mix, Surroundings
from benchmarks.soak.samples import Sampler
from benchmarks.soak.verification import Verification, Verifier
from benchmarks.soak.viewers import Viewers, add_tickets
from benchmarks.soak.writers import Writer

WRITERS = 3
PRESENCE_TICKETS = 5
TAIL_TICKETS = 1000
"""Tickets that are added while the server runs: more events than its log tail keeps in memory
(10,000), because the soak alone would fill the tail only slowly, and look like a leak."""
CONNECTING_AT_ONCE = 10
QUIET_SECONDS = 10.0
QUIET_TIMEOUT_SECONDS = 300.0
PROGRESS_SECONDS = 60.0
HEAD = "{ events(last: 1) { nodes { cursor } } }"
NEWEST_NOTIFICATION = "{ notifications(first: 1) { nodes { cursor } } }"
NEWEST_TICKETS = f"{{ tickets(first: {PRESENCE_TICKETS}) {{ nodes {{ id }} }} }}"


class Soak:
    def __init__(
        self, server: Server, viewers: Viewers, url: str, workers: int, random: Random
    ) -> None:
        self.server, self.viewers, self.url, self.random = server, viewers, url, random
        self.latencies = Latencies()
        self.sampler = Sampler(server, workers, viewers.admin.token, self.latencies)
        self.clients: list[Client] = []
        self.writers: list[Writer] = []
        self.verification = Verification()
        self.requests: Counter[str] = Counter()

    async def run(self, sockets: int, rate: float, minutes: float) -> None:
        """Run the load for so many minutes, with so many actions per second; then verify.

        Raises an ExceptionGroup: of BenchmarkError if the server exits, of TimeoutError if the
        clients can't connect or the background jobs don't come to rest.
        """
        log(f"{TAIL_TICKETS:,} more tickets, to fill the server's log tail")
        await add_tickets(self.url, TAIL_TICKETS)
        async with open_api(self.server.port) as api, asyncio.TaskGroup() as group:
            log("waiting for the background jobs")
            await wait_until_quiet(api, self.viewers.admin.token)
            surroundings = await read_surroundings(api, self.viewers)
            mix = Mix(self.random, self.viewers, surroundings, self.server.port, self.latencies)
            self.clients = mix.build_clients(sockets)
            running = await self.connect(group)
            log(f"{len(self.clients)} clients are connected")
            for _ in range(WRITERS):
                random = Random(self.random.random())
                writer = Writer(api, self.viewers, random, surroundings.presence_tickets)
                self.writers.append(writer)
            load = [group.create_task(each.run(rate / WRITERS)) for each in self.writers]
            load.append(group.create_task(self.sampler.run()))
            await self.wait(minutes)
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
            log("verifying")
            verifier = Verifier(api, self.clients, self.viewers.admin.token)
            self.verification = await verifier.verify()
            self.requests = api.counts
            for task in running:
                task.cancel()

    async def connect(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the clients, a few at a time, and wait until each was connected."""
        running: list[asyncio.Task[None]] = []
        for start in range(0, len(self.clients), CONNECTING_AT_ONCE):
            batch = self.clients[start : start + CONNECTING_AT_ONCE]
            running += [group.create_task(client.run()) for client in batch]
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                for client in batch:
                    await client.connected.wait()
        return running

    async def wait(self, minutes: float) -> None:
        """Report progress until the minutes have passed."""
        end = time.monotonic() + minutes * 60
        while (remaining := end - time.monotonic()) > 0:
            await asyncio.sleep(min(PROGRESS_SECONDS, remaining))
            if self.sampler.samples:
                last = self.sampler.samples[-1]
                log(
                    f"{last.minutes:5.1f} min: {last.memory_mib:.0f} MiB, {last.descriptors} "
                    f"descriptors, {last.tasks:.0f} tasks, {last.sockets:.0f} connections, "
                    f"{last.groups:.0f} groups, p99 {last.latency_p99 or 0:.0f} ms"
                )

    @property
    def errors(self) -> list[str]:
        """Requests of the writers that failed."""
        return [error for writer in self.writers for error in writer.errors]

    def format_results(self) -> Mapping[str, str]:
        """The load and its latencies, as text by name."""
        ends, actions, user_errors = Counter[str](), Counter[str](), Counter[str]()
        for client in self.clients:
            ends.update(client.ends)
        for writer in self.writers:
            actions.update(writer.done)
            user_errors.update(writer.user_errors)
        latencies = sorted(self.sampler.all_latencies)
        p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
        slow_clients = self.sampler.samples[-1].slow_clients
        return {
            "actions": format_counts(actions),
            "user errors": format_counts(user_errors),
            "requests": format_counts(self.requests),
            "ends of connections": format_counts(ends),
            "clients disconnected because they read too slowly": f"{slow_clients:.0f}",
            "messages received": f"{self.latencies.deliveries:,}",
            "streams verified": f"{self.verification.streams:,}",
            "latency of events": f"p50 {p50 or 0:.1f} ms, p99 {p99 or 0:.1f} ms",
        }


def format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


async def wait_until_quiet(api: Api, token: str) -> None:
    """Wait until the background jobs have dealt with the tickets that were due at the start.

    Raises TimeoutError if the log still grows after QUIET_TIMEOUT_SECONDS.
    """
    head, unchanged_since = "", time.monotonic()
    async with asyncio.timeout(QUIET_TIMEOUT_SECONDS):
        while time.monotonic() - unchanged_since < QUIET_SECONDS:
            await asyncio.sleep(0.5)
            (newest,) = (await api.send(token, HEAD))["events"]["nodes"]
            if newest["cursor"] != head:
                head, unchanged_since = newest["cursor"], time.monotonic()


async def read_surroundings(api: Api, viewers: Viewers) -> Surroundings:
    token = viewers.admin.token
    (newest,) = (await api.send(token, HEAD))["events"]["nodes"]
    tickets = (await api.send(token, NEWEST_TICKETS))["tickets"]["nodes"]
    inboxes: dict[str, str] = {}
    for viewer in viewers.all:
        if viewer.has_inbox:
            data = await api.send(viewer.token, NEWEST_NOTIFICATION)
            for node in data["notifications"]["nodes"]:
                inboxes[viewer.name] = node["cursor"]
    return Surroundings(newest["cursor"], inboxes, [each["id"] for each in tickets])
