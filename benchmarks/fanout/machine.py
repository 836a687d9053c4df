"""What the machine tells: its size, and what processes and cores spend. All of it from /proc."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all that come from it."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """What a process and its children have spent so far, those that have ended included."""
    total = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            spent = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:15]
            total += sum(int(ticks) for ticks in (spent if each == pid else spent[:2]))
    return total / TICKS


def memory(pid: int) -> int:
    """Bytes: what is resident of one process; the proportional share (PSS) of each where there are several."""
    pids = tree(pid)
    name = "Rss:" if len(pids) == 1 else "Pss:"
    total = 0
    for each in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith(name):
                    total += int(line.split()[1]) * 1024
    return total


def busy(cores: Iterable[int]) -> tuple[int, int]:
    """Ticks in which cores worked, whoever for, and all ticks."""
    names = {f"cpu{core}" for core in cores}
    work = total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in names:
            user, nice, system, idle, waiting, *rest = (int(each) for each in ticks[:8])
            total += user + nice + system + idle + waiting + sum(rest)
            work += user + nice + system + sum(rest)
    return work, total


def pin(pid: int, cores: set[int]) -> bool:
    try:
        os.sched_setaffinity(pid, cores)
    except OSError:
        return False
    return True


def more_files() -> int:
    """Let this process and its children open as many files as they may; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def described() -> str:
    """Cores, memory and model of the machine."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    return f"{os.cpu_count()} cores ({model}), {kib / 2**20:.0f} GiB, Linux {os.uname().release.split('-')[0]}"


def version(program: str, *arguments: str) -> str:
    """The first line of what a program says of its version; empty where it is not installed."""
    if shutil.which(program) is None:
        return ""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def interpreter() -> str:
    return f"CPython {'.'.join(str(part) for part in sys.version_info[:3])}"
