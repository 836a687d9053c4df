"""`python -m benchmarks exports`: exports of 100,000 tickets, and a worker that is killed.

A worker writes the file of `exportTickets`. It is killed at the half, and another one goes on. Then
`ticketwire export` writes all tickets. The table has the rates and the memory of the process: at
most in the first tenth, or in the first seconds of the command, and at most.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import command_line, machine
from benchmarks.command_line import log
from benchmarks.databases import ROOT, database_label, temporary_database
from benchmarks.growth.dataset import create_dataset
from models import database, migrate
from models.access.viewer import Viewer, viewer_of_user
from models.core.record_limits import RecordLimits
from models.core.time import now
from models.exports.creation import create_export
from models.files.store import LocalFileStore
from models.jobs.caller_job import CallerJob, ExportFormat
from models.people.user import Role, User
from models.tickets.ticket import Ticket

POLL_SECONDS = 0.2
EMAIL = "exports@example.com"
LIMITS = RecordLimits(max_tickets_per_export=10_000_000)
EARLY_SECONDS = 10
"""The command does not report its progress, so its early memory is that of these seconds."""
HEADS = ("", "tickets", "tickets/s", "MiB of the file", "MiB of memory early", "at most")


@dataclass
class Measurement:
    """The memory of a process in bytes: at most in the first tenth, and at most."""

    early_bytes: int = 0
    peak_bytes: int = 0

    def sample(self, process_id: int, share: float) -> None:
        used = machine.measure_memory(process_id)
        if share <= 0.1:
            self.early_bytes = max(self.early_bytes, used)
        self.peak_bytes = max(self.peak_bytes, used)


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("exports", __doc__)
    command_line.add_database_option(parser)
    parser.add_argument("--tickets", type=int, default=100_000)
    asyncio.run(command_line.run_until_stopped(run(parser.parse_args(arguments))))


async def run(options: argparse.Namespace) -> None:
    async with temporary_database(options.database) as url:
        await database.connect(url, 2)
        try:
            await migrate.migrate()
            log(f"{options.tickets:,} tickets on {database_label(options.database)}")
            await create_dataset(options.tickets, log)
            await User.create(email=EMAIL, display_name="Exports", role=Role.ADMIN)
            user = await User.get(email=EMAIL).select_related("organization")
            viewer = viewer_of_user(user, {})
            print(f"{database_label(options.database)}\n")
            print(f"| {' | '.join(HEADS)} |")
            print(f"|{'---|' * len(HEADS)}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                for format in ExportFormat:
                    await measure_job(url, Path(folder), viewer, format)
                for format in ExportFormat:
                    await measure_command(url, Path(folder), format)
        finally:
            await database.disconnect()


async def measure_job(url: str, folder: Path, viewer: Viewer, format: ExportFormat) -> None:
    """Export by a job, kill its worker at the half, and print a line."""
    job = await create_export(viewer, None, format, LIMITS, now())
    measurement, began = Measurement(), time.monotonic()
    with start_worker(url, folder) as worker:
        await follow(job, worker, measurement, until=job.total // 2)
        worker.kill()
    killed, done = time.monotonic(), job.processed
    with start_worker(url, folder) as worker:
        await follow(job, worker, measurement, until=done + 1)
        log(f"resumed {time.monotonic() - killed:.1f} s after the kill at {done:,} tickets")
        await follow(job, worker, measurement)
    seconds = time.monotonic() - began
    assert job.export_key is not None, job.status
    lines = count = 0
    async for piece in await LocalFileStore(folder).read(job.export_key):
        lines += piece.count(b"\n")
        count += len(piece)
    assert count == job.export_size
    assert lines == job.total or format is ExportFormat.CSV  # cells of CSV have line breaks
    print_line(f"job, {format.name}", job.exported, seconds, count, measurement)


def start_worker(url: str, folder: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return start("benchmarks.exports.worker", url, str(folder))


@contextlib.contextmanager
def start(*arguments: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a module of ours; kill it at the end, also if the benchmark is interrupted."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def follow(
    job: CallerJob, worker: subprocess.Popen[bytes], measurement: Measurement, until: int = 0
) -> None:
    """Sample the worker's memory until so many tickets are done, or until the job's end."""
    while job.is_active and (not until or job.processed < until):
        if worker.poll() is not None:
            raise SystemExit("the worker has ended early")
        await asyncio.sleep(POLL_SECONDS)
        await job.refresh_from_db()
        measurement.sample(worker.pid, job.processed / job.total)


async def measure_command(url: str, folder: Path, format: ExportFormat) -> None:
    """Run `ticketwire export`, and print a line."""
    output, total = folder / f"all.{format.value}", await Ticket.all().count()
    os.environ["TICKETWIRE_DATABASE_URL"] = url
    command = ["cli", "export", "--format", format.value, "--output", str(output)]
    measurement, began = Measurement(), time.monotonic()
    with start(*command) as process:
        while process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
            is_early = time.monotonic() - began < EARLY_SECONDS
            measurement.sample(process.pid, 0.0 if is_early else 1.0)
    assert process.returncode == 0
    size = output.stat().st_size
    print_line(f"command, {format.name}", total, time.monotonic() - began, size, measurement)


def print_line(
    name: str, tickets: int, seconds: float, size: int, measurement: Measurement
) -> None:
    sizes = [size, measurement.early_bytes, measurement.peak_bytes]
    mebibytes = [f"{each / 2**20:,.0f}" for each in sizes]
    cells = [name, f"{tickets:,}", f"{tickets / seconds:,.0f}", *mebibytes]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
