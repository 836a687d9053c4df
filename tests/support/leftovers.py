"""Ends the processes and removes the folders that an interrupted run of the suite left behind.

Each run has a name. Its processes inherit the name in the environment variable TEST_RUN, and its
temporary folders have the name in theirs. A run holds a lock on a file of that name until it ends.
If the lock is free, everything with the name is left over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

RUN = os.environ.setdefault("TEST_RUN", uuid4().hex[:12])
LOCKS = Path(tempfile.gettempdir()) / f"ticketwire-tests-{os.getuid()}"


def folder_prefix(run: str = RUN) -> str:
    """The beginning of the names of a run's temporary folders."""
    return f"ticketwire-{run}-"


def hold_lock() -> None:
    """Hold the run's lock until this process ends. Several processes of a run may hold it."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    path = LOCKS / RUN
    # Another run must never see the file without its lock, so it gets its name only when it is
    # locked.
    new = LOCKS / f".{RUN}.{os.getpid()}"
    # The descriptor is never closed: the lock ends with the process.
    descriptor = os.open(path if path.exists() else new, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if new.exists():
        new.rename(path)


def end_abandoned() -> list[int]:
    """End what interrupted runs left, and hold the lock of this run; returns the ended process
    ids."""
    ended: list[int] = []
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    for path in LOCKS.iterdir():
        if path.name == RUN or path.name.startswith("."):
            continue
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for pid in processes_of(path.name):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    ended.append(pid)
            for folder in Path(tempfile.gettempdir()).glob(f"{folder_prefix(path.name)}*"):
                shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)
    hold_lock()
    return ended


def processes_of(run: str) -> Iterator[int]:
    """The ids of the processes that were started by a run."""
    words = f"TEST_RUN={run}"
    if Path("/proc/self/environ").exists():
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if words.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
        return
    shown = subprocess.run(
        ["ps", "axEww", "-o", "pid=,command="], capture_output=True, text=True, check=False
    ).stdout
    for line in shown.splitlines():
        if re.search(rf"\b{words}\b", line):
            yield int(line.split()[0])
