"""The command `ticketwire` in a process of its own, forked from one that has imported the program.

The import takes seconds of CPU time, and the suite starts hundreds of processes. So each worker of
the suite has a template process, and each command is a fork of it, which then behaves like
`python -m cli …`: it has its own arguments, environment, folder, streams and exit code.
Tests of the start of the program run `python -m cli` without this module.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent.parent
USES_FORKS = sys.platform == "linux" and "COVERAGE_RUN" not in os.environ
"""On other systems, libraries may fail in a fork. Coverage would not measure the forks."""
PRELOADED = ["cli.main", "support.preloaded"]
LOCK = threading.RLock()
"""multiprocessing reads the exit code of a process from a pipe. Only one thread at a time
may read it."""

Descriptors = tuple[Any, Any, Any]
"""Standard input, output and error, as multiprocessing sends them."""


@dataclass
class ForkedCommand:
    """A running command, with the methods of `subprocess.Popen`."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the number of the signal that ended it; None while it runs."""
        with LOCK:
            return self.process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends, at most `timeout` seconds. Raises subprocess.TimeoutExpired."""
        started_at = time.monotonic()
        while (code := self.returncode) is None:
            if timeout is not None and time.monotonic() - started_at > timeout:
                raise subprocess.TimeoutExpired("ticketwire", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Command = subprocess.Popen[bytes] | ForkedCommand


def start_command(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path = ROOT,
    *,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Command:
    """Start `python -m cli` with these arguments and exactly this environment.

    Without `stdin` it reads nothing, without `stdout` its output is discarded, and without `stderr`
    its errors appear among those of the tests.
    """
    with open(os.devnull, "r+b") as nothing:
        streams = (stdin or nothing, stdout or nothing, stderr or sys.__stderr__)
        if not USES_FORKS:
            return subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                cwd=folder,
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
            )
        with LOCK:
            start_template()
            process = multiprocessing.get_context("forkserver").Process(
                target=run_forked,
                args=(
                    list(arguments),
                    dict(environment),
                    str(folder),
                    tuple(DupFd(os.dup(stream.fileno())) for stream in streams),
                ),
            )
            process.start()
    return ForkedCommand(process)


def start_template() -> None:
    """Start the template process, unless it runs.

    It finds the modules to import by PYTHONPATH, which it gets from this process.
    """
    multiprocessing.set_forkserver_preload(PRELOADED)
    previous_path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    try:
        forkserver.ensure_running()
    finally:
        if previous_path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = previous_path


def run_forked(
    arguments: list[str], environment: dict[str, str], folder: str, descriptors: Descriptors
) -> None:
    """Run the command in the fork, instead of returning to multiprocessing."""
    for number, descriptor in enumerate(descriptors):
        received = descriptor.detach()
        os.dup2(received, number)
        os.close(received)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # multiprocessing has closed it
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["ticketwire", *arguments]
    from cli.main import main

    main()
